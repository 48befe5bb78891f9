"""Samples that are read piece by piece give the bits that they give in memory, wherever they lie and however cut."""

from __future__ import annotations

import math
import os
import pickle
from functools import partial

import dask.array
import h5py
import numpy as np
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
import zarr

import fastgd
from fastgd.sources import streamed
from tests.tools.cases import bits
from tests.tools.fits import LOSSES, MODELS, real

N = 40_003  # several pieces of every kernel's blocks, and a short last one


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch):
    monkeypatch.setattr(streamed, "LOADED", 0)
    monkeypatch.setattr(streamed, "PIECE_BYTES", 1 << 16)


class Chunks:
    """Chunks of these arrays, whose lengths come again and again."""

    def __init__(self, *arrays, lengths=(1000, 12_345, 1, 4096)):
        self.arrays = arrays
        self.lengths = lengths
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        first = number = 0
        while first < len(self.arrays[0]):
            length = self.lengths[number % len(self.lengths)]
            yield tuple(array[first : first + length] for array in self.arrays)
            first += length
            number += 1


def mapped(folder, name, array):
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def as_maps(folder, x, y, weights):
    return (mapped(folder, "x", x), mapped(folder, "y", y)), {"sample_weight": mapped(folder, "w", weights)}


def as_columns_of_one_map(folder, x, y, weights):
    table = mapped(folder, "table", np.column_stack([weights, x, y]))
    features = table[:, 1] if x.ndim == 1 else table[:, 1:-1]
    return (features, table[:, -1]), {"sample_weight": table[:, 0]}


def as_zarr(folder, x, y, weights):
    group = zarr.create_group(folder / "samples.zarr")
    arrays = [
        group.create_array(name, data=array, chunks=(length, *array.shape[1:]))
        for name, array, length in (("x", x, 1000), ("y", y, 7777), ("w", weights, 50_000))
    ]
    return arrays[:2], {"sample_weight": arrays[2]}


def as_hdf5(folder, x, y, weights):
    file = h5py.File(folder / "samples.h5", "w")
    arrays = [
        file.create_dataset("x", data=x, chunks=(999, *x.shape[1:])),
        file.create_dataset("y", data=y),
        file.create_dataset("w", data=weights, chunks=(3000,), compression="gzip"),
    ]
    return arrays[:2], {"sample_weight": arrays[2]}


def as_dask(folder, x, y, weights):
    arrays = [dask.array.from_array(array, chunks=(length, *array.shape[1:])) for array, length in ((x, 1234), (y, N))]
    return arrays, {"sample_weight": dask.array.from_array(weights, chunks=4096)}


def as_chunks(folder, x, y, weights):
    return (Chunks(x, y, weights),), {}


def as_list_of_chunks(folder, x, y, weights):
    return ([[x[:7], y[:7], weights[:7]], (x[7:], y[7:], weights[7:])],), {}


def _table(x, y, weights):
    columns = {f"f{k}": column for k, column in enumerate(x.reshape(len(y), -1).T)}
    return pyarrow.table({"weight": weights, **columns, "y": y})


def as_arrow_table(folder, x, y, weights):
    return (pyarrow.concat_tables(_table(x, y, weights).slice(at, 11_111) for at in range(0, N, 11_111)), "y"), {
        "sample_weight": "weight"
    }


def as_parquet(folder, x, y, weights):
    pyarrow.parquet.write_table(_table(x, y, weights), folder / "samples.parquet", row_group_size=5000)
    return (pyarrow.dataset.dataset(folder / "samples.parquet"), "y"), {"sample_weight": "weight"}


ORIGINS = {name.removeprefix("as_"): make for name, make in list(globals().items()) if name.startswith("as_")}


def wave(x, a, b, c):
    return a * math.sin(b * x) + c


def plane(x, theta):
    return theta[0] * math.exp(x[0] * theta[1]) + theta[2] * x[4]


