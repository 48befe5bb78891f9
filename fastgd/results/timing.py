"""Where the time of a sweep went, and how fast its kernels were."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from fastgd.text import html_table

if TYPE_CHECKING:
    from fastgd.results.limits import Bound

_LABEL = 14
MOST_BELIEVED = 1.1  # of a limit; clocks and caches explain no more


@dataclass(frozen=True)
class Timing:
    """A timing report: seconds in each phase, counts, and the rates they give.

    Attributes
    ----------
    validate, compile, prepare, run : float
        Seconds spent on checks; in Numba's compiler; on everything else before the first step (importing kernels,
        reading them from the disk cache, laying out data, statistics); on the descents.
    configurations, trajectories, steps, evaluations, sample_visits, flops, bytes : int
        Configurations; descents that they are, since neighbours that differ only in where they stop are one; steps
        taken by all configurations; evaluations of the loss and its gradient, 0 for an engine that makes none; samples
        read, once for each evaluation; floating point operations, 4 P for each sample visit, 0 of a model of the user's
        own, which nobody counts; bytes of samples read from memory or cache.
    threads : int
        Threads that worked.
    threading_layer : str
        Numba's layer where a kernel was parallel, "pool" where whole descents ran on a thread pool, "none" for one
        thread.
    axis : str
        What the threads shared out: "configurations" or "samples".
    dtype : str
        Storage of the samples.
    engine, choice : str
        The engine, and why it was chosen.
    streams : bool
        Whether the samples are so many that they came from memory at each pass.
    footprint : int
        Bytes that were read again and again: the samples, once for each thread that ran descents of its own.
    versions : dict
        Of Python, fastgd, NumPy and Numba.
    """

    validate: float
    compile: float
    prepare: float
    run: float
    configurations: int
    trajectories: int
    steps: int
    evaluations: int
    sample_visits: int
    flops: int
    bytes: int
    threads: int
    threading_layer: str
    axis: str
    dtype: str
    engine: str
    choice: str
    streams: bool
    footprint: int
    versions: dict[str, str] = field(default_factory=lambda: versions(), hash=False)

    @property
    def total(self) -> float:
        """Seconds in all phases."""
        return self.validate + self.compile + self.prepare + self.run

    @property
    def configurations_per_second(self) -> float:
        """Configurations finished a second of the run phase."""
        return _rate(self.configurations, self.run)

    @property
    def sample_visits_per_second(self) -> float:
        """Samples read a second of the run phase, over all configurations."""
        return _rate(self.sample_visits, self.run)

    @property
    def gflops(self) -> float:
        """10^9 floating point operations a second of the run phase."""
        return _rate(self.flops, self.run) / 1e9

    @property
    def gbytes_per_second(self) -> float:
        """10^9 bytes of samples read a second of the run phase."""
        return _rate(self.bytes, self.run) / 1e9

    @property
    def roofline_fraction(self) -> float | None:
        """Share of the machine's limit reached, 1.0 at best; None where no samples are visited or flops are not known.

        The time that the limit of `limited_by` takes alone, over that of the run phase. The first on a machine, and for
        a number of threads, measures `fastgd.roofline()`, which takes two seconds and is said on standard error.
        """
        bound = self._bound()
        return None if bound is None else bound.seconds / self.run

    @property
    def limited_by(self) -> str | None:
        """What takes longest alone: "arithmetic", or reading samples from "cache" or "memory"; None as above."""
        bound = self._bound()
        return None if bound is None else bound.name

    def _bound(self) -> Bound | None:
        if self.sample_visits == 0 or self.flops == 0 or self.run == 0.0:
            return None
        from fastgd.results.roofline import known_limits

        return known_limits(self.threads).bound(self.flops, self.bytes, self.footprint)

    def _share(self, bound: Bound) -> str:
        share = bound.seconds / self.run
        text = f"{share:.2f} of what {bound.name} allows, {bound.limit}"
        if share > MOST_BELIEVED:
            text += " when it was measured: the machine was busy, `fastgd roofline` measures again"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        names = ("total", "configurations_per_second", "sample_visits_per_second", "gflops", "gbytes_per_second")
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {name: getattr(self, name) for name in names}
        return values | {"versions": dict(self.versions)}

    def __str__(self) -> str:
        lines = [f"{phase:<{_LABEL}}{text:>14}" for phase, text in self._phases()]
        rows = self._counts()
        width = max(len(count) for _, count, _ in rows)
        lines += [f"{name:<{_LABEL + 1}}{count:>{width}}  {rate:>14}" for name, count, rate in rows]
        return "\n".join(lines + [f"{name:<{_LABEL}} {text}" for name, text in self._notes()])

    def _repr_html_(self) -> str:
        return html_table("Timing", [*self._phases(), *self._counts(), *self._notes()])

    def _phases(self) -> list[tuple[str, str]]:
        return [
            (phase, f"{getattr(self, phase):.6f} s") for phase in ("validate", "compile", "prepare", "run", "total")
        ]

    def _counts(self) -> list[tuple[str, str, str]]:
        rows: list[tuple[str, str, str]] = [
            ("configurations", f"{self.configurations:,}", f"{self.configurations_per_second:,.4g} /s"),
            ("steps", f"{self.steps:,}", f"{_rate(self.steps, self.run):,.4g} /s"),
        ]
        if self.trajectories < self.configurations:
            rows.insert(1, ("trajectories", f"{self.trajectories:,}", f"{_rate(self.trajectories, self.run):,.4g} /s"))
        if self.evaluations:
            rows.append(("evaluations", f"{self.evaluations:,}", f"{_rate(self.evaluations, self.run):,.4g} /s"))
        if self.sample_visits:
            rows += [
                ("sample visits", f"{self.sample_visits:,}", f"{self.sample_visits_per_second:,.4g} /s"),
                *[("flops", f"{self.flops:,}", f"{self.gflops:,.4g} GFLOP/s")] * (self.flops > 0),
                ("bytes", f"{self.bytes:,}", f"{self.gbytes_per_second:,.4g} GB/s"),
            ]
        return rows

    def _notes(self) -> list[tuple[str, str]]:
        engine = (
            f"{self.engine} ({self.choice}), over {self.axis}, "
            f"{self.threads} thread{'s' * (self.threads > 1)} ({self.threading_layer}), {self.dtype}"
        )
        known = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        rows = [("engine", engine), ("versions", known)]
        try:
            bound = self._bound()
        except (RuntimeError, MemoryError) as reason:  # a forked child that has no threads, or no memory left
            return [("limit", f"not known: {reason}"), *rows]
        return rows if bound is None else [("limit", self._share(bound)), *rows]


def versions() -> dict[str, str]:
    """Return the versions that make a timing comparable."""
    import numba
    import numpy as np

    from fastgd._version import __version__

    return {
        "Python": platform.python_version(),
        "fastgd": __version__,
        "NumPy": np.__version__,
        "Numba": numba.__version__,
    }


def _rate(count: float, seconds: float) -> float:
    return count / seconds if seconds > 0.0 else 0.0
