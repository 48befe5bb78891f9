"""A loss of the user's own two functions: what they may be, what they can't, and what `check` finds."""

from __future__ import annotations

import copy
import math
import pickle

import numba
import numpy as np
import pytest

import fastgd
from fastgd import Status
from tests.tools.compiling import compilations, names
from tests.tools.fits import LOSSES, cauchy, cauchy_slope

WRONG_RETURNS = {
    "None": (lambda r: None, "None"),
    "text": (lambda r: "3", "text"),
    "complex": (lambda r: r + 1j, "a complex number"),
    "tuple": (lambda r: (r, r), "a tuple of 2"),
    "array": (lambda r: np.array([r]), "an array with 1 dimension of float64"),
}


def line(loss, **how):
    """Return a line through the origin with residuals theta, theta - 1 and theta - 2."""
    how = {"intercept": False, "reduction": "sum"} | how
    return fastgd.LinearFit([[1.0], [1.0], [1.0]], [0.0, 1.0, 2.0], loss=loss, **how)


# ---- what they may be -----------------------------------------------------------------------------------------------


def with_a_scale(scale):
    return fastgd.ResidualLoss(lambda r: scale * r * r, lambda r: 2 * scale * r)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rho", "psi"),
    [
        (lambda r: math.cosh(r), lambda r: math.sinh(r)),
        (numba.njit(lambda r: math.cosh(r)), numba.njit(lambda r: math.sinh(r))),
        (math.cosh, math.sinh),
        (np.cosh, np.sinh),
    ],
    ids=["plain", "jitted", "math", "numpy"],
)
def test_kinds_of_functions(rho, psi):
    loss, gradient = line(fastgd.ResidualLoss(rho, psi)).loss_and_gradient(1.0)
    assert loss == pytest.approx(2 * math.cosh(1) + 1, rel=1e-15)
    assert gradient.tolist() == [0.0]


@pytest.mark.slow
def test_whole_numbers_and_defaults():
    def rho(r, power=2):
        return abs(r) ** power

    assert line(fastgd.ResidualLoss(rho, lambda r: 2 * r)).loss(3.0) == 9.0 + 4.0 + 1.0
    assert line(fastgd.ResidualLoss(lambda r: 1, lambda r: 0)).loss_and_gradient(3.0) == (3.0, [0.0])


@pytest.mark.slow
def test_losses_do_not_mix():
    problems = [line(with_a_scale(scale)) for scale in (1.0, 2.0, 3.0)]
    assert [problem.loss(1.0) for problem in problems] == [2.0, 4.0, 6.0]
    mixed = [line("absolute"), *problems, line(fastgd.Huber(1.0))]
    assert [problem.loss(2.0) for problem in mixed] == [3.0, 5.0, 10.0, 15.0, 2.0]


@pytest.mark.slow
def test_one_compilation_for_all_problems_of_a_loss():
    loss = with_a_scale(0.5)
    first = line(loss)
    expected = first.loss(1.0)
    with compilations() as functions:
        for N in (3, 5):
            other = fastgd.LinearFit(np.ones((N, 1)), np.arange(N), intercept=False, loss=loss, reduction="sum")
            fastgd.descend(other, learning_rate=0.1, max_steps=2, engine="samples")
        assert line(loss).loss(1.0) == expected
    assert names(functions) == []
    with compilations() as functions:
        line(with_a_scale(0.5)).loss(1.0)  # another object is compiled anew, and its block alone
    assert "<lambda>" in names(functions)
    assert not {"evaluate", "descend", "block_sums", "lane_sums"} & set(names(functions))


@pytest.mark.parametrize("loss", LOSSES)
def test_pickled(loss):
    loss = LOSSES[loss].loss
    for twin in (pickle.loads(pickle.dumps(loss)), copy.copy(loss), copy.deepcopy(loss)):
        assert twin == loss
        assert repr(twin) == repr(loss)
    problem = line(loss, sample_weight=[1.0, 2.0, 0.5], l2=0.25)
    how = {"learning_rate": [0.1, 0.3], "max_steps": 7, "engine": "samples"}
    before = fastgd.sweep(problem, **how)
    for twin in (pickle.loads(pickle.dumps(problem)), copy.deepcopy(problem)):
        assert repr(twin) == repr(problem)
        after = fastgd.sweep(twin, **how)
        assert (after.theta.tobytes(), after.loss.tobytes()) == (before.theta.tobytes(), before.loss.tobytes())


