"""What tells the call that a store belongs to from others, key by key, so that a refusal can say what differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Argument, about
from fastgd.digest import digest, digest_of_json
from fastgd.results.configurations import Grid, Settings
from fastgd.results.content import plain
from fastgd.results.timing import versions

MOST_TOLD = 4  # differences
_ABSENT = "absent"


def identity_of(
    grid: Grid, settings: Settings, problem: dict[str, Any], processor: dict[str, Any], engine: str
) -> dict[str, Any]:
    """Return the identity of a call, in plain JSON types: a list of long ones is its digest."""
    known = versions()
    features = processor["features"]
    found = {
        "problem": problem,
        "grid": {name: _axis(values) for name, values in grid.axes.items()}
        | {f"{name} column": _axis(values) for name, values in grid.values.items() if grid.zipped and values.ndim}
        | {name: values.item() for name, values in grid.values.items() if not values.ndim}
        | {"start": _axis(grid.starts), "given": sorted(grid.given)},
        "rule": settings.rule,
        "schedule": settings.schedule,
        "bounds": settings.bounds,
        "record_every": settings.record_every,
        "engine": engine,
        "versions": {name: version for name, version in known.items() if name != "Python"},
        "processor": {**processor, "features": f"{len(features)} of digest {digest_of_json(features)}"},
    }
    return dict(plain(found))


def _axis(values: NDArray[Any]) -> dict[str, Any]:
    return {"count": len(values), "first": values[0], "last": values[-1], "digest": digest(np.asarray(values))}


def check_same(path: str, here: dict[str, Any], there: dict[str, Any]) -> None:
    """Raise ValueError that names what differs between a call and a store."""
    differences = list(_differences("", here, there))
    if not differences:
        return
    # these say no more than that something else differs
    vague = ("digest", "given")
    told = [text for text in differences if text.partition(" is ")[0].split()[-1] not in vague] or differences
    more = f", and {len(told) - MOST_TOLD} more" * (len(told) > MOST_TOLD)
    what = "; ".join(told[:MOST_TOLD]) + more
    rest = f"must be new or of this call, got {path!r}, of which the "
    raise ValueError(about(Argument("store"), rest, what))


def _differences(key: str, here: Any, there: Any) -> Iterator[str]:
    if isinstance(here, dict) and isinstance(there, dict):
        for name in (*here, *(name for name in there if name not in here)):
            yield from _differences(f"{key} {name}".lstrip(), here.get(name, _ABSENT), there.get(name, _ABSENT))
    elif here != there:
        yield f"{key} is {_shown(there)} there and {_shown(here)} here"


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "count" in value:
        return f"an axis of {value['count']:,}"
    text = value if value is _ABSENT else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
