"""NIST's reference data sets for linear regression: data and certified results.

The files in data/strd are NIST's own, from https://www.itl.nist.gov/div898/strd/lls/lls.shtml: certified values in the
header, data from line 61, y first. Certified values have 15 digits.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

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
