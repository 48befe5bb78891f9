"""Compiled kernels on disk: found by a second process, never stale, and no obstacle where the disk fails."""

from __future__ import annotations

import ast
import json
import math
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from tests.tools import every_kernel, processes
from tests.tools.installed import PACKAGE, copy_package, run

pytestmark = [pytest.mark.slow, pytest.mark.process]

ONE_KERNEL = """
import fastgd
print(fastgd.PolynomialFit([0.0, 1.0], [0.0, 3.0], 1).loss([0.0, 0.0]))
"""


def files_in(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A copy of the package, which nobody edits meanwhile."""
    return copy_package(tmp_path_factory.mktemp("installed"))


DECORATORS = {"kernel", "parallel_kernel", "dispatched", "block_function", "batch_block_function"}


def modules_with_kernels():
    """Return the modules under kernels that compile something, be it for a caller."""
    for source in sorted((PACKAGE / "kernels").rglob("*.py")):
        names = {node.id for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Name)}
        if names & DECORATORS and source.parent.name != "compiling":
            yield ".".join(source.relative_to(PACKAGE.parent).with_suffix("").parts)


@pytest.mark.slow
def test_second_process_compiles_nothing(tmp_path):
    """Of two processes on an empty cache the first compiles in every module of kernels, the second what is the user's.

    That is the user's functions and the block that they are part of, and no loop around it.
    """
    every, how = Path(every_kernel.__file__), {"timeout": 280.0, "NUMBA_CACHE_DIR": str(tmp_path)}
    kept, users, not_called = json.loads(processes.run(every, **how))
    assert not_called == []
    assert set(modules_with_kernels()) <= {module for module, _, _ in kept + users}
    kept, users, _ = json.loads(processes.run(every, **how))
    assert kept == []
    assert {module.rpartition(".")[0] for module, _, _ in users if module.startswith("fastgd")} == {
        "fastgd.kernels.problems",
        "fastgd.problems",
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory, installed):
    """A cache that one process has filled with what one evaluation takes."""
    cache = tmp_path_factory.mktemp("cache")
    assert run(ONE_KERNEL, cache, installed) == "4.5"
    return cache


class Edit(NamedTuple):
    """A change in a folder of sources, what is run before and after it, and what that prints."""

    folder: str
    old: str  # in one of its files, once
    new: str
    code: str
    before: str
    after: str


DESCEND = """
import fastgd
problem = fastgd.LinearFit([[1.0]], [0.0], intercept=False, start=[1.0])
print(fastgd.descend(problem, learning_rate=0.25, max_steps=2, HOW).loss)
"""
INVERSE_TIME = "engine='samples', schedule='inverse_time', decay=1.0"
SPECTRUM = """
import fastgd
print(fastgd.PolynomialFit([-1.0, 1.0] * 5000, [1.0, 0.0] * 5000, 1).spectrum().eigenvalues.round(9).tolist())
"""
LINE = """
import fastgd
print(fastgd.LinearFit([[1.0]], [3.0], intercept=False).loss([0.0]))
"""
HUBER = """
import fastgd
print(fastgd.LinearFit([[1.0]], [4.0], loss=fastgd.Huber(1.0)).loss([0.0, 0.0]))
"""
GROWTH = """
import fastgd, math
print(round(fastgd.Objective(lambda t: math.exp(t), lambda t: 1.0).loss(0.0), 9))
"""
CHOICE = """
import fastgd, numpy as np
print(fastgd.Objective(lambda t: np.where(t > 0.0, t, 5.0), lambda t: 1.0).loss(2.0))
"""
NUMBER = "builder.bitcast(first, ir.DoubleType())"
PREDICTED = "dot_in_order(theta, features)"
EDITS = [  # each is in what cached callers only call into, and in the one file where it stands
    Edit(
        "kernels/compiling",
        f"return {NUMBER}",
        f"return builder.fmul({NUMBER}, ir.Constant(ir.DoubleType(), 2.0))",
        HUBER,
        "3.5",
        "6.0",
    ),
    Edit("kernels/problems", f"{PREDICTED} - y", f"{PREDICTED} - 2.0 * y", LINE, "9.0", "36.0"),
    Edit(
        "kernels/elementary",
        'e^x."""\n    rounded, p = reduced(bounded(x,',
        'e^x."""\n    rounded, p = reduced(bounded(x + 1.0,',
        GROWTH,
        "1.0",
        "2.718281828",
    ),
    Edit("kernels/numbers", "this if condition else other", "other if condition else this", CHOICE, "2.0", "5.0"),
    Edit(
        "kernels/least_squares",
        "2.0 * high[k]",
        "4.0 * high[k]",
        SPECTRUM,
        "[2.0, 2.0]",
        "[4.0, 2.0]",
    ),
    Edit(
        "kernels/descent",
        "steps[lane] += 1",
        "steps[lane] += 2",
        DESCEND.replace("HOW", "engine='samples'"),
        "0.0625",
        "0.25",
    ),
    Edit(
        "kernels/modes",
        "level.scale * (level.floor + sums_out[c])",
        "2.0 * level.scale * (level.floor + sums_out[c])",
        DESCEND.replace("HOW", "engine='spectral'"),
        "0.0625",
        "0.125",
    ),
    Edit(
        "descent",
        "return 1.0 / (1.0 + own.decay * t)",
        "return 2.0 / (1.0 + own.decay * t)",
        DESCEND.replace("HOW", INVERSE_TIME),
        "0.140625",
        "0.0",
    ),
    Edit("problems", "lambda loss, r: r * r", "lambda loss, r: 2.0 * r * r", ONE_KERNEL, "4.5", "9.0"),
]


def test_edits_are_in_every_folder_that_kernels_are_made_of():
    folders = {source.parent.relative_to(PACKAGE).as_posix() for source in (PACKAGE / "kernels").glob("*/*.py")}
    assert {edit.folder for edit in EDITS} == folders | {"descent", "problems"}


def all_printed(cache, package):
    """Return what each edit's code prints, one after another in one process."""
    return run("\n".join(edit.code for edit in EDITS), cache, package).splitlines()


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """A cache and a copy of the package, before edits and after the last, of which nothing must be left then."""
    folder = tmp_path_factory.mktemp("edited")
    cache, package = folder / "cache", copy_package(folder)
    before = [edit.before for edit in EDITS]
    assert all_printed(cache, package) == before
    yield cache, package
    assert all_printed(cache, package) == before


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.folder)
def test_an_edited_kernel_is_compiled_again(edited, edit):
    cache, package = edited
    (source,) = [file for file in (package / "fastgd" / edit.folder).glob("*.py") if edit.old in file.read_text()]
    original = source.read_text()
    assert original.count(edit.old) == 1
    source.write_text(original.replace(edit.old, edit.new))
    try:
        assert run(edit.code, cache, package) == edit.after
    finally:
        source.write_text(original)


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


OF_WHAT = """
import math
import fastgd
print(fastgd.Objective(lambda t: {0}, lambda t: {0}).loss([0.5]))
"""


def test_what_several_processes_stored_is_told_apart(tmp_path, installed):
    """One stores a cosine and another a tangent, each the first function of its kind there; a third reads both."""
    cache = tmp_path / "cache"
    for formula in ("t * t", "math.cos(t)", "math.tan(t)", "math.cos(t) + 10.0 * math.tan(t)"):
        found = float(run(OF_WHAT.format(formula), cache, installed))
        assert found == pytest.approx(eval(formula, {"math": math, "t": 0.5}), rel=1e-15)
