"""Run every kernel there is, in a process of its own, and print what that compiled, as JSON.

The first list is of kernels that are kept on disk; the second of what is compiled for functions of the user's; the
third has what modules call and this does not.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

import fastgd
from fastgd.problems import evaluation
from fastgd.problems.losses import Loss
from fastgd.sources import streamed
from fastgd.sweeps import run
from tests.tools.compiling import compilations
from tests.tools.installed import PACKAGE

N = 9000  # several blocks
HOW = {"learning_rate": [1e-9, 1e-10], "max_steps": 2, "tolerance": 1e-300}
random = np.random.default_rng(0)
x = random.normal(size=N)
lopsided = np.append(x[1:] * 1e-3, 1.0)  # a second pass, in polynomials orthogonal on the points
weights = {"sample_weight": random.uniform(size=N)}


def line(features: int, dtype: type = np.float64, **how: Any) -> fastgd.LinearFit:
    X = random.normal(size=(N, features)).astype(dtype)
    return fastgd.LinearFit(X, X[:, 0], **how)


def decay(x: float, a: float, b: float) -> float:
    return a * np.exp(-b * x)


CURVES = [
    fastgd.CurveFit(decay, x, x, start=[1.0, 0.5], loss=fastgd.LogCosh()),
    fastgd.CurveFit(
        decay, x.astype(np.float32), x.astype(np.float32), start=[1.0, 0.5], loss=fastgd.Huber(1.0), **weights
    ),
]


def problems() -> Iterator[Any]:
    for place, kind in enumerate(Loss.known.values()):
        loss = kind(*[1.0] * len(kind.parameters()))
        yield fastgd.PolynomialFit(x, x, 2, loss=loss, **({} if place % 2 else weights))
    for degree, x_of in ((2, x), (18, x), (2, lopsided)):
        yield fastgd.PolynomialFit(x_of, x, degree)
    yield from (line(2), line(2, np.float32), line(12), line(12, np.float32, **weights))
    yield fastgd.examples.square()
    yield from CURVES
    streamed.LOADED = 0
    yield fastgd.PolynomialFit([(x[: N // 2], x[: N // 2]), (x[N // 2 :], x[N // 2 :])], degree=2)


def users_problems() -> Iterator[Any]:
    yield fastgd.CurveFit(decay, x, x, start=[1.0, 0.5], loss=fastgd.ResidualLoss(lambda r: r * r, lambda r: 2 * r))
    yield fastgd.Objective(lambda t: t * t, lambda t: 2 * t, start=1.0)
    yield fastgd.PolynomialFit(x, x, 2, loss=fastgd.ResidualLoss(lambda r: r * r, lambda r: 2 * r))


def by_samples(problem: Any) -> None:
    """Sweep along both parallel axes, and evaluate one theta and many, serially and in parallel."""
    for cache_bytes in (0, 1 << 40):
        run.CUTTING = replace(run.CUTTING, cache_bytes=cache_bytes)
        with compilations() as compiled:
            result = fastgd.sweep(problem, engine="samples", **HOW)
        assert compiled or result.timing.compile == 0.0
    for serial_work in (0, 1 << 60):
        evaluation.SERIAL_WORK = serial_work
        problem.loss_and_gradient(problem.start)
        problem.loss_and_gradient(np.zeros((100, problem.dimension)))


def by_statistics(problem: Any) -> None:
    """Sweep in the exact engines, in every form of the closed one."""
    fastgd.sweep(problem, engine="moments", **HOW)
    for rule, schedule in (("gradient", "constant"), ("gradient", "cosine"), ("nesterov", "constant")):
        fastgd.sweep(problem, engine="spectral", rule=rule, schedule=schedule, **HOW)


def probes() -> None:
    roofline = import_module("fastgd.results.roofline")
    roofline.SECONDS = 0.0
    roofline.REPETITIONS = 1
    roofline.LARGEST_ARRAY = 1 << 20
    roofline.measured_again(1)


def called_from_python() -> Iterator[tuple[str, str]]:
    """Yield module and name of all that modules import from kernels, functions of kernels among it."""
    for source in PACKAGE.rglob("*.py"):
        if PACKAGE / "kernels" in source.parents:
            continue
        tree = ast.parse(source.read_text())
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules = {}
        for node in imports:
            for alias in node.names if node.module.startswith("fastgd.kernels") else ():
                if (PACKAGE.parent / node.module.replace(".", "/") / f"{alias.name}.py").exists():
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                else:
                    yield node.module, alias.name
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        in_python = [node.value for node in attributes if node.attr == "py_func"]  # a formula, not its kernel
        for node in attributes:
            if isinstance(node.value, ast.Name) and node.value.id in modules and node not in in_python:
                yield modules[node.value.id], node.attr


def never_called() -> list[str]:
    kernels = {f"{module}.{name}": getattr(import_module(module), name) for module, name in set(called_from_python())}
    kernels = {name: kernel for name, kernel in kernels.items() if isinstance(kernel, Dispatcher)}
    assert len(kernels) > 5
    return sorted(name for name, kernel in kernels.items() if not kernel.signatures)


def main() -> None:
    with compilations() as kept:
        for problem in problems():
            by_samples(problem)
            if problem.is_squared:
                by_statistics(problem)
        probes()
    with compilations() as users:
        for problem in users_problems():
            by_samples(problem)
    print(json.dumps([list(kept), list(users), never_called()]))


if __name__ == "__main__":
    main()
