"""Losses of research as users write them: test functions of optimisation, likelihoods, networks, physics, chemistry."""

from __future__ import annotations

import math

import numba
import numpy as np

from tests.tools.user_functions import at

# ---- test functions of optimisation ----------------------------------------------------------------------------------


@at((1.0, 1.0), (-2.7, 3.1), (3.5, -1.8))
def himmelblau(theta):
    x, y = theta
    return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2


@at((-1.2, 1.0), (0.5, 3.0))
def rosenbrock_of_two(theta):
    return (1 - theta[0]) ** 2 + 100 * (theta[1] - theta[0] ** 2) ** 2


@at((-1.2, 1.0, 0.3, 2.0, -1.0), (0.5, 3.0, 1.5, 0.25, 0.125))
def rosenbrock_by_slices(theta):
    return np.sum(100.0 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2)


@at((-1.2, 1.0, 0.3, 2.0, -1.0), (0.5, 3.0, 1.5, 0.25, 0.125))
def rosenbrock_by_a_loop(theta):
    total = 0.0
    for i in range(len(theta) - 1):
        total += 100.0 * (theta[i + 1] - theta[i] ** 2) ** 2 + (1 - theta[i]) ** 2
    return total


@at((0.3, -1.7, 2.2), (4.9, 0.1, -3.0))
def rastrigin(theta):
    return 10 * len(theta) + np.sum(theta**2 - 10 * np.cos(2 * np.pi * theta))


@at((0.3, -1.7), (4.9, 0.1))
def ackley(theta):
    x, y = theta
    a = -20 * math.exp(-0.2 * math.sqrt(0.5 * (x**2 + y**2)))
    b = -math.exp(0.5 * (math.cos(2 * math.pi * x) + math.cos(2 * math.pi * y)))
    return a + b + math.e + 20


@at((0.3, -1.7), (2.9, 0.6))
def beale(theta):
    x, y = theta
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@at((0.3, -1.7), (2.9, 0.6))
def booth(theta):
    x, y = theta[0], theta[1]
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


@at((0.3, -1.7, 20.0), (2.9, 0.6, -3.0))
def griewank(theta):
    product = 1.0
    for k in range(3):
        product *= math.cos(theta[k] / math.sqrt(k + 1))
    return 1 + sum(theta**2) / 4000 - product


@at((0.3, -1.7, 2.0), (2.9, 0.6, -3.0))
def levy(theta):
    w = 1 + (theta - 1) / 4
    first = np.sin(np.pi * w[0]) ** 2
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return first + middle + last


@at((0.3, -1.7, 2.0, 1.0), (2.9, 0.6, -3.0, 0.0))
def styblinski_tang(theta):
    return 0.5 * np.sum(theta**4 - 16 * theta**2 + 5 * theta)


# ---- networks and likelihoods ----------------------------------------------------------------------------------------

_INPUTS = np.linspace(-2.0, 2.0, 25)
_TARGETS = np.tanh(2 * _INPUTS) - 0.3
_LABELS = (np.sin(np.arange(25.0)) > 0).astype(float)
_COUNTS = np.array([0.0, 2.0, 1.0, 5.0, 3.0, 8.0, 2.0])
_DOSES = np.array([0.1, 0.5, 0.9, 1.7, 2.5, 4.0, 1.1])


@at((0.5, -0.2, 1.2, 0.3, -0.7, 0.1, 0.05), (2.0, 1.0, -1.0, 0.5, 0.25, -0.75, 1.5))
def network_of_two_neurons(theta):
    w1, b1, w2, b2, v1, v2, c = theta
    total = 0.0
    for i in range(len(_INPUTS)):
        hidden1 = math.tanh(w1 * _INPUTS[i] + b1)
        hidden2 = math.tanh(w2 * _INPUTS[i] + b2)
        total += (v1 * hidden1 + v2 * hidden2 + c - _TARGETS[i]) ** 2
    return total / len(_INPUTS)


@at((0.5, -0.2, 1.2, 0.3), (2.0, 1.0, -1.0, 0.5))
def network_by_arrays(theta):
    hidden = np.maximum(theta[0] * _INPUTS + theta[1], 0.01 * _INPUTS)
    return np.mean((theta[2] * hidden + theta[3] - _TARGETS) ** 2)


@at((0.5, -0.2), (2.0, -3.0))
def exclusive_or(theta):
    total = 0.0
    for x, y, target in ((0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)):
        out = 1 / (1 + math.exp(-(theta[0] * (x - y) ** 2 + theta[1])))
        total -= target * math.log(out) + (1 - target) * math.log(1 - out)
    return total


@at((0.5, 0.2), (-1.0, 3.0))
def gaussian_likelihood(theta):
    mu, log_sigma = theta
    sigma = np.exp(log_sigma)
    return np.sum(0.5 * ((_TARGETS - mu) / sigma) ** 2 + log_sigma + 0.5 * np.log(2 * np.pi))


