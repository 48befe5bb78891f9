"""From the benchmarks' JSON to what the README shows: Markdown tables, and a picture of throughput against size.

    python -m pytest --benchmark-only bench --benchmark-json=results.json
    python -m bench.report results.json

prints all tables (ratio to each peer, fraction of the limit); `--short` takes a few rows of each, and `--picture FILE`
draws the throughput under the machine's limits; that needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.summary import details, duration, multiple, number, rows, small_table

Found = dict[str, list[dict[str, Any]]]  # group -> the extra_info of its benchmarks

SHORT = {  # beginning of a group's name -> beginnings of the cases that stand for it; of others the last does
    "a. ": ("degree 3, N 1,000,000", "degree 3, N 20,000,000", "degree 15, N 20,000,000"),
    "b. ": ("F 8, N 4,194,304", "F 128, N 262,144"),
    "c. 64 thetas, linear": ("F 128, N 10,000",),
    "d. ": ("256 rates x 2,000 steps x N 2,000", "64 rates x 100 steps"),
    "i. ": ("degree 3", "F 32"),
}


def load(path: Path) -> tuple[Found, dict[str, Any]]:
    """Return what a run found, and the machine it ran on."""
    benchmarks = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]
    found: Found = {}
    for benchmark in benchmarks:
        if benchmark["extra_info"]:
            found.setdefault(benchmark["group"], []).append(benchmark["extra_info"])
    if not found:
        raise ValueError(f"{path} has no benchmark of fastgd, expected what --benchmark-json wrote")
    infos = [info for infos in found.values() for info in infos]
    machine = next(info["machine"] for info in infos if "machine" in info)
    for info in infos:  # the machine may have been slow when its roofline was measured
        for name, value in info.get("limits_seen", {}).items():
            machine["roofline"][name] = max(machine["roofline"][name], value)
    return dict(sorted(found.items())), machine


def measured_on(machine: dict[str, Any]) -> str:
    """Return the sentence that names the machine."""
    limit, versions = machine["roofline"], machine["versions"]
    return (
        f"Measured on {machine['cpu']}, {limit['threads']} threads ({limit['threading_layer']}): read bandwidth "
        f"{limit['read_bandwidth']:.0f} GB/s, multiply-adds {limit['fma_peak']:.0f} GFLOP/s in float64; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
    )


def markdown(found: Found, machine: dict[str, Any]) -> str:
    """Return the whole report as Markdown."""
    parts = [
        f"{measured_on(machine)}. Columns of other libraries are their time as a multiple of fastgd's; `of limit` is "
        "the fastest call's share of the machine's limit, the best that was seen of it, `of probe` the median share of "
        "what the limit's probes reached just before and after each call."
    ]
    for group, infos in found.items():
        compared = [info for info in infos if "missing" in info]
        lines = [f"**{_heading(group)}**", ""]
        if compared:
            lines += _table(rows(compared))
        for info in infos:
            scalars, tables = _split(info)
            if scalars:
                lines += ["", *_table([[info.get("case", ""), "value"], *scalars])]
            for name, value in tables:
                heading, *others = small_table(value)
                if heading[0]:
                    heading, others = ["", ""], [heading, *others]
                lines += ["", *_table([[f"{info.get('case', '')}: {name}", *heading[1:]], *others])]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *_missing(found)]) + "\n"


def short_markdown(found: Found, machine: dict[str, Any]) -> str:
    """Return a few rows of each group as Markdown: for a README."""
    compared = [["", "fastgd", "of its limit", "time of others, over fastgd's"]]
    others = [["", "found"]]
    for group, infos in found.items():
        sides = [info for info in infos if "missing" in info]
        starts = next((some for prefix, some in SHORT.items() if group.startswith(prefix)), ())
        chosen = [info for start in starts for info in sides if info["case"].startswith(start)]
        for info in chosen or sides[-1:]:
            limit = f"{info['fraction_of_probe']:.2f} {info['bound']}" if info["bound"] else ""
            text = ", ".join(f"{name} {multiple(ratio)}" for name, ratio in best_forms(info["ratios"]).items())
            compared.append([f"{_heading(group)}: {info['case']}", duration(info["seconds"]), limit, text])
        for info in infos:
            scalars = "; ".join(f"{name}: {value}" for name, value in _split(info)[0])
            others += [[f"{_heading(group)}: {info.get('case', '')}", scalars]] if scalars else []
    lines = [f"{measured_on(machine)}.", *("\n".join(_table(table)) for table in (compared, others) if table[1:])]
    return "\n\n".join([*lines, *_missing(found)]) + "\n"


def best_forms(ratios: dict[str, float]) -> dict[str, float]:
    """Return the peers with only the fastest of several forms of JAX."""
    best: dict[str, float] = {}
    for name, ratio in ratios.items():
        library = "JAX" if name.startswith("JAX") else name
        best[library] = min(ratio, best.get(library, ratio))
    return best


def _heading(group: str) -> str:
    return group.partition(". ")[2] or group


def _split(info: dict[str, Any]) -> tuple[list[list[str]], list[tuple[str, dict[str, Any]]]]:
    """Return the single values, as cells, and the tables among what a benchmark found."""
    found = details(info)
    scalars = [[name, number(value)] for name, value in found if not isinstance(value, dict)]
    return scalars, [(name, value) for name, value in found if isinstance(value, dict)]


def _table(cells: list[list[str]]) -> list[str]:
    heading, *others = cells
    return [_row(heading), _row(["---", *["---:"] * (len(heading) - 1)]), *map(_row, others)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _missing(found: Found) -> list[str]:
    """Return a sentence for each peer that no case has."""
    seen = {name for infos in found.values() for info in infos for name in info.get("ratios", {})}
    missing = {name: why for infos in found.values() for info in infos for name, why in info.get("missing", {}).items()}
    return [f"Not measured: {name} ({why})." for name, why in missing.items() if name not in seen]


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, help="what --benchmark-json wrote")
    parser.add_argument("--short", action="store_true", help="a few rows of each group")
    parser.add_argument("--picture", type=Path, help="where to draw throughput against size: .svg or .png")
    arguments = parser.parse_args()
    found, machine = load(arguments.results)
    if arguments.picture:
        from bench.picture import picture

        picture(found, machine, arguments.picture)
    print((short_markdown if arguments.short else markdown)(found, machine), end="")


if __name__ == "__main__":
    main()
