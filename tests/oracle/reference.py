"""The oracle: the one definition of descent, one number at a time, for any kind of number.

It is slow on purpose, and fastgd never imports it. `theta0` decides the arithmetic: floats, `fractions.Fraction`
(exact, as long as nothing asks for a root, a cosine or an exponential) or `mpmath.mpf` at the precision in force.
Hyperparameters are taken over without rounding, so an oracle of many digits runs the very rate a float64 engine was
given.

Vectors are plain lists: theta and gradient of length P. A `loss_and_gradient` maps theta to (loss, gradient).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
import numpy as np

from tests.oracle.residuals import SQUARED, ResidualLoss, functions_of

Number = Any  # float, Fraction or mpf
Vector = list[Number]
LossAndGradient = Callable[[Vector], tuple[Number, Vector]]

REACHED_LOSS = 1
SMALL_GRADIENT = 2
SMALL_UPDATE = 3
MAX_STEPS = 0
DIVERGED = -1
LOSS_GREW = -2

EPSILON = 2.0**-52
SMALLEST = 2.0**-1074  # below it a float64 rounds to 0 or to this


# ---- numbers --------------------------------------------------------------------------------------------------------


def kind_of(value: Number) -> Callable[[Any], Number]:
    """Return the constructor of this value's kind. An int is refused: a rate of 0.2 would become 0."""
    for kind in (float, Fraction, mpmath.mpf):
        if isinstance(value, kind):
            return kind
    raise TypeError(f"the oracle computes with float, Fraction or mpf, not {type(value).__name__}")


def numbers(values: Any, kind: Callable[[Any], Number]) -> list[Any]:
    """Turn an array of one or two dimensions into (nested) lists of one kind of number, without rounding."""
    return [numbers(value, kind) if np.ndim(value) else kind(float(value)) for value in values]


def is_finite(value: Number) -> bool:
    return bool(abs(value) < math.inf)  # false for NaN as well


def square_root(value: Number) -> Number:
    """Return the root; of a Fraction as an mpf, being irrational in general."""
    if isinstance(value, float):
        return math.sqrt(value)
    if isinstance(value, Fraction):
        value = mpmath.mpf(value.numerator) / value.denominator
    return mpmath.sqrt(value)


def norm(vector: Vector) -> Number:
    """Return the Euclidean norm; of one number its absolute value, which is exact."""
    if len(vector) == 1:
        return abs(vector[0])
    return square_root(sum(value * value for value in vector))


# ---- losses ---------------------------------------------------------------------------------------------------------


def linear(
    X: Sequence[Vector],
    y: Vector,
    intercept: bool = True,
    reduction: str = "mean",
    *,
    loss: ResidualLoss = SQUARED,
    weights: Vector | None = None,
    l2: Number = 0,
    free: int | None = None,
) -> LossAndGradient:
    """Loss of the residuals of X w + b: theta = (weights..., intercept).

    It is sum_i w_i rho(r_i), divided by sum_i w_i for a mean, plus l2 sum_k theta_k^2 over all parameters but the
    intercept, or the one that `free` names.
    """
    rows = [[*row, 1] if intercept else list(row) for row in X]
    shares = [1] * len(rows) if weights is None else weights
    count = sum(shares) if reduction == "mean" else 1
    if intercept:
        free = len(rows[0]) - 1

    def loss_and_gradient(theta: Vector) -> tuple[Number, Vector]:
        total = 0 * theta[0]
        gradient = [0 * value for value in theta]
        for row, target, share in zip(rows, y, shares, strict=True):
            residual = sum(value * feature for value, feature in zip(theta, row, strict=True)) - target
            total = total + share * loss.rho(residual)
            slope = share * loss.psi(residual)
            gradient = [value + slope * feature for value, feature in zip(gradient, row, strict=True)]
        penalised = [0 * value if k == free else value for k, value in enumerate(theta)]
        return (
            total / count + l2 * sum(value * value for value in penalised),
            [value / count + 2 * l2 * own for value, own in zip(gradient, penalised, strict=True)],
        )

    loss_and_gradient.of_residuals = True  # type: ignore[attr-defined]
    return loss_and_gradient


