"""C with OpenMP, compiled by gcc where it is on the path, once for each number of parameters and type of samples."""

from __future__ import annotations

import atexit
import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.missing import Missing
from bench.works import DartSweep, Evaluation, LinearEvaluation, PolynomialEvaluation, PolynomialSweep

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ("-O3", "-march=native", "-fopenmp", "-fPIC")


@cache
def folder() -> Path:
    """Return a folder for compiled libraries, removed at exit."""
    path = tempfile.mkdtemp(prefix="fastgd-bench-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


@cache
def library(P: int, dtype: str = "float64") -> ctypes.CDLL:
    """Compile for P parameters, and samples of this type; arithmetic is in double."""
    gcc = shutil.which("gcc")
    if gcc is None:
        raise Missing("gcc is not on the path")
    compiled, linked = (folder() / f"parameters{P}-{dtype}.{suffix}" for suffix in ("o", "so"))
    real = {"float64": "double", "float32": "float"}[dtype]
    # linked by itself: -ffast-math would link in what sets the whole process to flush denormal numbers to zero
    for command in (
        [gcc, *FLAGS, "-ffast-math", f"-DP={P}", f"-DREAL={real}", "-c", str(SOURCE), "-o", str(compiled)],
        [gcc, *FLAGS, "-shared", str(compiled), "-lm", "-o", str(linked)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(next((line for line in done.stderr.splitlines() if "error" in line), done.stderr))
    return ctypes.CDLL(str(linked))


def at(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def evaluation(name: str, case: Evaluation, data: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """Return the call of a function that fills [loss, gradient...] for each theta."""
    function, theta = getattr(library(case.P, case.dtype), name), case.theta
    sums = np.empty((case.C, case.P + 1))
    arguments = (at(data), at(y), ctypes.c_ssize_t(case.N), at(theta), ctypes.c_ssize_t(case.C), at(sums))
    keep = (data, y, theta)

    def run(keep: Any = keep) -> tuple[np.ndarray, np.ndarray]:
        function(*arguments)
        return (sums[:, 0], sums[:, 1:]) if case.thetas else (sums[0, 0], sums[0, 1:])

    return run


def dot(a: np.ndarray, b: np.ndarray) -> Callable[[], float]:
    """Return the call of a dot product, by which the read probe is judged."""
    function = library(1 + 1).dot
    function.restype = ctypes.c_double
    return lambda: function(at(a), at(b), ctypes.c_ssize_t(a.size))


def polynomial(case: PolynomialEvaluation) -> Callable[[], Any]:
    return evaluation("polynomial", case, case.x, case.y)


def linear(case: LinearEvaluation) -> Callable[[], Any]:
    return evaluation("linear", case, case.X, case.y)


def polynomial_sweep(case: PolynomialSweep) -> Callable[[], Any]:
    function, x, y, rates = library(case.P).polynomial_sweep, case.x, case.y, case.rates
    sums = np.empty((case.C, case.P + 1))

    def run() -> tuple[np.ndarray, np.ndarray]:
        thetas = np.zeros((case.C, case.P))
        sizes = [ctypes.c_ssize_t(size) for size in (case.N, case.C, case.steps)]
        function(at(x), at(y), sizes[0], at(rates), sizes[1], sizes[2], at(thetas), at(sums))
        return thetas, sums[:, 0]

    return run


def dart_sweep(case: DartSweep) -> Callable[[], Any]:
    function, rates = library(1 + 1).dart_sweep, case.rates
    theta, loss, steps = np.empty(case.C), np.empty(case.C), np.empty(case.C, dtype=np.longlong)

    def run() -> tuple[np.ndarray, ...]:
        function(
            at(rates),
            ctypes.c_ssize_t(case.C),
            ctypes.c_ssize_t(case.steps),
            ctypes.c_double(case.threshold),
            ctypes.c_double(case.bound),
            at(theta),
            at(loss),
            at(steps),
        )
        return theta, loss, steps

    return run