def test_names():
    assert repr(fastgd.ResidualLoss(cauchy, cauchy_slope)) == "ResidualLoss(cauchy, cauchy_slope)"
    assert "loss=ResidualLoss(cauchy, cauchy_slope)" in repr(line(fastgd.ResidualLoss(cauchy, cauchy_slope)))
    assert "loss=Huber(delta=2.0), weighted, l2=0.5" in repr(line(fastgd.Huber(2), sample_weight=[1, 1, 1], l2=0.5))
    assert "loss" not in repr(line("squared"))


@pytest.mark.slow
@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_the_pinball_loss_of_r_gives_its_quantile(q):
    """r = prediction - y: of 1, 2, ..., 19 the quantile q is the first y that at least 19 q of them do not exceed."""
    pinball = fastgd.ResidualLoss(lambda r: max((1.0 - q) * r, -q * r), lambda r: 1.0 - q if r > 0.0 else -q)
    y = np.arange(1.0, 20.0)
    constant = fastgd.PolynomialFit(np.zeros(19), y, 0, loss=pinball, reduction="sum")
    losses = constant.loss(y[:, None])
    assert y[losses.argmin()] == {0.1: 2.0, 0.5: 10.0, 0.9: 18.0}[q]
    below, above = 4 * 5 / 2, 14 * 15 / 2  # the distances of 5 from 1 to 4, and from 6 to 19
    assert constant.loss([5.0]) == pytest.approx((1 - q) * below + q * above, rel=1e-14)


# ---- what they raise ------------------------------------------------------------------------------------------------


def picky(r):
    if r > 3.0:
        raise ValueError("too far")
    return r * r


@pytest.mark.slow
@pytest.mark.parametrize("make", [lambda f: f, numba.njit], ids=["plain", "jitted"])
def test_what_they_raise_is_not_finite(make, capfd):
    for problem in (
        line(fastgd.ResidualLoss(make(picky), make(lambda r: 2 * r))),
        fastgd.PolynomialFit(np.ones(9000), np.zeros(9000), 9, loss=fastgd.ResidualLoss(make(picky), lambda r: 2 * r)),
    ):
        near, far = np.zeros(problem.dimension), np.full(problem.dimension, 10.0)
        assert math.isfinite(problem.loss(near))
        assert math.isnan(problem.loss(far))
        assert math.isfinite(problem.loss(near))
        run = fastgd.descend(problem, far, learning_rate=0.1, engine="samples")
        assert (run.status, run.steps) == (Status.DIVERGED, 0)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_division_by_zero_is_not_finite(capfd):
    plain = line(fastgd.ResidualLoss(lambda r: abs(r), lambda r: r / abs(r)))
    jitted = line(fastgd.ResidualLoss(lambda r: abs(r), numba.njit(lambda r: r / abs(r))))
    for problem in (plain, jitted):
        assert problem.loss_and_gradient(5.0) == (12.0, [3.0])
        loss, gradient = problem.loss_and_gradient(1.0)  # one residual is 0
        assert loss == 2.0
        assert math.isnan(gradient[0])
    assert capfd.readouterr().err == ""


# ---- what they can't be ---------------------------------------------------------------------------------------------


def unknown_to_numba(r):
    return float(str(r).encode("latin-1").decode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "reason"),
    [(unknown_to_numba, "encode")],
    ids=["unknown"],
)
def test_not_compilable(function, reason):
    for name in ("rho", "psi"):
        functions = {"rho": abs, "psi": abs} | {name: function}
        problem = line(fastgd.ResidualLoss(**functions))
        for _ in range(2):
            with pytest.raises(TypeError, match=rf"^{name} can't be compiled by Numba \(.*{reason}.*\)") as caught:
                problem.loss(1.0)
            assert "compile=False" not in str(caught.value)  # which a loss of residuals has not
            assert "\n" not in str(caught.value)