@at((0.5, 0.2), (-1.0, 3.0))
def logistic_regression(theta):
    z = theta[0] + theta[1] * _INPUTS
    return np.sum(np.log1p(np.exp(-z)) + (1 - _LABELS) * z)


@at((0.5, 0.2), (-1.0, 1.0))
def poisson_likelihood(theta):
    total = 0.0
    for i in range(len(_COUNTS)):
        rate = math.exp(theta[0] + theta[1] * _DOSES[i])
        total += rate - _COUNTS[i] * math.log(rate) + math.lgamma(_COUNTS[i] + 1)
    return total


@at((0.5, 0.2, 4.0), (-1.0, 1.5, 1.5))
def student_likelihood(theta):
    mu, scale, nu = theta
    constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi) - math.log(scale)
    total = 0.0
    for y in _DOSES:
        total -= constant - (nu + 1) / 2 * math.log1p(((y - mu) / scale) ** 2 / nu)
    return total


@at((2.5, 1.2), (0.7, 3.0))
def gamma_likelihood(theta):
    shape, rate = theta
    total = 0.0
    for y in _DOSES:
        total -= shape * math.log(rate) - math.lgamma(shape) + (shape - 1) * math.log(y) - rate * y
    return total


@at((0.5, 0.2), (-1.0, 1.5))
def probit_likelihood(theta):
    total = 0.0
    for x, label in zip(_INPUTS, _LABELS):  # noqa: B905
        p = 0.5 * math.erfc(-(theta[0] + theta[1] * x) / math.sqrt(2))
        total -= math.log(p) if label > 0.5 else math.log(1 - p)
    return total


@at((0.5, -1.0, 0.3), (2.0, 1.5, -4.0))
def softmax_cross_entropy(theta):
    largest = max(theta)
    shifted = theta - largest
    return np.log(np.sum(np.exp(shifted))) - shifted[1]


@at((0.9, 0.4), (0.1, -1.3))
def mixture_of_two(theta):
    weight = 1 / (1 + np.exp(-theta[0]))
    total = 0.0
    for y in _DOSES:
        one = np.exp(-0.5 * (y - theta[1]) ** 2)
        two = np.exp(-0.5 * (y - 2.0) ** 2)
        total -= np.log(weight * one + (1 - weight) * two)
    return total


@at((0.9, 0.4), (4.1, -1.3))
def huber_by_where(theta):
    r = theta[0] * _INPUTS + theta[1] - _TARGETS
    return np.sum(np.where(np.abs(r) < 0.8, 0.5 * r**2, 0.8 * (np.abs(r) - 0.4)))


# ---- iterations ------------------------------------------------------------------------------------------------------


@at(2.0, 50.0)
def root_by_newton(t):
    x = 1.0
    for _ in range(12):
        x = x - (x * x - t) / (2 * x)
    return x


@at((0.8, 0.3), (2.5, 0.85))
def kepler(theta):
    mean_anomaly, eccentricity = theta
    anomaly = mean_anomaly
    step = 1.0
    while abs(step) > 1e-9:
        step = (anomaly - eccentricity * math.sin(anomaly) - mean_anomaly) / (1 - eccentricity * math.cos(anomaly))
        anomaly -= step
    return (1 - eccentricity * math.cos(anomaly)) ** 2


@at((3.2, 0.3), (2.5, 0.7))
def logistic_map(theta):
    rate, x = theta
    for _ in range(10):
        x = rate * x * (1 - x)
    return (x - 0.5) ** 2


@at(0.7, 6.0)
def continued_fraction(t):
    value = t
    for k in range(20, 0, -1):
        value = t + k / value
    return 1 / value


@at((0.7, 1.1), (3.0, 0.1))
def simpson(theta):
    n = 40
    width = 2.0 / n
    total = 0.0
    for i in range(n + 1):
        weight = 1 if i in (0, n) else 4 if i % 2 else 2
        x = i * width
        total += weight * math.exp(-theta[0] * x) * math.cos(theta[1] * x)
    return total * width / 3


@at((0.7, 1.1), (1.5, 0.25))
def lotka_volterra_by_runge_kutta(theta):
    growth, eaten = theta
    prey = 1.0
    predators = 0.5
    h = 0.1
    for _ in range(20):
        a1, b1 = _rates(prey, predators, growth, eaten)
        a2, b2 = _rates(prey + h / 2 * a1, predators + h / 2 * b1, growth, eaten)
        a3, b3 = _rates(prey + h / 2 * a2, predators + h / 2 * b2, growth, eaten)
        a4, b4 = _rates(prey + h * a3, predators + h * b3, growth, eaten)
        prey += h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        predators += h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
    return (prey - 1) ** 2 + (predators - 1) ** 2


def _rates(prey, predators, growth, eaten):
    return growth * prey - eaten * prey * predators, 0.1 * prey * predators - 0.4 * predators


