"""The machine's limits on disk: measured once for a number of threads, and no obstacle where disks fail."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import fastgd
from fastgd.kernels.probes import probe
from fastgd.results import limits_on_disk, roofline
from fastgd.results.roofline import Roofline
from tests.tools import processes
from tests.tools.command import output

LIMITS = Roofline(
    read_bandwidth=32.0,
    fma_peak=88.0,
    fma_peak_float32=176.0,
    threads=1,
    threading_layer="tbb",
    cache_bytes=1 << 25,
    array_bytes=1 << 27,
    seconds=1.5,
    read_bandwidths=((1 << 15, 512.0), (1 << 25, 64.0), (1 << 28, 32.0)),
)


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Nothing is known yet; the list of what is measured from here on."""
    measured = []

    def measure(threads):
        measured.append(threads)
        return replace(LIMITS, threads=threads)

    monkeypatch.setattr(probe, "_cache", type("Cache", (), {"cache_path": str(tmp_path / "folder")}))
    monkeypatch.setattr(roofline, "_measure", measure)
    monkeypatch.setattr(roofline, "_measured", {})
    return measured


def files(tmp_path):
    return sorted((tmp_path / "folder").iterdir())


def forget():
    roofline._measured.clear()


# ---- what is kept ---------------------------------------------------------------------------------------------------


def test_is_read_by_who_comes_later(measured, tmp_path):
    first = fastgd.roofline(threads=1)
    (file,) = files(tmp_path)
    forget()
    assert fastgd.roofline(threads=1) == first == LIMITS
    assert measured == [1]
    file.unlink()
    forget()
    assert fastgd.roofline(threads=1) == LIMITS
    assert measured == [1, 1]


def test_each_number_of_threads_and_each_machine_has_its_own(measured, tmp_path, monkeypatch):
    fastgd.roofline(threads=1)
    fastgd.roofline(threads=2)
    assert len(files(tmp_path)) == 2
    forget()
    monkeypatch.setattr(limits_on_disk, "_processor", lambda: "another")
    fastgd.roofline(threads=1)
    assert len(files(tmp_path)) == 3
    assert measured == [1, 2, 1]


