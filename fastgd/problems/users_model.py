"""A user's own model of one sample: which arguments it takes, what they are called, and its values at samples."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, FloatArray, about, shown
from fastgd.once import Once
from fastgd.problems.complex_step import on_complex_numbers, slopes_by_complex_step
from fastgd.problems.frozen import ByValue, Positional, frozen, positional
from fastgd.text import counted, listed

AT_ONCE = 1 << 16  # samples whose values and partials are computed together


class UsersModel:
    """A user's model of one sample, and its partial derivatives.

    It holds no samples: a result keeps it, to be drawn. A pickle has its functions, and compiles them anew.

    Parameters
    ----------
    model, derivative : callable
        As `CurveFit` takes them.
    features : int or None
        F of rows of features; None where x is one number.
    dimension : int
        P.
    is_number : bool
        Whether the start is one number, and not an array of one.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        derivative: Callable[..., Any] | None,
        features: int | None,
        dimension: int,
        *,
        is_number: bool,
    ) -> None:
        self.features = features
        self.dimension = dimension
        takes = _taken(model)
        self.spreads = _ways(takes, dimension, is_number=is_number)
        self.names = names_of(takes, dimension, self.spreads[0])
        self.name = getattr(model, "__name__", type(model).__name__)
        self.is_given_derivative = derivative is not None
        if derivative is not None:
            self._check_derivative(derivative)
        functions = (model,) if derivative is None else (model, derivative)
        self._frozen = {
            spread: frozen(*functions, arguments=1 + (dimension if spread else 1)) for spread in self.spreads
        }
        self._at_samples = Once(self._compile)
        self._by_lanes = Once(partial(self._compile, by_lanes=True))

    def _check_derivative(self, derivative: Callable[..., Any]) -> None:
        """Raise TypeError if it does not take the model's arguments."""
        takes = positional(derivative)
        counts = [1 + (self.dimension if spread else 1) for spread in self.spreads]
        if takes is None or any(
            takes.required <= count <= (np.inf if takes.rest else len(takes.names)) for count in counts
        ):
            return
        expected = f"(x, {', '.join(self.names if self.spreads[0] else ['theta'])})"
        came = f"({', '.join(takes.names)})"
        raise TypeError(f"derivative must take {expected} as the model does, got {came}")

    def __getstate__(self) -> dict[str, Any]:
        frozen = {spread: ByValue(functions) for spread, functions in self._frozen.items()}
        return self.__dict__ | {"_frozen": frozen}

    def identity(self) -> dict[str, str]:
        """Return what tells it from others: digests of its functions."""
        from fastgd.problems.function_identity import identity_of_functions

        functions = zip(("function", "derivative"), self._frozen[self.spreads[0]], strict=False)
        return identity_of_functions(**dict(functions))

    def _compile(self, by_lanes: bool = False) -> Any:
        from fastgd.problems.in_samples import compiled

        *others, last = self.spreads
        for spread in others:
            try:
                return compiled(self._frozen[spread], self.features, self.dimension, spread, by_lanes)
            except TypeError:  # a number where a vector is meant
                pass
        return compiled(self._frozen[last], self.features, self.dimension, last, by_lanes)

    def address(self, *, by_lanes: bool) -> int:
        """Return that of its C function, compiled at first use; it holds as long as this lives."""
        return int((self._by_lanes if by_lanes else self._at_samples)().address)

    def at(self, theta: Array, x: FloatArray) -> NDArray[np.float64]:
        """Return the value and the partials (P + 1, M) at theta (P,) and x (M,) or (M, F); NaN where it raises."""
        columns = self._columns(x)
        if are_few(columns.shape[1]):
            return self._by_sample(theta[None], columns)[:, :, 0].T
        return self._by_theta(theta, columns)

    def by_complex_step(self, theta: Array, x: FloatArray, values: Array) -> Array | None:
        """Return the partials (M, P) by complex steps at x where the model has these values; None if there are none."""
        for spread in self.spreads:
            model = on_complex_numbers(self._frozen[spread][0])
            rows: list[Array] = []
            for sample, value in zip(x.astype(np.float64), values.tolist(), strict=True):
                at = float(sample) if self.features is None else sample
                call = partial(_spread if spread else _together, model, at)
                if (slopes := slopes_by_complex_step(call, theta, value)) is None:
                    break
                rows.append(slopes)
            else:
                return np.array(rows)
        return None

    def trouble(self, theta: Array, sample: Any) -> str:
        """Return what plain Python says against the functions at a sample, where the compiled ones are not finite."""
        at = float(sample) if self.features is None else sample.astype(np.float64)
        found = ""
        for spread in self.spreads:
            call = _spread if spread else _together
            try:
                with np.errstate(all="ignore"):
                    _, *partials = (call(function, at, theta) for function in self._frozen[spread])
            except Exception as error:  # the user's own
                found = f", at x = {at} it raises {type(error).__name__}: {error}"
                continue
            count = np.size(partials[0]) if partials else self.dimension
            return "" if count == self.dimension else f", and derivative returns {counted(count, 'number')} for it"
        return found

    def values(self, theta: Array, x: FloatArray) -> NDArray[np.float64]:
        """Return the values (M,) or (C, M) at theta (P,) or (C, P) and x (M,) or (M, F)."""
        columns = self._columns(x)
        M = columns.shape[1]
        thetas = theta.reshape(-1, self.dimension)
        if are_few(M):
            values = np.ascontiguousarray(self._by_sample(thetas, columns)[:, 0].T)
        else:
            values = np.empty((len(thetas), M))
            for first in range(0, M, AT_ONCE):
                some = np.ascontiguousarray(columns[:, first : first + AT_ONCE])
                for own, point in zip(values, thetas, strict=True):
                    own[first : first + AT_ONCE] = self._by_theta(point, some)[0]
        return values.reshape(*theta.shape[:-1], M)

    def _columns(self, x: FloatArray) -> NDArray[np.float64]:
        """Return x as features (F, M)."""
        return np.ascontiguousarray(x.T, dtype=np.float64).reshape(self.features or 1, -1)

    def _by_theta(self, theta: Array, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value and the partials (P + 1, M) at theta (P,)."""
        M = columns.shape[1]
        out = np.empty((self.dimension + 1, M))
        self._at_samples().ctypes(M, M, 1, M, *map(_pointer, (columns, theta, out)))
        return out

    def _by_sample(self, thetas: Array, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the same (M, P + 1, C) at thetas (C, P), by what few samples are summed by."""
        M = columns.shape[1]
        C = len(thetas)
        side_by_side = np.ascontiguousarray(thetas.T, dtype=np.float64)
        out = np.empty((M, self.dimension + 1, C))
        for sample, own in zip(np.ascontiguousarray(columns.T), out, strict=True):
            self._by_lanes().ctypes(C, 1, C, C, *map(_pointer, (sample, side_by_side, own)))
        return out


def are_few(samples: int) -> bool:
    """Tell whether kernels sum so few samples for thetas side by side."""
    from fastgd.kernels.problems.blocks import FEW_SAMPLES

    return bool(samples <= FEW_SAMPLES)


def _pointer(array: NDArray[np.float64]) -> Any:
    return np.ascontiguousarray(array, dtype=np.float64).ctypes.data_as(ctypes.POINTER(ctypes.c_double))


def _spread(model: Callable[..., Any], x: Any, theta: Any) -> Any:
    return model(x, *theta)


def _together(model: Callable[..., Any], x: Any, theta: Any) -> Any:
    return model(x, theta)


def _taken(model: Callable[..., Any]) -> Positional:
    """Return what a model takes after x."""
    takes = positional(model) or Positional(("x",), 1, "theta")
    if takes.keywords:
        raise TypeError(
            f"model must take its parameters by their places, got {listed(takes.keywords)} by keyword alone"
        )
    names = takes.names[1:] if takes.names else ()
    after = takes._replace(names=names, required=max(takes.required - 1, 0))
    if not (takes.names or takes.rest) or not (after.names or after.rest):
        came = f"({', '.join(takes.names)})"
        raise TypeError(f"model must take x and then its parameters, as model(x, a, b) or model(x, theta), got {came}")
    return after


def _ways(takes: Positional, dimension: int, *, is_number: bool) -> tuple[bool, ...]:
    """Return in which ways a model may take P parameters: a number each, or one vector; ValueError if in none."""
    most = np.inf if takes.rest else len(takes.names)
    alone = takes.required <= 1 and len(takes.names) >= 1 and not takes.rest
    ways = (True,) * (takes.required <= dimension <= most) + (False,) * (alone and not is_number)
    if ways == (True, False) and len(takes.names) > 1 and dimension > 1:  # the others have defaults
        ways = (True, False)
    if not ways:
        own = ", ".join(takes.names)
        needed = counted(takes.required if dimension < takes.required else len(takes.names), "number")
        raise ValueError(about("start", f"must have {needed} for model(x, {own}), got {dimension}"))
    return ways


def names_of(takes: Positional, dimension: int, spread: bool) -> tuple[str, ...]:
    """Return the names of P parameters by the model's signature."""
    named = takes.names[:dimension] if spread else ()
    common = (takes.rest or "theta") if spread else takes.names[0]
    left = dimension - len(named)
    others = [common] if left == 1 == dimension else [f"{common}{k}" for k in range(left)]
    return (*named, *others)


def checked_function(name: str, function: object) -> Callable[..., Any]:
    """Return a function of a sample and of parameters."""
    if not callable(function):
        raise TypeError(f"{name} must be a function of x and the parameters, got {shown(function)}")
    return function.pyfunc if isinstance(function, np.vectorize) else function  # samples come one at a time


def no_start(model: Callable[..., Any]) -> str:
    """Return the sentence that asks for a start, by the model's own names."""
    takes = _taken(model)
    names: Sequence[str] = takes.names
    if takes.rest or len(names) == 1:
        common = takes.rest or names[0]
        names = [*names, f"{common}0", f"{common}1", "..."] if takes.rest else [f"{common}0", f"{common}1", "..."]
    return (
        f"start must be given as start=[{', '.join(names)}], a guess of each: where a descent begins decides which "
        "minimum it finds, and at zeros many a model does not change; got None"
    )
