"""The dart: a user's own objective, at many learning rates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.works.data import Result, expected


@dataclass(frozen=True)
class DartSweep:
    """Gradient descents of the dart's miss at C learning rates, to a loss below 0.001 or the last step."""

    C: int
    steps: int
    all_rates: int = 0

    threshold = 0.001
    bound = math.pi / 2

    def __str__(self) -> str:
        return f"dart, {self.C:,} rates x at most {self.steps} steps"

    @property
    def rates(self) -> np.ndarray:
        """Return learning rates (C,), below those that bounce; of a part every n-th."""
        rates = np.geomspace(1e-4, 1e-2, self.all_rates or self.C)
        return rates[np.linspace(0, rates.size - 1, self.C).astype(int)]

    @property
    def visits(self) -> int:
        """Evaluations at most."""
        return self.C * (self.steps + 1)

    def reduced(self, visits: int, evaluations: int, by: str) -> DartSweep:
        """Return this case, or one of fewer configurations."""
        if self.visits <= evaluations:
            return self
        return replace(self, C=max(1, evaluations // (self.steps + 1)), all_rates=self.all_rates or self.C)

    def expected(self) -> Result:
        """Return theta (C,), loss (C,) and steps (C,), all configurations in step; y = 1 + 10 tan - 4.9 / cos^2."""
        rates, theta, steps = self.rates, np.zeros(self.C), np.zeros(self.C, dtype=int)
        running = np.arange(self.C)
        loss = np.empty(self.C)
        for t in range(self.steps + 1):
            tangent = np.tan(theta[running])
            secant2 = 1.0 + tangent**2
            miss = 10.0 * tangent - 4.9 * secant2
            loss[running] = miss**2 / 2.0
            steps[running] = t
            going = loss[running] >= self.threshold
            gradient = (miss * (10.0 * secant2 - 9.8 * secant2 * tangent))[going]
            running = running[going]
            if t < self.steps:
                moved = theta[running] - rates[running] * gradient
                theta[running] = np.clip(moved, -self.bound, self.bound)
        return theta, loss, steps

    def check(self, result: Any) -> None:
        """Assert theta, loss and steps (C,): equal steps, the rest to rounding."""
        theta, loss, steps = (np.asarray(value) for value in result)
        expected_theta, expected_loss, expected_steps = expected(self)
        np.testing.assert_array_equal(steps, expected_steps)
        np.testing.assert_allclose(theta, expected_theta, rtol=1e-11, atol=0.0)
        np.testing.assert_allclose(loss, expected_loss, rtol=1e-9, atol=0.0)
