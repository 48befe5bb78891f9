"""What is minimised: what all problems have in common. Each knows its dimension P, parameters' names, usual start."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import about, finite, number_between, real_array, shown
from fastgd.once import Once
from fastgd.problems.slopes import difference_from, told_apart, worst_slope
from fastgd.text import printable

if TYPE_CHECKING:
    from fastgd.kernels.problems.blocks import CompiledLoss

Theta = NDArray[np.float64]


class Problem(ABC):
    """A loss to minimise over theta (P,).

    Attributes
    ----------
    dimension : int
        P, the number of parameters.
    parameters : tuple of str
        Their names.
    start : ndarray (P,)
        Where a descent starts if nothing else is said.
    sample_count : int
        N, the samples read by one evaluation; 1 for an objective.
    """

    dimension: int
    parameters: tuple[str, ...]
    start: Theta
    sample_count: int
    bytes_per_sample: int
    dtype: np.dtype[Any]
    flops_per_sample: int = 0  # of one evaluation; 0 where nobody knows
    seconds_per_sample: float = 0.0  # of one evaluation, if it was measured
    scale: float = 1.0  # from sums over the samples to the loss
    l2: float = 0.0  # factor of the squares of the parameters, but the free one, which are added to the loss
    free: int = -1  # the parameter without a penalty; negative if there is none
    is_streamed: bool = False  # whether samples are read anew at every evaluation

    def __init__(self, names: tuple[str, ...], parameters: Sequence[str] | None, start: ArrayLike | None) -> None:
        self.dimension = len(names)
        self.parameters = names if parameters is None else _checked_names(parameters, len(names))
        self.start = np.zeros(self.dimension) if start is None else self.point("start", start)
        self.start.flags.writeable = False
        self._compiled_loss = Once(self._compile_loss)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled, arrays read-only again: of others every kernel would be compiled once more."""
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)

    @abstractmethod
    def data(self) -> tuple[object, ...]:
        """Return what the kernels get: a NamedTuple whose class chooses how they sum over a block of samples."""

    def identity(self) -> dict[str, Any]:
        """Return what tells a problem from others, by name and in plain types: digests of its data and functions.

        Two are the same problem if theirs are equal. TypeError in one sentence if that can't be told.
        """
        return {"kind": type(self).__name__, "parameters": list(self.parameters)} | self._own_identity()

    def _own_identity(self) -> dict[str, Any]:
        """Return what a class adds to that."""
        kinds = "a PolynomialFit, a LinearFit, a CurveFit or an Objective"
        raise TypeError(about("store", f"needs {kinds}, which another process can tell apart, got {shown(self)}"))

    def _compile_loss(self) -> CompiledLoss:
        from fastgd.kernels.problems.blocks import compiled_loss

        compiled: CompiledLoss = compiled_loss(self.data(), self.scale, self.l2, self.free)
        return compiled

    def compiled_loss(self) -> CompiledLoss:
        """Return the loss as the engines take it, compiled at first use; `kernels.problems.blocks` shows the way."""
        return self._compiled_loss()

    def raise_callback_error(self) -> None:  # noqa: B027 (a hook: most problems have no callback)
        """Raise what a plain Python objective raised inside a kernel; nothing for other problems."""

    def point(self, name: str, value: object) -> Theta:
        """Return one checked theta (P,), a copy; a scalar is fine if P = 1."""
        array = np.array(real_array(name, value), dtype=np.float64)
        if array.ndim == 0 and self.dimension == 1:
            array = array.reshape(1)
        if array.shape != (self.dimension,):
            raise ValueError(f"{name} must have shape ({self.dimension},), got shape {array.shape}")
        return finite(name, array)  # type: ignore[return-value]

    def _theta(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return checked theta as it is, (P,) or (C, P); a scalar is fine if P = 1."""
        if type(theta) is np.ndarray and theta.dtype == np.float64:  # a check of the elements' type would cost more
            array = theta
        else:
            array = real_array("theta", theta).astype(np.float64, copy=False)
        P = self.dimension
        if array.ndim == 0 and P == 1:
            array = array.reshape(1)
        if array.ndim not in (1, 2) or array.shape[-1] != P:
            raise ValueError(f"theta must have shape ({P},) or (C, {P}), got shape {array.shape}")
        return array

    @overload
    def loss_and_gradient(self, theta: Sequence[float]) -> tuple[float, Theta]: ...
    @overload
    def loss_and_gradient(self, theta: ArrayLike) -> tuple[Any, NDArray[np.float64]]: ...
    def loss_and_gradient(self, theta: ArrayLike) -> tuple[Any, NDArray[np.float64]]:
        """Evaluate the loss and its gradient in one pass over the samples.

        Parameters
        ----------
        theta : array_like (P,) or (C, P)
            One point, or a batch. Each point of a batch gives the bits it gives alone.

        Returns
        -------
        loss : float, or ndarray (C,)
        gradient : ndarray (P,) or (C, P)
            Not finite where the loss overflows; that is no error.

        Raises
        ------
        ValueError, TypeError
            If theta is not real numbers of one of these shapes.

        Examples
        --------
        It is the objective that optimisers take:

        >>> import fastgd, scipy.optimize
        >>> problem = fastgd.PolynomialFit([0, 1, 2], [1, 3, 9], degree=2)
        >>> loss, gradient = problem.loss_and_gradient([1, 0, 2])
        >>> loss, gradient
        (0.0, array([0., 0., 0.]))
        >>> fit = scipy.optimize.minimize(problem.loss_and_gradient, problem.start, jac=True)
        >>> bool(abs(fit.x - [1, 0, 2]).max() < 1e-4)
        True
        """
        array = self._theta(theta)
        thetas = np.ascontiguousarray(array).reshape(-1, self.dimension)
        sums = self._sums(thetas)
        self.raise_callback_error()
        if array.ndim == 1:
            return float(sums[0, 0]), sums[1:, 0]
        return sums[0].copy(), np.ascontiguousarray(sums[1:].T)

    def _sums(self, thetas: Theta) -> Theta:
        """Return [loss, gradient...] (P + 1, C) at thetas (C, P)."""
        return _evaluation()(self.compiled_loss(), thetas, self.sample_count)

    def loss(self, theta: ArrayLike) -> Any:
        """Return the loss: float at theta (P,), ndarray (C,) at theta (C, P)."""
        return self.loss_and_gradient(theta)[0]

    def gradient(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return the gradient: ndarray (P,) at theta (P,), (C, P) at theta (C, P)."""
        return self.loss_and_gradient(theta)[1]

    def check_gradient(self, theta: ArrayLike | None = None, *, rtol: float = 1e-4) -> float:
        """Compare the gradient with finite differences of the loss, and where they disagree with a complex step.

        Where a component of it is about 0, right or wrong, it is compared a little aside too. A complex step, exact to
        rounding, decides where differences are too coarse, as at a kink, or hidden by the loss's rounding. There is
        none where the function can't be run on complex numbers: one of erf, gamma or int, say, and fits.

        Parameters
        ----------
        theta : array_like (P,), optional
            Where; `start` by default.
        rtol : float
            Largest difference allowed, relative to the gradient's largest component within the step of a difference.

        Returns
        -------
        float
            The largest difference found, relative in the same way; that from the complex step if it had to decide.

        Raises
        ------
        ValueError
            If they differ by more: the sentence names the parameter, the slopes, and which of them agree; if the loss
            is not finite there, or so large that its rounding hides how it changes.

        Examples
        --------
        >>> import fastgd
        >>> problem = fastgd.Objective(lambda t: t**2, lambda t: 3 * t, start=1.0)
        >>> problem.check_gradient()
        Traceback (most recent call last):
        ...
        ValueError: the gradient is wrong in theta: 3.0 at theta = [1.], but the loss changes by 2.0 per unit, as
        a complex step says too
        """
        rtol = number_between("rtol", rtol, minimum=0.0)
        at = self.start.copy() if theta is None else self.point("theta", theta)
        self._check_at(at)
        worst = worst_slope(self.loss_and_gradient, at)
        if worst is None:
            raise ValueError(f"theta must be where the loss is finite, got {at}, at or near which it is not")
        is_wrong = not worst.difference <= rtol
        if not is_wrong and not worst.is_hidden:
            return worst.difference
        loss, gradient = self.loss_and_gradient(worst.theta)
        stepped = self._by_complex_step(worst.theta, loss)
        if stepped is not None and (difference := difference_from(stepped, gradient, worst)) <= rtol:
            return difference
        if is_wrong or stepped is not None:
            k, others = told_apart(worst, gradient, stepped)
            name = printable(self.parameters[k])
            raise ValueError(f"the gradient is wrong in {name}: {gradient[k]:.6} at theta = {worst.theta}, {others}")
        raise ValueError(
            f"theta must be where the loss changes by more than its rounding, got {at}: there that hides any "
            "difference; take away what is constant in the loss, or begin elsewhere"
        )

    def _by_complex_step(self, theta: Theta, loss: float) -> Theta | None:
        """Return the gradient at theta (P,), where this is the loss, by complex steps; None if there is none."""
        return None

    def _check_at(self, at: Theta) -> None:  # noqa: B027 (a hook: a fit's own functions are right)
        """Raise ValueError if the gradient is an array of the wrong length, or an index is out of range."""


@cache
def _evaluation() -> Callable[[CompiledLoss, Theta, int], Theta]:
    """Return what evaluates: its module brings Numba, and an import statement would be a tenth of a small call."""
    from fastgd.problems.evaluation import evaluate_all

    return evaluate_all


def _checked_names(parameters: Sequence[str], count: int) -> tuple[str, ...]:
    names: tuple[Any, ...]
    try:
        names = (parameters,) if isinstance(parameters, str) else tuple(parameters)
    except Exception:  # whatever an object's own iteration raises
        names = (None,)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise TypeError(f"parameters must be {count} different names, got {shown(parameters)}")
    if len(names) != count:
        raise ValueError(f"parameters must be {count} names, got {len(names)}")
    return names
