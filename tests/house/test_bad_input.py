"""Bad input: one clear sentence that names the argument, before anything is compiled."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import fastgd
from tests.tools.bad_input import CASES, INF, line, polynomial, sweep
from tests.tools.processes import run


def described(case):
    function, keywords, _ = case
    shown = ", ".join(f"{name}={value!r}" for name, value in keywords.items())
    text = re.sub(r" at 0x\w+", "", f"{function.__name__}({shown})")  # an address is another in the next process
    return re.sub(r"\s+", " ", text)[:70]


@pytest.mark.parametrize(("function", "keywords", "name"), CASES, ids=map(described, CASES))
def test_one_sentence_names_the_argument(function, keywords, name):
    with pytest.raises((ValueError, TypeError)) as caught:
        function(**keywords)
    message = str(caught.value)
    assert re.search(rf"\b{name}\b", message), message
    assert re.search("must|expected|would", message), message  # what was expected
    assert re.search("got|has a column|would record", message), message  # what came
    assert "\n" not in message
    assert not re.search(r"[a-z)]\. [A-Z]", message), message
    assert len(message) < 300
    module = caught.traceback[-1].frame.f_globals["__name__"]
    assert module.startswith("fastgd."), f"raised by {module}, not at the boundary"
    assert ".kernels." not in module


IN_A_PROCESS = """
import sys
from tests.tools.bad_input import CASES
for function, keywords, name in CASES:
    try:
        function(**keywords)
    except (ValueError, TypeError):
        continue
    print("no error:", name, keywords)
print(len(CASES), "numba" in sys.modules)
"""


@pytest.mark.process
def test_nothing_is_compiled_before_it():
    """All cases in one new process: Numba is never even imported."""
    assert run(IN_A_PROCESS, flags=()) == f"{len(CASES)} False"


class Speechless:
    def __repr__(self):
        raise RuntimeError("no text today")


@pytest.mark.parametrize("value", [10**400, 10**5000, Speechless()], ids=["10^400", "10^5000", "no repr"])
def test_what_has_no_text_is_refused_all_the_same(value):
    """Python refuses to write whole numbers of more than 4,300 digits, and to make floats of more than 308."""
    for function, name in ((sweep, "learning_rate"), (sweep, "max_steps"), (polynomial, "degree"), (sweep, "rule")):
        with pytest.raises((ValueError, TypeError), match=name):
            function(**{name: value})


def test_a_gradient_can_not_be_checked_where_the_loss_overflows():
    for theta in (1e160, -1.7e308):
        with pytest.raises(ValueError, match="theta must be where the loss is finite, got"):
            fastgd.examples.square().check_gradient(theta)


@pytest.mark.parametrize("l2", [1.7e308, 1e308])
def test_a_penalty_beyond_float64_is_named(l2):
    problem = line(intercept=False, l2=l2)
    for describe in (problem.spectrum, problem.minimum):
        with pytest.raises(ValueError, match="l2 must be smaller, got"):
            describe()


def test_columns_beside_settings_are_summarised():
    for how in ({"rule": "sign"}, {"bounds": (-1, 1)}, {"schedule": "cosine"}):
        result = fastgd.sweep(polynomial(), learning_rate=0.1, configurations={"tolerance": [0.0]}, **how)
        assert next(iter(how)) not in result.axes
        assert "tolerance=0" in str(result)


def test_psi_can_not_be_checked_where_rho_raises():
    with pytest.raises(ValueError, match="residuals must be where rho is finite, got -1000, near which"):
        fastgd.ResidualLoss(math.cosh, math.sinh).check()
    assert fastgd.ResidualLoss(math.cosh, math.sinh).check([-2.0, 3.0]) < 1e-8


def test_a_date_is_no_number():
    with pytest.raises((ValueError, TypeError), match="learning_rate"):
        sweep(learning_rate=datetime.date(2020, 1, 1))


def test_good_input_that_looks_bad_is_taken():
    assert sweep(max_steps=3.0).steps == 3
    assert sweep(max_steps=np.float32(3)).steps == 3
    assert sweep(learning_rate=np.array(0.1)).loss.shape == ()
    assert sweep(bounds=(-INF, INF)).loss == sweep().loss
    assert sweep(tolerance=0).steps == 1000
    assert sweep(loss_threshold=-5.0).steps == 1000
    assert sweep(divergence_threshold=None).steps == sweep(divergence_threshold=INF).steps == 1000
    assert sweep(threads=np.int64(1)).steps == 1000
    assert polynomial(degree=2.0).dimension == polynomial(degree=Fraction(2)).dimension == 3
    assert polynomial(degree=Decimal("2.0")).dimension == 3
    assert line(intercept=np.True_).dimension == 3


def test_a_users_loss_may_return_what_is_no_float():
    """A truth value counts as 0 or 1, and None as what is not finite."""
    truth = fastgd.Objective(lambda theta: theta > 0.5, lambda theta: 0.0 * theta)
    assert (truth.loss(1.0), truth.loss(0.0)) == (1.0, 0.0)
    partly = fastgd.Objective(lambda theta: None if theta < 0 else theta * theta, lambda theta: 2 * theta)
    assert partly.loss(2.0) == 4.0
    assert np.isnan(partly.loss(-2.0))
