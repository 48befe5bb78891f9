"""Stores: what is written is what a sweep in memory returns, others read it, and what was changed is told."""

from __future__ import annotations

import json
import math
import pickle
import shutil
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot

import fastgd
from fastgd import Status
from fastgd.results.page import content
from fastgd.results.plots import cells
from fastgd.results.store.layout import Layout, tile_shape
from fastgd.sweeps import opened, work
from tests.tools.cases import bits
from tests.tools.results import CASES

ARRAYS = ("theta", "loss", "gradient_norm", "steps", "status", "initial_loss", "stalled")
RATES = np.geomspace(1e-4, 1e-2, 50)


@pytest.fixture
def small_tiles(monkeypatch):
    """Let a tile have a few configurations."""
    monkeypatch.setattr(work, "LARGEST_TILE", 4)


def pizza(store=None, **how):
    how = {"learning_rate": RATES, "max_steps": [5, 50]} | how
    return fastgd.sweep(fastgd.examples.pizza(), store=store, **how)


@pytest.fixture
def folder(tmp_path, small_tiles):
    """Return the folder of a finished store."""
    pizza(tmp_path / "run.zarr")
    return tmp_path / "run.zarr"


def unfinished(folder, *, keep):
    """Take the mark from all tiles of a store but the first few."""
    marks = sorted((folder / "status").glob("c.*"), key=lambda mark: [*map(int, mark.name.split(".")[1:])])
    for mark in marks[keep:]:
        mark.unlink()
    return len(marks)


# ---- tiles ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 7), max_size=5), st.integers(1, 50))
def test_tiles_are_runs_of_flat_indices_and_chunks(shape, largest):
    tile = tile_shape(tuple(shape), largest)
    layout = Layout(tuple(shape), tile, {})
    assert layout.tile_size <= largest
    flat = np.arange(math.prod(shape)).reshape(shape)
    end = 0
    for number in range(layout.count):
        first, last = layout.range(number)
        assert first == end
        end = last
        corner = [place * own for place, own in zip(layout.block(number), tile, strict=True)]
        chunk = flat[tuple(slice(at, at + own) for at, own in zip(corner, tile, strict=True))]
        assert chunk.ravel().tolist() == list(range(first, last))
        assert set(layout.tiles_of(np.arange(first, last)).tolist()) == {number}
    assert end == flat.size


@given(st.integers(1, 10**8), st.integers(1, 10**8))
def test_little_reaches_beyond_the_grid(rows, columns):
    tile = tile_shape((rows, columns), 1 << 18)
    layout = Layout((rows, columns), tile, {})
    assert layout.count * layout.tile_size <= rows * columns + rows * columns // 2 + (1 << 18)


# ---- the same result as in memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CASES if name != "statuses"])
def test_a_stored_result_is_the_one_in_memory(name, tmp_path, small_tiles, monkeypatch):
    expected = CASES[name]()
    plain = fastgd.sweep
    monkeypatch.setattr(fastgd, "sweep", lambda *problem, **how: plain(*problem, **how, store=tmp_path / "run.zarr"))
    result = CASES[name]()
    assert isinstance(result, fastgd.SweepResult)
    opened = fastgd.open_result(tmp_path / "run.zarr")
    for found in (result, opened, pickle.loads(pickle.dumps(result))):
        assert bits(found) == bits(expected)
        assert found == expected
        assert expected == found
        assert (found.best, found.fastest) == (expected.best, expected.fastest)
        assert found.outcome(-1).message == expected.outcome(-1).message
        assert without_time(str(found)) == without_time(str(expected))
        for axis in expected.axes:
            assert found.best_along(axis) == expected.best_along(axis)
            assert found.isel(**{axis: 0}) == expected.isel(**{axis: 0})
            assert found.isel(**{axis: [-1, 0]}) == expected.isel(**{axis: [-1, 0]})


