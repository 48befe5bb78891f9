"""A user's own objective, the dart, at many learning rates."""

from __future__ import annotations

from bench.works import DartSweep

WORK = "dart sweep"
GROUP = "f. a user's objective"
CASES = {"full": [DartSweep(1_000_000, 20)], "small": [DartSweep(20_000, 50)]}


def test_dart(compare, case):
    compare(case)
