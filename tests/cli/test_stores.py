"""Sweeps into a store by the command, and `fastgd verify`."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastgd
from fastgd.cli.main import main
from fastgd.sweeps import work
from tests.tools.command import output, refusal, words

SWEEP = ["sweep", *words("pizza --learning-rate 1e-4:1e-2:20 --max-steps 50,500 --json")]


@pytest.fixture
def store(tmp_path, monkeypatch, capsys):
    """Return a finished store of ten tiles."""
    monkeypatch.setattr(work, "LARGEST_TILE", 4)
    output(capsys, *SWEEP, "--store", str(tmp_path / "run.zarr"))
    return tmp_path / "run.zarr"


def test_a_sweep_goes_on_where_it_was(store, capsys):
    (store / "status" / "c.3.0").unlink()
    assert main([*SWEEP, "--store", str(store), "--durable"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "resuming: 9 of 10 tiles done\n"
    resumed, alone = json.loads(captured.out), json.loads(output(capsys, *SWEEP))
    del resumed["timing"], alone["timing"]
    assert resumed == alone
    rates = np.geomspace(1e-4, 1e-2, 20)
    how = {"learning_rate": rates, "max_steps": [50, 500], "gradient_tolerance": 1e-6}
    np.testing.assert_array_equal(
        fastgd.open_result(store).theta, fastgd.sweep(fastgd.examples.pizza(), **how, engine=alone["engine"]).theta
    )


def test_a_run_file_names_a_store_beside_itself(tmp_path, capsys):
    file = tmp_path / "run.toml"
    file.write_text('problem = "pizza"\nlearning-rate = 0.001\nstore = "run.zarr"\n')
    output(capsys, "sweep", str(file))
    assert fastgd.open_result(tmp_path / "run.zarr").tiles_finished == 1


def test_what_is_refused_of_a_store(tmp_path, capsys):
    typed = ("sweep", "pizza", "--learning-rate", "0.001")
    assert refusal(capsys, *typed, "--durable") == "--durable must be left out without --store, got True"
    folder = str(tmp_path)
    assert refusal(capsys, *typed, "--store", folder) == f"--store must be new or a store of a sweep, got {folder!r}"
    assert refusal(capsys, *typed, "--store", str(tmp_path / "run.zarr"), "--standardize") == (
        "--store must be left out with --standardize: it keeps parameters as they descend, in standardised coordinates"
    )
    assert not list(tmp_path.iterdir())


def test_verify(store, capsys):
    assert output(capsys, "verify", str(store)) == (
        f"{store}: 10 of 10 tiles finished\n  70 files of tiles, each as it was written\n"
    )
    (store / "loss" / "c.1.0").write_bytes(b"short")
    (store / "theta" / "c.2.0.0.1-1.partial").touch()
    mark = store / "status" / "c.4.0"
    mark.write_bytes(mark.read_bytes()[::-1])
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(store)])
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"{store}: 9 of 10 tiles finished",
        "  1 file that a writer left, or is at, which the next sweep into it removes",
        "  loss/c.1.0: it has 5 bytes, not 36",
        "  status/c.4.0: its numbers do not add up to its checksum",
    ]
    assert captured.err == (
        "fastgd verify: error: 2 of 70 files of tiles are not as they were written; delete them, and the sweep that "
        "wrote the store runs their tiles again\n"
    )


def test_what_verify_refuses(tmp_path, capsys):
    assert refusal(capsys, "verify") == "FOLDER must be given: what fastgd sweep --store wrote"
    missing = str(tmp_path / "none")
    no_such = "No such file or directory"
    assert refusal(capsys, "verify", missing) == f"FOLDER must be a store of a sweep, got {missing!r}: {no_such}"
