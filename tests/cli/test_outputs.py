"""What commands write beside what they print: pictures, pages, JSON; and `fastgd plot`."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest

import fastgd
import fastgd.cli.main
from tests.tools.command import output, refusal, words
from tests.tools.processes import finish, start

SWEEP = words("pizza --learning-rate 1e-4:1e-2:12 --max-steps 50,500")


def machine(text):
    """Read strict JSON: Python's own reader takes NaN, too."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


# ---- sweep ----------------------------------------------------------------------------------------------------------


def test_a_sweep_is_drawn_and_explored(capsys, tmp_path):
    picture = tmp_path / "loss.png"
    page = tmp_path / "loss.html"
    told = output(capsys, "sweep", *SWEEP, "--plot", str(picture), "--page", str(page))
    assert told.splitlines()[0].startswith("by default: --gradient-tolerance")
    pixels = matplotlib.image.imread(picture)
    assert np.ptp(pixels) > 0.5
    assert "24 configurations" in page.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loss.html", "loss.png"]


def test_json_of_a_sweep(capsys):
    found = machine(output(capsys, "sweep", *SWEEP, "--json"))
    result = fastgd.sweep(
        fastgd.examples.pizza(),
        learning_rate=np.geomspace(1e-4, 1e-2, 12),
        max_steps=[50, 500],
        gradient_tolerance=1e-6,
    )
    assert found["configurations"] == 24
    assert found["axes"]["learning_rate"] == {"count": 12, "least": 1e-4, "largest": 1e-2}
    counts = {name: status["configurations"] for name, status in found["statuses"].items()}
    assert counts == {status.name: n for status in fastgd.Status if (n := int((result.status == status).sum()))}
    best = found["best"]
    assert (best["loss"], best["theta"]) == (result.best.loss, dict(zip("wb", result.best.theta.tolist(), strict=True)))
    assert fastgd.descend(fastgd.examples.pizza(), **best["configuration"]).loss == best["loss"]
    assert found["fastest"] is None
    assert found["stability_limits"] == [result.spectrum.max_learning_rate]
    assert found["notes"] == ["by default: --gradient-tolerance 1e-6"]
    assert found["timing"]["configurations"] == 24


def test_json_where_nothing_is_finite(capsys):
    found = machine(output(capsys, "sweep", *words("square --learning-rate 1e200 --max-steps 3 --json")))
    assert found["best"] is None
    assert list(found["statuses"]) == ["DIVERGED"]


LIMITED = """
import resource, sys
from fastgd.cli.main import main
typed = ["sweep", "square", "--learning-rate", "0.1,0.2"]
main(typed)  # compiles
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
sys.exit(main([*typed, *sys.argv[1:]]))
"""


@pytest.mark.process
@pytest.mark.parametrize(("option", "file"), [("--out", "a.csv"), ("--plot", "a.png"), ("--page", "a.html")])
def test_what_the_disk_refuses_is_told_by_its_option(tmp_path, option, file):
    path = str(tmp_path / file)
    ended = finish(start("-c", LIMITED, option, path))
    assert ended.code == 2
    assert ended.err == f"fastgd sweep: error: {option} can't be written to {path!r}: File too large\n"
    assert not (tmp_path / file).exists()


def test_a_page_does_not_replace_the_data(capsys, tmp_path):
    table = tmp_path / "table.html"
    table.write_text("x,y\n1,2\n2,3\n")
    typed = words("--x x --y y --learning-rate 0.1")
    sentence = f"--page must not be the data file itself, got {str(table)!r}"
    assert refusal(capsys, "sweep", str(table), *typed, "--page", str(table)) == sentence


# ---- descend --------------------------------------------------------------------------------------------------------


