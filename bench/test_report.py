"""The report, from what a run of the benchmarks wrote."""

from __future__ import annotations

import json

import pytest

from bench.picture import picture
from bench.report import load, main, markdown, short_markdown

MACHINE = {
    "cpu": "a processor",
    "versions": {"NumPy": "2.4"},
    "roofline": {
        "threads": 2,
        "threading_layer": "tbb",
        "read_bandwidth": 40.0,
        "fma_peak": 100.0,
        "cache_bytes": 1 << 25,
        "read_bandwidths": [[1 << 20, 90.0], [1 << 27, 40.0]],
    },
    "roofline_1_thread": {"read_bandwidth": 30.0, "fma_peak": 50.0},
}


def compared(degree, N, gflops, dtype="float64"):
    return {
        "case": f"degree {degree}, N {N:,}",
        "sizes": {"degree": degree, "N": N},
        "dtype": dtype,
        "seconds": 0.002,
        "bytes": 16 * N,
        "flops": 4 * (degree + 1) * N,
        "gbytes_per_second": 12.0,
        "gflops": gflops,
        "bound": "memory",
        "fraction_of_roofline": 0.9,
        "fraction_of_probe": 0.95,
        "spread": {"fastgd": 0.01},
        "ratios": {"C": 1.5, "JAX": 8.0, "JAX unrolled": 7.0},
        "peer_seconds": {"fastgd": 0.002, "C": 0.003, "JAX": 0.016, "JAX unrolled": 0.014},
        "shares": {"fastgd": 1.0, "C": 1.0, "JAX": 0.5, "JAX unrolled": 1.0},
        "missing": {"PyTorch": "not installed"},
        "limits_seen": {"read_bandwidth": 10.0 * degree + 15.0},
        "machine": MACHINE,
    }


EXACT = {"configurations": 1_000_000, "slower": [], "seconds by N": {"10": 0.5}, "rates": {"alone": {"10": 2e6}}}


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.json"
    benchmarks = [
        {"group": "a. polynomial", "extra_info": compared(3, 1000, 5.0)},
        {"group": "a. polynomial", "extra_info": compared(3, 1_000_000, 50.0)},
        {"group": "a. polynomial", "extra_info": compared(3, 1_000_000, 50.0, "float32")},
        {"group": "e. exact engines", "extra_info": {"case": "rates", **EXACT, "machine": MACHINE}},
        {"group": "others", "extra_info": {}},
    ]
    path.write_text(json.dumps({"benchmarks": benchmarks}))
    return path


def test_tables(results):
    text = markdown(*load(results))
    assert text.startswith("Measured on a processor, 2 threads (tbb): read bandwidth 45 GB/s")  # as seen later
    assert "| degree 3, N 1,000 | 2 ms | 12.0 | 5.0 | 0.90 memory | 0.95 | 1% | 1.5x | 8x | 7x |" in text
    assert "| rates | value |\n| --- | ---: |\n| configurations | 1,000,000 |\n| slower | none |" in text
    assert "| rates: seconds by N |  |\n| --- | ---: |\n| 10 | 0.5 |" in text
    assert "| rates: rates | alone |\n| --- | ---: |\n| 10 | 2e+06 |" in text
    assert "Not measured: PyTorch (not installed)." in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_few_rows(results):
    text = short_markdown(*load(results))
    assert "| polynomial: degree 3, N 1,000,000 | 2 ms | 0.95 memory | C 1.5x, JAX 7x |" in text
    assert "| exact engines: rates | configurations: 1,000,000; slower: none |" in text
    assert "N 1,000 |" not in text


@pytest.mark.slow
def test_picture(results, tmp_path):
    pytest.importorskip("matplotlib")
    picture(*load(results), tmp_path / "throughput.svg")
    drawn = (tmp_path / "throughput.svg").read_text()
    for text in ("degree 3", "memory, 45 GB/s", "samples a second"):
        assert f"<!-- {text} -->" in drawn or f"<!--  {text} -->" in drawn


def test_a_file_of_something_else(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"benchmarks": []}')
    with pytest.raises(ValueError, match="has no benchmark of fastgd"):
        load(path)


def test_as_a_script(results, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["report", str(results)])
    main()
    assert "**polynomial**" in capsys.readouterr().out
