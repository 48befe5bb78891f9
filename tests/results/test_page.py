"""The page to explore a sweep: its cells and colours, and the page itself in a real Chromium."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

import fastgd
from fastgd.results.files import check_writable
from fastgd.results.page.cells import cells_of
from fastgd.results.page.shades import CANCELLED, SHADES, colours, shades
from fastgd.sweeps.original_units import in_original_units, original
from tests.tools import browser as chrome

EVIL = "</script><b id='evil'>bold</b>"
ALERT = '<img src=x onerror="window.evil = 1">'
RATES = np.geomspace(1e-8, 1e-5, 40)

# ---- cells


def test_small_grids_are_shown_whole():
    result = fastgd.sweep(fastgd.examples.pizza(), learning_rate=[0.001, 0.002, 0.004], max_steps=[1, 10])
    cells = cells_of(result, 6)
    assert cells.places.tolist() == list(range(6))
    assert cells.said == ""
    assert [(axis.name, axis.kind, axis.values.tolist()) for axis in cells.axes] == [
        ("learning_rate", "index", [0.001, 0.002, 0.004]),
        ("max_steps", "index", [1.0, 10.0]),
    ]


def test_a_cell_is_the_best_of_its_block():
    result = fastgd.sweep(
        fastgd.examples.sine(), learning_rate=np.geomspace(1e-7, 1e-5, 67), max_steps=np.arange(1, 44), threads=1
    )
    cells = cells_of(result, 100)
    rates, limits = (len(axis.values) for axis in cells.axes)
    assert rates * limits == cells.places.size <= 100
    block = -(-67 // rates), -(-43 // limits)
    assert cells.block == block[0] * block[1]
    assert cells.said == (
        f"1 cell = best of {cells.block} configurations ({block[0]} of learning_rate x {block[1]} of max_steps)"
    )
    for number, place in enumerate(cells.places.tolist()):
        row, column = divmod(number, limits)
        own = (slice(row * block[0], (row + 1) * block[0]), slice(column * block[1], (column + 1) * block[1]))
        outcome = result.outcome(place)
        if result.failed[own].all():
            assert outcome.steps == result.steps[own].max()
        else:
            assert outcome.loss == result.loss[own][~result.failed[own]].min()
    assert result.best is not None
    assert result.best.loss in result.loss.ravel()[cells.places]


def test_zipped_neighbours_are_those_by_the_first_column():
    rng = np.random.default_rng(1)
    table = {"learning_rate": 10 ** rng.uniform(-5, -3, 100), "max_steps": rng.integers(1, 50, 100)}
    result = fastgd.sweep(fastgd.examples.pizza(), configurations=table)
    cells = cells_of(result, 10)
    rates = table["learning_rate"][cells.places]
    assert (np.diff(rates) > 0).all()
    assert cells.said == "1 cell = best of 10 configurations (neighbours by learning_rate)"


@pytest.mark.parametrize(
    ("values", "kind"),
    [(np.geomspace(1e-5, 1, 30), "log"), (np.linspace(0, 1, 30), "linear"), (np.arange(20) ** 2.0, "index")],
)
def test_an_axis_knows_how_it_is_spaced(values, kind):
    result = fastgd.sweep(fastgd.examples.pizza(), learning_rate=values, max_steps=1)
    (axis,) = cells_of(result, 10).axes
    assert axis.kind == kind
    coordinates = {"log": np.log10, "linear": np.asarray, "index": lambda values: np.arange(len(values))}[kind]
    if kind == "index":
        assert (axis.first, axis.step) == (0.0, 1.0)
    else:
        block = -(-len(values) // 10)
        np.testing.assert_allclose(axis.first, coordinates(values)[:block].mean())
        np.testing.assert_allclose(axis.step, block * (coordinates(values)[1] - coordinates(values)[0]))


# ---- colours


def test_two_phases_with_a_gap():
    status = np.array([1, 0, 0, -1, -2, -3, 2], dtype=np.int8)
    steps = np.array([5, 100, 100, 7, 100, 3, 9])
    loss = np.array([0.0, 2.0, 1.0, np.inf, 50.0, np.nan, 1e-30])
    found = shades(loss, steps, status)
    assert found[0] < found[6] < found[2] < found[1] < SHADES  # by loss
    assert SHADES <= found[4] < found[3] < 2 * SHADES  # the sooner the darker
    assert found[5] == CANCELLED
    palette = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours()])
    blue, orange = palette[:SHADES], palette[SHADES : 2 * SHADES]
    assert (blue[:, 2] > blue[:, 0]).all()
    assert (orange[:, 0] > orange[:, 2]).all()
    assert (np.diff(blue.sum(axis=1)) >= 0).all()
    assert (np.diff(orange.sum(axis=1)) <= 0).all()


def test_each_shade_is_used_as_often():
    loss = np.exp(np.random.default_rng(0).normal(size=12_000) * 50)
    found = shades(loss, np.ones(12_000, dtype=np.int64), np.zeros(12_000, dtype=np.int8))
    counts = np.bincount(found, minlength=SHADES)[: SHADES - 1]
    assert counts.min() >= 100
    assert counts.max() <= 102


# ---- the file


def small():
    return fastgd.sweep(fastgd.examples.pizza(), learning_rate=[0.001, 0.002], max_steps=5)


def test_the_path_is_returned_and_a_page_replaced(tmp_path):
    page = tmp_path / "sweep.html"
    page.write_text("old")
    assert small().explore(str(page)) == page
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.html"]


@pytest.mark.parametrize(
    ("path", "error", "sentence"),
    [
        ("sweep.pdf", ValueError, "path must end in .html, got "),
        ("nowhere/sweep.html", ValueError, "path must be in a folder that exists, got "),
        (3, TypeError, "path must be a path, got 3"),
        (b"sweep.html", TypeError, "path must be a path, got "),
    ],
)
def test_a_path_that_cannot_be(tmp_path, monkeypatch, path, error, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=sentence):
        small().explore(path)
    assert not list(tmp_path.iterdir())


def test_without_bokeh(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "bokeh"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bokeh", None)
    sentence = r"^a page needs the package bokeh: pip install 'fastgd\[explore\]'$"
    with pytest.raises(ModuleNotFoundError, match=sentence):
        small().explore(tmp_path / "sweep.html")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "sweep.html").mkdir()
    with pytest.raises(ValueError, match="path must be a file, got the folder"):
        check_writable(str(tmp_path / "sweep.html"))


# ---- in the browser

RECORD_CONTEXTS = """
window.contexts = [];
for (const canvas of [HTMLCanvasElement, window.OffscreenCanvas]) {
    const before = canvas.prototype.getContext;
    canvas.prototype.getContext = function (kind, ...rest) {
        window.contexts.push(kind);
        return before.call(this, kind, ...rest);
    };
}
"""

# Distinct colours in each figure: its canvases lie in shadow roots.
COLOURS = """
const found = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
    [...(one.tagName === "CANVAS" ? [one] : []), ...(one.shadowRoot ? found(one.shadowRoot) : [])]);