@pytest.mark.parametrize("most", [3, 1000])
@pytest.mark.parametrize("by", ["loss", "steps"])
def test_pictures_choose_tile_by_tile_what_they_choose_in_memory(folder, by, most, closed_figures):
    expected = pizza(tolerance=1e-3, learning_rate=np.repeat(RATES, 2))  # each twice: the first of equals is shown
    pizza(folder.parent / "twice.zarr", tolerance=1e-3, learning_rate=np.repeat(RATES, 2))
    result = fastgd.open_result(folder.parent / "twice.zarr")
    for names in (("learning_rate",), ("learning_rate", "max_steps")):
        chosen = [
            cells.cells(each, tuple(cells.along(each, "x", name) for name in names), by=by, most=most).chosen
            for each in (result, expected)
        ]
        np.testing.assert_array_equal(*chosen)
    assert "loss" not in vars(result)  # nothing was read whole
    assert result.plot.loss().get_title() == expected.plot.loss().get_title()
    assert "loss" not in vars(result)


@pytest.fixture
def closed_figures():
    yield
    pyplot.close("all")


def artists_of(ax):
    return [(line.get_label(), *map(np.asarray, line.get_data())) for line in ax.get_lines()]


def test_pictures_and_the_page_read_no_array_whole(folder, monkeypatch, closed_figures):
    how = {"tolerance": 1e-3, "record_every": 3, "max_steps": [5, 200]}
    expected = pizza(**how)
    pizza(folder.parent / "recorded.zarr", **how)
    result = fastgd.open_result(folder.parent / "recorded.zarr")
    for most in (60, 3):
        monkeypatch.setattr("fastgd.results.plots.drawing.MOST_MARKERS", most)
        for name in ("w", "b"):
            for (label, *own), (_, *other) in zip(
                artists_of(result.plot.parameter(name)), artists_of(expected.plot.parameter(name)), strict=True
            ):
                np.testing.assert_array_equal(own, other, label)
    assert "1 point = up to" in result.plot.parameter("w").get_xlabel()
    for most in (content.MOST_CELLS, 7):
        monkeypatch.setattr(content, "MOST_CELLS", most)
        (said, _), (also, _) = (content.content(each, None) for each in (result, expected))
        np.testing.assert_equal(said, also)
    result.explore(folder.parent / "page.html")
    assert not set(vars(result)) & {*ARRAYS, "trajectory"}
    for (label, *own), (_, *other) in zip(
        artists_of(result.plot.trajectories()), artists_of(expected.plot.trajectories()), strict=True
    ):
        np.testing.assert_array_equal(own, other, label)
    assert not set(vars(result)) & {"theta", "loss", "trajectory"}
    monkeypatch.setattr("fastgd.results.plots.trajectories.MOST_CHOSEN", 99)
    with pytest.raises(ValueError, match=r"picks its lines among at most 99, got 100 configurations; take a part by"):
        result.plot.trajectories()


def without_time(text):
    return [line for line in text.splitlines() if not line.startswith(("  time", "  engine"))]


@pytest.mark.parametrize("engine", ["samples", "moments", "spectral"])
def test_each_engine_goes_on_to_the_same_bits(engine, tmp_path, small_tiles):
    expected = pizza(engine=engine, tolerance=1e-6)
    pizza(tmp_path / "run.zarr", engine=engine, tolerance=1e-6)
    tiles = unfinished(tmp_path / "run.zarr", keep=3)
    opened = fastgd.open_result(tmp_path / "run.zarr")
    assert (opened.tiles_finished, opened.tiles) == (3, tiles)
    result = pizza(tmp_path / "run.zarr", engine=engine, tolerance=1e-6)
    assert result.tiles_finished == tiles
    assert bits(result) == bits(expected)


def test_engine_and_statistics_are_the_stores(tmp_path, small_tiles, monkeypatch):
    """A call that goes on takes no statistics, and does not choose anew."""
    how = {"engine": "spectral"}
    expected = pizza(tmp_path / "run.zarr", **how)
    unfinished(tmp_path / "run.zarr", keep=2)

    def taken(*_):
        raise AssertionError("statistics were taken")

    monkeypatch.setattr(fastgd.LinearFit, "_take_statistics", taken)
    result = pizza(tmp_path / "run.zarr")  # engine="auto" would be samples
    assert result.engine == "spectral"
    assert bits(result) == bits(expected)