FITS = {
    "polynomial": (fastgd.PolynomialFit, {"degree": 3}),
    "linear": (fastgd.LinearFit, {"l2": 0.1}),
    "curve": (partial(fastgd.CurveFit, wave), {"start": [1.0, 2.0, 0.5]}),
    "curve of rows": (partial(fastgd.CurveFit, plane), {"start": [1.0, 2.0, 0.5], "l2": 0.1, "loss": "absolute"}),
}


def samples(kind, seed=0):
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, N if kind in ("polynomial", "curve") else (N, 5))
    y = x.reshape(N, -1)[:, 0] + random.normal(size=N)
    weights = random.uniform(0, 2, N) * (random.uniform(size=N) > 0.1)
    return x, y, weights


def assert_same(memory, other, *engines, **how):
    """Compare loss, gradient, statistics, minimum, spectrum, and sweeps, to the bit."""
    assert other.is_streamed
    assert not memory.is_streamed
    assert other.identity() | {"parameters": None} == memory.identity() | {"parameters": None}
    thetas = np.random.default_rng(1).normal(size=(5, memory.dimension))
    for own, of_memory in zip(other.loss_and_gradient(thetas), memory.loss_and_gradient(thetas), strict=True):
        assert np.asarray(own).tobytes() == np.asarray(of_memory).tobytes()
    assert np.asarray(other.loss(thetas[0])).tobytes() == np.asarray(memory.loss(thetas[0])).tobytes()
    if isinstance(memory, fastgd.CurveFit):
        assert other.predict(thetas).tobytes() == memory.predict(thetas).tobytes()
        assert other.jacobian(thetas[0]).tobytes() == memory.jacobian(thetas[0]).tobytes()
        engines = [engine for engine in engines if engine == "samples"]
        if memory.is_squared:
            assert other.spectrum().eigenvalues.tobytes() == memory.spectrum().eigenvalues.tobytes()
    elif memory.is_squared:
        assert other.quadratic().method == memory.quadratic().method
        assert np.asarray(other.minimum().theta).tobytes() == np.asarray(memory.minimum().theta).tobytes()
        assert other.minimum().loss == memory.minimum().loss
        assert np.asarray(other.spectrum().eigenvalues).tobytes() == np.asarray(memory.spectrum().eigenvalues).tobytes()
    for engine in engines:
        found, expected = (
            fastgd.sweep(
                problem, **{"learning_rate": np.geomspace(1e-3, 3.0, 7), "max_steps": [2, 5]} | how, engine=engine
            )
            for problem in (other, memory)
        )
        assert bits(found) == bits(expected), engine


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_wherever_samples_lie(origin, kind, tmp_path):
    x, y, weights = samples(kind)
    fit, how = FITS[kind]
    arguments, weighted = ORIGINS[origin](tmp_path, x, y, weights)
    problem = fit(*arguments, **weighted, **how)
    assert problem.source.is_weighted
    assert_same(fit(x, y, sample_weight=weights, **how), problem, "samples", "moments")


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("lengths", [(N,), (4096,), (8191, 3), (1000, 12_345, 1, 4096)])
def test_however_they_are_cut(lengths, kind):
    x, y, _ = samples(kind)
    fit, how = FITS[kind]
    problem = fit(Chunks(x, y, lengths=lengths), **how)
    assert_same(fit(x, y, **how), problem, "samples", "moments", "spectral", tolerance=1e-3)


@pytest.mark.parametrize("length", [1, 1 << 14, 1 << 18, 1 << 30])
def test_however_long_the_pieces(length, monkeypatch):
    monkeypatch.setattr(streamed, "PIECE_BYTES", length)
    x, y, _ = samples("polynomial")
    assert_same(fastgd.PolynomialFit(x, y, 3), fastgd.PolynomialFit(Chunks(x, y), degree=3), "samples")


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.kind}-{model.size}")
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_and_model(loss, model):
    x, y, weights, _ = real(model, N)
    how = {"loss": LOSSES[loss].loss}
    memory = model.fit(x, y, **how, sample_weight=weights)
    fit, of_model = (
        (fastgd.LinearFit, {}) if model.kind == "line" else (fastgd.PolynomialFit, {"degree": model.size - 1})
    )
    assert_same(memory, fit(Chunks(x, y, weights), **of_model, **how))


