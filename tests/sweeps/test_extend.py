"""Extending a sweep: equal to one over all values, of which only the new configurations are run."""

from __future__ import annotations

import gc
import pickle
import shutil

import numpy as np
import pytest

import fastgd
from fastgd.sweeps import run, work
from tests.tools.cases import bits

BASE = {"learning_rate": [1e-3, 2e-3, 4e-3, 5e-3], "max_steps": 20, "tolerance": 1e-6, "record_every": 7}
STEPS = (  # each adds to those before: (what, how many configurations are new)
    ({}, 4),
    ({"learning_rate": [1e-3, 1.5e-3, 2e-3, 4e-3, 5e-3, 1e-2]}, 2),
    ({"max_steps": [20, 30, 5]}, 12),
    ({"theta0": [[1.0, 2.0], [0.0, 0.0]]}, 18),
    ({"learning_rate": [1e-4, 1e-3, 1.5e-3, 2e-3, 4e-3, 5e-3, 1e-2]}, 6),
)
ENGINES = ["samples", "moments", "spectral"]


@pytest.fixture
def ran(monkeypatch):
    """Return a list to which the number of configurations of each tile that is run is added."""
    counts = []

    class Counted(run.Tiles):
        def run(self, reports):
            super().run(reports)
            counts.append(self.size)

    monkeypatch.setattr(run, "Tiles", Counted)
    monkeypatch.setattr(work, "Tiles", Counted)
    monkeypatch.setattr(work, "LARGEST_TILE", 12)
    return counts


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_call_with_longer_axes_extends_the_store(engine, tmp_path, ran):
    problem = fastgd.examples.pizza()
    how = BASE | {"engine": engine}
    for more, new in STEPS:
        how |= more
        expected = fastgd.sweep(problem, **how)
        ran.clear()
        result = fastgd.sweep(problem, **how, store=tmp_path / "run.zarr")
        assert sum(ran) == new
        assert bits(result) == bits(expected)
        assert result == expected
        assert result.tiles_finished == result.tiles
        ran.clear()
        assert fastgd.sweep(problem, **how, store=tmp_path / "run.zarr") == expected
        assert not ran
    assert [each.name for each in tmp_path.iterdir()] == ["run.zarr"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("place", [None, "run.zarr"])
def test_a_result_is_extended(engine, place, tmp_path, ran):
    problem = fastgd.examples.pizza()
    store = None if place is None else tmp_path / place
    result = fastgd.sweep(problem, **BASE, engine=engine, store=store)
    ran.clear()
    result = result.extend(learning_rate=[1.5e-3, 1e-3], max_steps=30)  # one of them is there
    assert sum(ran) == 5 * 2 - 4
    assert result.axes["learning_rate"].tolist() == [*BASE["learning_rate"], 1.5e-3]
    result = result.extend(theta0=[1.0, 2.0])
    how = BASE | {name: result.axes[name] for name in ("learning_rate", "max_steps")} | {"theta0": result.axes["start"]}
    expected = fastgd.sweep(problem, **how, engine=engine)
    assert bits(result) == bits(expected)
    assert result == expected
    assert result.best == expected.best
    if store is not None:
        assert fastgd.open_result(store) == expected


def test_an_unfinished_store_is_extended(tmp_path, ran):
    problem = fastgd.examples.pizza()
    how = BASE | {"learning_rate": np.geomspace(1e-4, 1e-2, 30)}
    fastgd.sweep(problem, **how, store=tmp_path / "run.zarr")
    (tmp_path / "run.zarr" / "status" / "c.1").unlink()
    ran.clear()
    how["learning_rate"] = np.append(how["learning_rate"], 2e-2)
    result = fastgd.sweep(problem, **how, store=tmp_path / "run.zarr")
    assert sum(ran) == 10 + 1
    assert bits(result) == bits(fastgd.sweep(problem, **how))


def test_a_part_of_an_extended_tile_counts_as_such(tmp_path, ran, monkeypatch):
    """A call that is interrupted at once after a store was made larger."""
    problem = fastgd.examples.pizza()
    expected = fastgd.sweep(problem, **BASE, store=tmp_path / "run.zarr")
    longer = BASE | {"learning_rate": [*BASE["learning_rate"], 6e-3]}

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(work.Work, "run", stop)
    with pytest.raises(fastgd.SweepInterrupted, match=r"4 of 5 configurations finished"):
        fastgd.sweep(problem, **longer, store=tmp_path / "run.zarr")
    monkeypatch.undo()
    part = fastgd.open_result(tmp_path / "run.zarr")
    assert (part.tiles_finished, part.configurations_finished) == (1, 4)
    assert part.best == expected.best  # of the store that was there before
    assert part.isel(learning_rate=slice(4)) == expected
    assert fastgd.sweep(problem, **longer, store=tmp_path / "run.zarr") == fastgd.sweep(problem, **longer)


def test_a_result_stays_what_it_was_when_its_store_is_made_larger(tmp_path, ran):
    """Also where the files have the same names and lengths, and other numbers in them."""
    problem = fastgd.examples.pizza()
    store = tmp_path / "run.zarr"
    how = BASE | {"learning_rate": [1e-3, 2e-3, 2e-3, *np.geomspace(4e-3, 1e-2, 21)]}
    first = fastgd.sweep(problem, **how, store=store)
    before = fastgd.sweep(problem, **how)
    results = [first]
    for more in ({"learning_rate": np.linspace(1e-3, 2e-3, 20)}, {"max_steps": 60}, {"theta0": [1.0, 2.0]}):
        results.append(results[-1].extend(**more))
    assert bits(first) == bits(before)
    assert first == before
    assert first.trajectory == before.trajectory
    with pytest.raises(ValueError, match=r"^store must be the store that was opened, got .*: open it again$"):
        first.to_xarray()
    shutil.rmtree(store)
    fastgd.sweep(problem, **BASE | {"rule": "sign"}, store=store)
    with pytest.raises(ValueError, match=r"^store must be the store that was opened, got .*: open it again$"):
        results[-1].loss  # noqa: B018
    shutil.rmtree(store)
    with pytest.raises(ValueError, match=r"^path must be a store of a sweep, got .*run.zarr': No such file"):
        results[-1].steps  # noqa: B018


@pytest.mark.parametrize("opens", [False, True])
def test_what_was_killed_while_a_store_was_replaced_is_restored(opens, tmp_path):
    problem = fastgd.examples.pizza()
    expected = fastgd.sweep(problem, **BASE)
    fastgd.sweep(problem, **BASE, store=tmp_path / "run.zarr")
    (tmp_path / "run.zarr").rename(tmp_path / ".run.zarr.99.old")
    if opens:
        assert fastgd.open_result(tmp_path / "run.zarr") == expected
    assert fastgd.sweep(problem, **BASE, store=tmp_path / "run.zarr") == expected
    assert [each.name for each in tmp_path.iterdir()] == ["run.zarr"]


@pytest.mark.parametrize(
    "less",
    [
        {"learning_rate": [1e-3, 2e-3, 4e-3, 6e-3, 7e-3]},  # a value is gone
        {"max_steps": [10, 30]},  # so is the one that all had
        {"learning_rate": 1e-3},
        {"learning_rate": [*BASE["learning_rate"], 6e-3], "rule": "sign"},  # another call as well
    ],
)
def test_a_grid_that_is_no_larger_one_is_another_call(tmp_path, less):
    problem = fastgd.examples.pizza()
    fastgd.sweep(problem, **BASE, store=tmp_path / "run.zarr")
    with pytest.raises(ValueError, match=r"^store must be new or of this call, got"):
        fastgd.sweep(problem, **BASE | less, store=tmp_path / "run.zarr")


def test_more_rows_of_zipped_configurations(tmp_path, ran):
    problem = fastgd.examples.square()
    rows = {"learning_rate": [0.1, 0.2, 2.0], "max_steps": [4, 5, 9]}
    fastgd.sweep(problem, configurations=rows, store=tmp_path / "run.zarr")
    ran.clear()
    more = {"learning_rate": [0.1, 0.2, 2.0, 0.1], "max_steps": [4, 5, 9, 3]}
    result = fastgd.sweep(problem, configurations=more, store=tmp_path / "run.zarr")
    assert sum(ran) == 1
    assert result == fastgd.sweep(problem, configurations=more)
    with pytest.raises(ValueError, match=r"^extend needs axes, and this sweep is one over zipped"):
        result.extend(learning_rate=1.0)


def test_extend_needs_the_problem(tmp_path):
    problem = fastgd.examples.pizza()
    result = fastgd.sweep(problem, **BASE)
    result.save(tmp_path / "saved.npz")
    without = [pickle.loads(pickle.dumps(result)), fastgd.load(tmp_path / "saved.npz")]
    for each in without:
        with pytest.raises(ValueError, match=r"^extend needs the problem, which this result does not have"):
            each.extend(learning_rate=1.0)
    del problem
    gc.collect()  # it refers to itself
    with pytest.raises(ValueError, match=r"or which is gone: sweep it over the longer axes"):
        result.extend(learning_rate=1.0)


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ({"learning_rate": -1}, r"^learning_rate must be numbers >= 0"),
        ({"rate": 1}, r"^extend takes theta0, learning_rate, .*, got 'rate'$"),
        ({"theta0": [1.0, 2.0, 3.0]}, r"^theta0 must have shape \(M, 2\), got shape \(3,\)$"),
        ({"decay": 0.1}, r"^decay must be left out under schedule='constant'"),
    ],
)
def test_bad_axes_are_refused(axes, sentence):
    problem = fastgd.examples.pizza()
    with pytest.raises((ValueError, TypeError), match=sentence):
        fastgd.sweep(problem, **BASE).extend(**axes)
