"""Compiled kernels on disk: found by a second process, never stale, and no obstacle where the disk fails."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

import fastgd
from tests.tools import processes

pytestmark = pytest.mark.slow

PACKAGE = Path(fastgd.__file__).parent

EVERY_KERNEL = """
import sys
from importlib import import_module
import numpy as np
import fastgd
from fastgd.problems import evaluation
from fastgd.sweeps.engines import samples
from numba.core import event
from numba.core.dispatcher import Dispatcher

compiled = []

class Listener(event.Listener):
    def on_start(self, happened):
        compiled.append(happened.data["dispatcher"].py_func.__name__)
    def on_end(self, happened):
        pass

random = np.random.default_rng(0)
x = random.normal(size=9000)
lopsided = np.append(x[1:] * 1e-3, 1.0)  # a second pass, in polynomials orthogonal on the points
weights = {"sample_weight": random.uniform(size=9000)}

def line(features, dtype=np.float64, **how):
    X = random.normal(size=(9000, features)).astype(dtype)
    return fastgd.LinearFit(X, X[:, 0], **how)

def problems():
    losses = ("squared", "absolute", fastgd.Huber(1.0), fastgd.LogCosh())
    for loss, how in zip(losses, (weights, {}, weights, {}), strict=True):
        yield fastgd.PolynomialFit(x, x, 2, loss=loss, **how)
    for degree, x_of in ((2, x), (18, x), (2, lopsided)):
        yield fastgd.PolynomialFit(x_of, x, degree)
    yield from (line(2), line(2, np.float32), line(12), line(12, np.float32, **weights))
    yield fastgd.examples.square()

with event.install_listener("numba:compile", Listener()):
    for problem in problems():
        how = {"learning_rate": [1e-9, 1e-10], "max_steps": 2, "tolerance": 1e-300}
        for samples.CACHE_BYTES in (0, 1 << 40):
            before = len(compiled)
            result = fastgd.sweep(problem, engine="samples", **how)
            assert (result.timing.compile > 0.0) == (len(compiled) > before)
        for evaluation.SERIAL_WORK in (0, 1 << 60):
            problem.loss_and_gradient(problem.start)
            problem.loss_and_gradient(np.zeros((100, problem.dimension)))
        if isinstance(problem, (fastgd.PolynomialFit, fastgd.LinearFit)) and problem.is_squared:
            fastgd.sweep(problem, engine="moments", **how)
            for rule, schedule in (("gradient", "constant"), ("gradient", "cosine"), ("nesterov", "constant")):
                fastgd.sweep(problem, engine="spectral", rule=rule, schedule=schedule, **how)
    roofline = import_module("fastgd.results.roofline")
    roofline.SECONDS, roofline.REPETITIONS, roofline.LARGEST_ARRAY = 0.0, 1, 1 << 20
    roofline.roofline(threads=1)
print(sorted(compiled))
kernels = {name: getattr(import_module(module), name) for module, name in (word.split(":") for word in sys.argv[1:])}
kernels = {name: kernel for name, kernel in kernels.items() if isinstance(kernel, Dispatcher)}
print(len(kernels), [name for name, kernel in kernels.items() if not kernel.signatures])
"""

ONE_KERNEL = """
import fastgd
print(fastgd.PolynomialFit([0.0, 1.0], [0.0, 3.0], 1).loss([0.0, 0.0]))
"""


def run(code, cache, root, **environment):
    """Run code on a package under `root`, and nothing else that may lie in the current folder."""
    flags = ("-P", "-W", "error")
    return processes.run(code, flags=flags, NUMBA_CACHE_DIR=str(cache), PYTHONPATH=str(root), **environment)


def files_in(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def copy_package(folder):
    shutil.copytree(PACKAGE, folder / "fastgd", ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A copy of the package, which nobody edits meanwhile."""
    return copy_package(tmp_path_factory.mktemp("installed"))


def called_from_python():
    """Return "module:name" of all that modules import from kernels, functions of kernels among it."""
    for source in PACKAGE.rglob("*.py"):
        tree = ast.parse(source.read_text())
        if PACKAGE / "kernels" in source.parents:
            continue
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules = {}
        for node in imports:
            for alias in node.names if node.module.startswith("fastgd.kernels") else ():
                if (PACKAGE.parent / node.module.replace(".", "/") / f"{alias.name}.py").exists():
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                else:
                    yield f"{node.module}:{alias.name}"
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        in_python = [node.value for node in attributes if node.attr == "py_func"]  # a formula, not its kernel
        for node in attributes:
            if isinstance(node.value, ast.Name) and node.value.id in modules and node not in in_python:
                yield f"{modules[node.value.id]}:{node.attr}"


