"""What fits have in common: samples, the loss of their residuals, weights and a penalty."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import FloatArray, choice, number_between
from fastgd.problems.arrays import COPIED, checked_weights, kernel_view, some_of
from fastgd.problems.losses import Loss, Squared, checked_loss, name_of
from fastgd.problems.problem import Problem

if TYPE_CHECKING:
    from fastgd.kernels.problems.blocks import CompiledLoss

REDUCTIONS = ("mean", "sum")


class Options(NamedTuple):
    """What every fit takes beside its samples and its model, as it was given."""

    loss: str | Loss
    reduction: str
    sample_weight: ArrayLike | None
    l2: float
    parameters: Sequence[str] | None
    start: ArrayLike | None


class Fit(Problem):
    """A model fitted to samples: the loss of its residuals r_i = prediction_i - y_i, reduced, plus a penalty.

    The mean is sum_i w_i rho(r_i) / sum_i w_i and the sum is sum_i w_i rho(r_i), with sample weights w_i, 1 by default.
    The penalty is l2 times the sum of theta_k^2, without a factor one half, over all parameters but the constant term.

    Attributes
    ----------
    y : ndarray (N,)
    residual_loss : Loss
        rho and its derivative.
    reduction : {"mean", "sum"}
        How the losses of residuals become one.
    sample_weight : ndarray (N,) or None
    l2 : float
    """

    data_name: ClassVar[str]  # of the argument that holds the features
    powers: tuple[int, ...] | None = None  # of x, which the parameters multiply, where the model is a curve over one x
    curve: Any = None  # what has the model's values(theta, x), where that is another curve over one x

    def __init__(self, features: FloatArray, y: FloatArray, names: tuple[str, ...], options: Options) -> None:
        self._features = features  # what the model is a function of, (N,) or (N, F)
        self.y = y
        self.residual_loss = checked_loss(options.loss)
        self.reduction = choice("reduction", options.reduction, REDUCTIONS)
        self.l2 = number_between("l2", options.l2, minimum=0.0, maximum=sys.float_info.max)
        self.sample_weight, total = checked_weights(options.sample_weight, y)
        self.scale = 1.0 / total if self.reduction == "mean" else 1.0
        self.dtype = y.dtype
        self.sample_count = len(y)
        arrays = {self.data_name: features, "y": y}
        if self.sample_weight is not None:
            arrays["sample_weight"] = self.sample_weight
        self.bytes_per_sample = sum(array.nbytes for array in arrays.values()) // len(y)
        super().__init__(names, options.parameters, options.start)
        borrowed = {name: some_of(array) for name, array in arrays.items() if array.nbytes > COPIED}
        self._seen = [(name, some, some.tobytes()) for name, some in borrowed.items()]

    def _check_unchanged(self) -> None:
        """Raise ValueError if data was changed since: engines would disagree, having read it before or after."""
        for name, now, then in self._seen:
            if now.tobytes() != then:
                raise ValueError(
                    f"{name} must stay as it was when {type(self).__name__} took it, got one that was changed since; "
                    "make a new problem of it"
                )

    def _unchanged_features(self) -> FloatArray:
        """Return what the model is a function of."""
        self._check_unchanged()
        return self._features

    def compiled_loss(self) -> CompiledLoss:
        """Return the loss as the engines take it, compiled at first use; ValueError if data was changed since."""
        if self._seen:  # a call of ten samples takes 3 microseconds
            self._check_unchanged()
        return self._compiled_loss()

    def _described(self, model: str) -> str:
        """Return the text of a fit: its samples, its model, and what is not usual."""
        N = self.sample_count
        text = f"{type(self).__name__}({N:,} sample{'s' * (N > 1)}, {model}, reduction={self.reduction!r}"
        if not self.is_squared:
            text += f", loss={name_of(self.residual_loss)}"
        return text + ", weighted" * (self.sample_weight is not None) + f", l2={self.l2:g}" * (self.l2 > 0.0) + ")"

    def counting(self) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Return features, y and weights of the samples that count: one of weight 0 is absent, whatever its values."""
        weights = self.sample_weight
        if weights is None or weights.min() > 0.0:
            return self._features, self.y, weights
        counts = weights > 0.0
        return kernel_view(self._features[counts]), kernel_view(self.y[counts]), kernel_view(weights[counts])

    @property
    def is_squared(self) -> bool:
        """Whether the loss is squared, so that `quadratic` describes it fully."""
        return isinstance(self.residual_loss, Squared)

    @abstractmethod
    def predict(self, theta: ArrayLike, x: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the model's values."""
