"""Problems: what is minimised. Each knows its dimension P, its parameters' names, its usual start and its samples.

Here stand what all have in common, and the user's own functions; `fits` has those over samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import finite, flag, number_between, real_array, shown, whole
from fastgd.once import Once
from fastgd.problems.frozen import ByValue, frozen, takes_one
from fastgd.problems.slopes import worst_slope
from fastgd.text import printable

Theta = NDArray[np.float64]

LARGEST_DIMENSION = 1_000_000  # of an objective: every parameter has a name


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

    def __init__(self, names: tuple[str, ...], parameters: Sequence[str] | None, start: ArrayLike | None) -> None:
        self.dimension = len(names)
        self.parameters = names if parameters is None else _checked_names(parameters, len(names))
        self.start = np.zeros(self.dimension) if start is None else self.point("start", start)
        self.start.flags.writeable = False
        self._laid = Once(self._lay_out)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled, arrays read-only again: of others every kernel would be compiled once more."""
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)

    @abstractmethod
    def _lay_out(self) -> Any:
        """Lay the samples out for the kernels."""

    def kernel_samples(self) -> Any:
        """Return the samples as kernels take them, made at first use."""
        return self._laid().samples

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

    def _sums(self, theta: ArrayLike) -> tuple[NDArray[np.float64], bool]:
        """Return [loss, gradient...] for each theta, (C, P + 1), and whether theta was a single one."""
        array = theta if type(theta) is np.ndarray and theta.dtype == np.float64 else real_array("theta", theta)
        P = self.dimension
        single = array.shape == (P,) or (P == 1 and array.ndim == 0)
        if not single and not (array.ndim == 2 and array.shape[1] == P):
            raise ValueError(f"theta must have shape ({P},) or (C, {P}), got shape {array.shape}")
        from fastgd.problems.evaluation import evaluate_all

        thetas = np.ascontiguousarray(array, dtype=np.float64).reshape(-1, P)
        sums = evaluate_all(self.kernel_samples(), thetas, self.sample_count)
        self.raise_callback_error()
        return sums, single

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
        sums, single = self._sums(theta)
        if single:
            return float(sums[0, 0]), sums[0, 1:]
        return sums[:, 0].copy(), sums[:, 1:].copy()

    def loss(self, theta: ArrayLike) -> Any:
        """Return the loss: float at theta (P,), ndarray (C,) at theta (C, P)."""
        return self.loss_and_gradient(theta)[0]

    def gradient(self, theta: ArrayLike) -> NDArray[np.float64]:
        """Return the gradient: ndarray (P,) at theta (P,), (C, P) at theta (C, P)."""
        return self.loss_and_gradient(theta)[1]

    def check_gradient(self, theta: ArrayLike | None = None, *, rtol: float = 1e-4) -> float:
        """Compare the gradient with central finite differences of the loss.

        Where a component of it is about 0, right or wrong, it is compared a little aside too.

        Parameters
        ----------
        theta : array_like (P,), optional
            Where; `start` by default.
        rtol : float
            Largest difference allowed, relative to the gradient's largest component within the step of a difference.

        Returns
        -------
        float
            The largest difference found, relative in the same way.

        Raises
        ------
        ValueError
            If they differ by more: the sentence names the parameter and both slopes; if the loss is not finite there,
            or so large that its rounding hides how it changes.

        Examples
        --------
        >>> import fastgd
        >>> problem = fastgd.Objective(lambda t: t**2, lambda t: 3 * t, start=1.0)
        >>> problem.check_gradient()
        Traceback (most recent call last):
        ...
        ValueError: the gradient is wrong in theta: 3.0 at theta = [1.], but the loss changes by 2.0 per unit
        """
        rtol = number_between("rtol", rtol, minimum=0.0)
        at = self.start.copy() if theta is None else self.point("theta", theta)
        self._check_at(at)
        worst = worst_slope(self.loss_and_gradient, at)
        if worst is None:
            raise ValueError(f"theta must be where the loss is finite, got {at}, at or near which it is not")
        if not worst.difference <= rtol:
            raise ValueError(
                f"the gradient is wrong in {printable(self.parameters[worst.parameter])}: {worst.slope:.6} at theta = "
                f"{worst.theta}, but the loss changes by {worst.quotient:.6} per unit"
            )
        if worst.is_hidden:
            raise ValueError(
                f"theta must be where the loss changes by more than its rounding, got {at}: there that hides any "
                "difference; take away what is constant in the loss, or begin elsewhere"
            )
        return worst.difference

    def _check_at(self, at: Theta) -> None:  # noqa: B027 (a hook: a fit's own functions are right)
        """Raise ValueError if the gradient is an array of the wrong length, or an index is out of range."""


