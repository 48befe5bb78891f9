"""How much memory there is, as far as the system says."""

from __future__ import annotations

import math
import os
from pathlib import Path

_LIMITS = (  # of a container: what it may have, and what it has taken
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_memory() -> float:
    """Return the bytes that this process may still take, infinity where the system does not tell."""
    return min(_of_machine(), *(_number(limit) - _number(taken, 0.0) for limit, taken in _LIMITS))


def _of_machine() -> float:
    """Return what Linux says is available, elsewhere all that the machine has."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024.0 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return math.inf


def _number(path: str, otherwise: float = math.inf) -> float:
    """Return the number in a file, or what stands for none: there is no such file, or it says max."""
    try:
        return float(Path(path).read_text())
    except (OSError, ValueError):
        return otherwise
