"""The rooms of the package: what each may import, no circle among modules, each module by itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import fastgd
from tests.tools import processes

PACKAGE = Path(fastgd.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(parts[:-1] if parts[-1] == "__init__" else parts): source
    for source in SOURCES
    for parts in [source.relative_to(PACKAGE.parent).with_suffix("").parts]
}
PACKAGES = {name for name, source in MODULES.items() if source.name == "__init__.py"}

GROUND = ("check", "digest", "extras", "once", "record", "text", "_version")
COMPILED = ("descent", "kernels")
MAY_IMPORT = {  # a room, or a file at the ground: rooms and files, itself aside
    "check": (),
    "digest": (),
    "extras": (),
    "once": (),
    "record": (),
    "text": (),
    "_version": (),
    "descent": (),
    "kernels": ("descent",),
    "sources": GROUND,
    "least_squares": ("sources", *COMPILED, *GROUND),
    "problems": ("least_squares", "sources", *COMPILED, *GROUND),
    "results": ("least_squares", *COMPILED, *GROUND),
    "sweeps": ("results", "problems", "least_squares", "sources", *COMPILED, *GROUND),
    "examples": ("sweeps", "results", "problems", *GROUND),
    "data_files": GROUND,
    "cli": ("data_files", "examples", "sweeps", "results", "problems", "least_squares", "sources", *COMPILED, *GROUND),
    "__main__": ("cli",),
}
WITHIN_KERNELS = {
    "threads": (),
    "compiling": (),
    "elementary": ("compiling",),
    "numbers": ("compiling", "elementary"),
    "probes": ("compiling", "elementary"),
    "problems": ("compiling", "elementary", "numbers"),
    "least_squares": ("compiling", "elementary"),
    "descent": ("compiling", "elementary", "problems"),
    "modes": ("compiling", "elementary", "descent"),
}


def parts_of(name: str) -> list[str]:
    return name.split(".")[1:]


def imports_of(source: Path) -> set[str]:
    """Return the modules of fastgd that a file imports, wherever in the file, for types alone among them."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return {name for name in found if name.split(".")[0] == "fastgd"}


def test_every_room_is_in_the_table():
    rooms = {parts_of(name)[0] for name in MODULES if parts_of(name)}
    assert rooms == set(MAY_IMPORT)
    assert {parts_of(name)[1] for name in MODULES if name.startswith("fastgd.kernels.")} == set(WITHIN_KERNELS)


def test_contributors_are_told_every_room():
    table = (PACKAGE.parent / ".github" / "CONTRIBUTING.md").read_text().partition("\n| room |")[2].partition("\n\n")[0]
    told = {name.strip("/") for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert told == set(MAY_IMPORT) - {"__main__"}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "fastgd"])
def test_imports_run_one_way(name):
    room, *inner = parts_of(name)
    for imported in imports_of(MODULES[name]):
        assert imported not in PACKAGES, f"{name} imports {imported}: a package's face, which defines nothing"
        other, *inside = parts_of(imported)
        assert other == room or other in MAY_IMPORT[room], f"{name} imports {imported}"
        if room == other == "kernels":
            assert inside[0] == inner[0] or inside[0] in WITHIN_KERNELS[inner[0]], f"{name} imports {imported}"


def test_no_circle_among_modules():
    edges = {name: imports_of(source) & set(MODULES) for name, source in MODULES.items() if name not in PACKAGES}
    while edges:
        leaves = {name for name, others in edges.items() if not others & set(edges)}
        assert leaves, f"a circle among {sorted(edges)}"
        edges = {name: others for name, others in edges.items() if name not in leaves}


def test_a_package_is_a_docstring():
    """Only two hand names on, and those when a name is first used."""
    for name in PACKAGES - {"fastgd", "fastgd.examples"}:
        body = ast.parse(MODULES[name].read_text()).body
        assert len(body) == 1, name
        assert isinstance(body[0], ast.Expr), name


def test_every_module_says_what_it_is_for():
    for source in SOURCES:
        assert ast.get_docstring(ast.parse(source.read_text())), source


EACH_ALONE = """
import importlib, os, sys, traceback
import numba.core.caching, numba.core.ccallback, numba.np.arrayobj  # once for all: what takes time in a child

for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            print(name)
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.process
def test_every_module_imports_by_itself():
    """Each as the first of fastgd in its process, as in a worker that unpickles something of it."""
    assert processes.run(EACH_ALONE, *(name for name in MODULES if name != "fastgd.__main__")) == ""


def test_fastgd_does_not_know_its_oracle():
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "tests" for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "tests"
