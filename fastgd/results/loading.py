"""Reading a result that was written."""

from __future__ import annotations

import os

from fastgd.check import path_of
from fastgd.results.files import read
from fastgd.results.sweep_result import SweepResult


def load(path: str | os.PathLike[str]) -> SweepResult:
    """Return the result of a sweep that `SweepResult.save`, or `fastgd sweep --out`, wrote.

    It is equal to what was written, and prints the same; from a CSV file, which has no room for the curvature, without
    what that says. No file is trusted: none can run code, and a checksum tells one that was changed or damaged.

    Parameters
    ----------
    path : str or path-like
        Of a file that ends in .npz, .csv, .json, .parquet or .nc, or a folder that ends in .zarr.

    Returns
    -------
    SweepResult

    Raises
    ------
    ValueError
        In one sentence with the path, if there is no whole result of a known format.
    ModuleNotFoundError
        If the format needs a package that is not there, with the command that installs it.

    Examples
    --------
    >>> import tempfile, pathlib, fastgd
    >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.2], max_steps=5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result.save(pathlib.Path(folder) / "square.csv")
    ...     fastgd.load(pathlib.Path(folder) / "square.csv") == result
    True
    """
    return read(path_of("path", path), SweepResult)
