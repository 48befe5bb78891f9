"""Every peer of every work gives the expected result, at small sizes; one that is not here is skipped, and why."""

from __future__ import annotations

import numpy as np
import pytest

from bench.peers import PEERS, Missing
from bench.works import (
    CurveEvaluation,
    CurveSweep,
    DartSweep,
    LinearEvaluation,
    LinearLeastSquares,
    PolynomialEvaluation,
    PolynomialLeastSquares,
    PolynomialSweep,
    Showcase,
    TooLarge,
)

SMALL = {
    "polynomial": [
        PolynomialEvaluation(1000, degree=3),
        PolynomialEvaluation(10_001, degree=9),
        PolynomialEvaluation(70_000, degree=3, dtype="float32"),
        PolynomialEvaluation(70_000, degree=9, dtype="float32"),
    ],
    "linear": [LinearEvaluation(1001, F=2), LinearEvaluation(3001, F=32)],
    "polynomial batch": [PolynomialEvaluation(5000, thetas=7, degree=3)],
    "linear batch": [LinearEvaluation(3001, thetas=7, F=32)],
    "polynomial sweep": [PolynomialSweep(30, 8, 200), PolynomialSweep(40_000, 3, 20)],
    "curve": [CurveEvaluation(1001, "exp"), CurveEvaluation(70_000, "sin")],
    "curve sweep": [CurveSweep(200, 8, 50, "exp"), CurveSweep(500, 3, 20, "sin")],
    "dart sweep": [DartSweep(100, 50)],
    "showcase": [Showcase(64)],
    "least squares, polynomial": [PolynomialLeastSquares(1000, degree=3), PolynomialLeastSquares(70_000, degree=9)],
    "least squares, linear": [LinearLeastSquares(1001, F=2), LinearLeastSquares(3001, F=32)],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "name"), [(work, name) for work, peers in PEERS.items() for name in peers], ids=lambda value: value
)
def test_peer_gives_the_expected_result(work, name):
    missing = []
    for case in SMALL[work]:
        try:
            run = PEERS[work][name].setup(case)
        except Missing as reason:
            missing.append(str(reason))
            continue
        case.check(run())
        case.check(run())  # nothing is left over from the first
        assert np.float64(5e-324) / 1.0 > 0.0  # nor in the processor, which may be told to flush denormals to zero
    if len(missing) == len(SMALL[work]):
        pytest.skip(missing[0])


@pytest.mark.parametrize("work", SMALL)
def test_wrong_results_are_noticed(work):
    for case in SMALL[work]:
        right = [np.asarray(value, dtype=float) for value in case.expected()]
        for wrong in range(len(right)):
            result = [value.copy() for value in right]
            result[wrong].flat[-1] += 1e-8 * np.abs(result[wrong]).max()
            with pytest.raises(AssertionError):
                case.check(result)


def test_a_part_of_a_case_is_within_bounds():
    sweep = PolynomialSweep(2000, 256, 2000)
    assert sweep.reduced(10**12, 10**12, "steps") is sweep
    for by in ("steps", "configurations"):
        for visits, evaluations in ((10**7, 4002), (10**6, 10**6), (5000, 10**6)):
            part = sweep.reduced(visits, evaluations, by)
            assert part.visits <= visits
            assert part.C * (part.steps + 1) <= evaluations
            assert set(part.rates) <= set(sweep.rates)
    with pytest.raises(TooLarge):
        sweep.reduced(2000, 10, "configurations")
    long = PolynomialSweep(300_000, 64, 100)
    part = long.reduced(20_000_000, 10**6, "steps")
    assert (part.N, part.C, part.steps) == (62_500, 64, 4)
    assert set(part.rates) == set(long.rates)
    np.testing.assert_array_equal(part.x, long.x[: part.N])
    assert PolynomialEvaluation(1000, thetas=4).reduced(400, 1, "").N == 100
    assert DartSweep(1000, 9).reduced(1, 100, "").C == 10