def rounding_at_start(loss_and_gradient: LossAndGradient, theta0: Vector, first_loss: Number) -> Number:
    """Return by how much a loss must exceed that of the start to have grown.

    That is 100 eps (|L0| + the loss where every prediction is 0), or without predictions 100 eps |L0|.
    """
    size = abs(first_loss)
    if getattr(loss_and_gradient, "of_residuals", False):
        size += abs(loss_and_gradient([0 * value for value in theta0])[0])
    return 100 * kind_of(theta0[0])(EPSILON) * size


def powers(x: Vector, degree: int) -> list[Vector]:
    """Return the rows 1, x, x^2, ..., x^degree."""
    rows = []
    for value in x:
        row = [value * 0 + 1]
        while len(row) <= degree:
            row.append(row[-1] * value)
        rows.append(row)
    return rows


def polynomial(x: Vector, y: Vector, degree: int, reduction: str = "mean", **how: Any) -> LossAndGradient:
    """Loss of the residuals of sum_k theta_k x^k: theta lowest power first. `how`: loss, weights, l2."""
    return linear(powers(x, degree), y, intercept=False, reduction=reduction, free=0, **how)


def one_parameter(loss: Callable[[Number], Number], gradient: Callable[[Number], Number]) -> LossAndGradient:
    """Make a function of theta = (theta_0,) from two functions of a number."""
    return lambda theta: (loss(theta[0]), [gradient(theta[0])])


# ---- one descent ----------------------------------------------------------------------------------------------------


SCHEDULES: dict[str, Callable[[Number, int, int], Number]] = {  # s of (decay, t, max_steps)
    "constant": lambda decay, t, last: decay * 0 + 1,
    "inverse_time": lambda decay, t, last: 1 / (1 + decay * t),
    "exponential": lambda decay, t, last: functions_of(decay).exp(-decay * t),
    "inverse_sqrt": lambda decay, t, last: 1 / square_root(1 + decay * t),
    "cosine": lambda decay, t, last: (1 + functions_of(decay).cos(functions_of(decay).pi * t / max(last, 1))) / 2,
}


def scale(schedule: str, decay: Number, t: int, max_steps: int) -> Number:
    """Return s(t), the factor on the learning rate. `decay` also says which kind of number is wanted."""
    return SCHEDULES[schedule](decay, t, max_steps)


def adam(g: Number, beta: Number, t: int, mean: Number = 0, mean_square: Number = 0) -> tuple[Number, ...]:
    beta2 = kind_of(beta)(0.999)
    mean = beta * mean + (1 - beta) * g
    mean_square = beta2 * mean_square + (1 - beta2) * g * g
    root = square_root(mean_square / (1 - beta2 ** (t + 1)))
    return mean / (1 - beta ** (t + 1)) / (root + kind_of(beta)(1e-8)), mean, mean_square


RULES: dict[
    str, Callable[..., tuple[Number, ...]]
] = {  # of (g, beta, t, what is kept): u, and what is kept; each component
    "gradient": lambda g, beta, t: (g,),
    "sign": lambda g, beta, t: ((g > 0) - (g < 0),),
    "momentum": lambda g, beta, t, v=0: (beta * v + g, beta * v + g),
    "nesterov": lambda g, beta, t, v=0: (g + beta * (beta * v + g), beta * v + g),
    "adam": adam,
}


def directions(rule: str, momentum: Number) -> Callable[[Vector], Vector]:
    """Return a function that is given g at t = 0, 1, 2, ... and returns u; it remembers what its rule remembers."""
    kept: list[tuple[Number, ...]] = []
    count = itertools.count()

    def direction(g: Vector) -> Vector:
        nonlocal kept
        t = next(count)
        found = [RULES[rule](value, momentum, t, *own) for value, own in zip(g, kept or [()] * len(g), strict=True)]
        kept = [own for _, *own in found]
        return [u for u, *_ in found]

    return direction


class State(NamedTuple):
    """Where a descent stands at step t, before any test."""

    t: int
    theta: Vector
    loss: Number
    gradient: Vector
    rate: Number  # learning rate times schedule
    candidate: Vector


class Run(NamedTuple):
    """The result of one descent. `trajectory` holds (t, theta, loss) at t = 0, k, 2k, ... and at the stop."""

    theta: Vector
    loss: Number
    gradient_norm: Number
    steps: int
    status: int
    trajectory: list[tuple[int, Vector, Number]]


