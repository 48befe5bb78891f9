"""Start-up, in whole processes: what an import costs, and the first sweep with an empty and a filled disk cache."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

GROUP = "g. start-up"
RUNS = {"full": 5, "small": 2}
IMPORTS = {
    "nothing": "pass",
    "fastgd": "import fastgd",
    "NumPy": "import numpy",
    "NumPy and fastgd": "import numpy, fastgd",
    "NumPy and fastgd's names": "import numpy; from fastgd import LinearFit, PolynomialFit, descend, examples, sweep",
}
LEAST = "best           loss 8.8171654"  # of a cubic at the sine's 2,000 samples
SWEEP = [sys.executable, "-m", "fastgd", "sweep", "sine"]


def seconds_of(command: list[str], cache: str, expected: str) -> float:
    """Return the seconds of a process, whose output holds what is expected."""
    begin = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"NUMBA_CACHE_DIR": cache}
    )
    seconds = time.perf_counter() - begin
    assert expected in done.stdout
    return seconds


def test_start_up(listed, size, tmp_path):
    imports = {name: [] for name in IMPORTS}
    for _ in range(1 + RUNS[size]):
        for name, line in IMPORTS.items():
            command = [sys.executable, "-c", f"{line}; print('done')"]
            imports[name].append(seconds_of(command, str(tmp_path / "imports"), "done"))
    median = {name: statistics.median(some[1:]) for name, some in imports.items()}  # the first reads files from disk
    empty = seconds_of(SWEEP, str(tmp_path / "0"), LEAST)
    warm = [seconds_of(SWEEP, str(tmp_path / "0"), LEAST) for _ in range(RUNS[size])]
    found = {
        "case": "whole processes, medians",
        "seconds to import, with Python": median,
        "import fastgd beyond import NumPy, seconds": median["NumPy and fastgd"] - median["NumPy"],
        "the same with its names, seconds": median["NumPy and fastgd's names"] - median["NumPy"],
        "fastgd sweep sine, empty cache, seconds": empty,
        "fastgd sweep sine, warm cache, seconds": statistics.median(warm),
    }
    listed(lambda: seconds_of(SWEEP, str(tmp_path / "0"), LEAST), found, statistics.median(warm))
