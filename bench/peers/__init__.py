"""The peers: what a user would take instead of fastgd, work by work.

`PEERS[work][name]` is a `Peer`. Its `setup(case)` prepares what a user would prepare once and returns a function of no
arguments that does the work and returns its result as `case.check` takes it; compilation happens at its first call. It
raises `Missing`, with the reason, where the peer is not there or can't do the case. The same table drives the
correctness tests in `test_peers.py` and every benchmark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from bench.peers import c_openmp, itself, jax_vmap, numba_plain, numpy_blas, numpy_loop, sklearn_fit, torch_vmap
from bench.peers.missing import Missing

__all__ = ["ANY", "FASTGD", "PEERS", "Missing", "Peer"]

FASTGD = "fastgd"
ANY = 1 << 62


class Peer(NamedTuple):
    """How to set a peer up, and on how much of a work it is measured: its time is scaled up from there."""

    setup: Callable[[Any], Callable[[], Any]]
    visits: int = ANY  # at most so many visits of a sample
    evaluations: int = ANY  # and at most so many losses and gradients
    by: str = "configurations"  # which a sweep is cut down by, or "steps"


NAIVE = 10_000_000  # samples
SOME_DESCENTS = 65_536 * 501  # evaluations, if each goes to its last step
OUT_OF_CACHE = 500_000  # samples whose temporary arrays few caches hold; powers by ** take a second on so many

PEERS: dict[str, dict[str, Peer]] = {
    "polynomial": {
        FASTGD: Peer(itself.polynomial),
        "NumPy": Peer(numpy_loop.polynomial, visits=OUT_OF_CACHE),
        "NumPy BLAS": Peer(numpy_blas.polynomial, visits=NAIVE // 2),
        "Numba": Peer(numba_plain.polynomial, visits=NAIVE),
        "C": Peer(c_openmp.polynomial),
        "JAX": Peer(jax_vmap.polynomial, visits=2 * NAIVE),
        "PyTorch": Peer(torch_vmap.polynomial, visits=NAIVE // 2),
    },
    "linear": {
        FASTGD: Peer(itself.linear),
        "NumPy BLAS": Peer(numpy_blas.linear),
        "Numba": Peer(numba_plain.linear),
        "C": Peer(c_openmp.linear),
        "JAX": Peer(jax_vmap.linear),
        "PyTorch": Peer(torch_vmap.linear, visits=NAIVE // 2),
    },
    "polynomial batch": {
        FASTGD: Peer(itself.polynomial),
        "NumPy": Peer(numpy_loop.polynomial, visits=OUT_OF_CACHE),
        "NumPy BLAS": Peer(numpy_blas.polynomial_batch, visits=5 * NAIVE),
        "Numba": Peer(numba_plain.polynomial_batch, visits=5 * NAIVE),
        "C": Peer(c_openmp.polynomial),
        "JAX": Peer(jax_vmap.polynomial_batch, visits=2 * NAIVE),
        "PyTorch": Peer(torch_vmap.polynomial_batch, visits=NAIVE),
    },
    "linear batch": {
        FASTGD: Peer(itself.linear),
        "NumPy BLAS": Peer(numpy_blas.linear_batch),
        "Numba": Peer(numba_plain.linear_batch, visits=NAIVE // 2),
        "C": Peer(c_openmp.linear),
        "JAX": Peer(jax_vmap.linear_batch),
        "PyTorch": Peer(torch_vmap.linear_batch, visits=NAIVE // 2),
    },
    "polynomial sweep": {
        FASTGD: Peer(itself.polynomial_sweep),
        "NumPy": Peer(numpy_loop.polynomial_sweep, visits=2 * OUT_OF_CACHE, evaluations=4002),
        "NumPy BLAS": Peer(numpy_blas.polynomial_sweep, visits=2 * NAIVE, evaluations=51_456, by="steps"),
        "Numba": Peer(numba_plain.polynomial_sweep, visits=10 * NAIVE),
        "C": Peer(c_openmp.polynomial_sweep, visits=300 * NAIVE, by="steps"),
        "JAX": Peer(jax_vmap.polynomial_sweep, visits=4 * NAIVE, by="steps"),
        "JAX unrolled": Peer(jax_vmap.polynomial_sweep_unrolled, visits=4 * NAIVE, by="steps"),
        "JAX matmul": Peer(jax_vmap.polynomial_sweep_matmul, visits=4 * NAIVE, by="steps"),
        "PyTorch": Peer(torch_vmap.polynomial_sweep, visits=2 * NAIVE, evaluations=51_456, by="steps"),
    },
    "dart sweep": {
        FASTGD: Peer(itself.dart_sweep),
        "Python": Peer(numpy_loop.dart_sweep, evaluations=50_000),
        "NumPy": Peer(numpy_blas.dart_sweep, evaluations=5_000_000),
        "Numba": Peer(numba_plain.dart_sweep, evaluations=10_000_000),
        "C": Peer(c_openmp.dart_sweep, evaluations=10_000_000),
        "JAX": Peer(jax_vmap.dart_sweep, evaluations=5_000_000),
        "PyTorch": Peer(torch_vmap.dart_sweep, evaluations=5_000_000),
    },
    "curve": {
        FASTGD: Peer(itself.curve),
        "Numba": Peer(numba_plain.curve),
        "JAX": Peer(jax_vmap.curve),
    },
    "curve sweep": {
        FASTGD: Peer(itself.curve_sweep),
        "Numba": Peer(numba_plain.curve_sweep),
        "JAX": Peer(jax_vmap.curve_sweep, visits=10 * NAIVE, by="steps"),
    },
    "showcase": {
        FASTGD: Peer(itself.showcase),
        "JAX": Peer(jax_vmap.showcase, evaluations=SOME_DESCENTS),
        "JAX scan": Peer(jax_vmap.showcase_scan, evaluations=SOME_DESCENTS),
        "JAX in batches": Peer(jax_vmap.showcase_batched, evaluations=SOME_DESCENTS),
    },
    "least squares, polynomial": {
        FASTGD: Peer(itself.polynomial_minimum),
        "scikit-learn": Peer(sklearn_fit.polynomial),
        "NumPy lstsq": Peer(numpy_blas.polynomial_least_squares),
    },
    "least squares, linear": {
        FASTGD: Peer(itself.linear_minimum),
        "scikit-learn": Peer(sklearn_fit.linear),
        "NumPy lstsq": Peer(numpy_blas.linear_least_squares),
    },
}