def test_json_of_a_descent(capsys):
    typed = words("pizza --learning-rate 0.001 --max-steps 40 --every 20 --json")
    found = machine(output(capsys, "descend", *typed))
    run = fastgd.descend(fastgd.examples.pizza(), learning_rate=0.001, max_steps=40, record_every=20)
    assert found["trajectory"]["step"] == [0, 20, 40]
    assert found["trajectory"]["loss"] == run.trajectory.loss.tolist()
    assert found["trajectory"]["theta"]["b"] == run.trajectory.theta[:, 1].tolist()
    assert (found["status"], found["steps"], found["message"]) == ("MAX_STEPS", 40, run.message)


def test_a_standardised_descent_is_told_in_original_units(capsys):
    typed = words("pizza --standardize --learning-rate 0.1 --max-steps 100 --start 1,2 --json")
    found = machine(output(capsys, "descend", *typed))
    assert [found["trajectory"]["theta"][name][0] for name in "wb"] == [1.0, 2.0]
    assert list(found["theta"].values()) == pytest.approx(fastgd.examples.pizza().minimum().theta, rel=1e-6)


INTERRUPTED = """
import os, signal, sys, threading
from fastgd.cli.main import main
descend = ["descend", "sine", "--engine", "samples", "--learning-rate", "1e-6", "--json", "--max-steps"]
main([*descend, "1"])  # compiles
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
sys.exit(main([*descend, "2000000000"]))
"""


@pytest.mark.process
def test_json_of_an_interrupted_descent():
    ended = finish(start("-c", INTERRUPTED))
    assert (ended.code, ended.err) == (130, "fastgd descend: interrupted\n")
    found = machine(ended.out.splitlines()[1])
    assert (found["status"], found["trajectory"]) == ("CANCELLED", None)
    assert found["steps"] > 0
    assert list(found["theta"]) == ["c0", "c1", "c2", "c3"]


def test_a_descent_is_drawn(capsys, tmp_path):
    picture = tmp_path / "run.svg"
    output(capsys, "descend", *words("square --learning-rate 0.2 --max-steps 20"), "--plot", str(picture))
    texts = " ".join(ElementTree.parse(picture).getroot().itertext())
    assert picture.stat().st_size > 1000
    assert texts


# ---- the others -----------------------------------------------------------------------------------------------------


def test_json_of_examples(capsys):
    found = machine(output(capsys, "examples", "--json"))
    assert {"square", "sine", "pizza", "dart"} < set(found)


def test_json_of_the_machines_limits(capsys):
    found = machine(output(capsys, "roofline", "--threads", "1", "--json"))
    assert found["threads"] == 1
    assert found["fma_peak"] > 0.0


# ---- plot -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "result.npz"
    problem = fastgd.examples.pizza()
    rates = np.geomspace(1e-4, 1e-2, 12)
    fastgd.sweep(problem, learning_rate=rates, max_steps=[50, 500], record_every=10).save(path)
    return path


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "--kind loss --x max_steps",
        "--kind loss --hue max_steps",
        "--kind steps",
        "--kind map --x max_steps --y learning_rate",
        "--kind basins",
        "--kind trajectories",
        "--kind parameter --name w",
    ],
)
def test_every_kind_of_picture(capsys, written, typed):
    picture = written.with_suffix(".png")
    assert output(capsys, "plot", str(written), *words(typed)) == f"wrote {picture}\n"
    assert np.ptp(matplotlib.image.imread(picture)) > 0.5


@pytest.mark.parametrize("typed", ["", "--kind trajectories", "--kind parameter --name w"])
def test_a_store_is_drawn(capsys, tmp_path, typed):
    store = tmp_path / "run.zarr"
    how = {"learning_rate": [1e-3, 2e-3, 1.0], "max_steps": [50, 500], "record_every": 10}
    fastgd.sweep(fastgd.examples.pizza(), **how, store=store)
    picture = store.with_suffix(".png")
    assert output(capsys, "plot", str(store), *words(typed)) == f"wrote {picture}\n"
    assert np.ptp(matplotlib.image.imread(picture)) > 0.5


