"""The works that are measured: their data, their sizes, what they count, and what they must give.

A case is a few numbers, so that test names and JSON can hold it; its data is made when it is first asked for, the same
every time. The expected results are computed here by NumPy, in a form that none of the peers uses.

Sizes: N samples, F features, P parameters, C thetas or learning rates. Floating point operations are 4 P for each
sample and theta, bytes those of the samples as they are stored, read once.
"""

from __future__ import annotations

from bench.works.curve import CurveEvaluation, CurveSweep
from bench.works.dart import DartSweep
from bench.works.data import TooLarge, powers
from bench.works.evaluation import Evaluation, LinearEvaluation, PolynomialEvaluation
from bench.works.least_squares import LinearLeastSquares, PolynomialLeastSquares
from bench.works.showcase import Showcase
from bench.works.sweep import PolynomialSweep

__all__ = [
    "CurveEvaluation",
    "CurveSweep",
    "DartSweep",
    "Evaluation",
    "LinearEvaluation",
    "LinearLeastSquares",
    "PolynomialEvaluation",
    "PolynomialLeastSquares",
    "PolynomialSweep",
    "Showcase",
    "TooLarge",
    "powers",
]
