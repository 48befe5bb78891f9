"""Where the time of a sweep goes: phases, and the compiler apart, during which Ctrl-C waits. Numba is not imported."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Measures phases; time in Numba's compiler counts as `compile`, whatever the phase in which it happens."""

    def __init__(self) -> None:
        self.seconds = {"validate": 0.0, "compile": 0.0, "prepare": 0.0, "run": 0.0}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure one phase, compilation within it apart."""
        compiled_before = self.seconds["compile"]
        begin = time.perf_counter()
        try:
            yield
        finally:
            compiled = self.seconds["compile"] - compiled_before
            self.seconds[name] += time.perf_counter() - begin - compiled

    @contextmanager
    def compilation(self) -> Iterator[None]:
        """Listen, in this thread, to Numba's events; Ctrl-C is heard where its compiler's lock is free.

        The lock is taken to compile, and also to read kernels from the disk cache, which LLVM links.
        """
        from numba.core import event

        thread = threading.get_ident()
        begun: list[float] = []

        class Outermost(event.Listener):
            def __init__(self, begins: Callable[[], object], ends: Callable[[], object]) -> None:
                self.begins = begins
                self.ends = ends
                self.depth = 0

            def on_start(self, _: Any) -> None:
                if threading.get_ident() == thread:
                    if self.depth == 0:
                        self.begins()
                    self.depth += 1

            def on_end(self, _: Any) -> None:
                if threading.get_ident() == thread:
                    self.depth -= 1
                    if self.depth == 0:
                        self.ends()

        def compiled() -> None:
            self.seconds["compile"] += time.perf_counter() - begun.pop()

        held = HeldInterrupts()
        timed = Outermost(lambda: begun.append(time.perf_counter()), compiled)
        with (
            event.install_listener("numba:compiler_lock", Outermost(held.__enter__, held.__exit__)),
            event.install_listener("numba:compile", timed),
        ):
            yield


class HeldInterrupts:
    """Holds back Ctrl-C while modules are imported, or Numba compiles or reads a kernel, a second or two.

    Raised in the compiler's callbacks it would be lost with a word of Python's, or leave a library or a module half
    made, so that the next call fails. Only Python's own handler is replaced, in the main thread, the only one that may.
    """

    def __init__(self) -> None:
        self.holds = False
        self.came = False

    def __enter__(self) -> None:
        in_main = threading.current_thread() is threading.main_thread()
        self.holds = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.holds:
            signal.signal(signal.SIGINT, self._note)

    def __exit__(self, *_: object) -> None:
        if self.holds:
            self.holds = False
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if self.came:
                self.came = False
                signal.raise_signal(signal.SIGINT)

    def _note(self, *_: object) -> None:
        self.came = True
