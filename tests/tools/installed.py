"""A copy of the package, which a test may edit or lock."""

from __future__ import annotations

import shutil
from pathlib import Path

import fastgd
from tests.tools import processes

PACKAGE = Path(fastgd.__file__).parent


def copy_package(folder: Path) -> Path:
    """Copy the package's sources into a folder that serves as PYTHONPATH, and return that."""
    shutil.copytree(PACKAGE, folder / "fastgd", ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
    return folder


def run(code: str, cache: Path, root: Path, **environment: str | None) -> str:
    """Run code on a package under `root`, and nothing else that may lie in the current folder."""
    flags = ("-P", "-W", "error")
    return processes.run(code, flags=flags, NUMBA_CACHE_DIR=str(cache), PYTHONPATH=str(root), **environment)
