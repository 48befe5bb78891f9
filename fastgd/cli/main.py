"""The command `fastgd`: reads the command line, does what its verb says, and ends as a command should.

Exit codes: 0 done, 2 something typed is wrong (one sentence on standard error), 130 interrupted, 141 the reader of the
output has gone. Neither NumPy nor Numba is imported before the command line has been read.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from fastgd.cli.parser import build_parser, with_negative_values
from fastgd.examples.lessons import LESSONS
from fastgd.text import printable

WRONG = 2
INTERRUPTED, PIPE_CLOSED = 130, 141  # 128 + the signal's number, as shells have it

_COMPILING = {"numba", "llvmlite", "importlib", "_frozen_importlib"}
_HAS_RESULTS = {"fastgd.sweeps.tiles", "fastgd.results.files"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; `SystemExit` ends it for `--help` and for errors."""
    _open_closed_streams()
    arguments = argparse.Namespace(verb=None)
    try:
        code = _answer(argv, arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _tell(arguments, "interrupted", INTERRUPTED)
    except ImportError as error:  # Numba's compiler is turned off, or a package does not fit another
        return _tell(arguments, f"error: {error}", WRONG)
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


def _answer(argv: Sequence[str] | None, arguments: argparse.Namespace) -> int:
    """Read the command line into `arguments` and do what it says."""
    parser = build_parser()
    words = with_negative_values(sys.argv[1:] if argv is None else argv)
    _, unknown = parser.parse_known_args(words, arguments)
    if unknown:
        getattr(arguments, "parser", parser).refuse(unknown[0])
    if arguments.verb is None:
        parser.print_help(sys.stderr)
        return WRONG
    with contextlib.suppress(AttributeError):  # a stream that was replaced
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # columns have any name
    if argv is None:  # this is the process's own command line
        _leave_compiler_at_once(arguments.verb)
    return _run(arguments)


def _open_closed_streams() -> None:
    """Let what a shell closed (`>&-`) lead nowhere: a file opened later would take its number, and its output."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False))


def _leave_compiler_at_once(verb: str) -> None:
    """Let Ctrl-C end the process there and then while it compiles or imports, when there is no result to keep yet.

    An exception would be dropped in the functions that LLVM calls back, or leave LLVM half done: seen to crash once in
    fifty times.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, in the background of a shell
        return

    def interrupt(_: int, frame: FrameType | None) -> NoReturn:
        modules = set()
        while frame is not None:
            modules.add(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        if not _HAS_RESULTS & modules and _COMPILING & {name.partition(".")[0] for name in modules}:
            os.write(2, f"fastgd {verb}: interrupted\n".encode())
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


def _tell(arguments: argparse.Namespace, sentence: str, code: int) -> int:
    name = f"fastgd {arguments.verb}" if arguments.verb else "fastgd"
    print(f"{name}: {printable(sentence)}", file=sys.stderr)
    return code


def _run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "examples":
        print("\n".join(f"{name:<8}{lesson.title}\n        {lesson.command}" for name, lesson in LESSONS.items()))
        return 0
    from fastgd.cli.verbs import all as verbs  # imports NumPy

    run = {"sweep": verbs.run_sweep, "descend": verbs.run_descend, "roofline": verbs.run_roofline}[arguments.verb]
    return run(arguments, arguments.parser.error)
