"""The published lessons' problems, and their pictures.

- square: theta^2, as a line through one sample, so that it has a stability limit
- sine: a cubic fitted to a sine, sum of squares, 2,000 samples
- pizza: a line through 30 counts of reservations and pizzas
- dart: the angle of a throw that hits a target 10 m away
- decay: a exp(-b x) + c fitted to 60 noisy samples
- figure: the pictures of a lesson

Names are imported when first used: `import fastgd.examples` alone loads neither NumPy nor Numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastgd.examples.figures import figure
    from fastgd.examples.published import dart, decay, pizza, sine, square

__all__ = ["dart", "decay", "figure", "pizza", "sine", "square"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fastgd.examples' has no attribute {name!r}")
    return getattr(import_module(f"fastgd.examples.{'figures' if name == 'figure' else 'published'}"), name)


def __dir__() -> list[str]:
    return __all__