def test_what_is_not_there_yet_counts_as_such(folder):
    whole = pizza()
    tiles = unfinished(folder, keep=10)
    part = fastgd.open_result(folder)
    pending = part.status == Status.CANCELLED
    assert pending.sum() == whole.status.size * (tiles - 10) // tiles
    assert np.isnan(part.loss[pending]).all()
    assert np.isnan(part.theta[pending]).all()
    assert not part.steps[pending].any()
    assert part.failed[pending].all()
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(part, name)[~pending], getattr(whole, name)[~pending])
    assert part.best == whole.isel(learning_rate=slice(None, 20)).best
    assert f"CANCELLED      {pending.sum()} (not run yet; 0 steps)" in str(part)
    assert part.outcome(-1).status == Status.CANCELLED
    assert repr(part).endswith(f"in {str(folder)!r}, 10 of {tiles} tiles finished>")


def test_a_tile_of_all_max_steps_and_one_of_all_nan_count_as_finished(tmp_path, small_tiles):
    result = fastgd.sweep(
        fastgd.Objective(lambda t: t * math.nan, lambda t: t, start=1.0),
        learning_rate=RATES,
        max_steps=0,
        store=tmp_path / "nan.zarr",
    )
    assert np.isnan(result.loss).all()
    assert result.tiles_finished == result.tiles
    none = pizza(tmp_path / "all.zarr", max_steps=3, learning_rate=np.zeros(40))
    assert set(none.status.ravel().tolist()) == {int(Status.MAX_STEPS)}
    assert none.tiles_finished == none.tiles


def test_progress_counts_what_was_there(folder):
    unfinished(folder, keep=10)
    calls = []
    result = pizza(folder, progress=lambda *told: calls.append(told))
    done, total, counts = calls[-1]
    assert done == total == result.status.size
    assert counts == {
        Status(code).name: int(count) for code, count in zip(*np.unique(result.status, return_counts=True), strict=True)
    }


def test_an_interrupted_sweep_keeps_its_finished_tiles(tmp_path, small_tiles, monkeypatch):
    monkeypatch.setattr("fastgd.sweeps.progress.REPORT_EVERY", 0.0)

    def stop(done, total, counts):
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(fastgd.SweepInterrupted) as caught:
        pizza(tmp_path / "run.zarr", progress=stop)
    result = caught.value.result
    assert 3 <= result.tiles_finished < result.tiles
    assert "of 100 configurations finished" in str(caught.value)
    assert bits(pizza(tmp_path / "run.zarr")) == bits(pizza())


def test_a_warm_start_takes_a_stored_result(folder):
    stored_result = fastgd.open_result(folder)
    again = fastgd.sweep(fastgd.examples.pizza(), theta0=stored_result, learning_rate=1e-3, max_steps=1)
    assert again.status.shape == (100,)


def test_an_array_that_does_not_fit_is_refused_in_a_sentence(folder, monkeypatch):
    from fastgd.results import stored_result

    monkeypatch.setattr(stored_result, "SURELY_THERE", 0)
    monkeypatch.setattr(stored_result, "available_memory", lambda: 100.0)
    result = fastgd.open_result(folder)
    with pytest.raises(
        ValueError, match=r"^loss must fit in memory to be had whole, got .* of 100 configurations; take a"
    ):
        result.loss  # noqa: B018
    assert result.best == pizza().best
    assert result.isel(learning_rate=3).loss.shape == (2,)


# ---- others read it -------------------------------------------------------------------------------------------------


def test_xarray_and_zarr_read_it_without_a_warning(folder):
    xarray = pytest.importorskip("xarray")
    import zarr

    expected = pizza()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group = zarr.open_group(str(folder), mode="r")
        dataset = xarray.open_zarr(folder, chunks=None)
        labelled = fastgd.open_result(folder).to_xarray()
    for name in ARRAYS:
        np.testing.assert_array_equal(group[name][...], getattr(expected, name))
        np.testing.assert_array_equal(dataset[name].values, getattr(expected, name))
    assert dataset.loss.dims == ("learning_rate", "max_steps")
    assert dataset.theta.dims == ("learning_rate", "max_steps", "parameter")
    assert dataset.parameter.values.tolist() == ["w", "b"]
    assert float(dataset.loss.sel(max_steps=50, learning_rate=1e-4)) == expected.loss[0, 1]
    in_memory = expected.to_xarray()
    assert set(labelled.variables) == set(in_memory.variables)
    for name in in_memory.variables:
        np.testing.assert_array_equal(labelled[name].values, in_memory[name].values)
        assert labelled[name].dims == in_memory[name].dims