def states(
    loss_and_gradient: LossAndGradient,
    theta0: Vector,
    learning_rate: float,
    max_steps: int,
    *,
    rule: str = "gradient",
    momentum: float = 0.9,
    schedule: str = "constant",
    decay: float = 0.0,
    bounds: tuple[Any, Any] | None = None,
) -> Iterator[State]:
    """Yield the states of a descent that nothing stops."""
    number = kind_of(theta0[0])
    direction_of = directions(rule, number(momentum))
    lower, upper = ([-math.inf], [math.inf]) if bounds is None else map(np.atleast_1d, bounds)
    lower = [value if abs(value) == math.inf else number(value) for value in map(float, lower)]
    upper = [value if abs(value) == math.inf else number(value) for value in map(float, upper)]
    if len(lower) == 1:
        lower = lower * len(theta0)
    if len(upper) == 1:
        upper = upper * len(theta0)

    theta = [number(value) for value in theta0]
    for t in itertools.count():
        loss, gradient = loss_and_gradient(theta)
        rate = number(learning_rate) * scale(schedule, number(decay), t, max_steps)
        candidate = [value - rate * u for value, u in zip(theta, direction_of(gradient), strict=True)]
        candidate = [min(max(value, low), high) for value, low, high in zip(candidate, lower, upper, strict=True)]
        yield State(t, theta, loss, gradient, rate, candidate)
        theta = candidate


def update_size(state: State) -> Number:
    return norm([new - old for new, old in zip(state.candidate, state.theta, strict=True)])


def descend(
    loss_and_gradient: LossAndGradient,
    theta0: Vector,
    learning_rate: float,
    max_steps: int,
    *,
    tolerance: float | None = None,
    loss_threshold: float | None = None,
    gradient_tolerance: float | None = None,
    divergence_threshold: float | None = 1e200,
    record_every: int = 1,
    **how: Any,
) -> Run:
    """Descend until a test stops it; `how` is what `states` takes: rule, momentum, schedule, decay, bounds."""
    first_loss = None
    trajectory = []
    for state in states(loss_and_gradient, theta0, learning_rate, max_steps, **how):
        t, theta, loss, gradient = state[:4]
        if first_loss is None:
            first_loss = loss
        status = None
        finite = is_finite(loss) and all(map(is_finite, gradient))
        if not finite or (divergence_threshold is not None and loss > divergence_threshold):
            status = DIVERGED
        elif loss_threshold is not None and loss < loss_threshold:
            status = REACHED_LOSS
        elif gradient_tolerance is not None and norm(gradient) < gradient_tolerance:
            status = SMALL_GRADIENT
        elif t == max_steps:
            grown = loss > first_loss + rounding_at_start(loss_and_gradient, theta0, first_loss)
            status = LOSS_GREW if grown else MAX_STEPS
        elif tolerance is not None and update_size(state) < tolerance:
            status = SMALL_UPDATE

        if status is not None or t % record_every == 0:
            trajectory.append((t, theta, loss))
        if status is not None:
            return Run(theta, loss, norm(gradient), t, status, trajectory)
    raise AssertionError("a descent always stops")


# ---- which stops are right ------------------------------------------------------------------------------------------


class Rounding(NamedTuple):
    """What float64 may be wrong by at one state of a squared-error problem.

    `hessian_norm` = ||H||, `origin_gradient` = ||g(0)||, `mean_square` = mean y^2; under the reduction sum, sums.
    """

    hessian_norm: float
    origin_gradient: float
    mean_square: float

    @classmethod
    def of_linear(cls, X: Any, y: Any, intercept: bool = True, reduction: str = "mean") -> Rounding:
        X, y = np.asarray(X, float), np.asarray(y, float)
        if intercept:
            X = np.column_stack([X, np.ones(len(y))])
        count = len(y) if reduction == "mean" else 1
        hessian = 2 * X.T @ X / count
        return cls(
            float(np.linalg.norm(hessian, 2)),
            float(np.linalg.norm(2 * X.T @ y / count)),
            float(y @ y / count),
        )

    @classmethod
    def of_polynomial(cls, x: Any, y: Any, degree: int, reduction: str = "mean") -> Rounding:
        return cls.of_linear(np.vander(np.asarray(x, float), degree + 1), y, intercept=False, reduction=reduction)

    def of_loss(self, state: State) -> Number:
        return 100 * EPSILON * (state.loss + self.mean_square)

    def of_terms(self, state: State) -> Number:
        """Return what the loss may be off by because large terms of the model cancel in each residual.

        Residuals carry eps times the size of their terms, on average at most sqrt(||H|| / 2) ||theta||, and enter the
        loss with twice their own size.
        """
        return 100 * EPSILON * mpmath.sqrt(2 * self.hessian_norm * abs(state.loss)) * norm(state.theta)

    def of_gradient(self, state: State) -> Number:
        return 100 * EPSILON * (self.hessian_norm * norm(state.theta) + self.origin_gradient)

    def of_update(self, state: State) -> Number:
        return state.rate * self.of_gradient(state) + EPSILON * norm(state.theta)


