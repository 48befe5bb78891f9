"""fastgd: full-batch gradient descent over large grids of hyperparameters.

Names are imported when first used: `import fastgd` alone loads neither NumPy nor Numba.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastgd import examples
    from fastgd.fits import LinearFit, PolynomialFit
    from fastgd.losses import Huber, LogCosh, ResidualLoss
    from fastgd.problems import Objective, Problem
    from fastgd.results import Descent, SweepInterrupted, SweepResult
    from fastgd.roofline import roofline
    from fastgd.rules import Status
    from fastgd.sweep import descend, sweep
    from fastgd.timing import Timing

__version__ = "0.1.0"

_MODULES = {
    "PolynomialFit": "fits",
    "Huber": "losses",
    "LogCosh": "losses",
    "ResidualLoss": "losses",
    "LinearFit": "fits",
    "Objective": "problems",
    "Problem": "problems",
    "sweep": "sweep",
    "descend": "sweep",
    "Status": "rules",
    "SweepResult": "results",
    "SweepInterrupted": "results",
    "Descent": "results",
    "Timing": "timing",
    "roofline": "roofline",
    "examples": "",
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


class _Package(ModuleType):
    """Keeps `fastgd.sweep` a function: importing the submodule would set its parent's attribute to the module."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and _MODULES.get(name) == name):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        """Pickle by name: cloudpickle, which loky and dask use, knows what to do with plain modules only."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
