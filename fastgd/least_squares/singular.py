"""Singular values of graded matrices, the small ones with as many digits as the large.

LAPACK's decompositions find singular values to some units of rounding of the largest. Of a matrix X D Y whose outer
factors are well conditioned and whose D is diagonal the data determine all of them to nearly all digits, and so do QR
with column pivoting and one-sided Jacobi rotations (Demmel, Gu, Eisenstat, Slapnicar, Veselic and Drmac, Linear Algebra
and its Applications 299, 1999).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.least_squares.blas import one_thread
from fastgd.least_squares.elimination import Exact, eliminated

EPSILON = float(np.finfo(np.float64).eps)
MOST_SWEEPS = 60
WELL_CONDITIONED = 1e2  # of R with columns of length 1, up to which its elements as floats hold its singular values
ALIKE = 32.0  # ratio of columns' lengths up to which they need not be scaled
WELL_SEPARATED = 1e2  # ratio of singular values up to which LAPACK's have their digits
LARGEST = 256  # columns; rotations of more take longer than anybody waits for


class SingularValues(NamedTuple):
    """matrix (m, n) = left diag(values) right."""

    left: Array  # (m, k), k = min(m, n)
    values: Array  # (k,) falling
    right: Array  # (n, n); rows from k on complete the basis

    @classmethod
    def of(cls, matrix: Array) -> SingularValues:
        """Decompose a matrix whose columns may differ in size, X D with X well conditioned, or whose rows may."""
        found = cls.by_lapack(matrix)
        rows = np.abs(matrix).max(axis=1)
        k = len(found.values)
        alike = rows.max(initial=0.0) <= WELL_SEPARATED * rows.min(initial=np.inf)
        if k == 0 or k > LARGEST or (alike and found.values[0] <= WELL_SEPARATED * found.values[-1]):
            return found
        return cls.of_product(matrix, np.ones(matrix.shape[1]), np.eye(matrix.shape[1]))

    @classmethod
    def by_lapack(cls, matrix: Array) -> SingularValues:
        """Decompose a matrix whose singular values need their digits beside the largest only."""
        with one_thread():
            left, values, right = np.linalg.svd(matrix)
        return cls(left[:, : len(values)], values, right)

    @classmethod
    def of_product(cls, X: Array, D: Array, Y: Array) -> SingularValues:
        """Decompose X (m, k) diag(D) Y (k, n), both outer factors well conditioned."""
        orthogonal, triangle, order = _pivoted_qr(X * D)
        with one_thread():
            # rows of the triangle shrink with D: as columns they are a well conditioned matrix times a diagonal one
            columns, lengths, rotations = _orthogonalized((triangle @ Y[order]).T)
            falling = np.argsort(-lengths, kind="stable")
            lengths = lengths[falling]
            return cls(orthogonal @ rotations[:, falling], lengths, _completed(columns[:, falling], lengths > 0.0))


def decomposed(R: Array, rank: int, exactly: Callable[[], Exact] | None) -> SingularValues:
    """Return the decomposition of R (m, P), with P values, of which `rank` are not 0.

    `exactly` returns R in the decimals of the precision in force; None where that takes too long.
    """
    P = R.shape[1]
    with np.errstate(all="ignore"):  # what is beyond float64 is told by whoever asks
        found = _with_digits(R, rank, exactly)
    values = np.zeros(P)
    values[: len(found.values)] = found.values
    left = np.zeros((len(R), P))
    left[:, : len(found.values)] = found.left
    return SingularValues(left, values, found.right)


def _with_digits(R: Array, rank: int, exactly: Callable[[], Exact] | None) -> SingularValues:
    if not rank:
        return SingularValues.by_lapack(R)
    lengths = lengths_of(R)
    with one_thread():
        scaled = np.linalg.svd(R / lengths, compute_uv=False)
    if rank == len(scaled) == R.shape[1] and scaled[0] <= WELL_CONDITIONED * scaled[-1]:
        return SingularValues.of(R)
    if exactly is not None:
        return SingularValues.of_product(*eliminated(exactly, rank))
    found = SingularValues.by_lapack(R) if are_alike(lengths) else SingularValues.of(R)
    rank = min(rank, int(np.count_nonzero(scaled > EPSILON * max(R.shape) * scaled[0])))
    found.values[rank:] = 0.0  # what only rounding moves
    return found


def lengths_of(R: Array) -> Array:
    """Return a measure of the columns' lengths, 1 for one of zeros."""
    lengths = np.abs(R).max(axis=0, initial=0.0)
    lengths[lengths == 0.0] = 1.0
    return np.asarray(lengths)


def are_alike(lengths: Array) -> bool:
    """Tell whether columns need not be scaled."""
    return bool(lengths.max() <= ALIKE * lengths.min())