class Stop(NamedTuple):
    """A stop that is right: its statuses, and the exact values there with what a float64 run may be off by."""

    statuses: frozenset[int]
    theta: Vector
    loss: Number
    gradient_norm: Number
    theta_error: Number
    loss_error: Number
    gradient_error: Number


class Undecided(Exception):
    """Rounding decides a direction, and with it all that follows."""


class DirectionErrors:
    """What u of any rule may be off by, as a norm, if each gradient is off by a known norm E.

    Momentum and Nesterov are linear: V <- beta V + E, and V or E + beta V. A sign is right if no component is within E.
    Adam's m_hat is a mean of gradients and the root of v_hat a norm of them, so neither is off by more than the largest
    E, and their quotient u by E (1 + |u|) / (root + epsilon - E). Of any other rule nothing is known here.
    """

    def __init__(self, rule: str, momentum: float) -> None:
        self.rule, self.momentum, self.memory, self.largest = rule, momentum, 0, 0
        self.directions: Callable[[Vector], Vector] | None = None
        self.squares: Vector = []
        self.count = 0

    def after(self, gradient: Vector, error: Number) -> tuple[Number, Number]:
        """Return the norm of u at this gradient and of its error."""
        if self.directions is None:
            self.directions = directions(self.rule, kind_of(gradient[0])(self.momentum))
        u = self.directions(gradient)
        if self.rule == "gradient":
            return norm(u), error
        if self.rule == "sign":
            if any(abs(value) <= error for value in gradient):
                raise Undecided
            return norm(u), 0
        if self.rule in ("momentum", "nesterov"):
            self.memory = self.momentum * self.memory + error
            return norm(u), self.memory if self.rule == "momentum" else error + self.momentum * self.memory
        if self.rule != "adam":
            raise Undecided
        self.count += 1
        self.largest = max(self.largest, error)
        self.squares = [
            0.999 * old + 0.001 * value * value
            for old, value in zip(self.squares or [0] * len(u), gradient, strict=True)
        ]
        roots = [square_root(value / (1 - kind_of(value)(0.999) ** self.count)) for value in self.squares]
        if any(root <= 2 * self.largest for root in roots):
            raise Undecided
        own = 100 * EPSILON * (1 + 1 / (1 - self.momentum))  # 1 - beta1 holds fewer digits the nearer beta1 is to 1
        parts = [
            self.largest * (1 + abs(value)) / (root - self.largest) + own * (1 + abs(value))
            for value, root in zip(u, roots, strict=True)
        ]
        return norm(u), norm(parts)