def test_every_file_has_a_checksum_and_no_compression(folder):
    for file in folder.rglob("zarr.json"):
        metadata = json.loads(file.read_text())
        if metadata["node_type"] == "array":
            codecs = [codec["name"] for codec in metadata["codecs"]]
            assert codecs in (["bytes", "crc32c"], ["vlen-utf8", "crc32c"])


# ---- what was changed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARRAYS)
def test_a_flipped_byte_is_named(folder, name):
    file = sorted((folder / name).glob("c.*"))[3]
    raw = bytearray(file.read_bytes())
    for place in (0, len(raw) // 2, len(raw) - 1):
        changed = raw.copy()
        changed[place] ^= 4
        file.write_bytes(changed)
        result = fastgd.open_result(folder)
        with pytest.raises(ValueError, match=rf"got '{folder}' with {name}/{file.name}: its numbers do not add up"):
            getattr(result, name)
        assert np.isfinite(result.outcome(0).loss)  # of another tile
    file.unlink()
    assert bits(pizza(folder)) == bits(pizza())  # as the sentence says


@pytest.mark.parametrize("name", ARRAYS)
def test_a_truncated_chunk_is_a_tile_to_be_run(folder, name):
    file = sorted((folder / name).glob("c.*"))[3]
    file.write_bytes(file.read_bytes()[:-1])
    part = fastgd.open_result(folder)
    assert part.tiles_finished == part.tiles - 1
    assert (part.status == Status.CANCELLED).sum() == 4
    assert bits(pizza(folder)) == bits(pizza())


def test_a_chunk_that_goes_away_is_named(folder):
    result = fastgd.open_result(folder)
    file = sorted((folder / "loss").glob("c.*"))[3]
    file.unlink()
    with pytest.raises(ValueError, match=rf"with loss/{file.name}: No such file"):
        result.loss  # noqa: B018


def changed_json(file, change):
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


CHANGES = {
    "an attribute": ("zarr.json", lambda said: said["attributes"].update(rule="sign")),
    "the rule": ("zarr.json", lambda said: said["attributes"]["fastgd"]["header"].update(rule="sign")),
    "the identity": ("zarr.json", lambda said: said["attributes"]["fastgd"]["identity"].update(rule="sign")),
    "the tile": ("zarr.json", lambda said: said["attributes"]["fastgd"].update(tile=[4, 2])),
    "a shape": ("loss/zarr.json", lambda said: said.update(shape=[51, 2])),
    "a type": ("steps/zarr.json", lambda said: said.update(data_type="uint64")),
    "a fill": ("status/zarr.json", lambda said: said.update(fill_value=0)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_attribute_is_refused(folder, what):
    name, change = CHANGES[what]
    changed_json(folder / name, change)
    sentence = rf"^path must be a store of a sweep, got '{folder}': its {name} was changed after fastgd wrote it$"
    with pytest.raises(ValueError, match=sentence):
        fastgd.open_result(folder)
    with pytest.raises(ValueError, match=f"^store must be a store of a sweep, got '{folder}': its {name} was changed"):
        pizza(folder)


def test_a_store_of_a_later_format_is_refused(folder):
    changed_json(folder / "zarr.json", lambda said: said["attributes"]["fastgd"].update(format=2))
    with pytest.raises(ValueError, match=r"it has format 2 of fastgd .*, and this is fastgd .*, which reads 1$"):
        fastgd.open_result(folder)


def test_what_is_missing_of_an_axis_or_of_the_statistics_is_refused(tmp_path, small_tiles):
    pizza(tmp_path / "run.zarr", engine="spectral")
    (tmp_path / "run.zarr" / "statistics" / "modes" / "c.0.0").rename(tmp_path / "modes")
    with pytest.raises(ValueError, match=r"^store must be a whole store, got .*: modes is damaged: a file is missing$"):
        pizza(tmp_path / "run.zarr", engine="spectral")
    (tmp_path / "run.zarr" / "max_steps" / "c.0").unlink()
    with pytest.raises(
        ValueError, match=r"^path must be a whole store, got .*: max_steps is damaged: a file is missing"
    ):
        fastgd.open_result(tmp_path / "run.zarr")


def test_what_was_killed_while_it_was_made_is_swept(tmp_path):
    half = tmp_path / ".run.zarr.99.7.partial"
    half.mkdir()
    (half / "zarr.json").write_text("{")
    pizza(tmp_path / "run.zarr")
    assert [each.name for each in tmp_path.iterdir()] == ["run.zarr"]


def test_a_flipped_byte_of_an_axis_is_refused(folder):
    file = folder / "learning_rate" / "c.0"
    raw = bytearray(file.read_bytes())
    raw[9] ^= 1
    file.write_bytes(raw)
    with pytest.raises(ValueError, match=r"^path must be a whole store, got .*: learning_rate is damaged: .*checksum"):
        fastgd.open_result(folder)


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"learning_rate": np.geomspace(1e-4, 1e-2, 51)}, "grid learning_rate count is 50 there and 51 here"),
        ({"max_steps": [5, 51]}, "grid max_steps last is 50 there and 51 here"),
        ({"rule": "sign"}, "rule is 'gradient' there and 'sign' here"),
        ({"bounds": (-1.0, 1.0)}, "bounds is None there and"),
        ({"tolerance": 1e-9}, "grid tolerance is 0.0 there and 1e-09 here"),
        ({"engine": "moments"}, "engine is 'samples' there and 'moments' here"),
        ({"record_every": 3}, "record_every is None there and 3 here"),
        ({"theta0": [1.0, 2.0]}, "grid start first is"),
    ],
)
def test_a_store_of_another_call_is_refused_by_what_differs(folder, other, differs):
    with pytest.raises(ValueError, match=r"^store must be new or of this call, got .*, of which the ") as caught:
        pizza(folder, **other)
    assert differs in str(caught.value)


