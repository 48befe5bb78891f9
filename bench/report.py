"""From the benchmarks' JSON to what the README shows: Markdown tables, and a picture of throughput against size.

    python -m pytest --benchmark-only --benchmark-json=results.json
    python -m bench.report results.json

prints the tables (ratio to each peer, fraction of the limit), and with `--picture FILE` draws GFLOP/s against the
number of samples, with the machine's limits; that needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.summary import rows

Found = dict[str, list[dict[str, Any]]]  # group -> the extra_info of its benchmarks

PICTURED = "a. "  # the group whose cases differ in degree and size


def load(path: Path) -> tuple[Found, dict[str, Any]]:
    """Return what a run found, and the machine it ran on."""
    benchmarks = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]
    found: Found = {}
    for benchmark in benchmarks:
        if benchmark["extra_info"]:
            found.setdefault(benchmark["group"], []).append(benchmark["extra_info"])
    if not found:
        raise ValueError(f"{path} has no benchmark of fastgd, expected what --benchmark-json wrote")
    machine = next(info["machine"] for infos in found.values() for info in infos if "machine" in info)
    return dict(sorted(found.items())), machine


def markdown(found: Found, machine: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    limit, versions = machine["roofline"], machine["versions"]
    parts = [
        f"Measured on {machine['cpu']}, {limit['threads']} threads ({limit['threading_layer']}): read bandwidth "
        f"{limit['read_bandwidth']:.0f} GB/s, multiply-adds {limit['fma_peak']:.0f} GFLOP/s in float64; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ". Columns of other libraries are their time as a multiple of fastgd's; `of limit` is the share of the "
        "machine's limit, `of probe` of what its probes reached in the same minute."
    ]
    for group, infos in found.items():
        compared = [info for info in infos if "missing" in info]
        lines = [f"**{group.partition('. ')[2]}**", ""]
        if compared:
            heading, *others = rows(compared)
            lines += [_row(heading), _row(["---", *["---:"] * (len(heading) - 1)]), *map(_row, others)]
        for info in infos:
            if "missing" not in info:
                lines += ["", _row(["", "value"]), _row(["---", "---:"])]
                lines += [_row([name, _value(value)]) for name, value in info.items() if not isinstance(value, dict)]
        parts.append("\n".join(lines))
    missing = {name: why for infos in found.values() for info in infos for name, why in info.get("missing", {}).items()}
    parts += [f"Not measured: {name} ({why})." for name, why in missing.items()]
    return "\n\n".join(parts) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _value(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def picture(found: Found, machine: dict[str, Any], path: Path) -> None:
    """Draw GFLOP/s against samples, a line a degree, under what arithmetic and memory allow."""
    import matplotlib.pyplot as plt

    infos = [info for group, some in found.items() if group.startswith(PICTURED) for info in some]
    limit = machine["roofline"]
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    axes.axhline(limit["fma_peak"], color="black", label=f"multiply-adds, {limit['threads']} threads")
    for degree in sorted({info["sizes"]["degree"] for info in infos}):
        points = sorted((info["sizes"]["N"], info["gflops"]) for info in infos if info["sizes"]["degree"] == degree)
        (line,) = axes.plot(*zip(*points, strict=True), marker="o", label=f"degree {degree}")
        from_memory = min(limit["fma_peak"], limit["read_bandwidth"] * 4 * (degree + 1) / 16)
        axes.hlines(from_memory, limit["cache_bytes"] / 16, points[-1][0], color=line.get_color(), linestyles="dotted")
    axes.set(xscale="log", yscale="log", xlabel="samples", ylabel="GFLOP/s (4 P a sample)")
    axes.set_title("Loss and gradient of a polynomial fit; dotted: what reading from memory allows")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, help="what --benchmark-json wrote")
    parser.add_argument("--picture", type=Path, help="where to draw throughput against size: .svg or .png")
    arguments = parser.parse_args()
    found, machine = load(arguments.results)
    if arguments.picture:
        picture(found, machine, arguments.picture)
    print(markdown(found, machine), end="")


if __name__ == "__main__":
    main()
