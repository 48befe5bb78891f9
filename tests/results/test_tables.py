"""Results in pandas, in xarray and in a notebook, and parts of results."""

from __future__ import annotations

import html
import math
import re

import numpy as np
import pandas
import pytest
import xarray

import fastgd
from fastgd.text import printable
from tests.tools.results import CASES, ODD_NAMES


@pytest.fixture(scope="module")
def results():
    return {name: case() for name, case in CASES.items()}


# ---- data frames ----------------------------------------------------------------------------------------------------


def test_a_data_frame_has_a_row_for_each_configuration(results):
    result = results["axes"]
    frame = result.to_dataframe()
    came_out = ["loss", "gradient_norm", "steps", "status", "initial_loss", "stalled"]
    assert list(frame) == ["learning_rate", "momentum", "max_steps", "c0", "c1", "c2", "c3", *came_out]
    assert isinstance(frame.index, pandas.RangeIndex)
    assert len(frame) == result.status.size == 24
    kinds = {"max_steps": "int64", "steps": "int64", "status": "category", "stalled": "bool"}
    assert frame.dtypes.astype(str).to_dict() == {name: kinds.get(name, "float64") for name in frame}
    assert list(frame["status"].cat.categories) == [status.name for status in fastgd.Status]
    expected = xarray.Dataset.to_dataframe(result.to_xarray()[["loss", "steps"]]).reset_index()
    for name in ("learning_rate", "momentum", "max_steps", "loss", "steps"):
        np.testing.assert_array_equal(frame[name], expected[name])


def test_columns_of_starts_and_zipped_configurations(results):
    starts = results["starts"].to_dataframe()
    assert list(starts)[:5] == ["start_w", "start_b", "learning_rate", "w", "b"]
    assert starts["start_b"].tolist() == [1.0, 1.0, 0.0, 0.0, 5.0, 5.0]
    zipped = results["zipped starts"].to_dataframe()
    assert list(zipped)[:7] == ["configuration", "start_w", "start_b", "learning_rate", "decay", "w", "b"]
    assert zipped["decay"].tolist() == [0.0, 0.1, 0.1]
    assert len(results["single"].to_dataframe()) == 1
    odd = list(results["odd names"].to_dataframe())
    assert odd.count("loss") == odd.count("theta_loss") == 1


def test_a_data_frame_is_the_caller_s_own(results):
    frame = results["axes"].to_dataframe()
    frame.loc[0, "loss"] = -1.0
    frame["c0"] += 1.0
    assert (results["axes"].loss > 0).all()


def test_a_descent_s_trajectory_is_a_data_frame():
    problem = fastgd.LinearFit([[1.0, 2.0], [2.0, 1.0]], [1.0, 2.0], intercept=False, parameters=("loss", "w"))
    run = fastgd.descend(problem, learning_rate=0.1, max_steps=7, record_every=3)
    frame = run.to_dataframe()
    assert list(frame) == ["step", "loss", "theta_loss", "w"]
    assert frame["step"].tolist() == [0, 3, 6, 7]
    np.testing.assert_array_equal(frame[["theta_loss", "w"]], run.trajectory.theta)
    np.testing.assert_array_equal(frame["loss"], run.trajectory.loss)
    with pytest.raises(ValueError, match=r"^to_dataframe needs a trajectory, and record_every=None recorded none$"):
        fastgd.descend(problem, learning_rate=0.1, max_steps=7, record_every=None).to_dataframe()


# ---- xarray ---------------------------------------------------------------------------------------------------------


def test_a_dataset_has_the_grid_s_axes(results):
    dataset = results["axes"].to_xarray()
    assert dict(dataset.sizes) == {"learning_rate": 4, "momentum": 3, "max_steps": 2, "parameter": 4}
    assert dataset.theta.dims == ("learning_rate", "momentum", "max_steps", "parameter")
    assert dataset.loss.dims == dataset.status.dims == ("learning_rate", "momentum", "max_steps")
    assert dataset.parameter.to_numpy().tolist() == ["c0", "c1", "c2", "c3"]
    assert dataset.loss_threshold.item() == 300.0
    for name in ("theta", "loss", "gradient_norm", "steps", "status", "initial_loss", "stalled"):
        np.testing.assert_array_equal(dataset[name], getattr(results["axes"], name))
        assert dataset[name].attrs["long_name"]
    assert dataset.steps.attrs["units"] == dataset.max_steps.attrs["units"] == "steps"
    assert dataset.momentum.attrs["units"] == "1"
    attributes = dataset.attrs
    assert (attributes["engine"], attributes["rule"], attributes["schedule"]) == (
        results["axes"].engine,
        "momentum",
        "constant",
    )
    assert attributes["problem"] == results["axes"].problem
    assert f"fastgd {fastgd.__version__}" in attributes["versions"]


