"""scikit-learn where it does the same work: least squares by LinearRegression, of a polynomial in a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.peers.missing import need
from bench.works import LinearLeastSquares, PolynomialLeastSquares


def fitted(model: Any, X: np.ndarray, y: np.ndarray) -> tuple[Any, float]:
    """Fit, and return the regression and the mean squared error."""
    model.fit(X, y)
    residual = model.predict(X)
    residual -= y
    return model, residual @ residual / len(y)


def polynomial(case: PolynomialLeastSquares) -> Callable[[], Any]:
    make_pipeline = need("sklearn.pipeline").make_pipeline
    features, regression = need("sklearn.preprocessing"), need("sklearn.linear_model")
    X, y = case.x[:, None], case.y

    def run() -> tuple[np.ndarray, float]:
        powers = features.PolynomialFeatures(case.degree, include_bias=False)
        model, loss = fitted(make_pipeline(powers, regression.LinearRegression()), X, y)
        return np.append(model[-1].intercept_, model[-1].coef_), loss

    return run


def linear(case: LinearLeastSquares) -> Callable[[], Any]:
    regression = need("sklearn.linear_model")
    X, y = case.X, case.y

    def run() -> tuple[np.ndarray, float]:
        model, loss = fitted(regression.LinearRegression(), X, y)
        return np.append(model.coef_, model.intercept_), loss

    return run
