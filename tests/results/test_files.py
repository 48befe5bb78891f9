"""Results in files that the command writes: what is in them, and how they come to be."""

from __future__ import annotations

import csv
import json
import os
import threading

import numpy as np
import pytest

import fastgd
from fastgd.cli.main import main
from fastgd.results.formats import FORMATS
from tests.tools.command import output, refusal, swept, words

# ---- results in files

GRID = "--learning-rate 0.1,0.4,3 --max-steps 5,600 --start 1 --start -2 --tolerance 1e-6"


def expected_of_grid():
    return fastgd.sweep(
        fastgd.examples.square(),
        learning_rate=[0.1, 0.4, 3.0],
        max_steps=[5, 600],
        theta0=[[1.0], [-2.0]],
        tolerance=1e-6,
    )


def test_npz(capsys, tmp_path):
    result = swept(capsys, tmp_path, "square", *words(GRID))
    expected = expected_of_grid()
    assert list(result["axes"]) == list(expected.axes)
    for name, values in expected.axes.items():
        np.testing.assert_array_equal(result[name], values)
    for name in ("theta", "loss", "gradient_norm", "steps", "status"):
        np.testing.assert_array_equal(result[name], getattr(expected, name))
        assert result[name].dtype == getattr(expected, name).dtype
    assert result["tolerance"] == 1e-6
    assert list(result["parameters"]) == ["theta"]
    assert str(result["problem"]) == expected.problem
    named = dict(zip(result["status_codes"].tolist(), result["status_names"].tolist(), strict=True))
    assert named == {int(status): status.name for status in fastgd.Status}


def test_csv(capsys, tmp_path):
    out = tmp_path / "result.csv"
    output(capsys, "sweep", "square", *words(GRID), "--out", str(out))
    expected = expected_of_grid()
    header, *lines = out.read_text().splitlines()
    assert (
        header == "start_theta,learning_rate,max_steps,tolerance,theta,loss,gradient_norm,steps,status,"
        "initial_loss,stalled,rule,schedule,engine,fastgd"
    )
    assert len(lines) == 12
    grid = np.stack(np.meshgrid([1.0, -2.0], [0.1, 0.4, 3.0], [5, 600], [1e-6], indexing="ij"), -1).reshape(-1, 4)
    cells = [line.split(",")[:11] for line in lines]
    numbers = np.array([row[:8] for row in cells], dtype=float)
    np.testing.assert_array_equal(numbers[:, :4], grid)
    np.testing.assert_array_equal(numbers[:, 4], expected.theta.ravel())
    np.testing.assert_array_equal(numbers[:, 5], expected.loss.ravel())
    np.testing.assert_array_equal(numbers[:, 6], expected.gradient_norm.ravel())
    np.testing.assert_array_equal(numbers[:, 7], expected.steps.ravel())
    assert [row[8] for row in cells] == [fastgd.Status(code).name for code in expected.status.ravel()]
    assert {"SMALL_UPDATE", "MAX_STEPS", "DIVERGED", "LOSS_GREW"} <= {row[8] for row in cells}
    assert [row[9] for row in cells] == [repr(loss) for loss in expected.initial_loss.ravel().tolist()]
    assert [row[10] for row in cells] == [str(stalled) for stalled in expected.stalled.ravel()]
    assert all(line.endswith(",gradient,constant,samples,") for line in lines[1:])  # the header is told once


def test_csv_has_as_many_rows_as_configurations(capsys, tmp_path, monkeypatch):
    out = tmp_path / "result.csv"
    monkeypatch.setattr("fastgd.results.formats.ROWS_AT_ONCE", 7)
    output(capsys, *words("sweep square --learning-rate 0.1:1:100 --max-steps 3"), "--out", str(out))
    rows = np.loadtxt(out, delimiter=",", skiprows=1, usecols=(0, 3))
    np.testing.assert_array_equal(rows[:, 0], np.geomspace(0.1, 1, 100))
    np.testing.assert_allclose(rows[:, 1], (1 - 2 * rows[:, 0]) ** 3, rtol=1e-12, atol=1e-15)


def test_csv_columns_have_different_names(capsys, data, tmp_path):
    path, out = data('loss,"a,b",theta_loss,y\n1,2,3,4\n'), tmp_path / "result.csv"
    columns = ["--x", "loss", "--x", "a,b", "--x", "theta_loss", "--y", "y", "--learning-rate", "0.1"]
    output(capsys, "sweep", path, *columns, "--out", str(out))
    header = out.read_text().splitlines()[0]
    thetas = 'theta_loss,"a,b",theta_theta_loss,b'
    results = "loss,gradient_norm,steps,status,initial_loss,stalled,rule,schedule,engine,fastgd"
    assert header == f"learning_rate,max_steps,{thetas},{results}"


def test_json(capsys, tmp_path):
    out = tmp_path / "result.json"
    output(capsys, "sweep", "square", *words(GRID), "--out", str(out))

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(out.read_text(), parse_constant=refuse)
    expected = expected_of_grid()
    assert list(content["axes"]) == ["start", "learning_rate", "max_steps"]
    assert content["axes"]["learning_rate"] == [0.1, 0.4, 3.0]
    assert content["shared"] == {"tolerance": 1e-6, "divergence_threshold": 1e200}
    assert content["parameters"] == ["theta"]
    assert content["rule"] == "gradient"
    np.testing.assert_array_equal(np.array(content["theta"], dtype=float), expected.theta)
    np.testing.assert_array_equal(content["steps"], expected.steps)
    names = [[[fastgd.Status(code).name for code in row] for row in rows] for rows in expected.status]
    assert content["status"] == names
    assert set(content["timing"]) == set(expected.timing.to_dict())