def right_stops(
    loss_and_gradient: LossAndGradient,
    theta0: Vector,
    learning_rate: float,
    max_steps: int,
    *,
    rounding: Rounding,
    tolerance: float | None = None,
    loss_threshold: float | None = None,
    gradient_tolerance: float | None = None,
    divergence_threshold: float | None = 1e200,
    carry: Callable[[State], Number] | None = None,
    convex: bool = True,
    **how: Any,
) -> dict[int, Stop]:
    """Return every stop that is right for float64 arithmetic, by step; theta0 in many digits.

    For another rule `carry` is told each state in turn and returns the error that theta has at the next.

    A test *may* stop the descent if it would at threshold + delta and *must* if it would at threshold - delta. The
    descent goes on past every state that may stop it, up to the first that must: the stops between the oracle's own
    two, each with the statuses its state can bear.

    theta's error is carried along: each update adds delta of the update to what the update I - rate H makes of the
    error before it, at most max(1, rate ||H|| - 1) times as much since H has no negative eigenvalue. (Clipping to
    bounds brings points no further apart.) For other rules see `DirectionErrors`. ||H|| must bound the curvature
    everywhere, and a loss that is not convex must say so.

    Raises
    ------
    Undecided
        Where a rule's direction hangs on rounding, so that no stop is promised.
    """
    stops: dict[int, Stop] = {}
    first: State | None = None
    theta_error: Number = 0
    rule = how.get("rule", "gradient")
    direction_errors = None if rule == "gradient" and convex else DirectionErrors(rule, how.get("momentum", 0.9))
    for state in states(loss_and_gradient, theta0, learning_rate, max_steps, **how):
        first = first or state
        size = norm(state.gradient)
        # An error of theta moves the loss by ||g|| e + ||H|| e^2 / 2 and the gradient by ||H|| e.
        drift = theta_error * (size + rounding.hessian_norm * theta_error / 2)
        loss_error = rounding.of_loss(state) + rounding.of_terms(state) + drift
        gradient_error = rounding.of_gradient(state) + rounding.hessian_norm * theta_error
        update_error = rounding.of_update(state)
        if direction_errors is not None and state.t < max_steps:
            length, error = direction_errors.after(state.gradient, gradient_error)
            update_error = state.rate * error + EPSILON * (4 * state.rate * length + norm(state.theta))

        of_loss, of_gradient = rounding.of_loss(state), rounding.of_gradient(state)
        tests = [  # (status, the value that stops, when below this, delta), in the definition's order
            (DIVERGED, -state.loss, None if divergence_threshold is None else -divergence_threshold, of_loss),
            (REACHED_LOSS, state.loss, loss_threshold, of_loss),
            (SMALL_GRADIENT, size, gradient_tolerance, of_gradient),
        ]
        if state.t == max_steps:
            if state.theta != first.theta:  # the same point has the same loss in any arithmetic
                highest = first.loss + rounding_at_start(loss_and_gradient, theta0, first.loss)
                tests.append((LOSS_GREW, -state.loss, -highest, of_loss + rounding.of_loss(first)))
            tests.append((MAX_STEPS, 0, 1, 0))
        else:
            tests.append((SMALL_UPDATE, update_size(state), tolerance, update_error))

        statuses: set[int] = set()
        must = False
        for status, value, threshold, delta in tests:
            if threshold is not None and not must and value < threshold + delta:
                statuses.add(status)
                must = bool(value < threshold - delta)

        if statuses:
            stops[state.t] = Stop(
                frozenset(statuses), state.theta, state.loss, size, theta_error, loss_error, gradient_error
            )
        if must:
            return stops
        if carry is not None:
            theta_error = carry(state) + SMALLEST * len(theta0)
            continue
        growth = max(1, state.rate * rounding.hessian_norm - 1) if direction_errors is None else 1
        theta_error = theta_error * growth + update_error + SMALLEST * len(theta0)
    raise AssertionError("a descent always stops")


def assert_right(
    stops: dict[int, Stop], theta: Any, loss: float, gradient_norm: float, steps: int, status: int
) -> None:
    """Assert that one configuration's result is one of the right stops, to rounding."""
    possible = [(t, stop_status) for t, stop in stops.items() for stop_status in sorted(stop.statuses)]
    assert (steps, status) in possible, f"stopped at {(steps, status)} (step, status); right: {possible[-10:]}"
    right = stops[steps]
    if right.loss > 1e250:
        return  # next to an overflow, where squares of a gradient no longer fit; its values are not promised
    theta = numbers(np.atleast_1d(theta), mpmath.mpf)
    error = norm([value - exact for value, exact in zip(theta, right.theta, strict=True)])
    assert error <= right.theta_error, f"theta is off by {error}, allowed {right.theta_error}"
    assert abs(float(loss) - right.loss) <= right.loss_error, f"loss {loss}, exact {right.loss}"
    assert abs(float(gradient_norm) - right.gradient_norm) <= right.gradient_error, (
        f"gradient norm {gradient_norm}, exact {right.gradient_norm}"
    )
