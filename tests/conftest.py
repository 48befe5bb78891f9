"""Fixtures that several test files share, and how many examples hypothesis tries.

HYPOTHESIS_PROFILE=nightly, or --hypothesis-profile=nightly, tries many more.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import mpmath
import pytest
from hypothesis import HealthCheck, settings

from fastgd.sweeps import run
from tests.tools import processes
from tests.tools.cases import FORCED_SAMPLES

settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", settings.get_profile("ci"), max_examples=1000)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

NIGHTLY_SECONDS = 6 * 3600.0  # for one test


def pytest_configure(config: pytest.Config) -> None:
    """Try few examples in a quick run."""
    if config.option.markexpr == "quick":
        settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as quick the first case of every test that is not slow; give the nightly profile's examples their time."""
    seen = set()
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} names an address, which is another one in each process of -n 2")
        test = item.path, item.name.partition("[")[0]
        if test not in seen and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.quick)
        seen.add(test)
        if settings.get_current_profile_name() == "nightly":
            item.add_marker(pytest.mark.timeout(NIGHTLY_SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test start processes only if its marker says so, its fixtures among it."""
    processes.allowed = item.get_closest_marker("process") is not None
    try:
        return (yield)
    finally:
        processes.allowed = True


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """Hear SIGINT, and let child processes hear it, where it is inherited as ignored too: `nohup pytest &`, some CI."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.fixture
def many_digits() -> Iterator[None]:
    """Let the oracle compute with 60 digits in this test."""
    with mpmath.workdps(60):
        yield


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets sizes by which sweeps are cut, see `Cutting`."""
    return lambda **sizes: monkeypatch.setattr(run, "CUTTING", replace(run.CUTTING, **sizes))


@pytest.fixture
def force(cut: Callable[..., None]) -> Callable[..., None]:
    """Return a function that forces a choice of the samples engine, by the sizes it chooses by."""

    def force(axis=None, *, tile=None, slice_seconds=None):  # type: ignore[no-untyped-def]
        if axis == "configurations":
            cut(cache_bytes=1 << 40, parallel_samples=1 << 40, thread_seconds=0.0)
        if axis == "samples":
            cut(cache_bytes=0)
        if tile is not None and axis == "samples":
            cut(pass_flops=tile * 4.0 * FORCED_SAMPLES)  # for P = 1; fewer for more
        if tile is not None and axis == "configurations":
            cut(largest_tile=tile, tiles_per_worker=1)
        if slice_seconds is not None:
            cut(slice_seconds=slice_seconds)

    return force


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a CSV file and returns its path."""

    def write(content: str | bytes, name: str = "data.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write
