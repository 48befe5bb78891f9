"""The machine's limits on disk: beside the compiled probes, wherever Numba keeps those; where it can't, nowhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastgd.results.limits import Roofline


def read(how: dict[str, Any]) -> Roofline | None:
    """Return what was kept of this machine, measured so; None if nothing was, or it can't be read."""
    machine = _machine() | how
    file = _file(machine)
    try:
        kept = json.loads(file.read_text(encoding="utf-8")) if file else None
        if kept is None or kept["machine"] != machine:
            return None
        pairs = tuple((int(size), float(rate)) for size, rate in kept["limits"].pop("read_bandwidths"))
        limits = Roofline(**kept["limits"], read_bandwidths=pairs)
        rates = (limits.read_bandwidth, limits.fma_peak, limits.fma_peak_float32, *(rate for _, rate in pairs))
        return limits if pairs and all(0.0 < rate < math.inf for rate in rates) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # somebody else's, or half of one
        return None


def write(limits: Roofline, how: dict[str, Any]) -> None:
    """Keep these, whole or not at all."""
    machine = _machine() | how
    file = _file(machine)
    if file is None:
        return
    text = json.dumps({"machine": machine, "limits": asdict(limits)}, indent=1)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.stem)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as new:
                new.write(text)
            os.replace(name, file)
        except OSError:
            os.unlink(name)
            raise


def _file(machine: dict[str, Any]) -> Path | None:
    from fastgd.kernels.probes import probe

    folder = probe._cache.cache_path
    name = hashlib.sha256(json.dumps(machine).encode()).hexdigest()[:16]
    return None if folder is None else Path(folder) / f"limits.{name}.json"


def _machine() -> dict[str, Any]:
    """Return what limits hang on, whatever is measured."""
    import numba
    from numba.core.registry import cpu_target

    from fastgd.kernels import probes

    sources = b"".join(
        source.read_bytes() for source in (Path(probes.__file__), Path(__file__).with_name("roofline.py"))
    )
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "compiled for": list(cpu_target.target_context.codegen().magic_tuple()),
        "numba": numba.__version__,
        "probes": hashlib.sha256(sources).hexdigest(),
    }


def _processor() -> str:
    """Return the processor's model, as far as the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
