"""Sizes, the machine, and what every benchmark does: check all peers, time them side by side, report.

    pytest --benchmark-only                        all of it, in some minutes
    pytest --benchmark-only --bench-size=small     small sizes, for a quick check; FASTGD_BENCH_SIZE=small does the same

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
from bench.measure import Limits, Series, interleaved
from bench.peers import FASTGD, PEERS, Missing
from bench.summary import table
from bench.works import TooLarge

SIZES = ("full", "small")
BUDGET = {"full": 2.0, "small": 0.3}  # seconds of timing a case, if three rounds don't take longer
READ, MULTIPLY_ADD = "read probe", "multiply-add probe"


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

    from fastgd.timing import versions

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
def compare(benchmark: Any, limits: Limits, request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """Give the function that checks and times a case."""
    module, size = request.module, request.config.getoption("--bench-size")

    def compare(case: Any) -> None:
        runs, shares, missing = set_up(module.WORK, case)
        counted = counts(runs[FASTGD], case)
        if counted["streams"]:
            runs[READ] = limits.read(counted["threads"])
        if counted["flops"]:
            runs[MULTIPLY_ADD] = limits.multiply_add(counted["threads"])
        series = interleaved(runs, BUDGET[size])
        benchmark.group = module.GROUP
        benchmark.extra_info.update(report(case, counted, series, shares, missing, limits), machine=machine())
        seconds = series[FASTGD].median
        if seconds < 1e-4:
            benchmark(runs[FASTGD])
        else:
            benchmark.pedantic(runs[FASTGD], rounds=max(1, min(20, int(BUDGET[size] / 2 / seconds))))

    return compare


def set_up(work: str, case: Any) -> tuple[dict[str, Any], dict[str, float], dict[str, str]]:
    """Return the peers' runs, checked, the share of the case that each does, and why the others are missing."""
    runs, shares, missing = {}, {}, {}
    for name, peer in PEERS[work].items():
        try:
            part = case.reduced(peer.visits, peer.evaluations, peer.by)
            run = peer.setup(part)
        except (Missing, TooLarge) as reason:
            missing[name] = str(reason)
            continue
        part.check(run())
        runs[name], shares[name] = run, part.visits / case.visits
    return runs, shares, missing


def counts(run: Any, case: Any) -> dict[str, Any]:
    """Return what fastgd's run counts: threads, flops, bytes, and whether samples came from memory."""
    from fastgd.evaluation import SERIAL_VISITS

    timing = getattr(run, "timing", None)
    if timing is not None:
        return {name: getattr(timing, name) for name in ("threads", "flops", "bytes", "streams", "steps")}
    if not hasattr(case, "flops"):
        return {"threads": fastgd.roofline().threads, "flops": 0, "bytes": 0, "streams": False}
    limit = fastgd.roofline()
    threads = limit.threads if case.visits > SERIAL_VISITS else 1
    return {
        "threads": threads,
        "flops": case.flops,
        "bytes": case.bytes,
        "streams": case.bytes > 4 * limit.cache_bytes,
    }


def report(
    case: Any,
    counted: dict[str, Any],
    series: dict[str, Series],
    shares: dict[str, float],
    missing: dict[str, str],
    limits: Limits,
) -> dict[str, Any]:
    """Return extra_info: medians of the interleaved rounds, and what follows from them.

    `fraction_of_roofline` is of the limit, the best that was seen of the machine; `fraction_of_probe` is of what the
    probes reached in the same rounds, which tells more on a busy machine.
    """
    seconds = {name: series[name].median / shares[name] for name in shares}
    own, flops, roofline = seconds[FASTGD], counted["flops"], fastgd.roofline(counted["threads"])
    probes = {
        "arithmetic": (MULTIPLY_ADD, flops / limits.flops(counted["threads"]), flops / roofline.fma_peak / 1e9),
        "memory": (READ, counted["bytes"] / limits.bytes, counted["bytes"] / roofline.read_bandwidth / 1e9),
    }
    at_best, at_median = {}, {}  # seconds that the limits alone would take
    for name, (probe, amount, by_roofline) in probes.items():
        if probe in series:
            at_best[name] = min(amount * series[probe].best, by_roofline)
            at_median[name] = amount * series[probe].median
    bound = max(at_best, key=lambda name: at_best[name], default=None)
    return {
        "case": str(case),
        "sizes": asdict(case),
        "dtype": "float64",
        **counted,
        "seconds": own,
        "gflops": flops / own / 1e9,
        "gbytes_per_second": counted["bytes"] / own / 1e9,
        "visits_per_second": case.visits / own,
        "bound": bound,
        "fraction_of_roofline": at_best[bound] / own if bound else None,
        "fraction_of_probe": at_median[bound] / own if bound else None,
        "ratios": {name: value / own for name, value in seconds.items() if name != FASTGD},
        "peer_seconds": seconds,
        "shares": shares,
        "missing": missing,
        "rounds": len(series[FASTGD].seconds),
        "spread": {name: value.spread for name, value in series.items()},
    }


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    done = [(bench.group, bench.extra_info) for bench in getattr(session, "benchmarks", []) if bench.extra_info]
    compared = [(group, info) for group, info in done if "missing" in info]
    if compared:
        terminalreporter.section("fastgd side by side")
        terminalreporter.write_line(str(fastgd.roofline()))
        terminalreporter.write_line(table(compared))
    for group, info in done:
        if "missing" not in info:
            terminalreporter.section(group)
            for name, value in info.items():
                terminalreporter.write_line(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
