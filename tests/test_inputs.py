"""Every kind of array in: the right answer, and no copy where none is needed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import fastgd
from tests.reference import linear, numbers, powers

N, F = 1000, 12


def whole_numbers(*shape):
    """Numbers that float32, int8 and text files hold exactly, so that every kind of input means the same."""
    return np.random.default_rng(len(shape)).integers(-4, 5, shape).astype(np.float64)


def as_list(array, folder):
    return array.tolist()


def as_tuple(array, folder):
    return tuple(map(tuple, array)) if array.ndim == 2 else tuple(array)


def as_type(dtype):
    return lambda array, folder: array.astype(dtype)


def strided(array, folder):
    wide = np.full((array.shape[0] * 2, *(2 * n for n in array.shape[1:])), np.nan)
    view = wide[::2] if array.ndim == 1 else wide[::2, ::2]
    view[...] = array
    return view


def backwards(array, folder):
    return array[::-1].copy()[::-1]


def fortran(array, folder):
    return np.asfortranarray(array)


def read_only(array, folder):
    array = array.copy()
    array.flags.writeable = False
    return array


def memory_mapped(array, folder):
    file = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(file, array)
    return np.load(file, mmap_mode="r")


def unaligned(array, folder):
    bytes_of = np.zeros(array.nbytes + 1, dtype=np.uint8)
    view = bytes_of[1:].view(np.float64).reshape(array.shape)
    view[...] = array
    assert not view.flags.aligned
    return view


class Table:
    """An object of a foreign library that knows how to become an array."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


KINDS = {
    "list": as_list,
    "tuple": as_tuple,
    "float32": as_type(np.float32),
    "float16": as_type(np.float16),
    "longdouble": as_type(np.longdouble),
    "int8": as_type(np.int8),
    "int64": as_type(np.int64),
    "big-endian": as_type(">f8"),
    "big-endian int": as_type(">i4"),
    "big-endian float32": as_type(">f4"),
    "strided": strided,
    "backwards": backwards,
    "fortran": fortran,
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "unaligned": unaligned,
    "foreign": lambda array, folder: Table(array),
    "masked, none": lambda array, folder: np.ma.masked_invalid(array),
}


def polynomial(change):
    x, y = whole_numbers(N) / 4, whole_numbers(N, 1)[:, 0]
    return fastgd.PolynomialFit(change(x), change(y), 3)


def line(change):
    return fastgd.LinearFit(change(whole_numbers(N)), change(whole_numbers(N, 1)[:, 0]))


def few_features(change):
    return fastgd.LinearFit(change(whole_numbers(N, 3)), change(whole_numbers(N)))


def many_features(change):
    return fastgd.LinearFit(change(whole_numbers(N, F)), change(whole_numbers(N)))


MAKERS = [polynomial, line, few_features, many_features]


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("make", MAKERS)
def test_every_kind_of_input_means_the_same(make, kind, tmp_path):
    if "int" in kind and make is polynomial:  # quarters are no integers
        make = line
    expected = make(lambda array: array)
    problem = make(lambda array: KINDS[kind](array, tmp_path))
    theta = np.linspace(-1, 1, problem.dimension)
    loss, gradient = problem.loss_and_gradient(theta)
    expected_loss, expected_gradient = expected.loss_and_gradient(theta)
    # exact data: the arithmetic is float64 whatever the storage; only the vector width may change the order of sums
    assert loss == pytest.approx(expected_loss, rel=1e-14)
    assert gradient == pytest.approx(expected_gradient, rel=1e-13)
    assert np.array_equal(problem.predict(theta), expected.predict(theta))
    run = fastgd.descend(problem, learning_rate=0.01, max_steps=5)
    expected_run = fastgd.descend(expected, learning_rate=0.01, max_steps=5)
    assert run.theta == pytest.approx(expected_run.theta, rel=1e-13)


@pytest.mark.parametrize("make", MAKERS)
def test_float64_and_float32_are_not_copied(make):
    for dtype in (np.float64, np.float32):
        given = []

        def change(array):
            given.append(array.astype(dtype))  # noqa: B023 - called at once
            return given[-1]  # noqa: B023

        problem = make(change)
        data = getattr(problem, "x", None) if make is polynomial else problem.X
        for kept, array in zip((data, problem.y), given, strict=True):
            assert np.shares_memory(kept, array)
            assert kept.dtype == dtype
            assert not kept.flags.writeable
            assert array.flags.writeable