def test_statuses_are_cf_flags(results):
    flags = results["statuses"].to_xarray().status
    assert flags.dtype == flags.attrs["flag_values"].dtype == np.int8
    meanings = flags.attrs["flag_meanings"].split()
    assert {int(fastgd.Status[name]) for name in meanings} == set(flags.attrs["flag_values"].tolist())
    for code, name in zip(flags.attrs["flag_values"], meanings, strict=True):
        assert fastgd.Status[name] == code


def test_starts_zipped_columns_and_recorded_states_are_labelled(results):
    starts = results["starts"].to_xarray()
    assert starts.start_w.dims == ("start",)
    assert starts.start_b.to_numpy().tolist() == [1.0, 0.0, 5.0]
    zipped = results["zipped starts"].to_xarray()
    assert zipped.loss.dims == zipped.decay.dims == zipped.start_w.dims == ("configuration",)
    recorded = results["recorded"]
    dataset = recorded.to_xarray()
    assert dataset.trajectory_theta.dims == ("learning_rate", "max_steps", "recorded", "parameter")
    assert dataset.recorded.to_numpy().tolist() == recorded.trajectory.steps.tolist()
    np.testing.assert_array_equal(dataset.trajectory_loss, recorded.trajectory.loss)


# ---- parts ----------------------------------------------------------------------------------------------------------

INDICES = [
    ("axes", {"learning_rate": 2}),
    ("axes", {"learning_rate": -1, "max_steps": 0}),
    ("axes", {"learning_rate": 1, "momentum": 2, "max_steps": 1}),
    ("axes", {"momentum": [2, 0], "learning_rate": slice(1, None, 2)}),
    ("axes", {"momentum": np.array([-1])}),
    ("axes", {}),
    ("starts", {"start": 1}),
    ("starts", {"start": [2, 1], "learning_rate": 0}),
    ("starts", {"learning_rate": slice(None, 1)}),
    ("zipped starts", {"configuration": 2}),
    ("zipped starts", {"configuration": slice(None, None, -1)}),
    ("recorded", {"learning_rate": 1}),
    ("recorded", {"max_steps": [1]}),
]


@pytest.mark.parametrize(("name", "indices"), INDICES)
def test_isel_is_what_xarray_picks(results, name, indices):
    result = results[name]
    part = result.isel(**indices)
    found = part.to_xarray()
    expected = result.to_xarray().isel(indices)
    assert set(found.variables) >= set(expected.data_vars)
    for variable in expected.data_vars:
        assert found[variable].dims == expected[variable].dims
        np.testing.assert_array_equal(found[variable], expected[variable])
    for axis, values in part.axes.items():
        if axis != "start":
            np.testing.assert_array_equal(values, expected[axis])
    assert part.timing is result.timing
    assert part.spectrum is result.spectrum
    assert (part == result) == (indices == {})
    assert len(str(part).splitlines()) <= 15


@pytest.mark.parametrize(("name", "indices"), INDICES)
def test_a_part_s_outcomes_are_the_whole_s(results, name, indices):
    result = results[name]
    part = result.isel(**indices)
    numbers = np.arange(result.status.size).reshape(result.status.shape)
    places = xarray.DataArray(numbers, dims=list(result.axes)).isel(indices).to_numpy().ravel()
    for index, place in enumerate(places.tolist()):
        assert part.outcome(index) == result.outcome(place)
        assert part.outcome(index).message == result.outcome(place).message


@pytest.mark.parametrize(
    ("values", "method"),
    [
        ({"momentum": 0.5}, None),
        ({"momentum": [0.9, 0.0]}, None),
        ({"momentum": slice(0.5, 0.9)}, None),
        ({"momentum": slice(None, 0.6), "max_steps": 20}, None),
        ({"learning_rate": 1e-6, "momentum": 0.4}, "nearest"),
        ({"learning_rate": [0.0, 1.0]}, "nearest"),
        ({"momentum": 0.25}, "nearest"),  # as near to 0 as to 0.5
        ({"momentum": [-math.inf, math.inf, -1e300, 1e300]}, "nearest"),
    ],
)
def test_sel_is_what_xarray_picks(results, values, method):
    found = results["axes"].sel(**values, method=method)
    expected = results["axes"].to_xarray().sel(values, method=method)
    np.testing.assert_array_equal(found.loss, expected.loss)
    assert list(found.axes) == [name for name in expected.loss.dims]
    for axis, own in found.axes.items():
        np.testing.assert_array_equal(own, expected[axis])


