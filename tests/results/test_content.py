"""A result that is written and loaded is equal, in each format; what is no whole result is refused in a sentence."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pickle
import random
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pandas
import pyarrow.parquet
import pytest
import xarray
import zarr

import fastgd
from fastgd.results.content import FORMAT, content_of, dimensions, result_of
from fastgd.results.files import write
from fastgd.results.formats import FORMATS
from tests.tools.processes import run
from tests.tools.results import CASES, ODD_NAMES

SUFFIXES = tuple(FORMATS)
KEEP_STATES = tuple(suffix for suffix, form in FORMATS.items() if form.records)


@pytest.fixture(scope="module")
def results():
    return {name: case() for name, case in CASES.items()}


@pytest.fixture(scope="module")
def pizza(results):
    return results["axis"]


# ---- written and loaded ---------------------------------------------------------------------------------------------


def assert_same(again, result, *, with_curvature=True):
    assert again == result
    assert type(again) is fastgd.SweepResult
    for name in ("theta", "loss", "gradient_norm", "steps", "status", "initial_loss", "stalled"):
        assert getattr(again, name).dtype == getattr(result, name).dtype, name
        assert not getattr(again, name).flags.writeable
    for name, values in result.grid.values.items():
        assert again.grid.values[name].dtype == values.dtype, name
    assert (again.timing, again.facts) == (result.timing, result.facts)
    if with_curvature:
        assert str(again) == str(result)
        assert str(again.spectrum) == str(result.spectrum)
        assert again.portrait.samples == result.portrait.samples
        assert again.portrait.modes == result.portrait.modes
    if result.best is not None:
        assert again.best == result.best
        assert again.best.message == result.best.message
        assert again.best.configuration == result.best.configuration


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", CASES)
def test_a_result_that_is_loaded_is_equal(results, tmp_path, name, suffix):
    result = results[name]
    path = tmp_path / f"result{suffix}"
    if result.trajectory is not None and suffix not in KEEP_STATES:
        with pytest.raises(
            ValueError, match=r"^path must end in \.npz, \.json, \.nc or \.zarr to keep recorded states"
        ):
            result.save(path)
        assert list(tmp_path.iterdir()) == []
        return
    result.save(path)
    assert_same(fastgd.load(path), result, with_curvature=suffix != ".csv")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_the_cases_have_what_they_are_for(results):
    assert set(np.unique(results["statuses"].status)) == set(fastgd.Status)
    assert math.inf in results["not finite"].loss
    assert np.isnan(results["not finite"].trajectory.loss).any()
    assert (results["zero loss"].loss == 0.0).any()
    assert results["axis"].spectrum is not None
    assert results["axis"].portrait.modes is not None
    assert results["Huber"].spectrum.is_bound
    assert results["odd names"].parameters == ODD_NAMES
    assert results["one start"].axes["start"].shape == (1, 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_lost_of_not_a_number_and_infinities(results, tmp_path, suffix):
    odd = np.array([np.nan, np.inf, -np.inf, 5e-324, 0.1, 1.7976931348623157e308, 1 / 3])
    result = dataclasses.replace(results["axis"], loss=odd, gradient_norm=odd[::-1], initial_loss=odd)
    result.save(tmp_path / f"result{suffix}")
    again = fastgd.load(tmp_path / f"result{suffix}")
    assert again.loss.tolist()[1:] == odd.tolist()[1:]
    assert math.isnan(again.loss[0])
    assert again == result


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_part_is_written_too(results, tmp_path, suffix):
    for number, part in enumerate(
        [
            results["axes"].isel(momentum=1),
            results["starts"].isel(start=2, learning_rate=[1]),
            results["zipped starts"].isel(configuration=[2, 0]),
            results["zipped starts"].isel(configuration=1),
        ]
    ):
        part.save(tmp_path / f"{number}{suffix}")
        assert_same(fastgd.load(tmp_path / f"{number}{suffix}"), part, with_curvature=suffix != ".csv")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_there_is_replaced(results, tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    for name in ("axes", "single"):
        results[name].save(str(path))
        assert fastgd.load(str(path)) == results[name]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_that_can_t_be_written_leaves_what_was_there(results, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"result{suffix}"
    results["single"].save(path)

    def full(partial, result):
        FORMATS_BEFORE.write(partial, result)
        raise OSError(28, "No space left on device")

    FORMATS_BEFORE = FORMATS[suffix]
    monkeypatch.setitem(FORMATS, suffix, FORMATS_BEFORE._replace(write=full))
    with pytest.raises(ValueError, match=r"^path can't be written to .*: No space left on device$"):
        results["axes"].save(path)
    monkeypatch.undo()
    assert fastgd.load(path) == results["single"]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


LIMITED = """
import json, resource, sys, numpy as np, fastgd
small, large = (fastgd.sweep(fastgd.examples.square(), learning_rate=np.linspace(0.1, 0.5, n)) for n in (2, 50_000))
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
for path in sys.argv[1:]:
    small.save(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, unlimited[1]))
    told = None
    try:
        large.save(path)
    except ValueError as error:
        told = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    print(json.dumps([path, told, fastgd.load(path) == small]), flush=True)
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """What became of a file of each kind that the system let grow no more, one after another in one process."""
    paths = [tmp_path_factory.mktemp("limited") / f"result{suffix}" for suffix in SUFFIXES]
    found = {path: rest for path, *rest in map(json.loads, run(LIMITED, *map(str, paths)).splitlines())}
    return {path.suffix: (path, *found[str(path)]) for path in paths}


