"""The showcase: a bowl with bumps, learning rate by momentum, between whose outcomes lies a fractal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.works.data import Result, expected


@dataclass(frozen=True)
class Showcase:
    """Descents of x^2 + 2.5 cos x from x = 2, cells rates by cells momenta, each to a stop of its own.

    Y. Liu (2024), arXiv:2406.13971, has such losses as the least that make the boundary of convergence a fractal.
    """

    cells: int
    chosen: int = 0  # of the rates, if not all

    amplitude = 2.5
    start = 2.0
    rate_window = (1.9, 2.55)
    momentum_window = (0.3, 0.9)
    steps = 500
    gradient_tolerance = 1e-6
    divergence_threshold = 1e10
    sure = 13  # steps in which no rounding has grown to what would be seen
    chaotic = 0.01  # share of outcomes that rounding may change

    def __str__(self) -> str:
        return f"x^2 + 2.5 cos x, {self.cells:,} rates x {self.cells:,} momenta, at most {self.steps} steps"

    @property
    def rates(self) -> np.ndarray:
        """Return learning rates (R,); of a part every n-th."""
        rates = np.linspace(*self.rate_window, self.cells)
        return rates[np.linspace(0, self.cells - 1, self.chosen or self.cells).astype(int)]

    @property
    def momenta(self) -> np.ndarray:
        """Return momenta (cells,)."""
        return np.linspace(*self.momentum_window, self.cells)

    @property
    def visits(self) -> int:
        """Evaluations at most."""
        return self.rates.size * self.cells * (self.steps + 1)

    def reduced(self, visits: int, evaluations: int, by: str) -> Showcase:
        """Return this case, or one of fewer rates."""
        if self.visits <= evaluations:
            return self
        return replace(self, chosen=max(1, evaluations // (self.steps + 1) // self.cells))

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rate and the momentum of each descent (C,), momenta fastest."""
        rates, momenta = np.meshgrid(self.rates, self.momenta, indexing="ij")
        return rates.ravel(), momenta.ravel()

    def expected(self) -> Result:
        """Return theta, loss and steps, each (C,), all configurations in step."""
        rates, momenta = self.flat()
        x, kept = np.full(rates.size, self.start), np.zeros(rates.size)
        loss, steps = np.empty(rates.size), np.empty(rates.size, dtype=int)
        running = np.arange(rates.size)
        for t in range(self.steps + 1):
            at = x[running]
            loss[running] = at * at + self.amplitude * np.cos(at)
            steps[running] = t
            gradient = 2.0 * at - self.amplitude * np.sin(at)
            going = (loss[running] <= self.divergence_threshold) & (np.abs(gradient) >= self.gradient_tolerance)
            running, gradient = running[going], gradient[going]
            if t < self.steps:
                kept[running] = momenta[running] * kept[running] + gradient
                x[running] -= rates[running] * kept[running]
        return x, loss, steps

    def outcomes(self, loss: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return 1 where a descent converged, -1 where it diverged, 0 where it took all steps, (C,)."""
        diverged = ~(loss <= self.divergence_threshold)
        return np.where(diverged, -1, np.where(steps < self.steps, 1, 0))

    def same_outcomes(self, result: Any) -> float:
        """Return the share of descents with the outcome that was expected."""
        _, loss, steps = (np.asarray(value) for value in result)
        return float((self.outcomes(loss, steps) == self.outcomes(*expected(self)[1:])).mean())

    def check(self, result: Any) -> None:
        """Assert theta, loss and steps (C,): to rounding after few steps, and nearly all outcomes."""
        sure = expected(self)[2] <= self.sure
        assert sure.any()
        for value, right in zip(result, expected(self), strict=True):
            np.testing.assert_allclose(np.asarray(value)[sure], right[sure], rtol=3e-9, atol=1e-12)
        assert self.same_outcomes(result) > 1.0 - self.chaotic
