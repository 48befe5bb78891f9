"""Momentum along one mode, in many digits: where it is stable, and where it stands after any number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath

RULES = ("momentum", "nesterov")
LIMITS = {  # of rate lambda
    "momentum": lambda beta: 2 * (1 + beta),
    "nesterov": lambda beta: 2 * (1 + beta) / (1 + 2 * beta),
}


def exact_powers(rule: str, x: Any, beta: Any, steps: Sequence[int]) -> list[tuple[Any, Any]]:
    """Return rho_t and n_t at each of the steps, which rise: r' = r - x u, w' = beta w + r, powered as a matrix."""
    x, beta = mpmath.mpf(x), mpmath.mpf(beta)
    part = {"momentum": (1, beta), "nesterov": (1 + beta, beta * beta)}[rule]  # u = part . (r, w)
    step = mpmath.matrix([[1 - x * part[0], -x * part[1], 0], [1, beta, 0], [part[0], part[1], 1]])
    squares, found = [step], []
    for t in steps:
        state = mpmath.matrix([1, 0, 0])  # r, w, sum of u
        for k in range(t.bit_length()):
            if k == len(squares):
                squares.append(squares[-1] * squares[-1])
            if t >> k & 1:
                state = squares[k] * state
        found.append((state[0], state[2]))
    return found
