"""Every kind of array in: the right answer, and no copy where none is needed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import fastgd
from tests.oracle.reference import linear, numbers, powers

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


class Frame:
    """A data frame as far as it is read: names of columns, and an array of objects where their types differ."""

    def __init__(self, columns):
        self.columns, self.values = list(columns), list(columns.values())

    def __array__(self, dtype=None, copy=None):
        array = np.array([[value for value in row] for row in zip(*self.values, strict=True)], dtype=object)
        return array if dtype is None else array.astype(dtype)


def mixed(array, folder):
    """Numbers of every type in an array of objects."""
    kinds = (float, int, Fraction, Decimal, np.float64, np.float32, np.int16, np.longdouble)
    objects = np.empty(array.shape, dtype=object)
    for k, index in enumerate(np.ndindex(array.shape)):
        value = array[index].item()
        kind = kinds[k % len(kinds)]
        objects[index] = value if kind in (int, np.int16) and value != int(value) else kind(value)
    return objects


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
    "objects": mixed,
    "list of objects": lambda array, folder: mixed(array, folder).tolist(),
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
            many = (300,) + (1,) * (array.ndim - 1)  # more than a problem copies
            given.append(np.tile(array.astype(dtype), many))  # noqa: B023 - called at once
            return given[-1]  # noqa: B023

        problem = make(change)
        data = getattr(problem, "x", None) if make is polynomial else problem.X
        for kept, array in zip((data, problem.y), given, strict=True):
            assert np.shares_memory(kept, array)
            assert kept.dtype == dtype
            assert not kept.flags.writeable
            assert array.flags.writeable


def test_memory_maps_are_not_read_into_memory(tmp_path):
    np.save(tmp_path / "x.npy", whole_numbers(200 * N))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(fastgd.PolynomialFit(x, x, 1).x, x)


@pytest.mark.parametrize("engine", ["samples", "moments", "spectral"])
def test_data_is_that_of_construction(engine):
    """Loss (1 + 4) / 2 = 2.5 and gradient -(1 + 4) = -5 at 0; one step at a rate of 0.2 leads to the minimum."""
    x, y, weights = np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.array([1.0, 1.0])
    problem = fastgd.LinearFit(x, y, intercept=False, sample_weight=weights)
    for array in (x, y, weights):
        array *= 1000
    run = fastgd.descend(problem, learning_rate=0.2, max_steps=1, engine=engine)
    assert run.trajectory.loss.tolist() == pytest.approx([2.5, 0.0], abs=1e-15)
    assert run.theta.tolist() == pytest.approx([1.0], rel=1e-15)
    assert problem.minimum().loss == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_large_data_that_changes_is_noticed(name):
    """It is not copied; engines that read it before and after would disagree."""
    data = {"X": np.ones((200_000, 1)), "y": np.ones(200_000), "sample_weight": np.ones(200_000)}
    problem = fastgd.LinearFit(**data)
    assert problem.loss([1.0, 0.0]) == 0.0
    problem.minimum()
    data[name] *= 2
    sentence = f"^{name} must stay as it was when LinearFit took it, got one that was changed since"
    for ask in (
        lambda: problem.loss([1.0, 0.0]),
        lambda: fastgd.sweep(problem, learning_rate=[0.1], engine="samples"),
        lambda: fastgd.sweep(problem, learning_rate=[0.1], engine="spectral"),
        problem.minimum,
        problem.spectrum,
        problem.standardized,
        lambda: problem.predict([1.0, 0.0]),
    ):
        with pytest.raises(ValueError, match=sentence):
            ask()


def test_kinds_of_input_share_one_compiled_kernel(tmp_path):
    from fastgd.kernels.problems.evaluate import evaluate

    many_features(lambda array: array).loss(np.zeros(F + 1))
    compiled = len(evaluate.signatures)
    for kind in ("list", "int8", "big-endian", "strided", "fortran", "read-only", "memory-mapped", "unaligned"):
        many_features(lambda array, kind=kind: KINDS[kind](array, tmp_path)).loss(np.zeros(F + 1))
    assert len(evaluate.signatures) == compiled


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


# ---- numbers of Python's own kinds --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [Fraction(1, 10), Decimal("0.1"), np.float64(0.1)])
def test_fractions_and_decimals_are_rounded_once(value):
    problem = fastgd.examples.square()
    result = fastgd.sweep(problem, learning_rate=value, theta0=value, max_steps=Fraction(3), loss_threshold=Decimal(0))
    assert result.outcome(0).configuration["learning_rate"] == result.outcome(0).configuration["theta0"][0] == 0.1
    axis = fastgd.sweep(problem, learning_rate=[value, 0.2, 1], max_steps=[Decimal(3), 5]).axes
    assert axis["learning_rate"].tolist() == [0.1, 0.2, 1.0]
    assert axis["max_steps"].tolist() == [3, 5]
    fit = fastgd.PolynomialFit(
        [0, value, 1], [value, 1, 2], Decimal(1), l2=value, sample_weight=[value, 1, Fraction(1, 3)]
    )
    assert (fit.x.tolist(), fit.y.tolist(), fit.l2) == ([0.0, 0.1, 1.0], [0.1, 1.0, 2.0], 0.1)
    assert fit.sample_weight.tolist() == [0.1, 1.0, 1 / 3]
    assert fastgd.Huber(value).delta == fastgd.Huber(np.array(value, dtype=object)).delta == 0.1


def test_whole_numbers_of_any_size():
    """Beyond 2^64 NumPy keeps them as objects; float64 rounds each to nearest."""
    values = [10**30, -(3**60), 2**63, 2**64 + 1, 7]
    problem = fastgd.PolynomialFit(values, [float(value) for value in values], 1)
    assert problem.x.tolist() == problem.y.tolist() == [1e30, float(-(3**60)), 2.0**63, 2.0**64, 7.0]
    assert fastgd.sweep(fastgd.examples.square(), learning_rate=0.0, theta0=10**25).theta.tolist() == [1e25]
    threshold = fastgd.sweep(fastgd.examples.square(), learning_rate=0.1, divergence_threshold=10**25)
    assert threshold.outcome(0).configuration["divergence_threshold"] == 1e25


# ---- data frames --------------------------------------------------------------------------------------------------

HOUSES = {"size": [2104.0, 1600.5, 2400.0], "rooms": [3, 3, 4], "garden": [True, False, np.True_]}


def test_a_frame_of_floats_whole_numbers_and_truth_values():
    problem = fastgd.LinearFit(Frame(HOUSES), [1.0, 2.0, 4.0])
    assert problem.X.tolist() == [[2104.0, 3.0, 1.0], [1600.5, 3.0, 0.0], [2400.0, 4.0, 1.0]]
    assert problem.parameters == ("size", "rooms", "garden", "b")
    flags = np.array([True, False, True], dtype=object)
    weighted = fastgd.LinearFit(Frame(HOUSES), flags, sample_weight=flags)
    assert weighted.y.tolist() == weighted.sample_weight.tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(TypeError, match=r"^X must be real numbers, got 'Bonn' at index 1, 1$"):
        fastgd.LinearFit(Frame({"size": [1.0, 2.0], "city": [3.0, "Bonn"]}), [1.0, 2.0])


@pytest.mark.parametrize(
    ("names", "parameters"),
    [
        (["size", "rooms"], ("size", "rooms", "b")),
        (["b", "_b"], ("b", "_b", "__b")),  # the intercept takes a name that is free
        ([0, 1], ("w0", "w1", "b")),  # what is no name is not taken for one
        (["size", "size"], ("w0", "w1", "b")),
        (["size", ""], ("w0", "w1", "b")),
        ([("a", "x"), ("a", "y")], ("w0", "w1", "b")),
    ],
)
def test_parameters_are_a_frames_columns(names, parameters):
    frame = Frame(dict(enumerate([[1.0, 2.0], [3.0, 5.0]])))
    frame.columns = names
    assert fastgd.LinearFit(frame, [1.0, 2.0]).parameters == parameters
    assert fastgd.LinearFit(frame, [1.0, 2.0], intercept=False).parameters == parameters[:-1]
    assert fastgd.LinearFit(frame, [1.0, 2.0], parameters=["p", "q", "r"]).parameters == ("p", "q", "r")


def test_one_column_has_its_name():
    assert fastgd.LinearFit(Frame({"size": [1.0, 2.0]}), [1.0, 2.0]).parameters == ("size", "b")
    assert fastgd.LinearFit([[1.0], [2.0]], [1.0, 2.0]).parameters == ("w", "b")


# ---- weights of float32 data --------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 2.0**-150, 2.0**200])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_keep_their_digits_beside_float32_data(factor, reduction):
    """As float32 a tenth would be off by 1e-8, and the small ones 0."""
    X, y, weights = (
        np.float32([[0.5, 3], [1, -2], [2, 0.25]]),
        np.float32([1, 2, 5]),
        np.array([0.1, 0.2, 0.3]) * factor,
    )
    for intercept, theta in ((True, [0.5, -1.0, 0.25]), (False, [0.5, -1.0])):
        fit = fastgd.LinearFit(X, y, intercept=intercept, sample_weight=weights, reduction=reduction)
        assert (fit.X.dtype, fit.y.dtype, fit.sample_weight.dtype) == (np.float32, np.float32, np.float64)
        rows = [[Fraction(float(value)) for value in row] + [Fraction(1)] * intercept for row in X]
        residuals = [
            sum(a * Fraction(b) for a, b in zip(row, theta, strict=True)) - Fraction(float(target))
            for row, target in zip(rows, y, strict=True)
        ]
        exact = [Fraction(weight) for weight in weights]
        scale = 1 / sum(exact) if reduction == "mean" else 1
        loss = scale * sum(weight * r**2 for weight, r in zip(exact, residuals, strict=True))
        assert fit.loss(theta) == pytest.approx(float(loss), rel=1e-15)
        at_rest = {"learning_rate": 0.0, "max_steps": 0, "theta0": theta, "engine": "moments"}
        assert fastgd.sweep(fit, **at_rest).loss == pytest.approx(float(loss), rel=1e-14)


def test_weights_that_float32_holds_are_stored_beside_float32_data():
    x = np.arange(3, dtype=np.float32)
    for weights in ([1, 2, 3], [True, False, True], np.array([0.5, 0.25, 1.0])):
        assert fastgd.PolynomialFit(x, x, 1, sample_weight=weights).sample_weight.dtype == np.float32
    assert fastgd.PolynomialFit(x, x, 1, sample_weight=[0.5, 0.25, 0.1]).sample_weight.dtype == np.float64
    assert fastgd.PolynomialFit(x, x, 1, sample_weight=[0.5, 0.25, 0.1]).bytes_per_sample == 4 + 4 + 8