class Objective(Problem):
    """A user's own loss and gradient.

    Parameters
    ----------
    loss, gradient : callable
        Functions of theta, plain Python or jitted by Numba, methods and partials too. With `dimension` 1 both take and
        return a float; otherwise they take a float64 array (P,) and return a float and an array (P,).
    dimension : int
        P.
    parameters : sequence of str, optional
        Names; "theta", or "theta0", "theta1", ... by default.
    start : float or array_like (P,), optional
        The usual start; zeros by default.
    compile : bool
        Compile both by Numba (the default), or run them as plain Python, a thousand times slower.

    Raises
    ------
    TypeError, ValueError
        If Numba can't compile a function: the sentence quotes the reason and names `compile=False`. If a function
        returns what is no float, or no array (P,); of a plain Python one that is found at its first use.

    Notes
    -----
    What a compiled function raises inside a sweep counts as a loss that is not finite.

    Data and globals that compiled functions read are those of construction: they are copied, whatever their size, and
    freed with the objective if they are above 64 KiB; functions with less stay compiled for the next one. Plain Python
    under `compile=False` sees them as they are at each call.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.Objective(lambda t: t**2, lambda t: 2 * t, start=1.0)
    >>> fastgd.descend(problem, learning_rate=0.2, max_steps=20).theta
    array([3.65615844e-05])
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        gradient: Callable[..., Any],
        dimension: int = 1,
        *,
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
        compile: bool = True,
    ) -> None:
        for name, function in (("loss", loss), ("gradient", gradient)):
            if not callable(function):
                raise TypeError(f"{name} must be a function of theta, got {shown(function)}")
            takes_one(name, function, "theta")
        dimension = whole("dimension", dimension, minimum=1, maximum=LARGEST_DIMENSION)
        self.compile = flag("compile", compile)
        self.sample_count = 1
        self.bytes_per_sample, self.dtype = 0, np.dtype(np.float64)
        names = ("theta",) if dimension == 1 else tuple(f"theta{k}" for k in range(dimension))
        super().__init__(names, parameters, start)
        self._name = getattr(loss, "__name__", type(loss).__name__)
        self._functions: tuple[Any, ...] = frozen(loss, gradient) if self.compile else (loss, gradient)
        self._callback: Any = None
        self.kernel_samples()
        self._check_at(self.start)

    def __repr__(self) -> str:
        return f"Objective({self._name}, dimension={self.dimension})"

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_callback": None}  # holds addresses of this process
        if self.compile:
            state["_functions"] = ByValue(self._functions)
        return state

    def _lay_out(self) -> Any:
        from fastgd.kernels.problems.blocks import laid_out
        from fastgd.kernels.problems.objective import ObjectiveData
        from fastgd.problems.user_functions import PythonCallback, compiled

        self._callback = (compiled if self.compile else PythonCallback)(self._functions, self.dimension)
        return laid_out(ObjectiveData(self._callback.address), 1, 1.0)

    def _check_at(self, at: Theta) -> None:
        """Raise ValueError for what of the compiled functions is wrong here."""
        if self.compile:
            from fastgd.problems.user_functions import check_at

            check_at(self._callback, self._functions, at)

    def raise_callback_error(self) -> None:
        """Raise what a plain Python function raised inside a kernel."""
        if not self.compile:
            self._callback.raise_error()


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