def test_every_format_tells_how_it_was_run(capsys, data, tmp_path):
    path = data("lower_w,y\n1,2\n2,3\n3,5\n")
    line = "--x lower_w --y y --learning-rate 0.01,0.02 --rule momentum --momentum 0.5 --schedule cosine"
    line += " --bounds=-1,-inf:5 --max-steps 3 --engine moments"
    for suffix in ("npz", "csv", "json"):
        output(capsys, "sweep", path, *words(line), "--out", str(tmp_path / f"result.{suffix}"))
    with np.load(tmp_path / "result.npz") as arrays:
        assert [str(arrays[name]) for name in ("rule", "schedule", "engine")] == ["momentum", "cosine", "moments"]
        assert arrays["bounds"].tolist() == [[-1.0, -np.inf], [5.0, 5.0]]
    with open(tmp_path / "result.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    told = {"rule": "momentum", "schedule": "cosine", "engine": "moments"}
    told |= {"lower_lower_w": "-1.0", "lower_b": "-inf", "upper_lower_w": "5.0", "upper_b": "5.0"}
    assert [{name: row[name] for name in told} for row in rows] == [told, told]
    assert [row["learning_rate"] for row in rows] == ["0.01", "0.02"]
    content = json.loads((tmp_path / "result.json").read_text())
    assert [content[name] for name in ("rule", "schedule", "engine")] == ["momentum", "cosine", "moments"]
    assert content["bounds"] == [[-1.0, "-Infinity"], [5.0, 5.0]]
    output(capsys, *words("sweep square --learning-rate 0.1,0.2"), "--out", str(tmp_path / "free.npz"))
    with np.load(tmp_path / "free.npz") as arrays:
        assert arrays["bounds"].tolist() == [[-np.inf], [np.inf]]


def test_json_of_what_is_not_finite(capsys, tmp_path):
    out = tmp_path / "result.json"
    line = "sweep square --learning-rate 0.1,1e300 --max-steps 5 --tolerance none"
    line += " --divergence-threshold none --bounds -inf:5"
    output(capsys, *words(line), "--out", str(out))
    content = json.loads(out.read_text())
    assert content["loss"][1] == "Infinity"
    assert content["loss"][0] == pytest.approx(0.8**10)
    assert content["bounds"] == [["-Infinity"], [5.0]]
    one = tmp_path / "one.json"
    output(capsys, *words("sweep square --learning-rate 0.1 --max-steps 2"), "--out", str(one))
    assert json.loads(one.read_text())["status"] == "MAX_STEPS"
    assert json.loads(one.read_text())["theta"] == [pytest.approx(0.64)]


def test_file_is_replaced_whole_or_not_at_all(capsys, tmp_path, monkeypatch):
    out = tmp_path / "result.json"
    output(capsys, "sweep", "square", "--learning-rate", "0.1", "--out", str(out))
    before = out.read_text()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastgd.results.content.json.dumps", full)
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "square", "--learning-rate", "0.2", "--out", str(out)])
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.err == f"fastgd sweep: error: --out can't be written to {str(out)!r}: No space left on device\n"
    assert "best " in captured.out  # the answer is not lost with the file
    assert out.read_text() == before
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(("mode", "umask"), [(0o600, 0o022), (0o640, 0o077), (0o666, 0o022), (0o444, 0o022)])
def test_a_file_keeps_its_permissions(capsys, tmp_path, monkeypatch, mode, umask):
    out = tmp_path / "result.csv"
    out.write_text("before")
    out.chmod(mode)
    during = []
    seen_by = FORMATS[".csv"]._replace(write=lambda path, _: during.append(path.stat().st_mode & 0o777))
    monkeypatch.setitem(FORMATS, ".csv", seen_by)
    before = os.umask(umask)
    try:
        output(capsys, "sweep", "square", "--learning-rate", "0.1", "--out", str(out))
    finally:
        os.umask(before)
    assert [oct(seen) for seen in during] == [oct(mode | 0o200)]  # so that its owner may write it
    assert oct(out.stat().st_mode & 0o777) == oct(mode)
    assert out.read_text() == ""


def test_a_new_file_follows_the_umask(capsys, tmp_path):
    before = os.umask(0o027)
    try:
        output(capsys, "sweep", "square", "--learning-rate", "0.1", "--out", str(tmp_path / "result.csv"))
    finally:
        os.umask(before)
    assert oct((tmp_path / "result.csv").stat().st_mode & 0o777) == oct(0o640)


def test_a_link_under_the_partial_file_s_name_is_not_followed(capsys, tmp_path):
    other, out = tmp_path / "other", tmp_path / "result.csv"
    other.write_text("precious")
    (tmp_path / f".result.csv.{os.getpid()}.{threading.get_ident()}.partial").symlink_to(other)
    output(capsys, "sweep", "square", "--learning-rate", "0.1", "--out", str(out))
    assert other.read_text() == "precious"
    assert out.read_text().startswith("learning_rate,")


def test_a_pipe_is_no_file_for_results(capsys, tmp_path):
    path = str(tmp_path / "pipe.csv")
    os.mkfifo(path)
    assert refusal(capsys, "sweep", "square", "--out", path) == f"--out must be a file, got the device or pipe {path!r}"


def test_link_stays_a_link(capsys, tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "result.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    output(capsys, "sweep", "square", "--learning-rate", "0.1", "--out", str(link))
    assert link.is_symlink()
    assert target.read_text().startswith("learning_rate,")
    assert target.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