return [...document.querySelectorAll(".frame")].filter((frame) => frame.checkVisibility()).map((frame) => {
    const colours = new Set();
    for (const canvas of found(frame).filter((canvas) => canvas.width * canvas.height > 10000)) {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const pixels = new Uint32Array(data.buffer);
        for (let k = 0; k < pixels.length; k += 5) colours.add(pixels[k]);
    }
    return colours.size;
});
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chrome.chromium(tmp_path_factory.mktemp("profile")) as started:
        started.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": RECORD_CONTEXTS})
        yield started


@pytest.fixture
def shown(browser, tmp_path):
    """Return a function that opens a result's page and sees to it that all is well."""

    def show(result):
        page = result.explore(tmp_path / "sweep.html")
        assert chrome.opened(browser, page) == [page.as_uri()]
        well(browser)
        return browser

    return show


def well(browser):
    assert chrome.said(browser) == []
    assert set(browser.execute_script("return window.contexts")) == {"2d"}


def quartic():
    return fastgd.Objective(lambda t: (t**2 - 1.0) ** 2, lambda t: 4.0 * t * (t**2 - 1.0), start=0.5)


def of_features(count, **options):
    X = np.random.default_rng(count).normal(size=(60, count))
    return fastgd.LinearFit(X, X @ np.arange(1.0, count + 1) + 1.0, **options)


