"""The command `fastgd`: reads the command line, does what its verb says, and ends as a command should.

Exit codes: 0 done, 2 something typed is wrong (one sentence on standard error), 130 interrupted, 141 the reader of the
output has gone. Neither NumPy nor Numba is imported before the command line has been read.
"""

from __future__ import annotations

import _thread
import argparse
import contextlib
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from fastgd.lessons import LESSONS
from fastgd.parser import build_parser, with_negative_values

WRONG = 2
INTERRUPTED, PIPE_CLOSED = 130, 141  # 128 + the signal's number, as shells have it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; `SystemExit` ends it for `--help` and for errors."""
    parser = build_parser()
    arguments, unknown = parser.parse_known_args(with_negative_values(sys.argv[1:] if argv is None else argv))
    if unknown:
        getattr(arguments, "parser", parser).refuse(unknown[0])
    if arguments.verb is None:
        parser.print_help(sys.stderr)
        return WRONG
    with contextlib.suppress(AttributeError):  # a stream that was replaced
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # columns have any name
    lost = _LostInterrupts()
    try:
        with lost:
            code = _run(arguments)
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _tell(arguments, "interrupted", INTERRUPTED)
    except MemoryError:
        return _tell(arguments, "error: there is not enough memory; make the grid or the data smaller", WRONG)
    except OSError as error:
        if error.filename is not None:  # not standard output
            return _tell(arguments, f"error: {error.strerror}: {error.filename}", WRONG)
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it exits
        if isinstance(error, BrokenPipeError):
            return PIPE_CLOSED
        return _tell(arguments, f"error: standard output can't be written: {error.strerror}", WRONG)
    except Exception:
        if lost.any:  # it is what a compiler says whose callback was cut off
            return _tell(arguments, "interrupted", INTERRUPTED)
        raise


class _LostInterrupts:
    """Repeats a Ctrl-C that came inside one of LLVM's callbacks, where Python reports an exception and drops it."""

    def __init__(self) -> None:
        self._repeats: list[threading.Timer] = []

    @property
    def any(self) -> bool:
        return bool(self._repeats)

    def __enter__(self) -> None:
        self._report = sys.unraisablehook
        sys.unraisablehook = self._repeat

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._report
        with contextlib.suppress(KeyboardInterrupt):  # one that is still to come
            for repeat in self._repeats:
                repeat.join()

    def _repeat(self, dropped: Any) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            self._repeats.append(threading.Timer(0.01, _thread.interrupt_main))  # the callback has not returned yet
            self._repeats[-1].start()
        else:
            self._report(dropped)


def _tell(arguments: argparse.Namespace, sentence: str, code: int) -> int:
    print(f"fastgd {arguments.verb}: {sentence}", file=sys.stderr)
    return code


def _run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "examples":
        print("\n".join(f"{name:<8}{lesson.title}\n        {lesson.command}" for name, lesson in LESSONS.items()))
        return 0
    from fastgd import verbs  # imports NumPy

    run = {"sweep": verbs.run_sweep, "descend": verbs.run_descend, "roofline": verbs.run_roofline}[arguments.verb]
    return run(arguments, arguments.parser.error)
