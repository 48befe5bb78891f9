"""An iterator of chunks, which can be read once: its statistics are kept, where a domain was told."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fastgd

N = 20_001


def samples(kind):
    random = np.random.default_rng(3)
    x = random.uniform(-2, 5, N if kind == "polynomial" else (N, 3))
    y = 1.0 - 2.0 * x.reshape(N, -1)[:, 0] + random.normal(size=N)
    return x, y, random.uniform(0, 2, N) * (random.uniform(size=N) > 0.2)


def chunks(*arrays, length=777):
    return (tuple(array[first : first + length] for array in arrays) for first in range(0, len(arrays[0]), length))


FITS = {
    "polynomial": (fastgd.PolynomialFit, {"degree": 4}),
    "linear": (fastgd.LinearFit, {"l2": 0.3}),
    "no intercept": (fastgd.LinearFit, {"intercept": False, "reduction": "sum"}),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", FITS)
def test_statistics_are_those_of_memory(kind, weighted):
    fit, how = FITS[kind]
    x, y, weights = samples(kind)
    memory = fit(x, y, **how, sample_weight=weights if weighted else None)
    problem = fit(chunks(x, y, *[weights] * weighted), **how, domain=(-2.0, 5.0))
    assert problem.sample_count == N
    assert repr(problem) == repr(memory)
    expected = memory.minimum()
    found = problem.minimum()
    assert found.theta == pytest.approx(expected.theta, rel=1e-11)
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    assert problem.spectrum().eigenvalues == pytest.approx(memory.spectrum().eigenvalues, rel=1e-12)
    thetas = np.random.default_rng(0).normal(size=(4, memory.dimension))
    assert problem.loss(thetas) == pytest.approx(memory.loss(thetas), rel=1e-11)
    assert problem.gradient(thetas) == pytest.approx(memory.gradient(thetas), rel=1e-9)
    rates = np.geomspace(0.01, 1.9, 5) * memory.spectrum().max_learning_rate
    for engine in ("auto", "moments", "spectral", "samples"):
        swept, right = (
            fastgd.sweep(one, learning_rate=rates, max_steps=50, engine=engine) for one in (problem, memory)
        )
        assert swept.loss == pytest.approx(right.loss, rel=1e-9)
        assert (swept.status == right.status).all()
    again = pickle.loads(pickle.dumps(problem))
    assert again.minimum() == found


def test_what_is_gone_is_refused():
    x, y, _ = samples("polynomial")
    problem = fastgd.PolynomialFit(chunks(x, y), degree=2, domain=[-2, 5])
    gone = "^x must be something that can be gone through again for this, got an iterator, of which statistics alone"
    with pytest.raises(ValueError, match=gone):
        problem.predict([1.0, 2.0, 3.0])
    assert problem.predict([1.0, 2.0, 3.0], [1.0]).tolist() == [6.0]
    with pytest.raises(ValueError, match=gone):
        problem.standardized()
    assert fastgd.sweep(problem, learning_rate=[0.1], max_steps=3).portrait.samples is None


def test_few_samples():
    problem = fastgd.PolynomialFit(iter([([0, 1], [1, 2]), ([2, 3], [5, 10])]), degree=2, domain=(0, 3))
    assert problem.minimum().theta == pytest.approx([1.0, 0.0, 1.0], abs=1e-14)
    assert problem.loss([1.0, 0.0, 1.0]) < 1e-28


GOOD = np.zeros(2), np.zeros(2)
WRONG = {
    "beyond": (lambda: fastgd.PolynomialFit(iter([GOOD, ([1.0], [1.0])]), degree=1, domain=(-1, 0.5)),
               "chunk 1 of x must lie in domain, got 1.0"),
    "loss": (lambda: fastgd.PolynomialFit(iter([GOOD]), degree=1, domain=(-1, 1), loss="absolute"),
             "loss must be 'squared' where x can be read once, got 'absolute'"),
    "not needed": (lambda: fastgd.PolynomialFit([GOOD], degree=1, domain=(-1, 1)),
                   "domain must be left out but where x is an iterator, got (-1, 1)"),
    "no pair": (lambda: fastgd.PolynomialFit(iter([GOOD]), degree=1, domain=3.0),
                "domain must be (low, high), got 3.0"),
    "turned": (lambda: fastgd.PolynomialFit(iter([GOOD]), degree=1, domain=(1, 0)),
               "domain must have low <= high, got (1, 0)"),
    "shape": (lambda: fastgd.LinearFit(iter([(np.zeros((2, 3)), np.zeros(2))]), domain=([0.0, 0.0], 1.0)),
              "domain must have low a number or of shape (3,), got [0.0, 0.0]"),
    "not finite": (lambda: fastgd.PolynomialFit(iter([([np.nan], [1.0])]), degree=1, domain=(0, 1)),
                   "chunk 0 of x must be finite, got nan at index 0"),
    "nothing": (lambda: fastgd.PolynomialFit(iter([]), degree=1, domain=(0, 1)), "x must not be empty, got no chunks"),
    "too large": (lambda: fastgd.PolynomialFit(iter([([1e150, 2e150], [1.0, 1.0])]), degree=3, domain=(0, 1e151)),
                  "x must be scaled: its powers up to 3 leave the range of float64 (largest |x| is 2e+150)"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_sentences(case):
    call, sentence = WRONG[case]
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert str(error.value) == sentence