TABLE = {"learning_rate": np.geomspace(1e-5, 1e-2, 50)[::-1], "max_steps": np.arange(50)}
SWEEPS = {
    "a line": lambda: fastgd.sweep(fastgd.examples.sine(), learning_rate=np.geomspace(1e-9, 1e-5, 10_000)),
    "a map": lambda: fastgd.sweep(
        fastgd.examples.sine(), learning_rate=RATES, momentum=np.linspace(0, 0.9, 20), rule="momentum"
    ),
    "aggregated": lambda: fastgd.sweep(
        fastgd.examples.sine(), learning_rate=np.geomspace(1e-8, 1e-5, 1000), max_steps=np.arange(100)
    ),
    "zipped": lambda: fastgd.sweep(fastgd.examples.pizza(), configurations=TABLE),
    "starts": lambda: fastgd.sweep(quartic(), theta0=np.linspace(-2, 2, 9)[:, None], learning_rate=[0.01, 0.1, 1.0]),
    "single": lambda: fastgd.sweep(fastgd.examples.pizza(), learning_rate=0.001),
    "all failed": lambda: fastgd.sweep(fastgd.examples.pizza(), learning_rate=[1.0, 2.0, 3.0], max_steps=200),
    "failed at the start": lambda: fastgd.sweep(
        fastgd.Objective(lambda t: np.log(t), lambda t: 1 / t, start=-1.0), learning_rate=[1.0, 2.0]
    ),
    "no loss": lambda: fastgd.sweep(fastgd.examples.square(), learning_rate=[0.25, 0.5], max_steps=[0, 1, 2]),
    "below zero": lambda: fastgd.sweep(fastgd.Objective(np.sin, np.cos, start=0.5), learning_rate=[0.1, 0.5, 1.0]),
    "fifteen": lambda: fastgd.sweep(of_features(15, intercept=False), learning_rate=[0.01, 0.1], engine="spectral"),
    "robust": lambda: fastgd.sweep(
        of_features(1, loss=fastgd.Huber(1.0)), learning_rate=[0.01, 0.1], rule="adam", record_every=3, max_steps=20
    ),
    "bounds": lambda: fastgd.sweep(fastgd.examples.pizza(), learning_rate=[0.001, 0.002], bounds=(0.0, 2.0)),
}


@pytest.mark.process
@pytest.mark.parametrize("name", SWEEPS)
def test_a_page_opens(shown, name):
    result = SWEEPS[name]()
    page = shown(result)
    assert min(page.execute_script(COLOURS)) > 3  # no figure is blank
    states = chrome.data(page, "states")
    outcome = result.best or result.outcome(0)
    assert states["step"][-1] == outcome.steps
    np.testing.assert_allclose(states["loss"][-1], outcome.loss, rtol=1e-9, atol=1e-25)
    assert page.execute_script("return document.documentElement.lang") == "en"
    assert page.title == f"fastgd: sweep of {result.problem}"
    for tag in ("select", "input"):
        for control in page.find_elements("css selector", tag):
            assert control.get_property("labels"), control.get_property("id")


def tabbed_to(page, control):
    """Press Tab until a control has the focus."""
    for _ in range(60):
        if page.switch_to.active_element == control:
            return
        page.switch_to.active_element.send_keys(Keys.TAB)
    raise AssertionError("Tab does not lead there")


MOVES = {
    "gradient": {},
    "momentum": {"rule": "momentum"},
    "nesterov": {"rule": "nesterov", "schedule": "exponential", "decay": 1e-3, "highest": 0.6},
    "inverse time": {"schedule": "inverse_time", "decay": 0.01},
    "inverse root": {"schedule": "inverse_sqrt", "decay": 0.1, "rule": "momentum"},
    "cosine": {"schedule": "cosine"},
    "original units": {"standardized": True},
}


