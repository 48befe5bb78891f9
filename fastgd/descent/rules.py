"""Update rules: the direction u_t of a step, of the gradient g and what is kept of those before.

    gradient   u = g
    sign       u = sign g, 0 at 0
    momentum   v <- beta v + g, u = v
    nesterov   v <- beta v + g, u = g + beta v
    adam       m <- beta m + (1 - beta) g, v <- beta2 v + (1 - beta2) g^2,
               u = (m / (1 - beta^(t+1))) / (sqrt(v / (1 - beta2^(t+1))) + epsilon), beta2 0.999, epsilon 1e-8

v and m start at 0. Polyak (1964) for momentum (the heavy ball); Nesterov (1983) in the form of Sutskever, Martens, Dahl
and Hinton (2013) that PyTorch uses; Kingma and Ba (2015) for Adam.

To add one: an entry in `RULES`, with its formula above. Kernels compile the formula as it stands: a function of numbers
and of `memory` (M, P), which holds what the rule keeps of each parameter and begins as zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

from fastgd.descent.hyperparameters import Configuration

ADAM_BETA2 = 0.999
ADAM_EPSILON = 1e-8

Corrections = tuple[float, float]


class Memory(Protocol):
    """What a rule keeps, (M, P)."""

    def __getitem__(self, index: tuple[int, int], /) -> float: ...
    def __setitem__(self, index: tuple[int, int], value: float, /) -> None: ...


def gradient(own: Configuration, corrections: Corrections, g: float, memory: Memory, k: int) -> float:
    """Return the gradient itself."""
    return g


def sign(own: Configuration, corrections: Corrections, g: float, memory: Memory, k: int) -> float:
    """Return the gradient's sign."""
    if g > 0.0:
        return 1.0
    return -1.0 if g < 0.0 else 0.0


def momentum(own: Configuration, corrections: Corrections, g: float, memory: Memory, k: int) -> float:
    """Return the heavy ball's velocity."""
    velocity = own.momentum * memory[0, k] + g
    memory[0, k] = velocity
    return velocity


def nesterov(own: Configuration, corrections: Corrections, g: float, memory: Memory, k: int) -> float:
    """Return the gradient and what the velocity adds to it."""
    velocity = own.momentum * memory[0, k] + g
    memory[0, k] = velocity
    return g + own.momentum * velocity


def adam(own: Configuration, corrections: Corrections, g: float, memory: Memory, k: int) -> float:
    """Return the mean gradient over the root of the mean square."""
    first = own.momentum * memory[0, k] + (1.0 - own.momentum) * g
    second = ADAM_BETA2 * memory[1, k] + (1.0 - ADAM_BETA2) * (g * g)
    memory[0, k] = first
    memory[1, k] = second
    return (first / corrections[0]) / (math.sqrt(second / corrections[1]) + ADAM_EPSILON)


def uncorrected(own: Configuration, t: int) -> Corrections:
    """Return what is not used."""
    return 1.0, 1.0


def bias(own: Configuration, t: int) -> Corrections:
    """Return 1 - beta^(t+1) and 1 - beta2^(t+1)."""
    return -math.expm1((t + 1) * math.log(own.momentum)), -math.expm1((t + 1) * math.log(ADAM_BETA2))


class Rule(NamedTuple):
    """An update rule."""

    says: str  # to users, in a few words
    direction: Callable[[Configuration, Corrections, float, Memory, int], float]  # u for component k of the gradient
    corrections: Callable[[Configuration, int], Corrections] = uncorrected  # by the step t, once for all components
    memories: int = 0  # vectors like theta that it keeps from step to step
    uses: tuple[str, ...] = ()  # hyperparameters that not every rule has
    limit: Callable[[float], float] | None = None  # of a stable constant rate, in 2 / lambda_max, by momentum
    code: int = -1  # by which kernels know it: its place in the table


RULES = {
    "gradient": Rule("the gradient", gradient, limit=lambda beta: 1.0),
    "sign": Rule("the gradient's sign, constant descent", sign),
    "momentum": Rule("the heavy ball", momentum, memories=1, uses=("momentum",), limit=lambda beta: 1.0 + beta),
    "nesterov": Rule(
        "Nesterov's momentum",
        nesterov,
        memories=1,
        uses=("momentum",),
        limit=lambda beta: (1.0 + beta) / (1.0 + 2.0 * beta),
    ),
    "adam": Rule("Adam", adam, corrections=bias, memories=2, uses=("momentum",)),
}
RULES.update({word: rule._replace(code=place) for place, (word, rule) in enumerate(RULES.items())})


def rules_with(hyperparameter: str) -> tuple[str, ...]:
    """Return the rules that use a hyperparameter which not every rule has."""
    return tuple(name for name, rule in RULES.items() if hyperparameter in rule.uses)
