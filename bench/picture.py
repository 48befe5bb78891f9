"""The picture of throughput against size: loss and gradient of polynomials, under what the machine allows.

On the left a line a degree, and dashed in its colour the roofline: the arithmetic of one thread up to where fastgd
launches threads, that of all of them from there on, or reading the samples from the cache or memory that they lie in if
that takes longer. On the right the cubic in fastgd and its peers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastgd.problems.evaluation import SERIAL_WORK

PICTURED = "a. "  # the group whose cases differ in degree and size
DEGREE = 3  # whose peers are drawn


def picture(found: dict[str, list[dict[str, Any]]], machine: dict[str, Any], path: Path) -> None:
    """Draw samples a second against samples."""
    import matplotlib.pyplot as plt

    infos = [info for group, some in found.items() if group.startswith(PICTURED) for info in some]
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.5), sharex=True, sharey=True, layout="constrained")
    _degrees(left, infos, machine)
    _peers(right, infos, machine)
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="samples")
        axes.grid(alpha=0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False)
    left.set_ylabel("samples a second")
    threads = machine["roofline"]["threads"]
    figure.suptitle(f"Loss and gradient of a polynomial fit, {threads} threads, {machine['cpu']}")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _degrees(axes: Any, infos: list[dict[str, Any]], machine: dict[str, Any]) -> None:
    wide = [info for info in infos if info["dtype"] == "float64"]
    for degree in sorted({info["sizes"]["degree"] for info in wide}):
        some = [info for info in wide if info["sizes"]["degree"] == degree]
        (line,) = axes.plot(*_points(some, "fastgd"), marker="o", label=f"degree {degree}")
        _roof(axes, some, machine, line.get_color())
    limit, highest, sizes = machine["roofline"], axes.get_ylim()[1], [info["sizes"]["N"] for info in infos]
    cached = limit["cache_bytes"] / infos[0]["bytes"] * sizes[0]
    texts = [(min(sizes), "one thread's arithmetic"), (SERIAL_WORK // (DEGREE + 1), "all threads'")]
    texts.append((cached, f"memory, {limit['read_bandwidth']:.0f} GB/s"))
    for N, text in texts:
        axes.text(N, highest, " " + text, fontsize="small", color="0.3", verticalalignment="bottom")
    axes.set_title("fastgd by degree; dashed: the roofline of each", fontsize="medium")


def _peers(axes: Any, infos: list[dict[str, Any]], machine: dict[str, Any]) -> None:
    cubics = [info for info in infos if info["sizes"]["degree"] == DEGREE]
    wide = [info for info in cubics if info["dtype"] == "float64"]
    for name in dict.fromkeys(name for info in wide for name in ("fastgd", *info["ratios"])):
        own = {"color": "black", "linewidth": 2.0} if name == "fastgd" else {}
        axes.plot(*_points(wide, name), marker="o", label=name, **own)
    narrow = [info for info in cubics if info["dtype"] == "float32"]
    if narrow:
        axes.plot(*_points(narrow, "fastgd"), marker="s", color="0.5", label="fastgd, float32")
        _roof(axes, narrow, machine, "0.5")
    if wide:
        _roof(axes, wide, machine, "black")
    axes.set_title(f"Degree {DEGREE} and others; dashed: its roofline", fontsize="medium")


def _points(infos: list[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Return sizes and samples a second, of the cases that a peer did in full."""
    points = sorted(
        (info["sizes"]["N"], info["sizes"]["N"] / info["peer_seconds"][name])
        for info in infos
        if info["shares"].get(name) == 1.0
    )
    return [N for N, _ in points], [rate for _, rate in points]


def _roof(axes: Any, infos: list[dict[str, Any]], machine: dict[str, Any], color: str) -> None:
    """Draw what the limits allow, over the range of sizes."""
    all_threads, one = machine["roofline"], machine["roofline_1_thread"]
    sizes = [info["sizes"]["N"] for info in infos]
    operations, read = infos[0]["flops"] / sizes[0], infos[0]["bytes"] / sizes[0]  # of a sample
    arithmetic = all_threads["fma_peak"] * 1e9 / operations
    together = SERIAL_WORK / (operations / 4)  # samples
    steps = [(0.0, one["fma_peak"] * 1e9 / operations), (together, arithmetic)]
    for size, rate in all_threads["read_bandwidths"]:
        steps.append((max(together, size / read), min(arithmetic, rate * 1e9 / read)))
    first, last = min(sizes), max(sizes)
    kept = {max(first, N): limit for N, limit in steps if last >= N}
    kept[last] = list(kept.values())[-1]
    axes.step(list(kept), list(kept.values()), where="post", color=color, linestyle="dashed", linewidth=1.0, alpha=0.8)
