"""Losses of a fit's residuals: how they are named, how curved they are, and their formulas.

Each is one class. What users, the command line and sentences are told of the losses there are is read off `Loss.known`;
what kernels need is made of it by `kernels.problems.losses.mark_class`, also of a user's own two functions.

To add one: a frozen dataclass of its numbers with a word, its curvature if that is bounded, and its formulas. NumPy is
not imported before a loss is checked: the command's help lists them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, ClassVar, NamedTuple

from fastgd.text import either


class Formulas(NamedTuple):
    """A loss in compiled code: functions of its mark, whose fields are the loss' own, and of a residual r.

    Of a residual that is not a number rho is none. The factor is applied once a block, and not once a sample. Terms, if
    there are, are what many samples without weights are summed by where that is faster: the slope, s and f, and the sum
    of rho is that of s less the logarithm of the product of f, 1 <= f <= 2.
    """

    rho: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], Any]  # psi over the factor
    factor: float = 1.0
    terms: Callable[[Any, Any], Any] | None = None


class Loss(ABC):
    """What a fit makes of one residual r = prediction - y: rho(r), and its derivative psi(r).

    A built-in loss is a frozen dataclass of numbers, with a word of its own: by that it is known, to users too.
    """

    known: ClassVar[dict[str, type[Loss]]] = {}  # by their words
    word: ClassVar[str]  # on the command line
    by_word: ClassVar[bool] = False  # whether Python's users name it by its word, too, and not by its class
    curvature: ClassVar[float | None] = None  # the least upper bound of psi', None if there is none or it is not known

    def __init_subclass__(cls) -> None:
        if "word" in vars(cls):
            taken = Loss.known.setdefault(cls.word, cls)
            if (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
                raise TypeError(f"{cls.__name__} needs a word of its own, {cls.word!r} is that of {taken.__name__}")
            Loss.known[cls.word] = cls  # a dataclass with slots is made twice

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Return the names of its numbers."""
        return tuple(signature(cls).parameters)

    @abstractmethod
    def _formulas(self) -> Formulas:
        """Return its formulas in what Numba compiles; those of a built-in loss read its numbers from the mark."""

    def identity(self) -> dict[str, Any]:
        """Return what tells it from others: its class and its numbers, and the formulas of one that is a user's."""
        own: dict[str, Any] = {name: getattr(self, name) for name in self.parameters()}
        if type(self).__module__ != __name__:
            from fastgd.problems.function_identity import identity_of_functions

            formulas = self._formulas()
            functions = {name: part for name, part in formulas._asdict().items() if callable(part)}
            own |= {**identity_of_functions(**functions), "factor": formulas.factor}
        return {"kind": type(self).__name__, **own}

    def mark(self) -> Any:
        """Return its mark, the NamedTuple whose class chooses the compiled formulas: one class for each class."""
        kind = type(self)
        if kind not in _MARKS:
            from fastgd.kernels.problems.losses import mark_class

            on_disk = kind.__module__ == __name__  # of a formula in another file the disk cache would not see an edit
            _MARKS[kind] = mark_class(kind.__name__, self._formulas(), kind.parameters(), on_disk)
        marks = _MARKS[kind]
        return marks(*(getattr(self, name) for name in marks._fields))


_MARKS: dict[type[Loss], Any] = {}  # the classes of marks that were made


@dataclass(frozen=True)
class Squared(Loss):
    """rho = r^2, psi = 2 r; no factor one half."""

    word = "squared"
    by_word = True
    curvature = 2.0

    def _formulas(self) -> Formulas:
        return Formulas(lambda loss, r: r * r, lambda loss, r: r, factor=2.0)


@dataclass(frozen=True)
class Absolute(Loss):
    """rho = |r|, psi = sign r, 0 at 0."""

    word = "absolute"
    by_word = True

    def _formulas(self) -> Formulas:
        return Formulas(lambda loss, r: abs(r), lambda loss, r: 1.0 if r > 0.0 else (-1.0 if r < 0.0 else r))


@dataclass(frozen=True)
class Huber(Loss):
    """Huber's loss: rho = r^2 / 2 for |r| <= delta, delta (|r| - delta / 2) beyond; psi = r clipped to [-delta, delta].

    It is `scipy.special.huber`. Its curvature is at most 1, that of the squared loss is 2: learning rates do not carry
    over from one to the other.

    Parameters
    ----------
    delta : float
        Where the parabola ends, in units of y; above 0. Another delta compiles nothing anew.

    Raises
    ------
    ValueError, TypeError
        If delta is not a finite number above 0.

    References
    ----------
    P. J. Huber, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics 35 (1964).

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.LinearFit([[1.0], [1.0]], [0.5, 3.0], intercept=False, loss=fastgd.Huber(1.0), reduction="sum")
    >>> problem.loss_and_gradient([0.0])
    (2.625, array([-1.5]))
    """

    delta: float

    word = "huber"
    curvature = 1.0

    def __post_init__(self) -> None:
        from fastgd.check import about, real_array, shown

        delta = real_array("delta", self.delta)
        if delta.ndim or not 0.0 < delta < math.inf:
            raise ValueError(about("delta", f"must be one finite number above 0, got {shown(self.delta)}"))
        object.__setattr__(self, "delta", float(delta))

    def _formulas(self) -> Formulas:
        from fastgd.kernels.elementary.arithmetic import clipped

        return Formulas(
            lambda loss, r: clipped(r, loss.delta) * (r - 0.5 * clipped(r, loss.delta)),
            lambda loss, r: clipped(r, loss.delta),
        )


@dataclass(frozen=True)
class LogCosh(Loss):
    """The log-cosh loss: rho = log cosh r, psi = tanh r; r^2 / 2 near 0, |r| - log 2 far from it, without overflow.

    Its curvature is at most 1, that of the squared loss is 2: learning rates do not carry over from one to the other.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.LinearFit([[1.0]], [1000.0], intercept=False, loss=fastgd.LogCosh())
    >>> problem.loss_and_gradient([0.0])
    (999.3068528194401, array([-1.]))
    """

    word = "log-cosh"
    curvature = 1.0

    def _formulas(self) -> Formulas:
        from fastgd.kernels.elementary.hyperbolic import log_cosh, log_cosh_terms, tanh

        terms = lambda loss, r: log_cosh_terms(r)  # noqa: E731
        return Formulas(lambda loss, r: log_cosh(r), lambda loss, r: tanh(r), terms=terms)


# ---- how they are named ---------------------------------------------------------------------------------------------


def checked_loss(value: object) -> Loss:
    """Return the loss that an argument names."""
    from fastgd.check import about, shown

    if isinstance(value, Loss):
        return value
    kind = Loss.known.get(value) if isinstance(value, str) else None
    if kind is not None and kind.by_word:
        return kind()
    calls = [_called(kind) + f"({', '.join(kind.parameters())})" * (not kind.by_word) for kind in Loss.known.values()]
    expected = either([*calls, "ResidualLoss(rho, psi)"])
    if isinstance(value, str):
        raise ValueError(about("loss", f"must be {expected}, got {value!r}"))
    raise TypeError(about("loss", f"must be {expected}, got {shown(value)}"))


def name_of(loss: Loss) -> str:
    """Return the loss as an argument would name it."""
    return repr(loss.word) if loss.by_word else repr(loss)


def those_of_known_curvature() -> str:
    """Return the losses whose curvature is bounded, as a sentence names them."""
    return either([_called(kind) for kind in Loss.known.values() if kind.curvature is not None])


def _called(kind: type[Loss]) -> str:
    return repr(kind.word) if kind.by_word else kind.__name__