def _pivoted_qr(matrix: Array) -> tuple[Array, Array, NDArray[np.intp]]:
    """Return Q (m, k), R (k, n) and the order of columns, with matrix[:, order] = Q R and |R_ij| falling with i.

    Householder reflections, each of a vector scaled to its largest element: squares of small columns would vanish. With
    the largest rows on top small rows of Q keep their digits too (Cox and Higham, Numerical Analysis 1997, 1998).
    """
    m, n = matrix.shape
    k = min(m, n)
    order = np.arange(n)
    by_size = np.argsort(-np.abs(matrix).max(axis=1), kind="stable")
    R = matrix[by_size]
    Q = np.eye(m)
    for j in range(k):
        pivot = j + int(np.argmax(np.abs(R[j:, j:]).max(axis=0)))
        R[:, [j, pivot]] = R[:, [pivot, j]]
        order[[j, pivot]] = order[[pivot, j]]
        size = np.abs(R[j:, j]).max()
        if size == 0.0:
            break
        reflector = R[j:, j] / size
        length = np.sqrt(np.sum(reflector * reflector))
        reflector[0] += np.copysign(length, reflector[0])
        factor = 2.0 / np.sum(reflector * reflector)
        R[j:, j:] -= (factor * reflector)[:, None] * np.sum(reflector[:, None] * R[j:, j:], axis=0)
        R[j + 1 :, j] = 0.0
        Q[:, j:] -= np.sum(Q[:, j:] * reflector, axis=1)[:, None] * (factor * reflector)
    unsorted = np.empty((m, k))
    unsorted[by_size] = Q[:, :k]
    return unsorted, R[:k], order


def _orthogonalized(matrix: Array) -> tuple[Array, Array, Array]:
    """Return columns of length 1 (p, n), lengths (n,) and rotations J (n, n), with matrix J = columns diag(lengths).

    One-sided Jacobi: two columns are turned until they are at right angles. A sweep meets every two once, half of them
    at a time. Columns are kept apart from their lengths, whose squares may be beyond float64.
    """
    p, n = matrix.shape
    columns = matrix.T.copy()  # a row a column, as in J
    J = np.eye(n)
    lengths = np.ones(n)
    _normalize(columns, lengths)
    players = np.arange(n + n % 2)
    half = len(players) // 2
    for _ in range(MOST_SWEEPS if n > 1 else 0):
        largest = 0.0
        for _ in range(len(players) - 1):
            a = players[:half]
            b = players[half:][::-1]
            real = (a < n) & (b < n)
            largest = max(largest, _turn(columns, lengths, J, a[real], b[real]))
            players[1:] = np.roll(players[1:], 1)
        _normalize(columns, lengths)
        if largest <= EPSILON * np.sqrt(p):
            break
    return columns.T, lengths, J.T


def _turn(columns: Array, lengths: Array, J: Array, a: NDArray[np.intp], b: NDArray[np.intp]) -> float:
    """Turn columns a and b (pairs) to right angles; return the largest cosine that was between two."""
    longer = lengths[a] >= lengths[b]
    a, b = np.where(longer, a, b), np.where(longer, b, a)
    first = columns[a]
    second = columns[b]
    squares_a = np.sum(first * first, axis=1)
    squares_b = np.sum(second * second, axis=1)
    cosine = np.sum(first * second, axis=1) / np.sqrt(squares_a * squares_b)
    cosine = np.where((lengths[b] > 0.0) & np.isfinite(cosine), cosine, 0.0)
    turned = np.flatnonzero(np.abs(cosine) > 0.5 * EPSILON)
    if not turned.size:
        return 0.0
    a = a[turned]
    b = b[turned]
    size_a = np.sqrt(squares_a[turned])
    size_b = np.sqrt(squares_b[turned])
    first = first[turned] / size_a[:, None]
    second = second[turned] / size_b[:, None]
    c = cosine[turned]
    ratio = lengths[b] * size_b / (lengths[a] * size_a)  # <= 1 but for rounding
    slope = np.maximum(0.5 * (1.0 - ratio) * (1.0 + ratio), 0.0) / np.abs(c)
    tangent = np.sign(c) / (slope + np.sqrt(ratio * ratio + slope * slope))  # over the ratio
    small = tangent * ratio
    shrink = 1.0 / np.sqrt(1.0 + small * small)
    columns[a] = (shrink * size_a)[:, None] * (first + (small * ratio)[:, None] * second)
    columns[b] = (shrink * size_b)[:, None] * (second - tangent[:, None] * first)
    of_a = J[a]
    of_b = J[b]
    J[a] = shrink[:, None] * (of_a + small[:, None] * of_b)
    J[b] = shrink[:, None] * (of_b - small[:, None] * of_a)
    return float(np.abs(c).max())


def _normalize(columns: Array, lengths: Array) -> None:
    """Move the columns' sizes into the lengths."""
    largest = np.abs(columns).max(axis=1)
    largest[largest == 0.0] = 1.0
    columns /= largest[:, None]
    size = np.sqrt(np.sum(columns * columns, axis=1))
    lengths *= largest * size
    size[size == 0.0] = 1.0
    columns /= size[:, None]


def _completed(columns: Array, nonzero: NDArray[np.bool_]) -> Array:
    """Return rows (p, p) that begin with the columns (p, n) and go on with what is at right angles to them."""
    some = columns[:, nonzero]
    k = some.shape[1]
    if k == len(columns):
        return np.ascontiguousarray(columns.T)
    rest = np.linalg.qr(some, mode="complete")[0][:, k:]
    return np.ascontiguousarray(np.concatenate([some, rest], axis=1).T)