@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_rules_schedules_stops_and_records(rule):
    x, y, _ = samples("polynomial")
    how = {"rule": rule, "schedule": "inverse_time", "decay": 0.1, "record_every": 2, "bounds": (-1.0, 1.0)}
    how |= {"learning_rate": np.geomspace(1e-2, 10.0, 5), "loss_threshold": [1.2, 1.3], "gradient_tolerance": 0.3}
    found, expected = (
        fastgd.sweep(problem, engine="samples", max_steps=7, **how)
        for problem in (fastgd.PolynomialFit(Chunks(x, y), degree=2), fastgd.PolynomialFit(x, y, 2))
    )
    assert bits(found) == bits(expected)
    assert found.trajectory.theta.tobytes() == expected.trajectory.theta.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.int16, ">f8", bool])
def test_any_kind_of_number(dtype, tmp_path):
    x = (np.random.default_rng(0).uniform(-9, 9, N)).astype(dtype)
    y = np.arange(N).astype(np.float32)
    memory = fastgd.PolynomialFit(x, y, 1)
    problem = fastgd.PolynomialFit(mapped(tmp_path, "x", x), mapped(tmp_path, "y", y), 1)
    assert problem.dtype == memory.dtype
    assert_same(memory, problem)


def test_ways_that_statistics_take():
    random = np.random.default_rng(5)
    y = random.normal(size=N)
    corner = random.uniform(0, 1e-3, N)
    corner[[77, 30_000]] = 1.0, 0.5
    few = random.integers(0, 3, N) / 2.0
    for x, degree, method in ((corner, 3, "orthogonal"), (few, 4, "distinct"), (corner**4, 9, "Householde")):
        memory = fastgd.PolynomialFit(x, y, degree)
        assert method in memory.quadratic().method
        assert_same(memory, fastgd.PolynomialFit(Chunks(x, y), degree=degree))
    X = np.column_stack([few, few + 1e-9 * y])
    assert_same(fastgd.LinearFit(X, y), fastgd.LinearFit(Chunks(X, y)))


def test_few_samples_are_read_once(monkeypatch):
    chunks = Chunks(np.arange(100.0), np.arange(100.0) ** 2)
    problem = fastgd.PolynomialFit(chunks, degree=2)
    assert not problem.is_streamed
    assert problem.x.tolist() == list(range(100))
    passes = chunks.passes
    problem.minimum()
    assert chunks.passes == passes
    monkeypatch.setattr(streamed, "LOADED", 1 << 27)
    x, y, weights = samples("polynomial")
    loaded = fastgd.PolynomialFit(Chunks(x, y, weights), degree=1)
    assert not loaded.is_streamed
    assert loaded.loss([1.0, 2.0]) == fastgd.PolynomialFit(x, y, 1, sample_weight=weights).loss([1.0, 2.0])


def test_each_step_reads_the_samples_once_for_all_configurations():
    x, y, _ = samples("polynomial")
    chunks = Chunks(x, y)
    problem = fastgd.PolynomialFit(chunks, degree=2)
    before = chunks.passes
    result = fastgd.sweep(problem, learning_rate=np.geomspace(1e-4, 1e-3, 300), max_steps=4, engine="samples")
    assert result.steps.min() == 4
    assert chunks.passes - before <= 5 + 1 + 2  # for theta_0 to theta_4, samples for a picture, the spectrum


# ---- what is told ---------------------------------------------------------------------------------------------------


