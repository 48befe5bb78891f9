"""The linear algebra of NumPy on one thread: bits do not depend on how many it may use."""

from __future__ import annotations

import os

import pytest

from tests.tools.processes import run

BITS = """
import hashlib
import numpy as np
import fastgd

random = np.random.default_rng(0)
for N, F, weights in ((300, 150, None), (9000, 200, None), (5000, 140, np.linspace(0.5, 2.0, 5000))):
    X = random.normal(size=(N, F)) * np.geomspace(1, 1e3, F)
    X[:, -1] = X[:, 0] + 1e-7 * X[:, -1]
    quadratic = fastgd.LinearFit(X, random.normal(size=N), sample_weight=weights, l2=0.1).quadratic()
    left, values, right = quadratic.decomposition()
    for array in (quadratic.R, quadratic.q, quadratic.theta, left, values, right):
        print(hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest())
"""


@pytest.mark.process
def test_bits_do_not_depend_on_the_threads_of_the_linear_algebra():
    unset = dict.fromkeys(name for name in os.environ if name.startswith(("OPENBLAS", "OMP")))
    found = [run(BITS, timeout=200.0, **unset | {"OPENBLAS_NUM_THREADS": threads}) for threads in ("1", "2", "4")]
    assert found[0].count("\n") == 17
    assert found[0] == found[1] == found[2]