DAMAGES = {
    "empty": lambda text: "",
    "half": lambda text: text[: len(text) // 2],
    "not an object": lambda text: "[1]",
    "no text": lambda text: "\ud800",
    "other fields": lambda text: text.replace("fma_peak_float32", "other"),
    "other machine": lambda text: text.replace('"processors": ', '"processors": 7'),
    "no number": lambda text: text.replace("88.0", "NaN"),
    "negative": lambda text: text.replace("512.0", "-512.0"),
    "words": lambda text: text.replace("32.0", '"fast"'),
    "no pairs": lambda text: json.dumps(
        json.loads(text) | {"limits": json.loads(text)["limits"] | {"read_bandwidths": []}}
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_measured_anew_and_replaced(measured, tmp_path, damage):
    fastgd.roofline(threads=1)
    (file,) = files(tmp_path)
    right = file.read_text()
    wrong = DAMAGES[damage](right)
    assert wrong != right
    file.write_bytes(wrong.encode(errors="surrogatepass"))
    forget()
    assert fastgd.roofline(threads=1) == LIMITS
    assert measured == [1, 1]
    assert [file.read_text() for file in files(tmp_path)] == [right]


def test_where_nothing_can_be_written_nothing_fails(measured, tmp_path, monkeypatch):
    (tmp_path / "folder").write_text("a file, not a folder")
    assert fastgd.roofline(threads=1) == LIMITS
    forget()
    monkeypatch.setattr(probe, "_cache", type("NoCache", (), {"cache_path": None}))
    assert fastgd.roofline(threads=1) == LIMITS
    assert measured == [1, 1]


def test_a_full_disk_leaves_nothing_behind(measured, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(limits_on_disk.os, "replace", full)
    assert fastgd.roofline(threads=1) == LIMITS
    assert files(tmp_path) == []


def test_the_command_measures_again_and_keeps_the_best(measured, tmp_path, monkeypatch, capsys):
    fastgd.roofline(threads=1)
    other = replace(LIMITS, read_bandwidth=40.0, fma_peak=80.0, read_bandwidths=((1 << 15, 500.0), (1 << 28, 40.0)))
    monkeypatch.setattr(roofline, "_measure", lambda threads: other)
    text = output(capsys, "roofline", "--threads", "1")
    best = replace(other, fma_peak=88.0, read_bandwidths=((1 << 15, 512.0), (1 << 28, 40.0)))
    assert text.rstrip("\n") == str(best)
    forget()
    assert fastgd.roofline(threads=1) == best


def test_a_report_of_an_exact_engine_measures_nothing(measured):
    timing = fastgd.sweep(fastgd.examples.sine(), learning_rate=[1e-7, 1e-6], max_steps=10, engine="spectral").timing
    assert "limit" not in str(timing)
    assert timing.limited_by is None
    assert measured == []


# ---- real processes -------------------------------------------------------------------------------------------------

REPORT = """
import sys
import numpy as np
import fastgd
from fastgd.results import roofline

roofline.SECONDS, roofline.REPETITIONS, roofline.LARGEST_ARRAY = 0.0, 1, 1 << 20
result = fastgd.sweep(
    fastgd.examples.sine(), learning_rate=[1e-7, 1e-6], max_steps=10, engine="samples", threads=1
)
for timing in (result.timing, result.timing):
    sys.stderr.flush()
    print(next(line for line in str(timing).splitlines() if line.startswith("limit")).split("allows, ")[1])
"""


@pytest.mark.process
@pytest.mark.slow
def test_only_the_first_report_on_a_machine_measures(tmp_path):
    """Told on standard error; the limit of a later report is the one that was kept."""

    def report():
        started = processes.start("-c", REPORT, environment={"NUMBA_CACHE_DIR": str(tmp_path)})
        ended = processes.finish(started, timeout=120.0)
        assert ended.code == 0, ended.err
        return ended

    first, second = report(), report()
    assert first.err == roofline.MEASURING.format("1 thread") + "\n"
    assert second.err == ""
    assert first.out == second.out
    assert len(set(first.out.splitlines())) == 1
    assert len(list(tmp_path.rglob("limits.*.json"))) == 1


# ---- what limits ----------------------------------------------------------------------------------------------------


def test_bandwidth_lies_between_those_of_the_probes():
    assert LIMITS.bandwidth(1) == LIMITS.bandwidth(1 << 15) == 512.0
    assert LIMITS.bandwidth(1 << 20) == pytest.approx((512.0 + 64.0) / 2.0)  # half way of the powers of two
    assert LIMITS.bandwidth(1 << 25) == pytest.approx(64.0)
    assert LIMITS.bandwidth(1 << 40) == 32.0


@pytest.mark.parametrize(
    ("flops", "read", "footprint", "name", "seconds"),
    [
        (88e9, 1e9, 1 << 15, "arithmetic", 1.0),
        (88e9, 1024e9, 1 << 15, "cache", 2.0),
        (88e9, 128e9, 1 << 25, "cache", 2.0),
        (88e9, 64e9, 1 << 28, "memory", 2.0),
        (88e9, 16e9, 1 << 28, "arithmetic", 1.0),
    ],
)
def test_the_limit_is_what_takes_longest_alone(flops, read, footprint, name, seconds):
    bound = LIMITS.bound(int(flops), int(read), footprint)
    assert bound.name == name
    assert bound.seconds == pytest.approx(seconds, rel=1e-9)


def report_of(timing):
    return next(line for line in str(timing).splitlines() if line.startswith("limit"))


def test_a_report_says_what_was_reached(measured, capsys):
    x = np.linspace(-1.0, 1.0, 1 << 10)
    timing = fastgd.sweep(fastgd.PolynomialFit(x, x, 1), learning_rate=[0.1], max_steps=5, engine="samples").timing
    assert timing.footprint == 16 << 10
    timing = replace(timing, threads=1, run=2.0, flops=88_000_000_000, bytes=0)
    assert report_of(timing).split(maxsplit=1)[1] == "0.50 of what arithmetic allows, 88.0 GFLOP/s"
    assert capsys.readouterr().err == roofline.MEASURING.format("1 thread") + "\n"
    reading = replace(timing, flops=1, bytes=32_000_000_000, footprint=1 << 30)
    assert report_of(reading).split(maxsplit=1)[1] == "0.50 of what memory allows, 32.0 GB/s"
    assert (reading.limited_by, reading.roofline_fraction) == ("memory", 0.5)
    assert "`fastgd roofline` measures again" in report_of(replace(timing, run=0.5))
    assert capsys.readouterr().err == ""
    assert measured == [1]


def test_threads_with_descents_of_their_own_hold_the_samples_each():
    x = np.linspace(-1.0, 1.0, 1000)
    rates = np.geomspace(1e-3, 1e-1, 200)
    how = {"learning_rate": rates, "max_steps": 2000, "engine": "samples", "threads": 2}
    timing = fastgd.sweep(fastgd.PolynomialFit(x, x, 2), **how).timing
    assert (timing.threads, timing.footprint) == (2, 2 * 16_000)


def test_a_report_stands_where_nothing_can_be_measured(measured, monkeypatch):
    def refuse(threads):
        raise RuntimeError("this process was forked")

    monkeypatch.setattr(roofline, "_measure", refuse)
    x = np.linspace(-1.0, 1.0, 100)
    timing = fastgd.descend(fastgd.PolynomialFit(x, x, 1), learning_rate=0.1, max_steps=5, engine="samples").timing
    assert report_of(timing).split(maxsplit=1)[1] == "not known: this process was forked"
