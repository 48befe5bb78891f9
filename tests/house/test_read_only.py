"""Where nothing may be written: kernels are compiled all the same, and one warning says how to keep them.

Permissions are real ones. A privileged user is stopped by them too once the process has given up the capability to
ignore them.
"""

from __future__ import annotations

import ctypes
import os

import pytest

from tests.tools.installed import copy_package
from tests.tools.processes import run

pytestmark = [pytest.mark.slow, pytest.mark.process]

DROP_CAPABILITY, IGNORES_PERMISSIONS = 24, 1  # prctl's PR_CAPBSET_DROP, and CAP_DAC_OVERRIDE
PLAIN = ("-P", "-B", "-W", "error::ResourceWarning")
libc = ctypes.CDLL(None, use_errno=True)

WITH_WARNINGS = """
import sys, warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    import fastgd
    problem = fastgd.PolynomialFit([0.0, 1.0], [0.0, 3.0], 1)
    print(problem.loss([0.0, 0.0]), fastgd.descend(problem, learning_rate=0.1, max_steps=3).steps)
print(len(told), *(str(warning.message) for warning in told))
"""


def as_anybody():
    """Give up, in a process to be started, the right to write where permissions forbid it."""
    if os.geteuid() == 0 and libc.prctl(DROP_CAPABILITY, IGNORES_PERMISSIONS, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def forbid_writing(folder):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


@pytest.fixture
def read_only(tmp_path):
    """An installed package and an empty folder that can't be written."""
    installed, empty = tmp_path / "site", tmp_path / "empty"
    installed.mkdir()
    empty.mkdir()
    copy_package(installed)
    for folder in (installed, empty):
        forbid_writing(folder)
        code = "import sys, pathlib; pathlib.Path(sys.argv[1], 'new').touch()"
        with pytest.raises(AssertionError, match="PermissionError"):
            run(code, str(folder), before=as_anybody)
    yield installed, empty
    for folder in (installed, empty):
        folder.chmod(0o755)
        for path in folder.rglob("*"):
            path.chmod(0o755)


@pytest.mark.parametrize("named", [True, False], ids=["NUMBA_CACHE_DIR", "HOME unset"])
def test_it_works_and_says_once_that_nothing_is_kept(read_only, named):
    installed, empty = read_only
    places = {"NUMBA_CACHE_DIR": str(empty / "cache")} if named else {"NUMBA_CACHE_DIR": None, "HOME": None}
    out = run(
        WITH_WARNINGS, flags=PLAIN, before=as_anybody, PYTHONPATH=str(installed), XDG_CACHE_HOME=str(empty), **places
    )
    answer, told = out.split("\n")
    assert answer == "4.5 3"
    assert told.startswith("1 ")
    assert "NUMBA_CACHE_DIR" in told
