"""The README's tables and what the code has: each name is there, each formula is the one that is computed.

A formula is read as it is printed, and its numbers are compared. What the code has beyond the README is no matter here.
"""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path

import pytest

import fastgd
from fastgd.descent.hyperparameters import HYPERPARAMETERS, OFF
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES
from fastgd.problems.losses import Loss
from fastgd.sweeps.engines.choose import ENGINES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FUNCTIONS = {"exp": math.exp, "cos": math.cos, "sqrt": math.sqrt, "log": math.log, "cosh": math.cosh, "pi": math.pi}
MINUS = "\N{MINUS SIGN}"
WRITTEN = {MINUS: "-", "²": "**2", "^": "**", "√": "sqrt", "π": "pi", "β": "beta", "log cosh r": "log(cosh(r))"}


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first row begins with this."""
    rows = TEXT.partition(f"\n| {heading} |")[2].split("\n\n")[0].splitlines()[2:]
    assert rows, heading
    return [[cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def evaluated(formula: str, **values: float) -> float:
    """Return what a printed formula gives: what stands side by side is multiplied."""
    for sign, python in WRITTEN.items():
        formula = formula.replace(sign, python)
    formula = re.sub(r"\|(\w+)\|", r"abs(\1)", formula)
    formula = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", formula)
    return float(eval(formula, {"abs": abs, **FUNCTIONS}, values))


# ---- losses ---------------------------------------------------------------------------------------------------------

OF_A_FIT = {row[0].strip("`"): row[1] for row in table("keyword | meaning")}


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (keyword.removeprefix("loss="), meaning)
        for keyword, meaning in OF_A_FIT.items()
        if keyword.startswith("loss=") and "ResidualLoss" not in keyword
    ],
)
def test_losses(loss, formula):
    delta = 0.75
    known = eval(loss, {"fastgd": fastgd, "delta": delta})
    assert loss.strip('"') in Loss.known if isinstance(known, str) else type(known) in Loss.known.values()
    problem = fastgd.LinearFit([[1.0]], [0.0], intercept=False, loss=known)
    inner, _, outer = formula.partition(";")[0].partition(" up to delta, ")
    for r in (0.3, -0.5, 2.0, -3.0):
        part = outer.partition(" beyond")[0] if outer and abs(r) > delta else inner
        assert problem.loss([r]) == pytest.approx(evaluated(part, r=r, delta=delta), rel=1e-14)


def test_what_else_a_fit_takes():
    keywords = {keyword.partition("=")[0] for keyword in OF_A_FIT}
    for fit in (fastgd.PolynomialFit, fastgd.LinearFit):
        assert keywords <= set(inspect.signature(fit).parameters)


# ---- hyperparameters ------------------------------------------------------------------------------------------------

KEYWORDS = {row[0].strip("`"): row[1:] for row in table("keyword | axis")}


def test_keywords_of_a_sweep():
    parameters = inspect.signature(fastgd.sweep).parameters
    assert set(KEYWORDS) <= set(parameters)
    for keyword, (axis, default, _) in KEYWORDS.items():
        assert (axis == "yes") == (keyword in HYPERPARAMETERS), keyword
        printed = re.fullmatch(r"`?\"?([\w.]+)\"?`?", default)
        if printed and printed[1] not in ("needed", "off", "none", "nothing", "all"):
            assert str(parameters[keyword].default) in (printed[1], str(1e200)), keyword
        usual = re.match(r"([\d.]+) where a (rule|schedule) has one", default)
        if usual:
            assert HYPERPARAMETERS[keyword].usual == float(usual[1])


SCHEDULE_FORMULAS = dict(re.findall(r"`\"(\w+)\"` ([^;]+)", KEYWORDS["schedule"][2]))


@pytest.mark.parametrize("name", SCHEDULE_FORMULAS)
def test_schedules(name):
    own = OFF._replace(max_steps=40, decay=0.3)
    for t in (0, 1, 7, 40):
        expected = evaluated(SCHEDULE_FORMULAS[name], t=t, decay=own.decay, max_steps=own.max_steps)
        assert SCHEDULES[name].factor(own, t) == pytest.approx(expected, rel=1e-14, abs=1e-16)


RULE_FORMULAS = {row[0].strip('`"'): row[1] for row in table("rule | direction u; v and m start at 0")}


@pytest.mark.parametrize("name", RULE_FORMULAS)
def test_rules(name):
    """The directions of some steps, as numbers of each component."""
    assert name in RULES
    problem = fastgd.LinearFit([[1.0, 0.5], [0.0, 2.0], [-1.0, 1.0]], [1.0, -2.0, 0.5])
    rate, beta = 0.01, 0.8
    run = fastgd.descend(problem, learning_rate=rate, max_steps=6, rule=name, momentum=beta, engine="samples")
    for k in range(problem.dimension):
        kept = {"v": 0.0, "m": 0.0}
        for t, (theta, following) in enumerate(zip(run.trajectory.theta[:-1], run.trajectory.theta[1:], strict=True)):
            values = kept | {"beta": beta, "t": t, "g": problem.gradient(theta)[k]}
            for target, formula in re.findall(r"(\w) (?:←|=) (.+?)(?:, (?=\w (?:←|=))|$| \(the)", RULE_FORMULAS[name]):
                values[target] = evaluated(formula, **values)
            kept = {"v": values["v"], "m": values["m"]}
            assert (theta - following)[k] == pytest.approx(rate * values["u"], rel=1e-9)


# ---- statuses, engines, files ---------------------------------------------------------------------------------------


def test_statuses():
    printed = " ".join(row[0] for row in table("status | meaning")).replace(MINUS, "-")
    found = {name: int(code) for name, code in re.findall(r"`([A-Z_]+)` (-?\d+)", printed)}
    assert found == {status.name: status for status in fastgd.Status}


def test_engines():
    assert {row[0].strip("`") for row in table("engine | for | cost of a configuration")} <= set(ENGINES)


def test_where_contributors_are_sent_is_there():
    told = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"(?:fastgd|tests|bench)/[\w/]+(?:\.\w+|/)", told))
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_what_holds_a_promise_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)
    assert len(named) > 8
    for path, test in named:
        assert f"def {test or 'test_'}" in (ROOT / path).read_text()
