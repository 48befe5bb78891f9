"""JAX: jit(value_and_grad), jit(vmap(scan)) and forms of it, in float64 on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from bench.peers.missing import need
from bench.works import (
    CurveEvaluation,
    CurveSweep,
    DartSweep,
    LinearEvaluation,
    PolynomialEvaluation,
    PolynomialSweep,
    Showcase,
)


@cache
def library() -> Any:
    """Import JAX, with float64."""
    jax = need("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    return jax


def squared(r: Any) -> Any:
    return r**2


def huber(r: Any, delta: float = 1.0) -> Any:
    size = abs(r)
    return library().numpy.where(size <= delta, r**2 / 2.0, delta * (size - delta / 2.0))


def log_cosh(r: Any) -> Any:
    """Return log cosh r in the form that Optax takes."""
    return library().numpy.logaddexp(r, -r) - math.log(2.0)


def polynomial_loss(theta: Any, x: Any, y: Any, rho: Callable[[Any], Any] = squared) -> Any:
    """Return the mean of rho of the residuals, by Horner's rule, which JAX unrolls."""
    x, y = x.astype(theta.dtype), y.astype(theta.dtype)  # of float32 storage; XLA does it on the way
    value = theta[-1]
    for k in range(theta.shape[0] - 2, -1, -1):
        value = value * x + theta[k]
    return rho(value - y).mean()


def linear_loss(theta: Any, X: Any, y: Any) -> Any:
    return ((X @ theta[:-1] + theta[-1] - y) ** 2).mean()