def test_memory_maps_are_not_read_into_memory(tmp_path):
    np.save(tmp_path / "x.npy", whole_numbers(N))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(fastgd.PolynomialFit(x, x, 1).x, x)


def test_kinds_of_input_share_one_compiled_kernel(tmp_path):
    from fastgd.kernels.evaluate import evaluate_batch

    many_features(lambda array: array).loss(np.zeros(F + 1))
    compiled = len(evaluate_batch.signatures)
    for kind in ("list", "int8", "big-endian", "strided", "fortran", "read-only", "memory-mapped", "unaligned"):
        many_features(lambda array, kind=kind: KINDS[kind](array, tmp_path)).loss(np.zeros(F + 1))
    assert len(evaluate_batch.signatures) == compiled


@pytest.mark.parametrize("kind", ["list", "float32", "int64", "big-endian", "strided", "read-only", "memory-mapped"])
def test_every_kind_of_theta_and_axis_means_the_same(kind, tmp_path):
    problem = polynomial(lambda array: array)
    starts = whole_numbers(5, 4)
    expected_loss, expected_gradient = problem.loss_and_gradient(starts)
    loss, gradient = problem.loss_and_gradient(KINDS[kind](starts, tmp_path))
    assert np.array_equal(loss, expected_loss)
    assert np.array_equal(gradient, expected_gradient)
    steps = np.array([3.0, 7.0])
    how = {"learning_rate": 0.125, "engine": "samples"}  # the cheapest one depends on what was computed before
    expected = fastgd.sweep(problem, theta0=starts, max_steps=steps.astype(int), **how)
    result = fastgd.sweep(problem, theta0=KINDS[kind](starts, tmp_path), max_steps=KINDS[kind](steps, tmp_path), **how)
    assert np.array_equal(result.theta, expected.theta)
    assert np.array_equal(result.steps, expected.steps)


@pytest.mark.parametrize("P", [*range(1, 20), 24, 31])
def test_float32_is_storage_and_arithmetic_float64(P):
    """Against exact arithmetic on the stored numbers: had a product been rounded to float32, 1e-8 of it would be lost.

    Every other P has weights, which act on residuals, whatever they are made of.
    """
    random = np.random.default_rng(P)
    N = 75
    x, y = random.uniform(-1, 1, (2, N)).astype(np.float32)
    X = random.normal(size=(N, P)).astype(np.float32)
    theta = random.normal(size=P) / 3
    weights = y**2 if P % 2 else None
    shares = [Fraction(1)] * N if weights is None else numbers(weights, Fraction)
    for problem, rows in (
        (fastgd.PolynomialFit(x, y, P - 1, sample_weight=weights), powers(numbers(x, Fraction), P - 1)),
        (fastgd.LinearFit(X, y, intercept=False, sample_weight=weights), numbers(X, Fraction)),
    ):
        oracle = linear(rows, numbers(y, Fraction), intercept=False, weights=shares)
        exact_loss, exact_gradient = oracle(numbers(theta, Fraction))
        loss, gradient = problem.loss_and_gradient(theta)
        size = max(map(abs, exact_gradient))
        assert problem.dtype == np.float32
        assert abs(Fraction(loss) / exact_loss - 1) < 1e-14
        for found, exact in zip(gradient.tolist(), exact_gradient, strict=True):
            assert abs(Fraction(found) - exact) < 1e-12 * abs(exact) + 1e-14 * size


def test_float32_data_is_used_as_it_is_stored():
    x = np.random.default_rng(0).normal(size=300).astype(np.float32)
    double = fastgd.PolynomialFit(x.astype(np.float64), x.astype(np.float64), 2)
    theta = [0.1, 0.2, 0.3]
    mixed = fastgd.PolynomialFit(x, x.astype(np.float64), 2)
    assert mixed.x.dtype == np.float64
    assert mixed.loss(theta) == double.loss(theta)