@at((0.7, 2.1), (0.5, 0.1))
def arithmetic_geometric_mean(theta):
    a, b = theta
    while abs(a - b) > 1e-3:
        a, b = (a + b) / 2, math.sqrt(a * b)
    return math.pi / (a + b)


@at(0.7, 3.0)
def bessel_series(t):
    term = 1.0
    total = 1.0
    k = 1
    while k < 40:
        term *= -(t * t) / (4 * k * k)
        total += term
        k += 1
    return total


# ---- physics, chemistry, money ---------------------------------------------------------------------------------------

_SUBSTRATE = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
_VELOCITY = np.array([1.2, 2.0, 3.1, 4.0, 4.8, 5.2])
_TIMES = np.linspace(0.0, 5.0, 100)
_SIGNAL = 2.0 * np.exp(-0.7 * _TIMES) + 0.3


@at(0.7, 1.2, -0.3)
def dart(angle):
    return (10 * math.tan(angle) - 4.9 * (1 + math.tan(angle) ** 2) - 2.37) ** 2


@at((45.0, 10.0), (20.0, 12.5))
def dart_in_degrees(theta):
    angle = math.radians(theta[0])
    flight = 2.37 / (theta[1] * math.cos(angle))
    height = theta[1] * math.sin(angle) * flight - 9.81 * flight**2 / 2
    return height**2


@at((1.0, 0.5), (2.5, 0.1))
def pendulum(theta):
    length, angle = theta
    period = 2 * math.pi * math.sqrt(length / 9.81) * (1 + angle**2 / 16 + 11 * angle**4 / 3072)
    return (period - 2.0) ** 2


@at((5.0, 2.0), (7.5, 0.3))
def michaelis_menten(theta):
    vmax, km = theta
    return np.sum((vmax * _SUBSTRATE / (km + _SUBSTRATE) - _VELOCITY) ** 2)


@at((20.0, 5e4), (25.0, 7.5e4))
def arrhenius(theta):
    total = 0.0
    for temperature, log_rate in ((300.0, -0.5), (320.0, 0.8), (350.0, 2.6)):
        total += (theta[0] - theta[1] / (8.314 * temperature) - log_rate) ** 2
    return total


@at((0.3, 1.2, 0.1), (2.0, 1.7, 0.31))
def decay_of_a_hundred(theta):
    amplitude, rate, offset = theta
    return np.mean((amplitude * np.exp(-rate * _TIMES) + offset - _SIGNAL) ** 2)


@at((1.2, 0.1), (0.95, 2.0))
def lennard_jones(theta):
    x, y = theta
    r2 = x * x + y * y
    inverse = 1 / r2**3
    return 4 * (inverse**2 - inverse)


@at((1.2, 0.3, 1e-1), (0.8, 0.1, 2.0))
def morse_and_gauss(theta):
    x, y, z = theta
    return (1 - np.exp(-(x - 1))) ** 2 + z * np.exp(-((y - 0.5) ** 2) / 0.02)


@at((0.9, 0.2, 1.4), (7.0, 0.5, -0.6))
def orbit(theta):
    axis, eccentricity, angle = theta
    r = axis * (1 - eccentricity**2) / (1 + eccentricity * math.cos(angle))
    return r - 1 / axis + math.log(r)


@at((0.2, 100.0), (0.45, 80.0))
def black_scholes(theta):
    volatility, strike = theta
    spread = volatility * math.sqrt(0.5)
    d1 = (math.log(95.0 / strike) + (0.03 + volatility**2 / 2) * 0.5) / spread
    return 95.0 * _normal(d1) - strike * math.exp(-0.015) * _normal(d1 - spread)


def _normal(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


@numba.njit
def _planck(x):
    return x**3 / math.expm1(x)


@at(0.01, 2.8, 30.0)
def planck(t):
    return _planck(t)


@at((1.1, 0.4), (0.3, -2.0))
def rotation(theta):
    c, s = np.cos(theta[1]), np.sin(theta[1])
    turned = np.array([c * theta[0] - s * 2.0, s * theta[0] + c * 2.0])
    return np.sum((turned - np.array([1.0, 0.5])) ** 2)


@at((3.1, -0.2, 2.0), (0.6, 0.5, 0.7))
def hill(theta):
    k, shift, n = theta
    total = 0.0
    for dose in _DOSES:
        total += (dose**n / (k**n + dose**n) + shift - 0.5) ** 2
    return total


@at((0.5, 0.1, -0.3), (2.0, -1.0, 1.5))
def horner(theta):
    total = 0.0
    for x in _DOSES:
        y = theta[-1]
        for k in range(len(theta) - 2, -1, -1):
            y = y * x + theta[k]
        total += (y - math.sin(x)) ** 2
    return total / len(_DOSES)


@at((0.5, 0.1), (2.0, 1.3))
def rational_surface(theta):
    x, y = theta
    return (x**3 - y) / (1 + x * x * y * y) + math.atan2(y, x) + math.hypot(x, 1.0)
