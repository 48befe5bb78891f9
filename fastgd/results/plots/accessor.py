"""`result.plot` of a sweep and `run.plot` of a descent: each picture by a word. Nothing is drawn or imported before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from fastgd.results.outcomes import Outcomes, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class SweepPlots:
    """The pictures of a sweep. Called itself it draws the usual one: a map over two axes, or else the loss.

    Each takes `ax`, the axes to draw in, and makes a figure of its own if there are none; each returns the axes. The
    legend stands above them, for which a figure of `layout="constrained"` makes room. They need matplotlib:
    `pip install 'fastgd[plot]'`.

    Examples
    --------
    >>> import fastgd
    >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.5, 2.0], max_steps=20)
    >>> ax = result.plot()
    >>> ax.get_ylabel()
    'final loss'
    >>> ax.figure.savefig("square.png")  # doctest: +SKIP
    """

    def __init__(self, result: Outcomes) -> None:
        self._result = result

    def __call__(self, ax: Axes | None = None) -> Axes:
        """Draw the usual picture."""
        long = [name for name, values in self._result.axes.items() if len(values) > 1]
        return self.map(long[0], long[1], ax) if len(long) == 2 else self.loss(ax=ax)

    def loss(self, x: str | None = None, hue: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the final loss against an axis, see `plot_loss`."""
        from fastgd.results.plots.loss import plot_loss

        return plot_loss(self._result, x, hue, ax)

    def steps(self, x: str | None = None, hue: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the steps to converge against an axis, see `plot_steps`."""
        from fastgd.results.plots.steps import plot_steps

        return plot_steps(self._result, x, hue, ax)

    def map(self, x: str | None = None, y: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw what failed, and the losses of what did not, over two axes, see `plot_map`."""
        from fastgd.results.plots.map import plot_map

        return plot_map(self._result, x, y, ax)

    def basins(
        self, x: str | None = None, y: str | None = None, ax: Axes | None = None, tolerance: float | None = None
    ) -> Axes:
        """Draw which minimum was reached over two axes, see `plot_basins`."""
        from fastgd.results.plots.basins import plot_basins

        return plot_basins(self._result, x, y, ax, tolerance)

    def trajectories(self, ax: Axes | None = None) -> Axes:
        """Draw the recorded losses against the steps, see `plot_trajectories`."""
        from fastgd.results.plots.trajectories import plot_trajectories

        return plot_trajectories(self._result, ax)

    def parameter(self, name: str, ax: Axes | None = None) -> Axes:
        """Draw the final loss against one parameter of theta, see `plot_parameter`."""
        from fastgd.results.plots.parameter import plot_parameter

        return plot_parameter(self._result, name, ax)


class DescentPlots:
    """The pictures of a descent. Called itself it draws the usual one, the loss against the step.

    Each takes `ax`, the axes to draw in, and makes a figure of its own if there are none; each returns the axes. They
    need matplotlib: `pip install 'fastgd[plot]'`. What draws the loss where no descent was takes the problem.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, ax: Axes | None = None) -> Axes:
        """Draw the loss against the step."""
        return self.loss(ax=ax)

    def loss(self, ax: Axes | None = None) -> Axes:
        """Draw the loss against the step, see `plot_trajectories`."""
        from fastgd.results.plots.trajectories import plot_trajectories

        return plot_trajectories(self._run, ax)

    def curve(
        self,
        problem: Any,
        ax: Axes | None = None,
        window: tuple[float, float] | None = None,
        tangent: str | float | Sequence[float] | None = "last",
    ) -> Axes:
        """Draw the visited points on the loss of one parameter, see `plot_curve`."""
        from fastgd.results.plots.curve import plot_curve

        return plot_curve(self._run, problem, ax, window, tangent)

    def path(self, problem: Any, x: str | None = None, y: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the path on the loss' contours over two parameters, see `plot_path`."""
        from fastgd.results.plots.path import plot_path

        return plot_path(self._run, problem, x, y, ax)

    def fit(
        self,
        ax: Axes | None = None,
        problem: Any = None,
        steps: Sequence[int] | None = None,
        theta: ArrayLike | None = None,
    ) -> Axes:
        """Draw the fitted curves at recorded steps against the samples, see `plot_fit`."""
        from fastgd.results.plots.fit import plot_fit

        return plot_fit(self._run, ax, problem, steps, theta)

    def parameter(self, name: str, ax: Axes | None = None) -> Axes:
        """Draw the recorded losses against one parameter of theta, see `plot_parameter`."""
        from fastgd.results.plots.parameter import plot_parameter

        return plot_parameter(self._run, name, ax)