def test_second_process_compiles_nothing():
    """In the cache that all tests share: of two processes one after another, the second finds all that it calls."""
    names = sorted(set(called_from_python()))
    processes.run(EVERY_KERNEL, *names, timeout=200.0)
    compiled, found = processes.run(EVERY_KERNEL, *names, timeout=200.0).splitlines()
    assert compiled == "[]"
    count, not_called = found.split(maxsplit=1)
    assert int(count) > 10
    assert not_called == "[]"


def test_an_objective_compiles_only_itself():
    code = """
import fastgd
from numba.core import event
names = []
class Listener(event.Listener):
    def on_start(self, happened):
        names.append(happened.data["dispatcher"].py_func.__name__)
    def on_end(self, happened):
        pass
def my_loss(t): return t * t
def my_gradient(t): return 2 * t
with event.install_listener("numba:compile", Listener()):
    fastgd.descend(fastgd.Objective(my_loss, my_gradient, start=1.0), learning_rate=0.1)
print(set(names) <= {"my_loss", "my_gradient", "both"}, sorted(names))
"""
    assert processes.run(code) != ""
    assert processes.run(code).startswith("True")


@pytest.fixture(scope="module")
def filled(tmp_path_factory, installed):
    """A cache that one process has filled with what one evaluation takes."""
    cache = tmp_path_factory.mktemp("cache")
    assert run(ONE_KERNEL, cache, installed) == "4.5"
    return cache


def test_an_edited_kernel_is_compiled_again(tmp_path):
    """The edit is in a file that the cached callers only call into."""
    copy_package(tmp_path)
    cache = tmp_path / "cache"
    losses = tmp_path / "fastgd" / "kernels" / "problems" / "losses.py"
    original = losses.read_text()
    assert original.count("lambda loss, r: r * r") == 1
    assert run(ONE_KERNEL, cache, tmp_path) == "4.5"
    losses.write_text(original.replace("lambda loss, r: r * r", "lambda loss, r: 2.0 * r * r"))
    assert run(ONE_KERNEL, cache, tmp_path) == "9.0"
    losses.write_text(original)
    assert run(ONE_KERNEL, cache, tmp_path) == "4.5"


DAMAGES = {
    "empty": lambda content: b"",
    "garbage": lambda content: b"\x80\x05garbage",
    "cut short": lambda content: content[:-100],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_again(filled, tmp_path, installed, damage):
    cache = shutil.copytree(filled, tmp_path / "cache")
    damaged = [path for path in files_in(cache) if path.suffix == ".nbc"]
    assert damaged
    for path in damaged:
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert run(ONE_KERNEL, cache, installed) == "4.5"
    whole = files_in(cache)
    assert run(ONE_KERNEL, cache, installed) == "4.5"
    assert files_in(cache) == whole


RACE = """
import os, sys, tempfile
import numba, numpy
numba.njit(lambda x: x + 1.0)(1.0)  # the compiler is loaded before the forks

def child(cache, gate, expected_to_compile):
    if os.fork():
        return
    code = 1
    try:
        numba.config.CACHE_DIR = cache
        os.read(gate, 1)
        import fastgd
        from numba.core import event
        with event.install_recorder("numba:compile") as recorder:
            right = fastgd.PolynomialFit([0.0, 1.0], [0.0, 3.0], 1).loss([0.0, 0.0]) == 4.5
        code = 0 if right and (len(recorder.buffer) > 0) == expected_to_compile else 2
    finally:
        os._exit(code)

codes = []
for _ in range(int(sys.argv[1])):
    with tempfile.TemporaryDirectory() as cache:
        for together, compiles in ((2, True), (1, False)):
            gate, start = os.pipe()
            for _ in range(together):
                child(cache, gate, compiles)
            os.write(start, b"go"[:together])
            codes += [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(together)]
            os.close(gate), os.close(start)
print(codes.count(0), len(codes))
"""


def test_two_processes_on_an_empty_cache(installed):
    """Both compile and store at once; a third finds every file whole. 20 rounds in the nightly profile, 3 otherwise."""
    rounds = 20 if settings.get_current_profile_name() == "nightly" else 3
    found = processes.run(RACE, str(rounds), flags=("-P", "-W", "error"), timeout=200, PYTHONPATH=str(installed))
    assert found == f"{3 * rounds} {3 * rounds}"
