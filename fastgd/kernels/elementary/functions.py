"""The elementary functions by the names that they have in `math`, and what of `math` loops can be vectorised with."""

# ruff: noqa: F401

from math import copysign, e, fabs, floor, inf, isfinite, isinf, isnan, nan, pi, sqrt

from fastgd.kernels.elementary.exponential import exp, expm1
from fastgd.kernels.elementary.hyperbolic import cosh, sinh, tanh
from fastgd.kernels.elementary.logarithm import log, log1p
from fastgd.kernels.elementary.power import pow
from fastgd.kernels.elementary.trigonometric import atan, cos, sin, tan