def test_what_it_says_of_itself(tmp_path):
    x, y, weights = samples("polynomial")
    arguments, weighted = as_maps(tmp_path, x, y, weights)
    problem = fastgd.PolynomialFit(*arguments, 3, **weighted)
    assert repr(problem) == "PolynomialFit(40,003 samples, degree=3, reduction='mean', weighted, streamed)"
    assert problem.x is arguments[0]
    assert problem.y is arguments[1]
    assert problem.sample_weight is weighted["sample_weight"]
    assert problem.sample_count == N
    assert problem.bytes_per_sample == 24
    table, named = as_arrow_table(tmp_path, *samples("linear"))
    assert fastgd.LinearFit(*table, **named).parameters == ("f0", "f1", "f2", "f3", "f4", "b")


@pytest.mark.parametrize(
    "origin", ["maps", "columns_of_one_map", "zarr", "hdf5", "dask", "chunks", "arrow_table", "parquet"]
)
def test_pickles_hold_where_samples_lie(origin, tmp_path):
    arguments, weighted = ORIGINS[origin](tmp_path, *samples("polynomial"))
    problem = fastgd.PolynomialFit(*arguments, degree=2, **weighted)
    content = pickle.dumps(problem)
    if origin in ("maps", "columns_of_one_map", "zarr", "hdf5", "parquet"):
        assert len(content) < 200_000
    again = pickle.loads(content)
    assert again.is_streamed
    assert repr(again) == repr(problem)
    assert again.loss([1.0, 2.0, 3.0]) == problem.loss([1.0, 2.0, 3.0])
    assert again.minimum() == problem.minimum()


def test_pickles_of_curves_hold_where_samples_lie(tmp_path):
    (x, y), weighted = as_maps(tmp_path, *samples("curve"))
    problem = fastgd.CurveFit(wave, x, y, start=[1.0, 2.0, 0.5], **weighted)
    content = pickle.dumps(problem)
    assert len(content) < 200_000
    again = pickle.loads(content)
    assert again.is_streamed
    assert again.identity() == problem.identity()
    assert again.loss([1.0, 2.0, 3.0]) == problem.loss([1.0, 2.0, 3.0])


def test_predictions_and_pictures(tmp_path):
    x, y, _ = samples("polynomial")
    problem = fastgd.PolynomialFit(Chunks(x, y), degree=2)
    memory = fastgd.PolynomialFit(x, y, 2)
    thetas = [[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]]
    assert np.asarray(problem.predict(thetas)).tobytes() == np.asarray(memory.predict(thetas)).tobytes()
    assert problem.predict(thetas, [0.0]).tolist() == [[1.0], [0.5]]
    result = fastgd.sweep(problem, learning_rate=[0.1, 0.2], max_steps=5)
    drawn = result.portrait.samples
    assert drawn.count == N
    assert 500 < len(drawn.x) <= 1000
    assert set(zip(drawn.x, drawn.y, strict=True)) <= set(zip(x, y, strict=True))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["polynomial", "linear"])
def test_in_standardised_coordinates(kind, weighted):
    x, y, weights = samples(kind)
    x = 1990.0 + 30.0 * x
    fit, how = FITS[kind]
    given = {"sample_weight": weights} if weighted else {}
    arrays = (x, y, weights)[: 2 + weighted]
    memory = fit(x, y, **given, **how | {"l2": 0.0}).standardized()
    problem = fit(Chunks(*arrays), **how | {"l2": 0.0}).standardized()
    assert problem.features == memory.features
    assert repr(problem) == repr(memory).replace(", standardised", ", streamed, standardised")
    assert_same(memory, problem, "samples", "moments")


