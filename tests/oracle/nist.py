"""NIST's reference data sets for linear and nonlinear regression: data and certified results.

The files in data/strd are NIST's own, from https://www.itl.nist.gov/div898/strd/lls/lls.shtml: certified values in the
header, data from line 61, y first. Certified values have 15 digits. Those in data/strd-nonlinear are likewise from
https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml, with two starting points each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_FOLDER = Path(__file__).parent / "data" / "strd"
_NUMBER = r"[-+]?\d*\.?\d+(?:[Ee][-+]?\d+)?"


class DataSet(NamedTuple):
    X: NDArray[np.float64]  # (N, F)
    y: NDArray[np.float64]  # (N,)
    theta: NDArray[np.float64]  # as the file has it: the intercept first, where there is one
    squares: float  # residual sum of squares


def read(name: str) -> DataSet:
    lines = (_FOLDER / f"{name}.dat").read_text().splitlines()
    header = "\n".join(lines[30:60])
    theta = [float(value) for value in re.findall(rf"^\s+B\d\s+({_NUMBER})\s", header, re.MULTILINE)]
    squares = re.findall(rf"^Residual\s+\d+\s+({_NUMBER})\s", header, re.MULTILINE)
    table = np.array([[float(value) for value in line.split()] for line in lines[60:] if line.strip()])
    assert len(squares) == 1
    assert len(theta) >= table.shape[1] - 1
    return DataSet(np.ascontiguousarray(table[:, 1:]), table[:, 0].copy(), np.array(theta), float(squares[0]))


def digits(values: NDArray[np.float64], certified: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number of correct digits of each value, 15 at most."""
    error = np.abs(values - certified) / np.abs(certified)
    return -np.log10(np.maximum(error, 1e-15))


# ---- nonlinear ------------------------------------------------------------------------------------------------------


class CurveSet(NamedTuple):
    """A data set for nonlinear regression; its model takes the functions of the kind of number it is called with."""

    model: Callable[..., Any]  # of (functions, x, theta)
    x: NDArray[np.float64]  # (N,)
    y: NDArray[np.float64]  # (N,)
    starts: NDArray[np.float64]  # (2, P), the second near the minimum
    theta: NDArray[np.float64]  # (P,), certified to 11 digits
    squares: float  # residual sum of squares


def _lanczos(of: Any, x: Any, b: Any) -> Any:
    return b[0] * of.exp(-b[1] * x) + b[2] * of.exp(-b[3] * x) + b[4] * of.exp(-b[5] * x)


def _hahn(of: Any, x: Any, b: Any) -> Any:
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


CURVES: dict[str, Callable[..., Any]] = {
    "Misra1a": lambda of, x, b: b[0] * (1 - of.exp(-b[1] * x)),
    "Chwirut2": lambda of, x, b: of.exp(-b[0] * x) / (b[1] + b[2] * x),
    "Lanczos3": _lanczos,
    "Hahn1": _hahn,
    "Eckerle4": lambda of, x, b: b[0] / b[1] * of.exp(-(((x - b[2]) / b[1]) ** 2) / 2),
}


def read_curve(name: str) -> CurveSet:
    lines = (_FOLDER.with_name("strd-nonlinear") / f"{name}.dat").read_text().splitlines()
    header = "\n".join(lines[:60])
    rows = re.findall(rf"^\s+b\d+ =\s+({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})\s", header, re.MULTILINE)
    first, second, certified = np.array(rows, dtype=np.float64).T
    (squares,) = re.findall(rf"^Residual Sum of Squares:\s+({_NUMBER})$", header, re.MULTILINE)
    y, x = np.array([line.split()[:2] for line in lines[60:] if line.strip()], dtype=np.float64).T
    return CurveSet(CURVES[name], x.copy(), y.copy(), np.stack([first, second]), certified, float(squares))