@pytest.mark.process
@pytest.mark.parametrize("name", MOVES)
def test_keys_move_the_rate_and_its_descent(shown, name):
    """And what is drawn is what `descend` does, to 1e-9."""
    options = {"highest": 1.02, **MOVES[name]}
    problem = fastgd.examples.sine()
    fit = problem
    if options.pop("standardized", False):
        problem = problem.standardized()
    rates = problem.spectrum().max_learning_rate * np.geomspace(1e-2, options.pop("highest"), 30)
    result = fastgd.sweep(problem, learning_rate=rates, max_steps=1000, loss_threshold=9.0, **options)
    page = shown(in_original_units(result, problem, None))
    before = chrome.data(page, "states")
    slider = page.find_element("css selector", "input[type=range][name=learning_rate]")
    page.find_element("id", "x").click()
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    tabbed_to(page, slider)
    at = int(slider.get_property("value"))
    for key, moved in ((Keys.ARROW_LEFT, at - 1), (Keys.ARROW_RIGHT, at), (Keys.HOME, 0), (Keys.END, 29)):
        slider.send_keys(key)
        assert int(slider.get_property("value")) == moved
        drawn = chrome.data(page, "states")
        assert not np.array_equal(drawn["loss"], before["loss"])
        before = drawn
        run = fastgd.descend(problem, **result.outcome(moved).configuration, record_every=1)
        steps = drawn["step"].astype(int)
        assert steps[-1] == run.steps
        np.testing.assert_allclose(drawn["loss"], run.trajectory.loss[steps], rtol=1e-9)
        curve = chrome.data(page, "curve")
        expected = fit.predict(original(problem, run.theta), curve["x"])
        np.testing.assert_allclose(curve["y"], expected, rtol=0, atol=1e-9 * abs(expected).max())
        for x, y, step in zip(*(chrome.data(page, "earlier")[name] for name in ("xs", "ys", "step")), strict=True):
            expected = fit.predict(original(problem, run.trajectory.theta[int(step)]), np.array(x))
            np.testing.assert_allclose(y, expected, rtol=0, atol=1e-9 * abs(expected).max())
    well(page)


@pytest.mark.process
def test_names_do_nothing(shown):
    """Neither names of parameters nor of columns are HTML or JavaScript, wherever they stand."""
    shown(fastgd.sweep(of_features(1, parameters=["$$x$$", r"\(b\)"]), learning_rate=0.1))  # not mathematics either
    for problem in (of_features(2, parameters=[EVIL, ALERT, "b"]), of_features(1, parameters=[EVIL, ALERT])):
        page = shown(fastgd.sweep(problem, learning_rate=[0.01, 0.1], max_steps=[1, 5]))
        assert page.execute_script("return [document.getElementById('evil'), window.evil ?? null]") == [None, None]
        assert page.execute_script("return document.querySelectorAll('b, img').length") == 0
        assert EVIL in page.find_element("id", "facts").text
    assert page.execute_script("return Bokeh.documents[0].get_model_by_name('fit').below[0].axis_label.text") == EVIL


@pytest.mark.process
def test_pointing_and_choosing(shown):
    result = SWEEPS["a map"]()
    page = shown(result)
    frame = page.find_element("id", "cells")
    ActionChains(page).move_to_element(frame).perform()
    tip = page.find_element("id", "tip")
    WebDriverWait(page, 10).until(lambda _: tip.is_displayed())
    assert re.match(r"learning_rate\n[0-9.e-]+\nmomentum\n[0-9.e-]+\nmax_steps\n1,000\nstart\nc0 ", tip.text)
    for word in ("outcome", "reason", "loss", "theta"):
        assert f"\n{word}\n" in tip.text
    ActionChains(page).move_to_element(frame).click().perform()
    WebDriverWait(page, 10).until(lambda _: page.find_element("id", "facts").text == tip.text)
    chosen = tuple(int(page.find_element("id", f"axis-{k}").get_property("value")) for k in (0, 1))
    assert chrome.data(page, "states")["step"][-1] == result.outcome(chosen).steps
    well(page)