@pytest.mark.parametrize("kind", FITS)
def test_a_store_goes_on_wherever_its_samples_lie(kind, tmp_path):
    x, y, _ = samples(kind)
    fit, how = FITS[kind]
    grid = {"max_steps": 3, "store": tmp_path / "run.zarr"}
    memory = fastgd.sweep(fit(x, y, **how), learning_rate=[1e-3, 1e-2], **grid)
    chunks = Chunks(x, y)
    problem = fit(chunks, **how)
    again = fastgd.sweep(problem, learning_rate=[1e-3, 1e-2], **grid)
    assert again.timing.evaluations == memory.timing.evaluations  # none were added
    assert bits(again) == bits(memory)
    longer = fastgd.sweep(problem, learning_rate=[1e-3, 1e-2, 2e-2], **grid)
    assert longer.theta[:2].tobytes() == memory.theta.tobytes()
    chunks.arrays = x, y + 1.0
    other = fit(chunks, **how)
    with pytest.raises(ValueError, match="store"):
        fastgd.sweep(other, learning_rate=[1e-3, 1e-2], **grid)


def test_other_samples_than_the_first_time_are_refused(tmp_path):
    x, y, _ = samples("polynomial")
    sentence = (
        "x must stay as it was when PolynomialFit took it, got one that was changed since; make a new problem of it$"
    )
    changing = np.memmap(tmp_path / "x", float, "w+", shape=N)
    changing[:] = x
    problem = fastgd.PolynomialFit(changing, mapped(tmp_path, "y", y), 1)
    problem.loss([0.0, 1.0])
    changing[:] *= 2.0
    for use in (lambda: problem.loss([0.0, 1.0]), problem.minimum, lambda: fastgd.descend(problem, learning_rate=0.1)):
        with pytest.raises(ValueError, match=sentence):
            use()
    problem = fastgd.CurveFit(wave, changing, changing, start=[1.0, 1.0, 1.0])
    changing[:] *= 2.0
    with pytest.raises(ValueError, match=sentence.replace("PolynomialFit", "CurveFit")):
        problem.loss([1.0, 1.0, 1.0])
    problem = fastgd.PolynomialFit(mapped(tmp_path, "short", x), y, 1)
    os.truncate(tmp_path / "short.npy", N)
    with pytest.raises(ValueError, match=r"short.npy must stay as long as it was, got one that was cut off since$"):
        problem.minimum()
    chunks = Chunks(x.copy(), y)
    problem = fastgd.PolynomialFit(chunks, degree=1)
    problem.minimum()
    chunks.arrays = x[:-1], y[:-1]
    with pytest.raises(ValueError, match=sentence):
        problem.loss([0.0, 1.0])


class NotFinite:
    def __iter__(self):
        yield np.zeros(3), np.zeros(3)
        yield np.array([1.0, np.nan]), np.zeros(2)


