"""PyTorch: torch.func.grad_and_value, and vmap of it over thetas; a Python loop over steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.peers.missing import need
from bench.works import DartSweep, LinearEvaluation, PolynomialEvaluation, PolynomialSweep


def library() -> Any:
    """Import PyTorch, with its function transforms."""
    need("torch.func")
    return need("torch")


def polynomial_loss(theta: Any, x: Any, y: Any) -> Any:
    x, y = x.to(theta.dtype), y.to(theta.dtype)  # of float32 storage
    value = theta[-1]
    for k in range(theta.shape[0] - 2, -1, -1):
        value = value * x + theta[k]
    return ((value - y) ** 2).mean()


def linear_loss(theta: Any, X: Any, y: Any) -> Any:
    return ((X @ theta[:-1] + theta[-1] - y) ** 2).mean()


def evaluation(loss: Callable[..., Any], theta: Any, data: Any, y: Any) -> Callable[[], Any]:
    torch = library()
    function = torch.func.grad_and_value(loss)
    if theta.ndim == 2:
        function = torch.func.vmap(function, in_dims=(0, None, None))
    arguments = [torch.from_numpy(array) for array in (theta, data, y)]

    def run() -> tuple[Any, Any]:
        gradient, value = function(*arguments)
        return value, gradient

    return run


def polynomial(case: PolynomialEvaluation) -> Callable[[], Any]:
    return evaluation(polynomial_loss, case.theta, case.x, case.y)


polynomial_batch = polynomial


def linear(case: LinearEvaluation) -> Callable[[], Any]:
    return evaluation(linear_loss, case.theta, case.X, case.y)


linear_batch = linear


def polynomial_sweep(case: PolynomialSweep) -> Callable[[], Any]:
    torch = library()
    rates, x, y = (torch.from_numpy(array) for array in (case.rates[:, None], case.x, case.y))
    gradient = torch.func.vmap(torch.func.grad(polynomial_loss), in_dims=(0, None, None))
    loss = torch.func.vmap(polynomial_loss, in_dims=(0, None, None))

    def run() -> tuple[Any, Any]:
        thetas = torch.zeros(case.C, case.P, dtype=torch.float64)
        for _ in range(case.steps):
            thetas = thetas - rates * gradient(thetas, x, y)
        return thetas, loss(thetas, x, y)

    return run


def dart_sweep(case: DartSweep) -> Callable[[], Any]:
    torch = library()
    rates = torch.from_numpy(case.rates)

    def loss(theta: Any) -> Any:
        return (10.0 * torch.tan(theta) - 4.9 / torch.cos(theta) ** 2) ** 2 / 2.0

    gradient_and_loss = torch.func.vmap(torch.func.grad_and_value(loss))

    def run() -> tuple[Any, Any, Any]:
        theta = torch.zeros(case.C, dtype=torch.float64)
        steps = torch.full((case.C,), case.steps)
        running = torch.ones(case.C, dtype=torch.bool)
        for step in range(case.steps + 1):
            gradient, value = gradient_and_loss(theta)
            steps[running & (value < case.threshold)] = step
            running &= value >= case.threshold
            if step == case.steps or not running.any():
                break
            theta = torch.where(running, (theta - rates * gradient).clamp(-case.bound, case.bound), theta)
        return theta, value, steps

    return run