@pytest.mark.process
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_the_system_lets_grow_no_more(limited, suffix):
    """It is refused in a sentence, and the process lives on: HDF5 would take it down."""
    path, sentence, loaded = limited[suffix]
    assert sentence.startswith(f"path can't be written to {str(path)!r}: ")
    assert "File too large" in sentence
    assert loaded
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".zarr"])
def test_threads_may_write_one_file(results, tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: results["axes"].save(path), range(16)))
    assert fastgd.load(path) == results["axes"]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_as_long_as_a_file_s_may_be(results, tmp_path, suffix):
    path = tmp_path / f"{'n' * (255 - len(suffix))}{suffix}"
    results["axes"].save(path)
    assert fastgd.load(path) == results["axes"]


def test_a_folder_that_is_not_zarr_s_is_left_alone(pizza, tmp_path):
    folder = tmp_path / "mine.zarr"
    folder.mkdir()
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match=r"^path must be new or a folder that zarr wrote, got"):
        pizza.save(folder)
    with pytest.raises(ValueError, match=r"^path can't be written to"):
        write(str(folder), pizza)  # it came meanwhile
    assert (folder / "thesis.tex").read_text() == "precious"


def test_a_loaded_result_pickles(pizza, tmp_path):
    pizza.save(tmp_path / "result.npz")
    again = pickle.loads(pickle.dumps(fastgd.load(tmp_path / "result.npz")))
    assert_same(again, pizza)


def test_content_is_plain_json_and_named_arrays(results):
    for result in results.values():
        content = content_of(result)
        assert json.loads(content.text) == content.header
        assert list(content.arrays) == list(dimensions(content.header))
        assert result_of(fastgd.SweepResult, content) == result