GOOD = np.zeros(3), np.zeros(3)
WRONG = {
    "a generator": (
        lambda: fastgd.PolynomialFit((pair for pair in [GOOD]), degree=1),
        "x must be something that can be gone through again",
    ),
    "a curve's generator": (
        lambda: fastgd.CurveFit(wave, (pair for pair in [GOOD]), start=[1.0, 2.0, 3.0]),
        "x must be something that can be gone through again, such as a list or an object whose __iter__ begins anew, "
        "got generator <generator object",
    ),
    "no chunks": (lambda: fastgd.PolynomialFit([], degree=1), "x must not be empty, got no chunks"),
    "not finite": (
        lambda: fastgd.PolynomialFit(NotFinite(), degree=1),
        "chunk 1 of x must be finite, got nan at index 1",
    ),
    "y not finite": (
        lambda: fastgd.LinearFit([GOOD, (np.zeros(2), [1.0, np.inf])]),
        "y in chunk 1 of X must be finite, got inf at index 1",
    ),
    "lengths": (
        lambda: fastgd.PolynomialFit([GOOD, (np.zeros(2), np.zeros(3))], degree=1),
        "chunk 1 of x must have as many samples as its y, got 2 and 3",
    ),
    "no pair": (
        lambda: fastgd.PolynomialFit([GOOD, 3.0], degree=1),
        "chunk 1 of x must be (x, y) or (x, y, weight), got 3.0",
    ),
    "a third array": (
        lambda: fastgd.PolynomialFit([GOOD, (*GOOD, np.ones(3))], degree=1),
        "chunk 1 of x must have 2 arrays like the first, got 3",
    ),
    "negative weight": (
        lambda: fastgd.PolynomialFit([(*GOOD, [1.0, -2.0, 0.0])], degree=1),
        "sample_weight in chunk 0 of x must be at least 0, got -2.0",
    ),
    "no weight": (
        lambda: fastgd.PolynomialFit([(*GOOD, np.zeros(3))], degree=1),
        "sample_weight must have a finite sum above 0, got 0.0",
    ),
    "features": (
        lambda: fastgd.LinearFit([(np.zeros((3, 2)), np.zeros(3)), (np.zeros((3, 4)), np.zeros(3))]),
        "chunk 1 of X must have shape (n, 2) and its y (n,), got (3, 4) and (3,)",
    ),
    "text": (
        lambda: fastgd.PolynomialFit([GOOD, (["a"], [1.0])], degree=1),
        "chunk 1 of x must be real numbers, got dtype <U1",
    ),
    "weights beside": (
        lambda: fastgd.PolynomialFit([GOOD], degree=1, sample_weight=[1.0]),
        "sample_weight must be the third array of each chunk",
    ),
    "one array": (
        lambda: fastgd.PolynomialFit(np.zeros(3), degree=1),
        "y must be given with arrays; without it x must have chunks",
    ),
    "a column": (
        lambda: fastgd.PolynomialFit(pyarrow.table({"a": [1.0], "b": [2.0]}), "c", degree=1),
        "y must name a column of x (a, b), got 'c'",
    ),
    "columns": (
        lambda: fastgd.PolynomialFit(pyarrow.table({"a": [1.0], "b": [2.0], "c": [3.0]}), "c", degree=1),
        "x must have one column beside those of y and weights, got 2 (a, b)",
    ),
    "missing": (
        lambda: fastgd.PolynomialFit(pyarrow.table({"a": [1.0, None], "b": [2.0, 3.0]}), "b", degree=1),
        "column 'a' of x must be finite, got nan at index 1",
    ),
    "degree": (lambda: fastgd.PolynomialFit([GOOD]), "degree must be a whole number, got None"),
}


@pytest.mark.parametrize("case", WRONG)
def test_sentences(case):
    call, sentence = WRONG[case]
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert str(error.value).startswith(sentence)


def test_sentences_of_arrays(tmp_path):
    x = mapped(tmp_path, "x", np.arange(float(N)))
    y = np.zeros(N)
    y[39_999] = np.inf
    infinite = mapped(tmp_path, "y", y)
    unknown = dask.array.from_array(y, chunks=1000)
    unknown = unknown[unknown > 1.0]
    numbers = mapped(tmp_path, "c", np.zeros(N, complex))
    for call, sentence in (
        (lambda: fastgd.PolynomialFit(x, x[1:], 1), "x and y must have the same number of samples, got 40003 and"),
        (lambda: fastgd.PolynomialFit(x.reshape(1, -1), x[:1], 1), "x must be 1-D, got an array of shape (1, 40003)"),
        (
            lambda: fastgd.PolynomialFit(unknown, unknown, 1),
            "x must be an array of known shape, got one of dask's in chunks of unknown lengths",
        ),
        (lambda: fastgd.PolynomialFit(x, numbers, 1), "y must be real numbers, got dtype complex128"),
        (lambda: fastgd.PolynomialFit(x, infinite, 1), "y must be finite, got inf at index 39999"),
    ):
        with pytest.raises((ValueError, TypeError)) as error:
            call()
        assert str(error.value).startswith(sentence)
