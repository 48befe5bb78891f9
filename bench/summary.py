"""What the benchmarks found, as text: one table a work, times of the peers as multiples of fastgd's.

`of limit` is the fastest call's share of the roofline, the best that was seen of the machine; `of probe` the median
share of what its probes reached just before and after a call. `spread` is the distance between fastgd's quartiles:
above a few per cent, measure again on a quiet machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def table(done: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """Return the tables of these (group, extra_info)."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for group, info in done:
        groups.setdefault(group, []).append(info)
    missing = {name: reason for infos in groups.values() for info in infos for name, reason in info["missing"].items()}
    parts = [_group(group, groups[group]) for group in sorted(groups)]
    parts += [f"not measured: {name}: {reason}" for name, reason in missing.items()]
    return "\n".join(parts)


def _group(group: str, infos: list[dict[str, Any]]) -> str:
    table_rows = rows(infos)
    widths = [max(len(row[i]) for row in table_rows) for i in range(len(table_rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in table_rows]
    return "\n".join(["", group, *lines])


def rows(infos: list[dict[str, Any]]) -> list[list[str]]:
    """Return the cells of a group's table, its heading first."""
    peers = list(dict.fromkeys(name for info in infos for name in info["ratios"]))
    found = [["", "fastgd", "GB/s", "GFLOP/s", "of limit", "of probe", "spread", *peers]]
    for info in infos:
        bound = info["bound"]
        found.append(
            [
                info["case"],
                duration(info["seconds"]),
                f"{info['gbytes_per_second']:.1f}" if info["bytes"] else "",
                f"{info['gflops']:.1f}" if info["flops"] else "",
                f"{info['fraction_of_roofline']:.2f} {bound}" if bound else "",
                f"{info['fraction_of_probe']:.2f}" if bound else "",
                f"{info['spread']['fastgd']:.0%}",
                *(multiple(info["ratios"].get(name)) for name in peers),
            ]
        )
    return found


def details(info: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return what a benchmark found beside its comparison, or without one: names and values."""
    if "missing" in info:
        return list(info.get("details", {}).items())
    return [(name, value) for name, value in info.items() if name not in ("case", "machine")]


def values(name: str, value: Any) -> str:
    """Return a name and its value, or a small table of them, as lines of text."""
    if not isinstance(value, dict):
        return f"{name}: {number(value)}"
    cells = small_table(value)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)) for row in cells]
    return "\n".join([f"{name}:", *("    " + line for line in lines)])


def small_table(value: dict[Any, Any]) -> list[list[str]]:
    """Return {key: value}, or {column: {key: value}}, as the cells of a table, a row a key."""
    if not all(isinstance(column, dict) for column in value.values()):
        return [[number(key), number(one)] for key, one in value.items()]
    keys = dict.fromkeys(key for column in value.values() for key in column)
    rows = [[number(key), *(number(column.get(key, "")) for column in value.values())] for key in keys]
    return [["", *map(str, value)], *rows]


def number(value: Any) -> str:
    """Return a number readably, or another value's text."""
    if isinstance(value, str) and value.isdigit():  # a key that JSON made a string
        value = int(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if 1000.0 <= abs(value) < 1e6 else f"{value:.3g}"
    return ("none" if not value else ", ".join(map(number, value))) if isinstance(value, list) else str(value)


def duration(seconds: float) -> str:
    """Return seconds in a readable unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def multiple(ratio: float | None) -> str:
    """Return how many times as long as fastgd a peer takes."""
    if ratio is None:
        return "-"
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.3g}x"
