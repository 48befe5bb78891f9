"""What fits have in common: samples, the loss of their residuals, weights and a penalty."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import FloatArray, choice, number_between
from fastgd.problems.losses import Loss, Squared, checked_loss, name_of
from fastgd.problems.problem import Problem
from fastgd.sources.given import Given
from fastgd.sources.in_memory import InMemory
from fastgd.sources.passing import Passing
from fastgd.sources.pieces import Piece, Source

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

    def __init__(self, given: Given, names: tuple[str, ...], options: Options) -> None:
        self.residual_loss = checked_loss(options.loss)
        self.reduction = choice("reduction", options.reduction, REDUCTIONS)
        self.l2 = number_between("l2", options.l2, minimum=0.0, maximum=sys.float_info.max)
        super().__init__(names, options.parameters, options.start)
        self.source = source = given.source(options.sample_weight)
        self._take_in(source)
        self.scale = 1.0 / source.total_weight if self.reduction == "mean" else 1.0
        self.dtype = source.dtype
        self.sample_count = source.sample_count
        self.bytes_per_sample = source.bytes_per_sample
        self.is_streamed = not (source.is_whole or isinstance(source, Passing))
        self._is_borrowed = isinstance(source, InMemory) and bool(source.seen)

    def _take_in(self, source: Source) -> None:
        """Take what is kept of samples that can be read once."""

    @property
    def _features(self) -> Any:
        return self.source.shown[0]

    @property
    def y(self) -> Any:
        """The targets (N,); of samples that are streamed what was given."""
        return self.source.shown[1]

    @property
    def sample_weight(self) -> Any:
        """The weights (N,), None where all are 1; of samples that are streamed what was given."""
        return self.source.shown[2]

    def _check_unchanged(self) -> None:
        """Raise ValueError if data in memory was changed since."""
        self.source.check_unchanged()

    def compiled_loss(self) -> CompiledLoss:
        """Return the loss as the engines take it, compiled at first use; ValueError if data was changed since.

        Of samples that are streamed it is that of a piece, see `pieces`.
        """
        if self._is_borrowed:  # a call of ten samples takes 3 microseconds
            self._check_unchanged()
        return self._compiled_loss()

    def _described(self, model: str) -> str:
        """Return the text of a fit: its samples, its model, and what is not usual."""
        N = self.sample_count
        text = f"{type(self).__name__}({N:,} sample{'s' * (N > 1)}, {model}, reduction={self.reduction!r}"
        if not self.is_squared:
            text += f", loss={name_of(self.residual_loss)}"
        text += ", weighted" * self.source.is_weighted + f", l2={self.l2:g}" * (self.l2 > 0.0)
        return text + ", streamed" * self.is_streamed + ")"

    def _own_identity(self) -> dict[str, Any]:
        """Return the samples by their digests, and how their residuals become a loss."""
        return {
            "model": self._model_identity(),
            "samples": self.sample_count,
            "dtype": str(self.dtype),
            **self._samples_identity(),
            "loss": self.residual_loss.identity(),
            "reduction": self.reduction,
            "l2": self.l2,
        }

    @abstractmethod
    def _model_identity(self) -> dict[str, Any]:
        """Return what tells the model from others over the same features."""

    def _samples_identity(self) -> dict[str, Any]:
        """Return digests of the samples, the same wherever they lie."""
        self._check_unchanged()
        return dict(zip((self.data_name, "y", "sample_weight"), self.source.digests(), strict=True))

    def counting(self) -> Piece:
        """Return features, y and weights of the samples that count: one of weight 0 is absent, whatever its values."""
        return self.source.whole()

    def some(self) -> tuple[int, FloatArray, FloatArray]:
        """Return how many samples count, and features and y of some of them, evenly taken; of all in memory."""
        features, y, _ = self.source.some()
        return self.source.counting, features, y

    def _over_samples(self, values: Callable[[FloatArray], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return what a function (..., N) makes of all samples' features, piece by piece where they are streamed."""
        self._check_unchanged()
        parts = [values(chunk.features) for chunk in self.source.read()]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    # ---- as the kernels see it ---------------------------------------------------------------------------------------

    @abstractmethod
    def data_of(self, piece: Piece) -> tuple[object, ...]:
        """Return what the kernels get of some samples: all, or some that begin with a `unit`."""

    @property
    @abstractmethod
    def unit(self) -> int:
        """How many samples lie together as kernels see them, whole blocks: a piece is a multiple of it."""

    def data(self) -> tuple[object, ...]:
        """Return what the kernels get of all samples in memory."""
        return self.data_of(self.source.whole())

    def _compile_loss(self) -> CompiledLoss:
        if not self.is_streamed:
            return super()._compile_loss()
        from fastgd.kernels.problems.blocks import compiled_loss

        nothing = self.data_of(self.source.empty())
        compiled: CompiledLoss = compiled_loss(nothing, self.scale, self.l2, self.free, is_part=True)
        return compiled

    def losses(self) -> Iterator[CompiledLoss]:
        """Yield the loss as `compiled_loss` tells it, of piece after piece where samples are streamed."""
        compiled = self.compiled_loss()
        if not self.is_streamed:
            yield compiled
            return
        from fastgd.kernels.problems.blocks import with_data

        for piece in self.source.pieces(self.unit):
            yield with_data(compiled, self.data_of(piece))

    @property
    def most_blocks(self) -> int:
        """How many blocks a piece has at most."""
        data: Any = self.data_of(self.source.empty())
        return -(-self.source.piece_length(self.unit) // int(data.block_length))

    def _sums(self, thetas: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.is_streamed:
            return super()._sums(thetas)
        from fastgd.problems.evaluation import evaluate_pieces

        return evaluate_pieces(self.losses, thetas, self.most_blocks)

    @property
    def is_squared(self) -> bool:
        """Whether the loss is squared, so that `quadratic` describes it fully."""
        return isinstance(self.residual_loss, Squared)

    @abstractmethod
    def predict(self, theta: ArrayLike, x: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the model's values."""
