"""fastgd: full-batch gradient descent over large grids of hyperparameters.

Names are imported when first used: `import fastgd` alone loads neither NumPy nor Numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastgd import examples as examples
    from fastgd._version import __version__ as __version__
    from fastgd.descent.statuses import Status as Status
    from fastgd.problems.curve import CurveFit as CurveFit
    from fastgd.problems.linear import LinearFit as LinearFit
    from fastgd.problems.losses import Huber as Huber
    from fastgd.problems.losses import LogCosh as LogCosh
    from fastgd.problems.objective import Objective as Objective
    from fastgd.problems.polynomial import PolynomialFit as PolynomialFit
    from fastgd.problems.problem import Problem as Problem
    from fastgd.problems.users_loss import ResidualLoss as ResidualLoss
    from fastgd.results.descent import Descent as Descent
    from fastgd.results.loading import load as load
    from fastgd.results.roofline import roofline as roofline
    from fastgd.results.stored_result import open_result as open_result
    from fastgd.results.sweep_result import ExecutorLost as ExecutorLost
    from fastgd.results.sweep_result import SweepInterrupted as SweepInterrupted
    from fastgd.results.sweep_result import SweepResult as SweepResult
    from fastgd.results.timing import Timing as Timing
    from fastgd.sweeps.sweep import descend as descend
    from fastgd.sweeps.sweep import sweep as sweep
    from fastgd.sweeps.zoom import zoom as zoom

_MODULES = {
    "Boundary": "results.boundary",
    "CurveFit": "problems.curve",
    "Descent": "results.descent",
    "ExecutorLost": "results.sweep_result",
    "Huber": "problems.losses",
    "LinearFit": "problems.linear",
    "LogCosh": "problems.losses",
    "Objective": "problems.objective",
    "PolynomialFit": "problems.polynomial",
    "Problem": "problems.problem",
    "ResidualLoss": "problems.users_loss",
    "Status": "descent.statuses",
    "SweepInterrupted": "results.sweep_result",
    "SweepResult": "results.sweep_result",
    "Timing": "results.timing",
    "boundary": "results.boundary",
    "descend": "sweeps.sweep",
    "examples": "",
    "load": "results.loading",
    "open_result": "results.stored_result",
    "roofline": "results.roofline",
    "sweep": "sweeps.sweep",
    "zoom": "sweeps.zoom",
    "__version__": "_version",
}

__all__ = sorted(name for name in _MODULES if name != "__version__")


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None and name in _other_losses():
        module = "problems.losses"
    if module is None:
        raise AttributeError(f"module 'fastgd' has no attribute {name!r}")
    value: object = getattr(import_module(f"fastgd.{module}"), name) if module else import_module(f"fastgd.{name}")
    globals()[name] = value
    return value


def _other_losses() -> list[str]:
    """Return the classes of losses that the table does not name."""
    from fastgd.problems.losses import Loss  # which loads neither, either

    return [kind.__name__ for kind in Loss.known.values() if not kind.by_word and kind.__name__ not in _MODULES]


def __dir__() -> list[str]:
    return [*__all__, *_other_losses(), "__version__"]