# ---- read by others -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["axes", "starts", "zipped starts", "statuses", "bounds", "odd names"])
def test_pandas_reads_csv_and_parquet(results, tmp_path, name):
    result = results[name]
    result.save(tmp_path / "result.csv")
    result.save(tmp_path / "result.parquet")
    frame = result.to_dataframe()
    from_csv = pandas.read_csv(tmp_path / "result.csv")
    from_parquet = pandas.read_parquet(tmp_path / "result.parquet")
    assert list(from_parquet) == list(frame)
    thetas = dict(zip(result.parameters, frame.columns[-6 - len(result.parameters) : -6], strict=True))
    for k, (parameter, column) in enumerate(thetas.items()):
        assert column in (parameter, f"theta_{parameter}")
        for table in (frame, from_parquet, from_csv):
            np.testing.assert_array_equal(table[column], result.theta.reshape(-1, len(thetas))[:, k])
    for table in (frame, from_parquet, from_csv):
        for each in ("loss", "gradient_norm", "steps", "initial_loss", "stalled"):
            np.testing.assert_array_equal(table[each], getattr(result, each).ravel())
        assert table["status"].tolist() == [fastgd.Status(code).name for code in result.status.ravel()]
        for index in range(len(table)):
            own = result.outcome(index).configuration
            for varied, values in result.grid.values.items():
                if values.ndim:
                    assert table[varied][index] == own[varied]
    assert from_parquet["status"].dtype == frame["status"].dtype
    assert json.loads(from_csv["fastgd"][0])["problem"] == result.problem
    assert from_csv["fastgd"][1:].isna().all()


@pytest.mark.parametrize("name", CASES)
def test_xarray_reads_nc_and_zarr(results, tmp_path, name):
    result = results[name]
    result.save(tmp_path / "result.nc")
    result.save(tmp_path / "result.zarr")
    expected = result.to_xarray()
    with xarray.open_dataset(tmp_path / "result.nc", engine="h5netcdf") as dataset:
        assert dataset.load().equals(expected)
        assert dataset.status.attrs["flag_meanings"].split() == [status.name for status in fastgd.Status]
        assert dataset.status.attrs["flag_values"].dtype == dataset.status.dtype == np.int8
        assert dataset.attrs == expected.attrs
    with xarray.open_zarr(tmp_path / "result.zarr") as dataset:
        assert dataset.load().equals(expected)
    assert zarr.open_group(tmp_path / "result.zarr", mode="r").metadata.zarr_format == 3


@pytest.mark.parametrize("name", ["axes", "recorded", "odd names"])
def test_what_xarray_writes_of_a_result_is_loaded(results, tmp_path, name):
    dataset = results[name].to_xarray()
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    dataset.to_zarr(tmp_path / "a.zarr", consolidated=False)
    packed = {variable: {"zlib": True, "complevel": 4} for variable in dataset.data_vars}
    dataset.to_netcdf(tmp_path / "packed.nc", engine="h5netcdf", encoding=packed)
    for path in ("a.nc", "a.zarr", "packed.nc"):
        assert fastgd.load(tmp_path / path) == results[name]


# ---- what is no whole result ----------------------------------------------------------------------------------------


def refusal(path):
    with pytest.raises(ValueError, match=r"^path must be a result that fastgd wrote, got ") as caught:
        fastgd.load(path)
    sentence = str(caught.value)
    assert repr(str(path)) in sentence
    assert "\n" not in sentence
    assert caught.value.__cause__ is None
    return sentence


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_not_there(tmp_path, suffix):
    assert refusal(tmp_path / f"none{suffix}").endswith(": No such file or directory")


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"PK\x03\x04", b"{}", b"[[1]]", b"a,b\n1,2\n", b"\xff\xfe\xfd"])
@pytest.mark.parametrize("suffix", [suffix for suffix in SUFFIXES if suffix != ".zarr"])
def test_a_file_of_something_else(tmp_path, suffix, content):
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    refusal(path)


