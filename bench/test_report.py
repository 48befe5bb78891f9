"""The report, from what a run of the benchmarks wrote."""

from __future__ import annotations

import json

import pytest

from bench.report import load, main, markdown, picture

MACHINE = {
    "cpu": "a processor",
    "versions": {"NumPy": "2.4"},
    "roofline": {
        "threads": 2,
        "threading_layer": "tbb",
        "read_bandwidth": 40.0,
        "fma_peak": 100.0,
        "cache_bytes": 1 << 25,
    },
}


def compared(degree, N, gflops):
    return {
        "case": f"degree {degree}, N {N:,}",
        "sizes": {"degree": degree, "N": N},
        "seconds": 0.002,
        "bytes": 16 * N,
        "flops": 4 * (degree + 1) * N,
        "gbytes_per_second": 12.0,
        "gflops": gflops,
        "bound": "memory",
        "fraction_of_roofline": 0.9,
        "fraction_of_probe": 0.95,
        "spread": {"fastgd": 0.01},
        "ratios": {"C": 1.5},
        "missing": {"JAX": "not installed"},
        "machine": MACHINE,
    }


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.json"
    benchmarks = [
        {"group": "a. polynomial", "extra_info": compared(3, 1000, 5.0)},
        {"group": "a. polynomial", "extra_info": compared(3, 100_000, 50.0)},
        {"group": "e. exact engines", "extra_info": {"configurations": 1_000_000, "seconds": 0.08}},
        {"group": "others", "extra_info": {}},
    ]
    path.write_text(json.dumps({"benchmarks": benchmarks}))
    return path


def test_tables(results):
    text = markdown(*load(results))
    assert text.startswith("Measured on a processor, 2 threads (tbb): read bandwidth 40 GB/s")
    assert "| degree 3, N 1,000 | 2 ms | 12.0 | 5.0 | 0.90 memory | 0.95 | 1% | 1.5x |" in text
    assert "| configurations | 1,000,000 |" in text
    assert "Not measured: JAX (not installed)." in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_picture(results, tmp_path):
    pytest.importorskip("matplotlib")
    picture(*load(results), tmp_path / "throughput.svg")
    assert "<svg" in (tmp_path / "throughput.svg").read_text()


def test_a_file_of_something_else(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"benchmarks": []}')
    with pytest.raises(ValueError, match="has no benchmark of fastgd"):
        load(path)


def test_as_a_script(results, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["report", str(results)])
    main()
    assert "**polynomial**" in capsys.readouterr().out