def test_sel_of_infinities_and_labels(results):
    result = fastgd.sweep(fastgd.examples.square(), learning_rate=0.1, max_steps=3, loss_threshold=[-math.inf, 1e-3])
    assert result.sel(loss_threshold=-math.inf) == result.isel(loss_threshold=0)
    assert result.sel(loss_threshold=0.5, method="nearest") == result.isel(loss_threshold=1)
    last = results["zipped"].isel(configuration=[2, 1])
    assert last.axes["configuration"].tolist() == [2, 1]
    assert last.sel(configuration=1) == results["zipped"].isel(configuration=1)


def test_modes_follow_their_starts(results):
    result = results["starts"]
    part = result.isel(start=[2, 1])
    np.testing.assert_array_equal(part.portrait.modes.slopes, result.portrait.modes.slopes[[2, 1]])
    assert part.portrait.modes.floor == result.portrait.modes.floor
    assert result.isel(learning_rate=0).portrait.modes == result.portrait.modes


@pytest.mark.parametrize(
    ("pick", "kind", "sentence"),
    [
        (
            lambda r: r.isel(rate=0),
            ValueError,
            "axis must be one of 'learning_rate', 'momentum', 'max_steps', got 'rate'",
        ),
        (lambda r: r.sel(start=0.1), ValueError, "axis must be one of .*, got 'start'"),
        (lambda r: r.isel(momentum=3), ValueError, "momentum must be whole numbers >= -3 and <= 2, got 3.0"),
        (lambda r: r.isel(momentum=[0, -4]), ValueError, "momentum must be whole numbers >= -3 and <= 2, got -4.0"),
        (lambda r: r.isel(momentum=0.5), ValueError, "momentum must be whole numbers .*, got 0.5"),
        (lambda r: r.isel(momentum=[True, False, True]), TypeError, r"momentum must be whole numbers, got \[True"),
        (lambda r: r.isel(momentum="a"), TypeError, "momentum must be numbers, got 'a'"),
        (lambda r: r.isel(momentum=[]), ValueError, "momentum must have at least one value"),
        (lambda r: r.isel(momentum=[[0]]), ValueError, "momentum must be one number or a 1-D axis"),
        (lambda r: r.isel(momentum=slice(3, 9)), ValueError, "momentum must leave at least one value of the axis, got"),
        (lambda r: r.isel(momentum=slice(0.5)), TypeError, "momentum must be a slice of whole numbers, got slice"),
        (
            lambda r: r.sel(momentum=0.8),
            ValueError,
            'momentum must be a value of the axis, got 0.8; the nearest is 0.9, which method="nearest" takes',
        ),
        (lambda r: r.sel(momentum=math.nan, method="nearest"), ValueError, "momentum must be .*, got nan"),
        (lambda r: r.sel(momentum=slice(2, 3)), ValueError, "momentum must leave at least one value of the axis, got"),
        (lambda r: r.sel(momentum=slice(0, 1, 2)), ValueError, "momentum must be a slice without a step, got slice"),
        (lambda r: r.sel(momentum=slice("a", None)), TypeError, "momentum must be real numbers"),
        (lambda r: r.sel(momentum=0.5, method="linear"), ValueError, "method must be one of 'nearest', got 'linear'"),
    ],
)
def test_what_can_t_be_picked(results, pick, kind, sentence):
    with pytest.raises(kind, match=f"^{sentence}") as caught:
        pick(results["axes"])
    assert "\n" not in str(caught.value)


def test_a_start_is_picked_by_its_index(results):
    with pytest.raises(ValueError, match=r"^start must be picked by its index: isel\(start=...\), got 1.0$"):
        results["starts"].sel(start=1.0)


# ---- notebooks ------------------------------------------------------------------------------------------------------


def words_of(text):
    """Return the words of HTML without its tags, as a browser shows them."""
    return html.unescape(re.sub(r"<[^>]*>", " ", text)).split()


def shown(problem_free):
    """Return every kind of object that notebooks show, of one result."""
    run = fastgd.descend(fastgd.examples.pizza(), learning_rate=1e-3, max_steps=5)
    return [problem_free, problem_free.timing, problem_free.spectrum, run, run.timing]


def test_notebooks_show_what_is_printed(results):
    for each in shown(results["axis"]):
        text = each._repr_html_()
        assert text.startswith("<div>")
        missing = set(str(each).split()) - set(words_of(text))
        assert not missing, type(each)
        assert len(text) < 8000


def test_names_are_text_in_a_notebook(results):
    result = results["odd names"]
    spectrum = result.spectrum
    assert spectrum is not None
    for text in (result._repr_html_(), spectrum._repr_html_(), result.outcome(0)._repr_html_()):
        assert set(re.findall(r"</?(\w+)", text)) <= {"div", "p", "table", "tr", "th", "td"}
        assert text.isprintable()
    assert printable(ODD_NAMES[0]) in html.unescape(spectrum._repr_html_())
