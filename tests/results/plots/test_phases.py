"""Two phases of outcomes in one range of colours."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from fastgd.results.plots.drawing import CONVERGED, EXHAUSTED, FAILED, INTERRUPTED
from fastgd.results.plots.phases import GAP, phases, ranks


def test_ranks_are_those_of_statistics():
    values = np.random.default_rng(0).integers(0, 30, 200) * 10.0 ** np.arange(-100, 100)
    expected = scipy.stats.rankdata(values)
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    assert ranks(values) == pytest.approx(expected, abs=1e-12)


def test_rounding_has_no_rank():
    assert ranks(0.3 + np.array([0.0, 1e-16, 1e-12])).tolist() == [0.0, 0.0, 0.0]
    assert ranks(np.array([1e-300, 2e-300])).tolist() == [0.0, 1.0]
    assert ranks(np.array([-2.0, 0.0, 5e-324])).tolist() == [0.0, 0.5, 1.0]
    assert ranks(np.array([])).tolist() == []


def test_each_phase_has_its_range_and_the_gap_is_empty():
    kind = np.array([CONVERGED, EXHAUSTED, FAILED, FAILED, INTERRUPTED, CONVERGED])
    loss = np.array([0.0, 1e5, np.nan, np.inf, 3.0, 1e-9])
    shades = phases(kind, loss, np.array([9, 9, 1, 700, 5, 9]))
    assert shades[[0, 5, 1]].tolist() == [1.0, (1.0 + GAP) / 2.0, GAP]  # from the least loss to the greatest
    assert shades[[2, 3]].tolist() == [-1.0, -GAP]  # from failed at once to failed last
    assert np.isnan(shades[4])