@pytest.mark.process
def test_any_two_axes(shown):
    """The image is the shades of the cells shown; choosing an axis twice swaps; a measure makes it a line."""
    result = fastgd.sweep(
        fastgd.examples.sine(),
        theta0=np.linspace(-1, 1, 12).reshape(3, 4),
        learning_rate=RATES,
        max_steps=np.arange(1, 13),
    )
    page = shown(result)
    palette = np.array([int.from_bytes(bytes.fromhex(colour[1:]) + b"\xff", "little") for colour in colours()])
    shade = shades(result.loss.ravel(), result.steps.ravel(), result.status.ravel()).reshape(result.status.shape)
    values = "return ['x', 'y'].map((id) => document.getElementById(id).value)"
    start = int(page.find_element("id", "axis-0").get_property("value"))

    def pixels():
        return np.array(chrome.data(page, "image")["image"][0]).reshape(-1)

    assert page.execute_script(values) == ["learning_rate", "max_steps"]
    np.testing.assert_array_equal(pixels(), palette[shade[start].T.ravel()])
    Select(page.find_element("id", "x")).select_by_value("max_steps")
    assert page.execute_script(values) == ["max_steps", "learning_rate"]
    np.testing.assert_array_equal(pixels(), palette[shade[start].ravel()])
    page.find_element("id", "axis-0").send_keys(Keys.HOME)
    np.testing.assert_array_equal(pixels(), palette[shade[0].ravel()])
    Select(page.find_element("id", "y")).select_by_value("loss")
    limit = int(page.find_element("id", "axis-1").get_property("value"))
    points = chrome.data(page, "points")
    np.testing.assert_array_equal(points["x"], np.arange(1, 13))
    assert (np.diff(points["y"])[result.loss[0, limit, 1:] != result.loss[0, limit, :-1]] != 0).all()
    Select(page.find_element("id", "y")).select_by_value("max_steps")
    assert page.execute_script(values) == ["start", "max_steps"]
    well(page)


@pytest.mark.process
def test_zero_and_what_is_not_finite_have_a_place(shown):
    problem = fastgd.Objective(lambda t: t * t if t < 1e3 else np.nan, lambda t: 2.0 * t, start=1.0)
    result = fastgd.sweep(problem, learning_rate=[0.1, 0.25, 0.5, 0.75, 3.0, 1e9], max_steps=50)
    assert 0.0 in result.loss
    assert np.isnan(result.loss).any()
    page = shown(result)
    points = chrome.data(page, "points")
    assert np.isfinite(points["y"]).all()
    order = np.argsort(np.nan_to_num(result.loss, nan=np.inf), kind="stable")
    assert (np.diff(points["y"][order]) >= 0).all()
    shows = "const {start, end} = Bokeh.documents[0].get_model_by_name('cells').y_range; return [start, end]"
    low, high = page.execute_script(shows)
    assert low < points["y"].min()
    assert points["y"].max() < high


@pytest.mark.process
def test_ticks_are_told_apart(shown):
    """Also where all values agree in their first digits."""
    labels = """return [0.9745961, 0.9745962, 0.9745963].map((tick, _, all) =>
        fastgd.tickLabel({kind: "linear"}, tick, all))"""
    page = shown(fastgd.sweep(of_features(1), learning_rate=0.1))
    assert page.execute_script(labels) == ["0.9745961", "0.9745962", "0.9745963"]
    assert page.execute_script("return fastgd.tickLabel({kind: 'linear'}, 0.1 + 0.2, [0.1, 0.2, 0.1 + 0.2])") == "0.3"


@pytest.mark.process
def test_a_long_name_leaves_room(shown):
    page = shown(fastgd.sweep(of_features(1, parameters=["x" * 10_000, "b"]), learning_rate=0.1))
    assert f"{'x' * 59}… 0, b 0" in page.find_element("id", "facts").text
    assert page.execute_script("return document.documentElement.scrollHeight") < 2000