def test_files_that_others_wrote(tmp_path):
    frame = pandas.DataFrame({"a": [1.0, 2.0], "loss": [3.0, 4.0]})
    frame.to_csv(tmp_path / "a.csv")
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_xarray().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    frame.to_xarray().to_zarr(tmp_path / "a.zarr", consolidated=False)
    np.savez(tmp_path / "a.npz", loss=np.ones(3))
    frame.to_json(tmp_path / "a.json")
    for suffix in SUFFIXES:
        assert refusal(tmp_path / f"a{suffix}").endswith("it has no header of fastgd's")
    np.save(tmp_path / "array.npy", np.ones(3))
    shutil.copy(tmp_path / "array.npy", tmp_path / "array.npz")
    assert refusal(tmp_path / "array.npz").endswith("File is not a zip file")
    np.savez(tmp_path / "bomb.npz", fastgd=np.array([{}], dtype=object))
    assert "allow_pickle=False" in refusal(tmp_path / "bomb.npz")


@pytest.mark.parametrize("name", ["result", "result.txt", "result.pkl", ""])
def test_a_suffix_that_nobody_writes(pizza, tmp_path, name):
    for refused in (pizza.save, fastgd.load):
        with pytest.raises(ValueError, match=r"^path must end in \.npz, \.csv, \.json, \.parquet, \.nc or \.zarr, got"):
            refused(str(tmp_path / name))
        with pytest.raises(TypeError):
            refused(3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_later_fastgd_s_format_is_said_to_be_that(pizza, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"result{suffix}"
    monkeypatch.setattr("fastgd.results.content.FORMAT", FORMAT + 1)
    pizza.save(path)
    monkeypatch.undo()
    sentence = refusal(path)
    assert f"it has format {FORMAT + 1} of fastgd {fastgd.__version__}" in sentence
    assert sentence.endswith("pip install --upgrade fastgd")


def damaged(whole, random):
    """Return bytes cut short, or with a bit that is another."""
    if random.random() < 0.5:
        return whole[: random.randrange(len(whole))]
    place = random.randrange(len(whole))
    return whole[:place] + bytes([whole[place] ^ 1 << random.randrange(8)]) + whole[place + 1 :]


@pytest.mark.parametrize("name", ["axes", "recorded"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_damaged_file_is_refused_or_equal(results, tmp_path, suffix, name):
    """It is equal where the damage lies in what no array and no part of the header is read from."""
    result = results[name]
    if result.trajectory is not None and suffix not in KEEP_STATES:
        name = "statuses"
        result = results[name]
    path = tmp_path / f"result{suffix}"
    result.save(path)
    files = [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]
    chance = random.Random(suffix + name)
    refused = 0
    for _ in range(120):
        file = chance.choice(files)
        whole = file.read_bytes()
        if not whole:
            continue
        file.write_bytes(damaged(whole, chance))
        try:
            assert_same(fastgd.load(path), result, with_curvature=suffix != ".csv")
        except ValueError:
            refusal(path)
            refused += 1
        file.write_bytes(whole)
    assert refused > 40
    assert fastgd.load(path) == result


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_that_were_changed_are_noticed(pizza, tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    pizza.save(path)
    if suffix == ".npz":
        with np.load(path) as members:
            arrays = dict(members)
        np.savez(path, **(arrays | {"loss": arrays["loss"] + 1.0}))
    elif suffix in (".csv", ".json"):
        text = path.read_text()
        steps = text.replace(",50,MAX_STEPS,", ",49,MAX_STEPS,", 1).replace('"steps": [50', '"steps": [49')
        assert steps != text
        path.write_text(steps)
    elif suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        pyarrow.parquet.write_table(table.set_column(0, "learning_rate", table["loss"]), path)
    elif suffix == ".nc":
        with h5py.File(path, "r+") as file:
            file["status"][0] = 3
    else:
        zarr.open_group(path, mode="r+")["theta"][0, 0] = 7.0
    assert "it is damaged, or was changed after fastgd wrote it" in refusal(path)


def test_a_part_that_xarray_took_is_no_result(pizza, tmp_path):
    pizza.to_xarray().isel(learning_rate=slice(3)).to_netcdf(tmp_path / "part.nc", engine="h5netcdf")
    assert refusal(tmp_path / "part.nc").endswith("learning_rate has shape (3,), and its header says (7,)")


def test_a_member_that_is_gone(pizza, tmp_path):
    pizza.save(tmp_path / "whole.npz")
    with zipfile.ZipFile(tmp_path / "whole.npz") as whole, zipfile.ZipFile(tmp_path / "part.npz", "w") as part:
        for name in whole.namelist():
            if name != "loss.npy":
                part.writestr(name, whole.read(name))
    assert refusal(tmp_path / "part.npz").endswith("it lacks loss")


# ---- without the extras ---------------------------------------------------------------------------------------------

WITHOUT = """
import sys
import fastgd
result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.2], max_steps=3)
run = fastgd.descend(fastgd.examples.square(), learning_rate=0.1, max_steps=3)
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
for what in ("to_dataframe", "to_xarray", *sys.argv[2:]):
    try:
        fastgd.load(what) if "/" in what else result.save(what) if "." in what else getattr(result, what)()
    except ModuleNotFoundError as error:
        print(what.rpartition("/")[2], "|", error)
try:
    run.to_dataframe()
except ModuleNotFoundError as error:
    print("descent", "|", error)
"""
TABLE = "pip install 'fastgd[table]'"
NEEDS = {
    "pandas": {
        "to_dataframe": f"to_dataframe needs the package pandas: {TABLE}",
        "to_xarray": f"to_xarray needs the package pandas: {TABLE}",
        "a.nc": f"writing .nc needs the package pandas: {TABLE}",
        "a.zarr": "writing .zarr needs the package pandas: pip install 'fastgd[all]'",
        "descent": f"to_dataframe needs the package pandas: {TABLE}",
    },
    "xarray": {
        "to_xarray": f"to_xarray needs the package xarray: {TABLE}",
        "a.nc": f"writing .nc needs the package xarray: {TABLE}",
        "a.zarr": "writing .zarr needs the package xarray: pip install 'fastgd[all]'",
    },
    "pyarrow": {
        "a.parquet": f"writing .parquet needs the package pyarrow: {TABLE}",
        "b.parquet": f"reading .parquet needs the package pyarrow: {TABLE}",
    },
    "h5netcdf": {"a.nc": f"writing .nc needs the package h5netcdf: {TABLE}"},
    "h5py": {
        "a.nc": f"writing .nc needs the package h5py: {TABLE}",
        "b.nc": f"reading .nc needs the package h5py: {TABLE}",
    },
    "zarr": {
        "a.zarr": "writing .zarr needs the package zarr: pip install 'fastgd[all]'",
        "b.zarr": "reading .zarr needs the package zarr: pip install 'fastgd[store]'",
    },
}


@pytest.mark.process
@pytest.mark.parametrize("package", NEEDS)
def test_a_missing_extra_is_one_sentence(pizza, tmp_path, package):
    for suffix in (".parquet", ".nc", ".zarr"):
        pizza.save(tmp_path / f"b{suffix}")
    files = [f"a{suffix}" for suffix in SUFFIXES] + [
        str(tmp_path / f"b{suffix}") for suffix in (".parquet", ".nc", ".zarr")
    ]
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        told = run(WITHOUT, package, *files)
    finally:
        os.chdir(before)
    assert dict(line.split(" | ") for line in told.splitlines()) == NEEDS[package]


@pytest.mark.process
def test_nothing_optional_is_imported_before_it_is_used(tmp_path):
    code = (
        "import fastgd, sys\n"
        "result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.2], max_steps=3)\n"
        "for suffix in ('.npz', '.csv', '.json'):\n"
        "    result.save(sys.argv[1] + suffix)\n"
        "    assert fastgd.load(sys.argv[1] + suffix) == result\n"
        "optional = {'pandas', 'xarray', 'pyarrow', 'h5netcdf', 'h5py', 'zarr'}\n"
        "print(result._repr_html_()[:5], optional & set(sys.modules))"
    )
    assert run(code, str(tmp_path / "result")) == "<div> set()"
