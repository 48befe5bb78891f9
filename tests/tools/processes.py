"""Processes of their own: what they print, or a failure that says how they ended. Never a hang.

Tests that start one carry the marker `process`, which tests/conftest.py hands on here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
STRICT = ("-W", "error", "-X", "faulthandler")

allowed = True  # false while a test without the marker runs


class Ended(NamedTuple):
    """How a process ended, and what it printed."""

    code: int
    out: str
    err: str


def start(
    *command: str,
    program: str | Path = sys.executable,
    environment: dict[str, str | None] | None = None,
    **options: object,
) -> subprocess.Popen[str]:
    """Start Python with these arguments, in a process group of its own; None unsets a variable of the environment."""
    assert allowed, "a test that starts a process has the marker `process`"
    wanted = dict(os.environ) | {"PYTHONPATH": str(ROOT)} | (environment or {})
    return subprocess.Popen(
        [program, *command],
        env={name: value for name, value in wanted.items() if value is not None},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True} | options,
    )


def finish(process: subprocess.Popen[str], timeout: float = 60.0) -> Ended:
    """Wait for the process's end and return what it printed; a hang fails, with the stacks of all its threads."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _signal_all(process, signal.SIGABRT)  # faulthandler prints where each thread is
        out, err = process.communicate(timeout=10.0)
        raise AssertionError(f"hangs after {timeout} s: {out}\n{err}") from None
    finally:
        _signal_all(process, signal.SIGKILL)
        process.wait()
    return Ended(process.returncode, out, err)


def _signal_all(process: subprocess.Popen[str], number: int) -> None:
    """Signal what the process left behind too; its id is its group's, since it was started as a session's first."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def run(
    code: str | Path,
    *arguments: str,
    timeout: float = 60.0,
    flags: tuple[str, ...] = STRICT,
    before: Callable[[], None] | None = None,
    **environment: str | None,
) -> str:
    """Run code, or a file of it, to a good end, and return what it prints. `before` is called in the new process."""
    what = [str(code)] if isinstance(code, Path) else ["-c", code]
    ended = finish(start(*flags, *what, *arguments, environment=environment, preexec_fn=before), timeout)
    assert ended.code == 0, f"ended with {ended.code}: {ended.out}\n{ended.err}"
    return ended.out.strip()