def test_of_two_arguments():
    for name in ("rho", "psi"):
        with pytest.raises(TypeError, match=rf"^{name} must take a residual alone, it takes 2 arguments$"):
            fastgd.ResidualLoss(**{"rho": abs, "psi": abs} | {name: lambda r, delta: r})


@pytest.mark.slow
def test_bools_are_numbers_and_none_is_not_finite():
    """Residuals of the line at 1 are 1, 0 and -1."""
    counted = fastgd.ResidualLoss(lambda r: r > 0.0, lambda r: np.bool_(r >= 0.0))
    assert line(counted).loss_and_gradient(1.0) == (1.0, [2.0])
    missing = line(fastgd.ResidualLoss(lambda r: None if r > 5.0 else r * r, lambda r: None if r > 5.0 else 2.0 * r))
    assert missing.loss_and_gradient(1.0) == (2.0, [0.0])
    assert np.isnan(missing.loss_and_gradient(6.0)[0])
    table = np.array([1.0, 2.0])
    beyond = line(fastgd.ResidualLoss(lambda r: table[int(r)], lambda r: 0.0))
    assert beyond.loss(1.0) == 2.0 + 1.0 + 2.0
    assert math.isnan(beyond.loss(3.0))


@pytest.mark.parametrize("name", ["rho", "psi"])
@pytest.mark.parametrize(
    ("function", "came"),
    [
        (lambda r: np.array([r]), r"shape \(1,\)"),
        (lambda r: None, "None"),
        (lambda r: r + 1j, r"\("),
        (lambda r: (r, r), r"shape \(2,\)"),
        (lambda r: "text", "'text'"),
    ],
    ids=["array", "None", "complex", "tuple", "text"],
)
def test_check_refuses_what_is_no_float(name, function, came):
    with pytest.raises((TypeError, ValueError), match=f"^{name} must return a float, got {came}"):
        fastgd.ResidualLoss(**{"rho": abs, "psi": abs} | {name: function}).check()


@pytest.mark.parametrize("name", ["rho", "psi"])
@pytest.mark.parametrize(("function", "came"), WRONG_RETURNS.values(), ids=WRONG_RETURNS)
def test_what_is_no_float_is_refused(name, function, came):
    loss = fastgd.ResidualLoss(**{"rho": abs, "psi": abs} | {name: function})
    with pytest.raises(TypeError) as caught:
        line(loss).loss(1.0)
    assert str(caught.value) == f"{name} must return a float, got {came}"


# ---- check ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [1e-2, 1.0, 100.0])
def test_check_of_right_functions(delta):
    def pseudo_huber(r):
        return delta * delta * (math.sqrt(1 + (r / delta) ** 2) - 1)

    def slope(r):
        return r / math.sqrt(1 + (r / delta) ** 2)

    assert fastgd.ResidualLoss(pseudo_huber, slope).check() < 1e-5
    for kind in LOSSES.values():
        assert fastgd.ResidualLoss(*kind.oracle).check([-3.0, -0.3, 0.2, 4.0]) < 1e-8


def test_check_names_the_residual():
    factor_of_two = fastgd.ResidualLoss(lambda r: r * r, lambda r: r)
    with pytest.raises(ValueError, match=r"psi is wrong at the residual 3: 3, but rho changes by 6 per unit"):
        factor_of_two.check([3.0])
    with pytest.raises(ValueError, match="psi is wrong at the residual"):
        factor_of_two.check()
    one_sided = fastgd.ResidualLoss(lambda r: r * r, lambda r: 2 * r if r < 5 else 10.0)
    with pytest.raises(ValueError, match=r"psi is wrong at the residual (5|6|7)"):
        one_sided.check()
    nowhere = fastgd.ResidualLoss(lambda r: r * r, lambda r: math.nan)
    with pytest.raises(ValueError, match="psi is wrong at the residual 1: nan"):
        nowhere.check([1.0])
    slightly = fastgd.ResidualLoss(lambda r: r * r, lambda r: 2.001 * r)
    assert slightly.check([1.0], rtol=0.01) == pytest.approx(0.001 / 2.001, rel=1e-4)
    with pytest.raises(ValueError, match="residuals"):
        slightly.check([math.inf])