def evaluation(loss: Callable[..., Any], theta: np.ndarray, data: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    jax = library()
    function = jax.value_and_grad(loss)
    if theta.ndim == 2:
        function = jax.vmap(function, in_axes=(0, None, None))
    compiled = jax.jit(function)
    arguments = [jax.device_put(array) for array in (theta, data, y)]
    return lambda: jax.block_until_ready(compiled(*arguments))


def polynomial(case: PolynomialEvaluation) -> Callable[[], Any]:
    return evaluation(polynomial_loss, case.theta, case.x, case.y)


polynomial_batch = polynomial


def linear(case: LinearEvaluation) -> Callable[[], Any]:
    return evaluation(linear_loss, case.theta, case.X, case.y)


linear_batch = linear


def scans(loss: Callable[..., Any], case: Any, start: np.ndarray, unroll: int = 1) -> Callable[[], Any]:
    """Return a vmap over rates of a scan over steps."""
    jax = library()
    gradient = jax.grad(loss)

    def descend(rate: Any, x: Any, y: Any) -> Any:
        def step(theta: Any, _: Any) -> Any:
            return theta - rate * gradient(theta, x, y), None

        theta, _ = jax.lax.scan(step, jax.numpy.asarray(start), length=case.steps, unroll=unroll)
        return theta, loss(theta, x, y)

    compiled = jax.jit(jax.vmap(descend, in_axes=(0, None, None)))
    arguments = [jax.device_put(array) for array in (case.rates, case.x, case.y)]
    return lambda: jax.block_until_ready(compiled(*arguments))


def polynomial_sweep(case: PolynomialSweep, unroll: int = 1, rho: Callable[[Any], Any] = squared) -> Callable[[], Any]:
    """Return a vmap over rates of a scan over steps."""
    return scans(partial(polynomial_loss, rho=rho), case, np.zeros(case.P), unroll)


def polynomial_sweep_unrolled(case: PolynomialSweep) -> Callable[[], Any]:
    return polynomial_sweep(case, unroll=10)


def polynomial_sweep_matmul(case: PolynomialSweep) -> Callable[[], Any]:
    """Return a scan over steps of all rates together, by products with the design matrix."""
    jax = library()

    def descend(rates: Any, A: Any, y: Any) -> Any:
        def step(thetas: Any, _: Any) -> Any:
            return thetas - rates[:, None] * 2.0 / len(y) * ((thetas @ A.T - y) @ A), None

        thetas, _ = jax.lax.scan(step, jax.numpy.zeros((case.C, case.P)), length=case.steps)
        return thetas, ((thetas @ A.T - y) ** 2).mean(axis=1)

    compiled = jax.jit(descend)
    A = np.vander(case.x, case.P, increasing=True)
    arguments = [jax.device_put(array) for array in (case.rates, A, case.y)]
    return lambda: jax.block_until_ready(compiled(*arguments))


def curve_loss(theta: Any, x: Any, y: Any, model: str) -> Any:
    jnp = library().numpy
    a, b, c = theta
    value = a * jnp.exp(-b * x) + c if model == "exp" else a * jnp.sin(b * x + c)
    return ((value - y) ** 2).mean()


def curve(case: CurveEvaluation) -> Callable[[], Any]:
    return evaluation(partial(curve_loss, model=case.model), case.theta, case.x, case.y)


def curve_sweep(case: CurveSweep) -> Callable[[], Any]:
    return scans(partial(curve_loss, model=case.model), case, case.start)


def dart_sweep(case: DartSweep) -> Callable[[], Any]:
    """Return a vmap over rates of a while loop, which goes on until the last has stopped."""
    jax = library()
    jnp = jax.numpy

    def loss(theta: Any) -> Any:
        return (10.0 * jnp.tan(theta) - 4.9 / jnp.cos(theta) ** 2) ** 2 / 2.0

    def descend(rate: Any) -> Any:
        def goes_on(state: Any) -> Any:
            theta, t = state
            return (loss(theta) >= case.threshold) & (t < case.steps)

        def step(state: Any) -> Any:
            theta, t = state
            return jnp.clip(theta - rate * jax.grad(loss)(theta), -case.bound, case.bound), t + 1

        theta, t = jax.lax.while_loop(goes_on, step, (jnp.float64(0.0), 0))
        return theta, loss(theta), t

    compiled = jax.jit(jax.vmap(descend))
    rates = jax.device_put(case.rates)
    return lambda: jax.block_until_ready(compiled(rates))


def showcase_descent(case: Showcase) -> Callable[..., Any]:
    """Return one descent by heavy ball, a while loop, as a function of its rate and its momentum."""
    jax = library()
    jnp = jax.numpy

    def loss(x: Any) -> Any:
        return x * x + case.amplitude * jnp.cos(x)

    gradient = jax.grad(loss)

    def goes_on(state: Any) -> Any:
        x, _, t = state
        fair = (loss(x) <= case.divergence_threshold) & (abs(gradient(x)) >= case.gradient_tolerance)
        return fair & (t < case.steps)

    def descend(rate: Any, momentum: Any) -> Any:
        def step(state: Any) -> Any:
            x, kept, t = state
            kept = momentum * kept + gradient(x)
            return x - rate * kept, kept, t + 1

        x, _, t = jax.lax.while_loop(goes_on, step, (jnp.float64(case.start), jnp.float64(0.0), 0))
        return x, loss(x), t

    return descend


def showcase(case: Showcase) -> Callable[[], Any]:
    """Return a vmap over all descents, which goes on until the last has stopped."""
    jax = library()
    compiled = jax.jit(jax.vmap(showcase_descent(case)))
    arguments = [jax.device_put(array) for array in case.flat()]
    return lambda: jax.block_until_ready(compiled(*arguments))


def showcase_scan(case: Showcase) -> Callable[[], Any]:
    """Return a vmap of a scan, which takes all steps and holds what has stopped."""
    jax = library()
    jnp = jax.numpy

    def loss(x: Any) -> Any:
        return x * x + case.amplitude * jnp.cos(x)

    gradient = jax.grad(loss)

    def descend(rate: Any, momentum: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            x, kept, t, going = state
            slope = gradient(x)
            going &= (loss(x) <= case.divergence_threshold) & (abs(slope) >= case.gradient_tolerance)
            moved = momentum * kept + slope
            return (jnp.where(going, x - rate * moved, x), jnp.where(going, moved, kept), t + going, going), None

        begin = (jnp.float64(case.start), jnp.float64(0.0), 0, True)
        (x, _, t, _), _ = jax.lax.scan(step, begin, length=case.steps)
        return x, loss(x), t

    compiled = jax.jit(jax.vmap(descend))
    arguments = [jax.device_put(array) for array in case.flat()]
    return lambda: jax.block_until_ready(compiled(*arguments))


def showcase_batched(case: Showcase) -> Callable[[], Any]:
    """Return the while loop for 4,096 descents at a time: they stay in cache, and stop when their last has."""
    jax = library()
    descend = showcase_descent(case)
    compiled = jax.jit(lambda *both: jax.lax.map(lambda one: descend(*one), both, batch_size=4096))
    arguments = [jax.device_put(array) for array in case.flat()]
    return lambda: jax.block_until_ready(compiled(*arguments))
