"""fastgd: full-batch gradient descent over large grids of hyperparameters.

Names are imported when first used: `import fastgd` alone loads neither NumPy nor Numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastgd import examples
    from fastgd._version import __version__ as __version__
    from fastgd.descent.rules import Status
    from fastgd.problems.fits import LinearFit, PolynomialFit
    from fastgd.problems.losses import Huber, LogCosh, ResidualLoss
    from fastgd.problems.problem import Objective, Problem
    from fastgd.results.roofline import roofline
    from fastgd.results.sweep_result import Descent, SweepInterrupted, SweepResult
    from fastgd.results.timing import Timing
    from fastgd.sweeps.sweep import descend, sweep

_MODULES = {
    "Descent": "results.sweep_result",
    "Huber": "problems.losses",
    "LinearFit": "problems.fits",
    "LogCosh": "problems.losses",
    "Objective": "problems.problem",
    "PolynomialFit": "problems.fits",
    "Problem": "problems.problem",
    "ResidualLoss": "problems.losses",
    "Status": "descent.rules",
    "SweepInterrupted": "results.sweep_result",
    "SweepResult": "results.sweep_result",
    "Timing": "results.timing",
    "descend": "sweeps.sweep",
    "examples": "",
    "roofline": "results.roofline",
    "sweep": "sweeps.sweep",
    "__version__": "_version",
}

__all__ = [
    "Descent",
    "Huber",
    "LinearFit",
    "LogCosh",
    "Objective",
    "PolynomialFit",
    "Problem",
    "ResidualLoss",
    "Status",
    "SweepInterrupted",
    "SweepResult",
    "Timing",
    "descend",
    "examples",
    "roofline",
    "sweep",
]


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'fastgd' has no attribute {name!r}")
    value: object = getattr(import_module(f"fastgd.{module}"), name) if module else import_module(f"fastgd.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