def test_a_middle_value_that_differs_is_told_by_its_digest(folder):
    rates = RATES.copy()
    rates[7] *= 1 + 1e-15
    with pytest.raises(ValueError, match=r"of which the grid learning_rate digest is '\w+' there and"):
        pizza(folder, learning_rate=rates)


def test_other_data_is_refused(folder):
    problem = fastgd.examples.pizza()
    y = problem.y.copy()
    y[3] = np.nextafter(y[3], np.inf)
    other = fastgd.LinearFit(problem.X, y)
    with pytest.raises(ValueError, match="of which the problem y is "):
        fastgd.sweep(other, learning_rate=RATES, max_steps=[5, 50], store=folder)


def test_a_store_of_another_version_or_processor_is_refused(folder, monkeypatch):
    monkeypatch.setattr("fastgd.results.store.identity.versions", lambda: {"fastgd": "9.9", "NumPy": "2", "Numba": "0"})
    with pytest.raises(ValueError, match=r"the versions fastgd is '[\d.a-z]+' there and '9.9' here"):
        pizza(folder)
    monkeypatch.undo()
    monkeypatch.setattr(work, "LARGEST_TILE", 4)
    monkeypatch.setattr(
        opened.processor, "identity", lambda: {"kind": "x86_64", "model": "pentium", "features": ["+sse"]}
    )
    with pytest.raises(ValueError, match="there and 'pentium' here"):
        pizza(folder)


SQUARE = {"learning_rate": [0.1, 0.2], "max_steps": 5}
SHIFT = 1.0


def test_a_users_functions_are_known_again_by_what_they_are(tmp_path):
    def objective(shift):
        return fastgd.Objective(lambda t: (t - shift) ** 2, lambda t: 2 * (t - shift), start=3.0)

    first = fastgd.sweep(objective(1.0), **SQUARE, store=tmp_path / "run.zarr")
    assert bits(fastgd.sweep(objective(1.0), **SQUARE, store=tmp_path / "run.zarr")) == bits(first)
    with pytest.raises(ValueError, match=r"of which the problem loss is .*; problem gradient is"):
        fastgd.sweep(objective(2.0), **SQUARE, store=tmp_path / "run.zarr")


