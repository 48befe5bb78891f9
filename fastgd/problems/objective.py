"""A user's own loss and gradient as a problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastgd.check import flag, shown, whole
from fastgd.once import Once
from fastgd.problems.complex_step import on_complex_numbers, slopes_by_complex_step
from fastgd.problems.frozen import ByValue, frozen, takes_one
from fastgd.problems.problem import Problem, Theta

if TYPE_CHECKING:
    from fastgd.kernels.problems.objective import ObjectiveData

LARGEST_DIMENSION = 1_000_000  # every parameter has a name


class Objective(Problem):
    """A user's own loss of theta; its gradient is derived, or the user's own too.

    Parameters
    ----------
    loss : callable
        A function of theta, plain Python or jitted by Numba, a method or a partial too. With `dimension` 1 it takes a
        float, otherwise a float64 array (P,); it returns a float.
    gradient : callable, optional
        Its derivative: with `dimension` 1 a float of a float, otherwise an array (P,) of one. If it is left out, it is
        derived from the loss, exactly, for P up to 32.
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
        If Numba can't compile a function: the sentence quotes the reason and names `compile=False`; if a loss can't be
        differentiated: it names what of it, and its line. If a function returns what is no float, or no array (P,); of
        a plain Python one that is found at its first use.

    Notes
    -----
    A derived gradient is computed along with the loss, by numbers that carry their partial derivatives (forward mode,
    R. E. Wengert, A simple automatic derivative evaluation program, Communications of the ACM 7, 1964). At a kink the
    slope is one of its sides': 0 for abs(t) at 0, the first argument's where max or min are equal; of `if` and
    `np.where` it is that of the side that is chosen. What is infinite on the way may make a slope that is no number.

    What a compiled function raises inside a sweep counts as a loss that is not finite.

    Compiled functions of up to 16 parameters run at many thetas side by side in vector registers where they are made of
    numbers, branches, loops, elements and slices of theta, arithmetic of it, and of arrays; exp, log, sin and their kin
    are fastgd's own then, right to 2.3 units in the last place. Others with a gradient of their own run at one theta
    after the other, as Numba compiles them.

    Data and globals that compiled functions read are those of construction: they are copied, whatever their size, and
    freed with the objective if they are above 64 KiB; functions with less stay compiled for the next one. Plain Python
    under `compile=False` sees them as they are at each call.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.Objective(lambda t: t**2, start=1.0)
    >>> fastgd.descend(problem, learning_rate=0.2, max_steps=20).theta
    array([3.65615844e-05])
    """

    sample_count = 1
    bytes_per_sample = 0
    dtype = np.dtype(np.float64)

    def __init__(
        self,
        loss: Callable[..., Any],
        gradient: Callable[..., Any] | None = None,
        dimension: int = 1,
        *,
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
        compile: bool = True,
    ) -> None:
        dimension = whole("dimension", dimension, minimum=1, maximum=LARGEST_DIMENSION)
        self.compile = flag("compile", compile)
        if gradient is None and not self.compile:
            raise TypeError("gradient must be given with compile=False, got None: it is derived of compiled losses")
        given = {"loss": loss} if gradient is None else {"loss": loss, "gradient": gradient}
        for name, function in given.items():
            if not callable(function):
                raise TypeError(f"{name} must be a function of theta, got {shown(function)}")
            takes_one(name, function, "theta")
        names = ("theta",) if dimension == 1 else tuple(f"theta{k}" for k in range(dimension))
        super().__init__(names, parameters, start)
        self._name = getattr(loss, "__name__", type(loss).__name__)
        self._functions: tuple[Any, ...] = frozen(*given.values()) if self.compile else (loss, gradient)
        self._callback = Once(self._compile_callback)
        self.compiled_loss()
        self._check_at(self.start)

    def __repr__(self) -> str:
        return f"Objective({self._name}, dimension={self.dimension})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_functions": ByValue(self._functions)} if self.compile else self.__dict__

    def _own_identity(self) -> dict[str, Any]:
        from fastgd.problems.function_identity import identity_of_functions

        functions = dict(zip(("loss", "gradient"), self._functions, strict=False))
        return {**identity_of_functions(**functions), "compile": self.compile}

    def _compile_callback(self) -> Any:
        from fastgd.problems.in_blocks import PythonCallback, compiled

        return (compiled if self.compile else PythonCallback)(self._functions, self.dimension)

    def data(self) -> ObjectiveData:
        """Return the address of both functions as one of C."""
        from fastgd.kernels.problems.objective import ObjectiveData

        return ObjectiveData(self._callback().address)

    def _check_at(self, at: Theta) -> None:
        """Raise ValueError for what of the compiled functions is wrong here."""
        if self.compile:
            from fastgd.problems.in_blocks import check_at

            check_at(self._callback(), self._functions, at)

    def raise_callback_error(self) -> None:
        """Raise what a plain Python function raised inside a kernel."""
        if not self.compile:
            self._callback().raise_error()

    def _by_complex_step(self, theta: Theta, loss: float) -> Theta | None:
        """Return the gradient by running the user's loss on complex numbers."""
        function = on_complex_numbers(self._functions[0])
        return slopes_by_complex_step(lambda at: function(at[0] if self.dimension == 1 else at), theta, loss)
