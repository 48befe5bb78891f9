"""Results of every kind that is written, picked from and shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

import fastgd

ODD_NAMES = ("</script><b>", "loss", "a/b", "a b", "start_\x1b[31m", 'né,"\n')
ODDER_NAMES = (
    "a\rb",
    "recorded",
    "configuration",
    "max_steps",
    "\ud800",
    "\\ud800",
    "ł" * 150_000 + "1",
    "ł" * 150_000 + "2",
)


def _named(names: tuple[str, ...]) -> fastgd.SweepResult:
    random = np.random.default_rng(1)
    P = len(names)
    X = random.normal(size=(9, P))
    problem = fastgd.LinearFit(X, X @ np.arange(float(P)), intercept=False, parameters=names)
    return fastgd.sweep(problem, learning_rate=[0.01, 5.0], theta0=random.normal(size=(3, P)), max_steps=40)


def _statuses() -> fastgd.SweepResult:
    result = fastgd.sweep(
        fastgd.examples.square(),
        learning_rate=[1e-9, 0.1, 0.3, 1.01, 3.0],
        tolerance=[1e-12, 1e-5],
        loss_threshold=[1e-30, 1e-4],
        gradient_tolerance=[1e-300, 1e-3],
        max_steps=[3, 300],
    )
    status = result.status.copy()
    status[0, 0, 0, 0, 0] = fastgd.Status.CANCELLED
    return dataclasses.replace(result, status=status)


CASES: dict[str, Callable[[], fastgd.SweepResult]] = {
    "single": lambda: fastgd.sweep(fastgd.examples.square(), learning_rate=0.1, max_steps=3),
    "axis": lambda: fastgd.sweep(fastgd.examples.pizza(), learning_rate=np.geomspace(1e-6, 1, 7), max_steps=50),
    "axes": lambda: fastgd.sweep(
        fastgd.examples.sine(),
        learning_rate=np.geomspace(1e-9, 1e-5, 4),
        rule="momentum",
        momentum=[0.0, 0.5, 0.9],
        max_steps=[1, 20],
        loss_threshold=300.0,
    ),
    "starts": lambda: fastgd.sweep(
        fastgd.examples.pizza(), theta0=[[0.0, 1.0], [2.0, -0.0], [4.0, 5.0]], learning_rate=[1e-3, 1.0], max_steps=9
    ),
    "one start": lambda: fastgd.sweep(fastgd.examples.square(), theta0=[[2.0]], learning_rate=[0.1, 0.2], max_steps=2),
    "zipped": lambda: fastgd.sweep(
        fastgd.examples.square(), configurations={"learning_rate": [0.1, 0.2, 2.0], "max_steps": [4, 5, 9]}
    ),
    "zipped starts": lambda: fastgd.sweep(
        fastgd.examples.pizza(),
        schedule="exponential",
        configurations={
            "learning_rate": [1e-3, 2e-3, 1e-2],
            "decay": [0.0, 0.1, 0.1],
            "theta0": [[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]],
        },
        max_steps=20,
    ),
    "bounds": lambda: fastgd.sweep(
        fastgd.examples.pizza(), learning_rate=[1e-3, 4e-3], bounds=(-np.inf, [1.0, 5.0]), max_steps=100, tolerance=1e-9
    ),
    "recorded": lambda: fastgd.sweep(
        fastgd.examples.pizza(), learning_rate=[1e-3, 1.0], max_steps=[3, 50], record_every=7
    ),
    "statuses": _statuses,
    "not finite": lambda: fastgd.sweep(
        fastgd.Objective(lambda t: np.exp(t), lambda t: -np.exp(t)),
        learning_rate=[1e-3, 1e3],
        divergence_threshold=None,
        max_steps=50,
        record_every=10,
    ),
    "zero loss": lambda: fastgd.sweep(fastgd.examples.square(), learning_rate=[0.25, 0.5], max_steps=4),
    "odd names": lambda: _named(ODD_NAMES),
    "odder names": lambda: _named(ODDER_NAMES),
    "Huber": lambda: fastgd.sweep(
        fastgd.PolynomialFit(np.linspace(-1, 1, 9), np.arange(9.0), 2, loss=fastgd.Huber(0.5)),
        learning_rate=[0.1, 1e3],
        max_steps=90,
    ),
}
