"""What the library refuses: text for Python's users, and told in options to who types a command."""

from __future__ import annotations

import argparse
import copy
import pickle

import numpy as np
import pytest

import fastgd
from fastgd.check import Sentence, whole
from fastgd.cli.sentences import refusal_as_typed
from fastgd.descent.rules import rules_with

WITH_MOMENTUM = ", ".join(map(repr, rules_with("momentum")))


def refused(**how):
    problem = fastgd.PolynomialFit([0.0, 1.0], [0.0, 1.0], 1)
    with pytest.raises(ValueError, match=r".") as caught:
        fastgd.sweep(problem, **{"learning_rate": 0.1, **how})
    return caught.value


CASES = [
    (
        {"max_steps": -1},
        "max_steps must be whole numbers >= 0 and <= 9.0072e+15, got -1.0",
        "--max-steps must be whole numbers >= 0 and <= 9.0072e+15, got -1.0",
    ),
    (
        {"rule": "sign", "momentum": 0.5},
        "momentum must be left out under rule='sign', which has none, got 0.5; "
        f"rules with a momentum are {WITH_MOMENTUM}",
        "--momentum must be left out under --rule sign, which has none, got 0.5; "
        f"rules with a momentum are {WITH_MOMENTUM}",
    ),
    (
        {"theta0": [0.0, 2.0], "bounds": (-1.0, 1.0)},
        "theta0 must lie within bounds, got 2.0 for parameter 1, outside [-1.0, 1.0]",
        "--start must lie within --bounds, got 2.0 for c1, outside [-1.0, 1.0]",
    ),
    (
        {"record_every": 1, "max_steps": 10**9},
        "record_every=1 would record 1,000,000,001 steps of 1 configuration, 22.4 GiB (at most 1); raise it, "
        "or set it to None",
        "--every 1 would record 1,000,000,001 steps of 1 configuration, 22.4 GiB (at most 1); raise it",
    ),
    (
        {"rule": "adam", "engine": "spectral"},
        "engine='spectral' needs rule='gradient', 'momentum' or 'nesterov', which act on each mode alone; "
        "use engine='auto' or 'samples'",
        "--engine spectral needs --rule gradient, 'momentum' or 'nesterov', which act on each mode alone; "
        "use --engine auto or 'samples'",
    ),
]


@pytest.mark.parametrize(("how", "said", "typed"), CASES, ids=[said.partition(" ")[0] for _, said, _ in CASES])
def test_a_sentence_is_text_and_is_told_in_options(how, said, typed):
    error = refused(**how)
    assert type(error) is ValueError
    for same in (error, copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert str(same) == said
        assert same.args == (said,)
        assert refusal_as_typed(same, argparse.Namespace()) == typed


def test_angles_are_told_as_they_were_typed():
    error = refused(theta0=[0.0, np.pi], bounds=(-np.pi / 2, np.pi / 2))
    in_degrees = argparse.Namespace(start=["0,180deg"], bounds="-90deg:90deg")
    assert refusal_as_typed(error, in_degrees) == (
        "--start must lie within --bounds, got 180deg for c1, outside [-90deg, 90deg]"
    )
    assert "got 3.14" in refusal_as_typed(error, argparse.Namespace(start=["0,3.14"], bounds="-90deg:90deg"))


def test_what_is_no_sentence_of_arguments_is_told_as_it_is():
    assert refusal_as_typed(ValueError("max_steps.csv has no column 'tolerance'"), argparse.Namespace()) == (
        "max_steps.csv has no column 'tolerance'"
    )
    assert refusal_as_typed(ValueError(), argparse.Namespace()) == ""


def test_checks_of_an_option_name_it():
    with pytest.raises(ValueError, match=r"^--threads must be at least 1, got 0$") as caught:
        whole("--threads", 0, minimum=1)
    assert isinstance(caught.value.args[0], Sentence)
    assert refusal_as_typed(caught.value, argparse.Namespace()) == "--threads must be at least 1, got 0"
