"""What nobody should pass: calls, their keywords, and the argument that the sentence must name."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import scipy.sparse

import fastgd

X, Y = [0.0, 1.0, 2.0], [1.0, 2.0, 5.0]
NAN, INF = float("nan"), float("inf")


class Stubborn:
    """An object whose conversion to an array fails in its own way."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array today")


def polynomial(**changes):
    return fastgd.PolynomialFit(**{"x": X, "y": Y, "degree": 1, **changes})


def line(**changes):
    return fastgd.LinearFit(**{"X": [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]], "y": Y, **changes})


def objective(**changes):
    return fastgd.Objective(**{"loss": abs, "gradient": abs, "compile": False, **changes})


def curve(**changes):
    return fastgd.CurveFit(**{"model": lambda x, a, b: a * x + b, "x": X, "y": Y, "start": [1.0, 1.0], **changes})


def sweep(**changes):
    return fastgd.sweep(polynomial(), **{"learning_rate": 0.1, **changes})


def descend(**changes):
    return fastgd.descend(polynomial(), **{"learning_rate": 0.1, **changes})


def loss(theta):
    return polynomial().loss(theta)


def columns(**changes):
    return fastgd.sweep(polynomial(), configurations=changes)


def rows(**changes):
    return fastgd.sweep(polynomial(), configurations=[changes, changes])


def check(**changes):
    """Check a loss with a right psi."""
    return fastgd.ResidualLoss(lambda r: math.log1p(r * r), lambda r: 2 * r / (1 + r * r)).check(**changes)


MASKED = np.ma.masked_greater([0.0, 1.0, 2.0], 1.5)
OBJECTS = np.array([1.0, 2.0, object()], dtype=object)
DATES = np.array(["2020-01-01"] * 3, dtype="M8[D]")