def test_a_page_of_a_written_result(capsys, written):
    page = written.with_name("explore.html")
    assert output(capsys, "plot", str(written), "--page", str(page)) == f"wrote {page}\n"
    assert not written.with_suffix(".png").exists()
    both = output(capsys, "plot", str(written), "--page", str(page), "--out", str(written.with_suffix(".pdf")))
    assert both == f"wrote {written.with_suffix('.pdf')} and {page}\n"
    assert written.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            "--kind pie",
            "--kind must be one of 'loss', 'steps', 'map', 'basins', 'trajectories', 'parameter', got 'pie'",
        ),
        ("--kind map --hue max_steps", "--hue must be left out with --kind map"),
        ("--x max_steps", "--x must be left out without --kind"),
        ("--kind parameter", "--name must be given with --kind parameter"),
        ("--kind loss --x foo", "--x must be one of 'learning_rate', 'max_steps', got 'foo'"),
        ("--out a.gif", "--out must end in .png, .svg or .pdf, got 'a.gif'"),
        ("--page a.htm5", "--page must end in .html, got 'a.htm5'"),
    ],
)
def test_what_plot_refuses(capsys, written, typed, sentence):
    assert refusal(capsys, "plot", str(written), *words(typed)) == sentence
    assert not written.with_suffix(".png").exists()


def test_files_that_hold_no_result(capsys, tmp_path):
    assert refusal(capsys, "plot") == "FILE must be given: what fastgd sweep --out wrote"
    missing = str(tmp_path / "none.npz")
    no_such = "No such file or directory"
    assert refusal(capsys, "plot", missing) == f"FILE must be a result that fastgd wrote, got {missing!r}: {no_such}"
    other = tmp_path / "other.npz"
    np.savez(other, loss=np.zeros(3))
    assert "it has no header of fastgd's" in refusal(capsys, "plot", str(other))
    picture = tmp_path / "picture.png"
    picture.touch()
    for path in (".", "", str(picture)):
        suffixes = ".npz, .csv, .json, .parquet, .nc or .zarr"
        assert refusal(capsys, "plot", path) == f"FILE must end in {suffixes}, got {path!r}"


def test_a_map_of_one_axis_is_refused_without_words_of_python(capsys, tmp_path):
    path = tmp_path / "line.npz"
    fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.2], max_steps=5).save(path)
    sentence = "a map needs a sweep over two axes, and this one has only one, learning_rate"
    assert refusal(capsys, "plot", str(path), "--kind", "map") == sentence


@pytest.mark.parametrize(
    ("option", "path", "rest"),
    [
        ("--plot", "x.txt", "must end in .png, .svg or .pdf, got 'x.txt'"),
        ("--plot", "/nowhere/x.png", "must be in a folder that exists, got '/nowhere/x.png'"),
        ("--page", "x.txt", "must end in .html, got 'x.txt'"),
    ],
)
def test_places_are_checked_before_any_work(capsys, option, path, rest):
    typed = ("pizza", "--learning-rate", "1e-9:1e-5:100000000", option, path)  # which would be refused for its size
    assert refusal(capsys, "sweep", *typed) == f"{option} {rest}"


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, *others):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from fastgd.cli.main import main
sys.exit(main(["sweep", "square", *sys.argv[2:]]))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("package", "option", "file", "extra"),
    [
        ("matplotlib", "--plot", "a.png", "plot"),
        ("bokeh", "--page", "a.html", "explore"),
        ("h5py", "--out", "a.nc", "table"),
    ],
)
def test_missing_packages_are_told_before_any_work(tmp_path, package, option, file, extra):
    ended = finish(start("-c", WITHOUT, package, option, str(tmp_path / file)))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("fastgd sweep: error: ")
    assert ended.err.endswith(f"needs the package {package}: pip install 'fastgd[{extra}]'\n")
    assert ended.err.count("\n") == 1


def test_each_verb_shows_an_example(capsys):
    for verb in ("sweep", "descend", "plot", "roofline", "examples"):
        with pytest.raises(SystemExit):
            fastgd.cli.main.main([verb, "--help"])
        assert f"  fastgd {verb}" in capsys.readouterr().out.partition("example")[2]
