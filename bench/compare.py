"""What every work's benchmark does: check all peers, time them side by side, and say what follows."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import fastgd
from bench.limits import Limits
from bench.measure import Series, bracketed, interleaved
from bench.peers import ANY, FASTGD, PEERS, Missing
from bench.works import TooLarge

LONGEST_PROBED = 0.3  # seconds
PROBED_VISITS = 2_000_000_000


@dataclass
class Checked:
    """The peers' runs, whose results were right, the share of the case that each does, and why others are missing."""

    runs: dict[str, Callable[[], Any]]
    shares: dict[str, float]
    missing: dict[str, str]


def set_up(work: str, case: Any) -> Checked:
    """Prepare and check each peer of a work."""
    checked = Checked({}, {}, {})
    for name, peer in PEERS[work].items():
        try:
            part = case.reduced(peer.visits, peer.evaluations, peer.by)
            run = peer.setup(part)
        except (Missing, TooLarge) as reason:
            checked.missing[name] = str(reason)
            continue
        part.check(run())
        checked.runs[name], checked.shares[name] = run, part.visits / case.visits
    return checked


def compared(
    work: str, case: Any, limits: Limits, budget: float, beside: dict[str, Callable[[], Any]] | None = None
) -> tuple[dict[str, Any], dict[str, Series], Callable[[], Any]]:
    """Return extra_info, the series of fastgd, its peers and what else is to be timed beside them, and fastgd's run."""
    checked = set_up(work, case)
    own = checked.runs[FASTGD]
    counted = counts(own, case)
    series = interleaved({FASTGD: own, **(beside or {}), **checked.runs}, budget)
    info = {
        "case": str(case),
        "sizes": asdict(case),
        "dtype": getattr(case, "dtype", "float64"),
        **counted,
        **ratios(series, checked),
        **fractions(*probed_part(work, case, own, series[FASTGD].median), limits, budget / 4.0),
    }
    info["limits_seen"] = limits.seen(fastgd.roofline().threads)
    seconds = info["seconds"]
    info["gflops"] = counted["flops"] / seconds / 1e9
    info["gbytes_per_second"] = counted["bytes"] / seconds / 1e9
    info["visits_per_second"] = case.visits / seconds
    return info, series, own


def probed_part(work: str, case: Any, run: Callable[[], Any], seconds: float) -> tuple[Callable[[], Any], Any]:
    """Return what is compared with the limits: a long sweep's first steps, or the probes would see another machine."""
    part = case.reduced(PROBED_VISITS, ANY, "steps") if seconds > LONGEST_PROBED else case
    if part is not case:
        run = PEERS[work][FASTGD].setup(part)
        part.check(run())
    return run, counts(run, part)


def counts(run: Any, case: Any) -> dict[str, Any]:
    """Return what fastgd's run counts: threads, flops, bytes, and how many bytes are read again and again."""
    from fastgd.problems.evaluation import SERIAL_WORK

    timing = getattr(run, "timing", None)
    if timing is not None:
        return {name: getattr(timing, name) for name in ("threads", "flops", "bytes", "footprint", "steps")}
    limit = fastgd.roofline()
    if not hasattr(case, "flops"):
        return {"threads": limit.threads, "flops": 0, "bytes": 0, "footprint": 0}
    return {
        "threads": limit.threads if case.visits * case.P > SERIAL_WORK else 1,
        "flops": case.flops,
        "bytes": case.bytes,
        "footprint": case.bytes,
    }


def ratios(series: dict[str, Series], checked: Checked) -> dict[str, Any]:
    """Return seconds of each, and the peers' times over fastgd's: medians of the ratios in each round."""
    own = series[FASTGD]
    return {
        "seconds": own.median,
        "ratios": {
            name: series[name].over(own).median / share for name, share in checked.shares.items() if name != FASTGD
        },
        "peer_seconds": {name: series[name].median / share for name, share in checked.shares.items()},
        "shares": checked.shares,
        "missing": checked.missing,
        "rounds": len(own.seconds),
        "spread": {name: value.spread for name, value in series.items()},
    }


def fractions(run: Callable[[], Any], counted: dict[str, Any], limits: Limits, budget: float) -> dict[str, Any]:
    """Return what limits fastgd's run, and the shares of that limit which it reaches.

    The bound is what takes longer by the probes in the middle round. `fraction_of_probe` is the median of the ratios to
    the probe just before and after each call; `fraction_of_roofline` that of the fastest call to the fastest probe that
    was seen at all. A machine that is slow at times is slow in the second only.
    """
    flops, read = counted["flops"], counted["bytes"]
    probes = limits.probes(flops, counted["footprint"], counted["threads"])
    if not probes:
        return {"bound": None, "fraction_of_roofline": None, "fraction_of_probe": None}
    own, around = bracketed(run, probes, budget)
    needed = {probe: limits.amount(probe, flops, read) for probe in around}
    bound = max(around, key=lambda probe: needed[probe] * around[probe].median)
    return {
        "bound": bound.name,
        "fraction_of_roofline": needed[bound] * limits.best(bound, around[bound]) / own.best,
        "fraction_of_probe": needed[bound] * statistics.median(around[bound].over(own).seconds),
    }