# (function, keywords, the argument that must be named)
CASES = [
    (curve, {"model": 3}, "model"),
    (curve, {"model": lambda x: x}, "model"),
    (curve, {"x": [[X], [X]]}, "x"),
    (curve, {"x": [0.0, NAN, 2.0]}, "x"),
    (curve, {"y": [1.0, 2.0]}, "y"),
    (curve, {"start": None}, "start"),
    (curve, {"start": [1.0]}, "start"),
    (curve, {"start": [1.0, 2.0, 3.0]}, "start"),
    (curve, {"start": [1.0, INF]}, "start"),
    (curve, {"parameters": ["a", "a"]}, "parameters"),
    (curve, {"loss": "huber"}, "loss"),
    (curve, {"l2": -1.0}, "l2"),
    (curve, {"derivative": 3}, "derivative"),
    (curve, {"derivative": lambda x, a: a}, "derivative"),
    (sweep, {"bounds": {"c7": (0.0, None)}}, "bounds"),
    (sweep, {"bounds": {"c0": 1.0}}, "bounds"),
    (sweep, {"bounds": {"c0": (1.0, 2.0, 3.0)}}, "bounds"),
    (sweep, {"bounds": {"c0": ("a", None)}}, "bounds"),
    (sweep, {"bounds": {"c0": (2.0, 1.0)}}, "bounds"),
    (sweep, {"bounds": {"c0": (1.0, None)}}, "bounds"),
    # data: shape and length
    (polynomial, {"x": [X, X, X]}, "x"),
    (polynomial, {"x": 1.0}, "x"),
    (polynomial, {"y": [Y, Y, Y]}, "y"),
    (polynomial, {"y": 3}, "y"),
    (polynomial, {"y": [1.0, 2.0]}, "y"),
    (polynomial, {"x": [0.0, 1.0, 2.0, 3.0]}, "x"),
    (polynomial, {"x": [[0.0], [1.0, 2.0]]}, "x"),
    (line, {"X": np.zeros((3, 2, 2))}, "X"),
    (line, {"X": np.zeros((4, 2))}, "X"),
    (line, {"X": 1.0}, "X"),
    (line, {"y": np.zeros((3, 1))}, "y"),
    # data: empty
    (polynomial, {"x": [], "y": []}, "x"),
    (line, {"X": np.zeros((0, 2)), "y": []}, "X"),
    (line, {"X": np.zeros((3, 0))}, "X"),
    # data: not finite
    (polynomial, {"x": [0.0, NAN, 2.0]}, "x"),
    (polynomial, {"x": [0.0, INF, 2.0]}, "x"),
    (polynomial, {"y": [0.0, -INF, 2.0]}, "y"),
    (polynomial, {"y": np.array([0.0, NAN, 2.0], dtype=np.float32)}, "y"),
    (polynomial, {"x": np.array([0.0, 1e4000, 2.0], dtype=np.longdouble)}, "x"),
    (line, {"X": [[1.0, 2.0], [NAN, 4.0], [5.0, 7.0]]}, "X"),
    (polynomial, {"x": MASKED}, "x"),
    # data: not real numbers
    (polynomial, {"x": [0.0, 1j, 2.0]}, "x"),
    (polynomial, {"y": np.zeros(3, dtype=complex)}, "y"),
    (polynomial, {"x": OBJECTS}, "x"),
    (polynomial, {"x": [0.0, None, 2.0]}, "x"),
    (polynomial, {"x": ["a", "b", "c"]}, "x"),
    (polynomial, {"x": "abc"}, "x"),
    (polynomial, {"x": None}, "x"),
    (polynomial, {"x": DATES}, "x"),
    (polynomial, {"x": {0.0, 1.0, 2.0}}, "x"),
    (polynomial, {"x": Stubborn()}, "x"),
    (polynomial, {"x": np.array([1.0, "2", 3.0], dtype=object)}, "x"),
    (polynomial, {"x": np.array([1.0, None, 3.0], dtype=object)}, "x"),
    (polynomial, {"x": np.array([1.0, 2j, 3.0], dtype=object)}, "x"),
    (polynomial, {"x": np.array([1.0, [2.0], 3.0], dtype=object)}, "x"),
    (polynomial, {"x": np.array([1.0, datetime.timedelta(1), 3.0], dtype=object)}, "x"),
    (polynomial, {"x": np.array([1.0, np.timedelta64(1), 3.0], dtype=object)}, "x"),
    (polynomial, {"x": [1, Fraction(1, 2), Decimal("nan")]}, "x"),
    (polynomial, {"x": [1, Fraction(1, 2), Decimal("snan")]}, "x"),
    (polynomial, {"x": [1, 2, 10**400]}, "x"),
    (polynomial, {"y": [1, 2, Fraction(10**400, 3)]}, "y"),
    (polynomial, {"x": [1, 2, Decimal("1e400")]}, "x"),
    (polynomial, {"x": np.zeros(3, dtype=[("a", float)])}, "x"),
    (line, {"X": scipy.sparse.eye(3)}, "X"),
    # what describes a problem
    (polynomial, {"degree": -1}, "degree"),
    (polynomial, {"degree": 1.5}, "degree"),
    (polynomial, {"degree": "3"}, "degree"),
    (polynomial, {"degree": None}, "degree"),
    (polynomial, {"degree": True}, "degree"),
    (polynomial, {"degree": NAN}, "degree"),
    (polynomial, {"degree": [3]}, "degree"),
    (polynomial, {"degree": Fraction(3, 2)}, "degree"),
    (polynomial, {"degree": Decimal("1.5")}, "degree"),
    (polynomial, {"degree": Decimal("Infinity")}, "degree"),
    (polynomial, {"degree": np.timedelta64(1)}, "degree"),
    (polynomial, {"reduction": "median"}, "reduction"),
    (polynomial, {"reduction": None}, "reduction"),
    # losses, weights, penalties
    (polynomial, {"loss": "hubr"}, "loss"),
    (polynomial, {"loss": None}, "loss"),
    (polynomial, {"loss": 3}, "loss"),
    (polynomial, {"loss": fastgd.Huber}, "loss"),
    (line, {"loss": "Huber(1)"}, "loss"),
    (fastgd.Huber, {"delta": 0.0}, "delta"),
    (fastgd.Huber, {"delta": -1.0}, "delta"),
    (fastgd.Huber, {"delta": NAN}, "delta"),
    (fastgd.Huber, {"delta": INF}, "delta"),
    (fastgd.Huber, {"delta": "1"}, "delta"),
    (fastgd.Huber, {"delta": [1.0]}, "delta"),
    (fastgd.Huber, {"delta": None}, "delta"),
    (fastgd.Huber, {"delta": 1j}, "delta"),
    (fastgd.ResidualLoss, {"rho": 3.0, "psi": abs}, "rho"),
    (fastgd.ResidualLoss, {"rho": abs, "psi": "abs"}, "psi"),
    (check, {"rtol": "tight"}, "rtol"),
    (check, {"rtol": None}, "rtol"),
    (check, {"rtol": NAN}, "rtol"),
    (check, {"rtol": -1e-5}, "rtol"),
    (check, {"rtol": [1e-5]}, "rtol"),
    (check, {"residuals": []}, "residuals"),
    (check, {"residuals": [[1.0, 2.0]]}, "residuals"),
    (check, {"residuals": [1.0, NAN]}, "residuals"),
    (check, {"residuals": 1e160}, "residuals"),
    (polynomial, {"sample_weight": [1.0, 2.0]}, "sample_weight"),
    (polynomial, {"sample_weight": 1.0}, "sample_weight"),
    (polynomial, {"sample_weight": [[1.0], [1.0], [1.0]]}, "sample_weight"),
    (polynomial, {"sample_weight": [1.0, -1e-9, 1.0]}, "sample_weight"),
    (polynomial, {"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight"),
    (line, {"sample_weight": [1.0, NAN, 1.0]}, "sample_weight"),
    (line, {"sample_weight": [1.0, INF, 1.0]}, "sample_weight"),
    (line, {"sample_weight": [1e308, 1e308, 1e308]}, "sample_weight"),
    (line, {"sample_weight": [1e-310, 0.0, 0.0]}, "sample_weight"),  # whose reciprocal overflows
    (line, {"sample_weight": "balanced"}, "sample_weight"),
    (line, {"sample_weight": [1.0, 1j, 1.0]}, "sample_weight"),
    (polynomial, {"l2": -1e-9}, "l2"),
    (polynomial, {"l2": NAN}, "l2"),
    (polynomial, {"l2": INF}, "l2"),
    (polynomial, {"l2": "strong"}, "l2"),
    (polynomial, {"l2": [0.1, 0.2]}, "l2"),
    (line, {"l2": None}, "l2"),
    (polynomial, {"parameters": ["only one"]}, "parameters"),
    (polynomial, {"parameters": ["same", "same"]}, "parameters"),
    (polynomial, {"parameters": [1, 2]}, "parameters"),
    (polynomial, {"parameters": 3}, "parameters"),
    (polynomial, {"start": [1.0]}, "start"),
    (polynomial, {"start": [1.0, NAN]}, "start"),
    (polynomial, {"start": "here"}, "start"),
    (line, {"intercept": "yes"}, "intercept"),
    (line, {"intercept": 1}, "intercept"),
    (objective, {"loss": 3.0}, "loss"),
    (objective, {"gradient": None}, "gradient"),
    (objective, {"dimension": 0}, "dimension"),
    (objective, {"dimension": 2.5}, "dimension"),
    (objective, {"compile": "no"}, "compile"),
    (objective, {"dimension": 2, "start": 1.0}, "start"),
    (polynomial(loss="absolute").minimum, {}, "loss"),
    (polynomial(loss="absolute").spectrum, {}, "loss"),
    # theta
    (loss, {"theta": [1.0]}, "theta"),
    (loss, {"theta": [1.0, 2.0, 3.0]}, "theta"),
    (loss, {"theta": np.zeros((2, 2, 2))}, "theta"),
    (loss, {"theta": np.zeros((2, 3))}, "theta"),
    (loss, {"theta": 1.0}, "theta"),
    (loss, {"theta": [1.0, 2j]}, "theta"),
    (loss, {"theta": "here"}, "theta"),
    (loss, {"theta": None}, "theta"),
    (polynomial().predict, {"theta": [1.0]}, "theta"),
    (polynomial().predict, {"theta": [1.0, 2.0], "x": [[1.0]]}, "x"),
    (polynomial().predict, {"theta": [1.0, 2.0], "x": [NAN]}, "x"),
    (line().predict, {"theta": [1.0, 2.0, 3.0], "x": [[1.0, 2.0, 3.0]]}, "x"),
    (polynomial().check_gradient, {"theta": [1.0]}, "theta"),
    # the problem
    (fastgd.sweep, {"problem": 3, "learning_rate": 0.1}, "problem"),
    (fastgd.sweep, {"problem": fastgd.PolynomialFit, "learning_rate": 0.1}, "problem"),
    (fastgd.descend, {"problem": "sine", "learning_rate": 0.1}, "problem"),
    # rates and other axes
    (sweep, {"learning_rate": None}, "learning_rate"),
    (sweep, {"learning_rate": -0.1}, "learning_rate"),
    (sweep, {"learning_rate": [0.1, -0.1]}, "learning_rate"),
    (sweep, {"learning_rate": NAN}, "learning_rate"),
    (sweep, {"learning_rate": [0.1, INF]}, "learning_rate"),
    (sweep, {"learning_rate": []}, "learning_rate"),
    (sweep, {"learning_rate": [[0.1]]}, "learning_rate"),
    (sweep, {"learning_rate": "fast"}, "learning_rate"),
    (sweep, {"learning_rate": 1j}, "learning_rate"),
    (sweep, {"learning_rate": [0.1, None]}, "learning_rate"),
    (sweep, {"learning_rate": np.ma.masked_greater([0.1, 0.2], 0.15)}, "learning_rate"),
    (sweep, {"max_steps": -1}, "max_steps"),
    (sweep, {"max_steps": [10, -1]}, "max_steps"),
    (sweep, {"max_steps": 2.5}, "max_steps"),
    (sweep, {"max_steps": [1, 2.5]}, "max_steps"),
    (sweep, {"max_steps": INF}, "max_steps"),
    (sweep, {"max_steps": NAN}, "max_steps"),
    (sweep, {"max_steps": 1e30}, "max_steps"),
    (sweep, {"max_steps": None}, "max_steps"),
    (sweep, {"max_steps": "many"}, "max_steps"),
    (sweep, {"max_steps": []}, "max_steps"),
    (sweep, {"tolerance": -1e-3}, "tolerance"),
    (sweep, {"tolerance": NAN}, "tolerance"),
    (sweep, {"tolerance": "small"}, "tolerance"),
    (sweep, {"loss_threshold": NAN}, "loss_threshold"),
    (sweep, {"loss_threshold": []}, "loss_threshold"),
    (sweep, {"gradient_tolerance": [1e-3, -1e-3]}, "gradient_tolerance"),
    (sweep, {"divergence_threshold": NAN}, "divergence_threshold"),
    (sweep, {"divergence_threshold": "high"}, "divergence_threshold"),
    # rule, schedule and what they would ignore
    (sweep, {"rule": "steepest"}, "rule"),
    (sweep, {"rule": None}, "rule"),
    (sweep, {"rule": ["gradient", "sign"]}, "rule"),
    (sweep, {"schedule": "linear"}, "schedule"),
    (sweep, {"schedule": 3}, "schedule"),
    (sweep, {"decay": 0.1}, "decay"),
    (sweep, {"decay": 0.0}, "decay"),
    (sweep, {"schedule": "cosine", "decay": 0.1}, "decay"),
    (sweep, {"schedule": "inverse_time", "decay": -0.1}, "decay"),
    (sweep, {"schedule": "inverse_time", "decay": INF}, "decay"),
    (columns, {"learning_rate": [0.1], "decay": [0.1]}, "decay"),
    (sweep, {"momentum": 0.9}, "momentum"),
    (sweep, {"momentum": 0.0}, "momentum"),
    (sweep, {"rule": "sign", "momentum": 0.9}, "momentum"),
    (sweep, {"rule": "momentum", "momentum": 1.0}, "momentum"),
    (sweep, {"rule": "nesterov", "momentum": -0.1}, "momentum"),
    (sweep, {"rule": "adam", "momentum": NAN}, "momentum"),
    (sweep, {"rule": "momentum", "momentum": [0.5, 1.5]}, "momentum"),
    (sweep, {"rule": "momentum", "momentum": []}, "momentum"),
    (sweep, {"rule": "momentum", "momentum": "high"}, "momentum"),
    (columns, {"learning_rate": [0.1], "momentum": [0.1]}, "momentum"),
    (descend, {"rule": "momentum", "momentum": [0.1, 0.2]}, "momentum"),
    # starts and bounds
    (sweep, {"theta0": [1.0]}, "theta0"),
    (sweep, {"theta0": 1.0}, "theta0"),
    (sweep, {"theta0": [[1.0], [2.0]]}, "theta0"),
    (sweep, {"theta0": np.zeros((0, 2))}, "theta0"),
    (sweep, {"theta0": np.zeros((1, 1, 2))}, "theta0"),
    (sweep, {"theta0": [1.0, NAN]}, "theta0"),
    (sweep, {"theta0": [1.0, INF]}, "theta0"),
    (sweep, {"theta0": [1.0, 1j]}, "theta0"),
    (sweep, {"theta0": "here"}, "theta0"),
    (sweep, {"theta0": None}, "theta0"),
    (sweep, {"theta0": [None, None]}, "theta0"),
    (sweep, {"theta0": [[1.0, 2.0], None]}, "theta0"),
    (descend, {"theta0": None}, "theta0"),
    (columns, {"learning_rate": [0.1], "theta0": [None]}, "theta0"),
    (sweep, {"theta0": [2.0, 0.0], "bounds": (-1, 1)}, "theta0"),
    (sweep, {"theta0": [[0.0, 0.0], [0.0, -2.0]], "bounds": ([-1, -1], [1, 1])}, "theta0"),
    (sweep, {"bounds": (0.5, 1.0)}, "bounds"),
    (sweep, {"bounds": 1.0}, "bounds"),
    (sweep, {"bounds": (-1, 0, 1)}, "bounds"),
    (sweep, {"bounds": (1, -1)}, "bounds"),
    (sweep, {"bounds": (NAN, 1)}, "bounds"),
    (sweep, {"bounds": ([-1, -1, -1], 1)}, "bounds"),
    (sweep, {"bounds": ("low", "high")}, "bounds"),
    (sweep, {"bounds": (None, 1)}, "bounds"),
    # recording
    (sweep, {"record_every": 0}, "record_every"),
    (sweep, {"record_every": -5}, "record_every"),
    (sweep, {"record_every": 1.5}, "record_every"),
    (sweep, {"record_every": "often"}, "record_every"),
    (sweep, {"record_every": 1, "max_steps": 10**12}, "record_every"),
    # columns
    (sweep, {"learning_rate": None, "configurations": 3}, "configurations"),
    (sweep, {"learning_rate": None, "configurations": [0.1, 0.2]}, "configurations"),
    (sweep, {"learning_rate": None, "configurations": {}}, "configurations"),
    (sweep, {"learning_rate": None, "configurations": []}, "configurations"),
    (sweep, {"learning_rate": None, "configurations": [{}]}, "configurations"),
    (sweep, {"learning_rate": None, "configurations": [{"learning_rate": 0.1}, 3]}, "configurations"),
    (rows, {"learning_rate": 0.1, "tolerances": 0.1}, "configurations"),
    (rows, {"learning_rate": [0.1, 0.2]}, "learning_rate"),
    (rows, {"learning_rate": None}, "learning_rate"),
    (rows, {"rule": "sign"}, "configurations"),
    (rows, {"learning_rate": 0.1, "rule": "steepest"}, "rule"),
    (rows, {"learning_rate": 0.1, "engine": 3}, "engine"),
    (
        sweep,
        {"learning_rate": None, "configurations": [{"learning_rate": 0.1}, {"learning_rate": 0.1, "max_steps": 3}]},
        "configurations",
    ),
    (
        sweep,
        {
            "learning_rate": None,
            "configurations": [{"learning_rate": 0.1, "rule": "sign"}, {"learning_rate": 0.1, "rule": "adam"}],
        },
        "rule",
    ),
    (
        sweep,
        {"learning_rate": None, "rule": "adam", "configurations": [{"learning_rate": 0.1, "rule": "sign"}]},
        "rule",
    ),
    (columns, {"learning_rate": [0.1], "learning_rates": [0.1]}, "configurations"),
    (columns, {"learning_rate": [0.1], "rule": ["sign"]}, "configurations"),
    (columns, {"learning_rate": 0.1}, "learning_rate"),
    (columns, {"learning_rate": [0.1, 0.2], "max_steps": [1, 2, 3]}, "configurations"),
    (columns, {"learning_rate": [0.1, 0.2], "theta0": [[0.0, 0.0]]}, "configurations"),
    (columns, {"learning_rate": [0.1, 0.2], "theta0": [[0.0], [0.0]]}, "theta0"),
    (columns, {"learning_rate": [0.1, -0.2]}, "learning_rate"),
    (columns, {"learning_rate": []}, "learning_rate"),
    (columns, {"learning_rate": [[0.1], [0.2]]}, "learning_rate"),
    (columns, {"max_steps": [1, 2]}, "learning_rate"),
    (columns, {"learning_rate": [0.1], "max_steps": [1.5]}, "max_steps"),
    (sweep, {"configurations": {"learning_rate": [0.1, 0.2]}}, "learning_rate"),
    (sweep, {"theta0": [0.0, 0.0], "configurations": {"theta0": [[0.0, 0.0]]}}, "theta0"),
    (sweep, {"tolerance": 1e-3, "configurations": {"tolerance": [1e-3, 1e-4]}}, "tolerance"),
    (sweep, {"max_steps": 5, "configurations": {"max_steps": [3, 4]}}, "max_steps"),
    (sweep, {"max_steps": [1, 2], "configurations": {"tolerance": [1e-3, 1e-4]}}, "max_steps"),
    (sweep, {"theta0": [[0.0, 0.0], [1.0, 1.0]], "configurations": {"tolerance": [1e-3, 1e-4]}}, "theta0"),
    # how to run
    (sweep, {"engine": "warp"}, "engine"),
    (sweep, {"engine": None}, "engine"),
    (sweep, {"threads": 0}, "threads"),
    (sweep, {"threads": -2}, "threads"),
    (sweep, {"threads": 1.5}, "threads"),
    (sweep, {"threads": "all"}, "threads"),
    (sweep, {"progress": "yes"}, "progress"),
    (sweep, {"progress": 1}, "progress"),
    # one descent takes one of each
    (descend, {"learning_rate": None}, "learning_rate"),
    (descend, {"learning_rate": [0.1, 0.2]}, "learning_rate"),
    (descend, {"max_steps": [1, 2]}, "max_steps"),
    (descend, {"tolerance": np.array([1e-3])}, "tolerance"),
    (descend, {"theta0": [[0.0, 0.0], [1.0, 1.0]]}, "theta0"),
    (descend, {"theta0": [0.0]}, "theta0"),
    (descend, {"decay": 0.1}, "decay"),
    (descend, {"record_every": 0}, "record_every"),
    (descend, {"record_every": "often"}, "record_every"),
    (descend, {"max_steps": -1}, "max_steps"),
    (descend, {"max_steps": NAN}, "max_steps"),
    (descend, {"max_steps": 1e30}, "max_steps"),
    (descend, {"max_steps": None}, "max_steps"),
    (sweep, {"record_every": "auto"}, "record_every"),
    (fastgd.examples.sine, {"half_width": -1.0}, "half_width"),
    (fastgd.examples.sine, {"half_width": NAN}, "half_width"),
    (fastgd.examples.pizza, {"intercept": "no"}, "intercept"),
]