def test_a_function_that_differs_is_named(tmp_path):
    x = np.linspace(0.1, 2.0, 7)

    def fit(factor=1.0, **how):
        return fastgd.CurveFit(lambda x, a: factor * a * x, x, 2.0 * x, start=1.0, **how)

    def residual(r):
        return r * r

    cases = [
        (fit(), fit(2.0), r"problem model function is '\w+' there and '\w+' here$"),
        (fit(), fit(derivative=lambda x, a: x), r"problem model derivative is absent there and '\w+' here$"),
        (
            fit(loss=fastgd.ResidualLoss(residual)),
            fit(loss=fastgd.ResidualLoss(residual, lambda r: 2.0 * r)),
            r"problem loss psi is absent there and '\w+' here$",
        ),
        (
            fastgd.Objective(residual, start=1.0),
            fastgd.Objective(residual, lambda r: 2.0 * r, start=1.0),
            r"problem gradient is absent there and '\w+' here$",
        ),
    ]
    for number, (there, here, differs) in enumerate(cases):
        fastgd.sweep(there, **SQUARE, store=tmp_path / f"{number}.zarr")
        with pytest.raises(ValueError, match=rf"^store must be new or of this call, got .*, of which the {differs}"):
            fastgd.sweep(here, **SQUARE, store=tmp_path / f"{number}.zarr")


def test_what_cannot_be_told_apart_is_refused(tmp_path):
    class Opaque:
        def __init__(self):
            self.shift = object()

    opaque = Opaque()
    problem = fastgd.Objective(lambda t: t * t + 0 * id(opaque), lambda t: 2 * t, compile=False)
    with pytest.raises(TypeError, match=r"^store needs functions of numbers, arrays and functions, got one that reads"):
        fastgd.sweep(problem, **SQUARE, store=tmp_path / "run.zarr")
    assert not list(tmp_path.iterdir())


# ---- where it is ----------------------------------------------------------------------------------------------------


def test_a_place_that_is_something_else_is_refused(tmp_path):
    result = pizza()
    result.save(tmp_path / "saved.zarr")
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for name in ("saved.zarr", "file", "folder"):
        with pytest.raises(ValueError, match=rf"^store must be new or a store of a sweep, got '.*{name}'$"):
            pizza(tmp_path / name)
        with pytest.raises(ValueError, match=rf"^path must be a store of a sweep, got '.*{name}': "):
            fastgd.open_result(tmp_path / name)
    with pytest.raises(ValueError, match=r"^store must be in a folder that exists, got"):
        pizza(tmp_path / "none" / "run.zarr")
    with pytest.raises(ValueError, match=r"^path must be a store of a sweep, got '.*none': No such file"):
        fastgd.open_result(tmp_path / "none")
    with pytest.raises(TypeError, match=r"^store must be a path, got 3$"):
        pizza(3)
    with pytest.raises(ValueError, match=r"^durable must be left out without store, got True$"):
        pizza(durable=True)


def test_load_and_save_tell_what_a_store_is(folder):
    with pytest.raises(ValueError, match=r"it is a store, which fastgd\.open_result reads"):
        fastgd.load(folder)
    with pytest.raises(ValueError, match=r"^path must not be the store of a sweep, which save would replace, got"):
        pizza().save(folder)
    assert fastgd.open_result(folder) == pizza()


def test_a_durable_store_is_the_same(folder, tmp_path):
    durable = pizza(tmp_path / "durable.zarr", durable=True)
    assert bits(durable) == bits(pizza())
    for name in ARRAYS:
        for file in (folder / name).glob("c.*"):
            assert file.read_bytes() == (tmp_path / "durable.zarr" / name / file.name).read_bytes()


def test_what_killed_writers_left_is_swept(folder):
    left = [folder / "loss" / "c.3.0.17-4.partial", folder / "theta" / "c.99.0.0.1-1.partial"]
    for file in left:
        file.write_bytes(b"half")
    pizza(folder)
    assert not list(folder.rglob("*.partial"))


def test_a_store_may_be_moved_and_copied(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy.zarr")
    assert bits(pizza(tmp_path / "copy.zarr")) == bits(fastgd.open_result(folder))
