"""Python code in a process of its own: what it prints, or a failure that says how it ended. Never a hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
STRICT = ("-W", "error", "-X", "faulthandler")


def start(*command: str, environment: dict[str, str | None] | None = None, **options: object) -> subprocess.Popen[str]:
    """Start Python with these arguments, in a process group of its own; None unsets a variable of the environment."""
    wanted = dict(os.environ) | {"PYTHONPATH": str(ROOT)} | (environment or {})
    return subprocess.Popen(
        [sys.executable, *command],
        env={name: value for name, value in wanted.items() if value is not None},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True} | options,
    )


def finish(process: subprocess.Popen[str], timeout: float = 60.0) -> tuple[str, str]:
    """Wait for the process's end and return what it printed; a hang fails, with the stacks of all its threads."""
    try:
        return process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _signal_all(process, signal.SIGABRT)  # faulthandler prints where each thread is
        out, err = process.communicate(timeout=10.0)
        raise AssertionError(f"hangs after {timeout} s: {out}\n{err}") from None
    finally:
        _signal_all(process, signal.SIGKILL)
        process.wait()


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
    process = start(*flags, *what, *arguments, environment=environment, preexec_fn=before)
    out, err = finish(process, timeout)
    assert process.returncode == 0, f"ended with {process.returncode}: {out}\n{err}"
    return out.strip()
