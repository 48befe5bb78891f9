"""Sizes, the machine, and the fixture by which a benchmark compares fastgd with its peers.

    pytest --benchmark-only bench                        all of it, in some minutes
    pytest --benchmark-only bench --bench-size=small     a quick check; FASTGD_BENCH_SIZE=small does the same

A benchmark module has `WORK` (a key of `peers.PEERS`), `GROUP` (its heading) and `CASES`, size by size.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any

import pytest

import fastgd
from bench.compare import compared
from bench.limits import Limits
from bench.measure import SHORTEST, Series
from bench.peers import FASTGD
from bench.summary import details, table, values

# Threads of gcc's OpenMP, which C and PyTorch use, spin for 300,000 rounds before they sleep. Where two of them come to
# share a core, or another process has one, each call then takes whole time slices, for seconds: 150 ms of PyTorch's
# instead of 0.5 ms, 8 ms of C's instead of 11 us, on two virtual processors. Their best is the same with fewer.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

SIZES = ("full", "small")
BUDGET = {"full": 1.0, "small": 0.3}  # seconds of timing a case, if its rounds don't take longer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--bench-size",
        choices=SIZES,
        default=os.environ.get("FASTGD_BENCH_SIZE", "full"),
        help="sizes of fastgd's benchmarks (default: FASTGD_BENCH_SIZE, or full)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = metafunc.module.CASES[metafunc.config.getoption("--bench-size")]
        metafunc.parametrize("case", cases, ids=str)


@cache
def machine() -> dict[str, Any]:
    """Return what makes a figure comparable."""
    import cpuinfo

    from fastgd.results.timing import versions

    limit = fastgd.roofline()
    return {
        "cpu": cpuinfo.get_cpu_info().get("brand_raw", platform.processor()),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "threads": limit.threads,
        "threading_layer": limit.threading_layer,
        "versions": versions(),
        "roofline": asdict(limit),
        "roofline_1_thread": asdict(fastgd.roofline(threads=1)),
    }


@pytest.fixture(scope="session")
def limits() -> Limits:
    return Limits()


@pytest.fixture
def size(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--bench-size"))


@pytest.fixture
def listed(benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Give the function that puts what was found among pytest-benchmark's results, beside some calls that it times."""

    def listed(run: Callable[[], Any], found: dict[str, Any], seconds: float) -> None:
        benchmark.group = request.module.GROUP
        benchmark.extra_info.update(found, machine=machine())
        iterations = max(1, round(SHORTEST / seconds))
        benchmark.pedantic(run, rounds=max(1, min(5, int(0.2 / seconds))), iterations=iterations)

    return listed


@pytest.fixture
def compare(
    limits: Limits, size: str, listed: Callable[..., None], request: pytest.FixtureRequest
) -> Callable[..., None]:
    """Give the function that checks and times a case.

    `beside` are runs to be timed along with it, and `add(series)` returns what follows from them for `extra_info`;
    `work` is the module's if not given.
    """

    def compare(
        case: Any,
        beside: dict[str, Callable[[], Any]] | None = None,
        add: Callable[[dict[str, Series]], dict[str, Any]] = lambda series: {},
        work: str | None = None,
    ) -> None:
        found, series, run = compared(work or request.module.WORK, case, limits, BUDGET[size], beside)
        listed(run, found | add(series), series[FASTGD].median)

    return compare


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    done = [(bench.group, bench.extra_info) for bench in getattr(session, "benchmarks", []) if bench.extra_info]
    compared = [(group, info) for group, info in done if "missing" in info]
    if compared:
        terminalreporter.section("fastgd side by side")
        terminalreporter.write_line(str(fastgd.roofline()))
        terminalreporter.write_line(table(compared))
    for group, info in done:
        if found := details(info):
            terminalreporter.section(f"{group}: {info['case']}")
            for name, value in found:
                terminalreporter.write_line(values(name, value))
