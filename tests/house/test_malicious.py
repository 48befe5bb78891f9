"""Files and names from others are data: nothing that fastgd reads runs code or opens another file."""

from __future__ import annotations

import ast
import gzip
import io
import json
import os
import pickle
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

import fastgd
from fastgd.cli.main import main
from tests.tools.processes import ROOT, STRICT, finish, run, start

PACKAGE = Path(fastgd.__file__).parent


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


COMMANDS = """
import contextlib, io, json, os, sys
import numpy, fastgd.cli.problem  # imports have their own files
from fastgd.cli.main import main

folder, audited, opened = "", [], []

def watch(event, arguments):
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect"):
        audited.append(f"{event} {arguments}")
    if folder and event == "open" and str(arguments[0]).startswith(folder):
        opened.append(str(arguments[0]))

def run(arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
    return code, out.getvalue(), err.getvalue()

sys.addaudithook(watch)
for line in sys.stdin:
    folder, arguments = json.loads(line)
    os.chdir(folder)
    audited.clear(), opened.clear()
    print(json.dumps([*run(arguments), opened, audited]), flush=True)
"""


@pytest.fixture(scope="module")
def command():
    """Return a function that runs a command in a process that tells every file it opens and whatever could run code.

    It returns the command's code, what it wrote to stdout and stderr, and the files that it opened in its folder.
    """
    process = start(*STRICT, "-c", COMMANDS, stdin=subprocess.PIPE)

    def run_command(*arguments, folder):
        process.stdin.write(json.dumps([str(folder), arguments]) + "\n")
        process.stdin.flush()
        code, out, err, opened, audited = json.loads(process.stdout.readline())
        assert audited == []
        return code, out, err, opened

    yield run_command
    finish(process)


pytestmark = pytest.mark.process

HOSTILE = [
    "__import__('os').system('touch owned')",
    "{0.__class__.__init__.__globals__}",
    "%(x)s%n%s",
    "=cmd|'/C touch owned'!A0",
    "@SUM(1+1)",
    "$(touch owned)",
    "`touch owned`",
    "../../../../etc/passwd",
    "\x1b]0;owned\x07\x1b[31m",
    "\x1b[2J\x9b31m\u202eabc",
    "a\r\nb\tc",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("verb", ["sweep", "descend"])
def test_a_column_may_have_any_name(command, tmp_path, verb, name):
    data = tmp_path / "data.csv"
    quoted = '"' + name.replace('"', '""') + '"'
    data.write_text(f"{quoted},y\n0,1\n1,3\n2,5\n", encoding="utf-8", newline="")
    stripped = name.strip()
    out = [] if verb == "descend" else ["--out", str(tmp_path / "result.json")]
    code, printed, err, opened = command(
        verb,
        str(data),
        f"--x={stripped}",
        "--y",
        "y",
        "--learning-rate",
        "0.1",
        "--max-steps",
        "500",
        *out,
        folder=tmp_path,
    )
    assert code == 0, err
    assert {path for path in opened if not path.endswith(".partial")} == {str(data)}
    assert {path.name for path in tmp_path.iterdir()} == {"data.csv"} | ({"result.json"} if out else set())
    assert not {character for character in printed if not character.isprintable()} - {"\n"}
    if out:
        result = json.loads((tmp_path / "result.json").read_text())
        assert result["parameters"] == [stripped, "b"]
        assert result["theta"] == pytest.approx([2.0, 1.0], rel=1e-6)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_that_is_not_there_is_shown_harmlessly(command, tmp_path, name):
    data = tmp_path / "data.csv"
    data.write_text('"' + name.replace('"', '""') + '",y\n0,1\n1,3\n', encoding="utf-8", newline="")
    code, printed, err, _ = command(
        "sweep", str(data), "--x", "x", "--y", "y", "--learning-rate", "0.1", folder=tmp_path
    )
    assert (code, printed) == (2, "")
    assert not {character for character in err if not character.isprintable()} - {"\n"}


def harmless(text):
    return not {character for character in text if not character.isprintable()} - {"\n"}


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_parameter_s_name_is_printed_harmlessly(name):
    problem = fastgd.LinearFit([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0]], [1.0, 2.0, 4.0], parameters=(name, "v", "b"))
    spectrum = problem.spectrum()
    assert spectrum.parameters[0] == name
    assert harmless(str(spectrum))
    assert harmless(spectrum.slowest_mode)
    assert harmless(repr(problem))
    wrong = fastgd.Objective(lambda t: t**2, lambda t: 3.0 * t, start=1.0, parameters=name, compile=False)
    with pytest.raises(ValueError, match="the gradient is wrong in") as caught:
        wrong.check_gradient()
    assert harmless(str(caught.value))


@pytest.mark.parametrize("name", [name for name in HOSTILE if "/" not in name], ids=ascii)
def test_a_file_or_an_option_s_text_is_told_harmlessly(capsys, tmp_path, name):
    folder, path = tmp_path / name, tmp_path / f"{name}.csv"
    folder.mkdir()
    path.write_text('"' + name.strip().replace('"', '""') + '",y\n0,1\n1,3\n2,z\n', encoding="utf-8", newline="")
    column = f"--x={name.strip()}"
    for typed in (
        ["sweep", str(folder)],
        ["sweep", str(path), "--x", "q", "--y", "y", "--learning-rate", "1"],
        ["sweep", str(path), column, "--y", "y", "--learning-rate", "1"],
        ["sweep", str(path), column, "--y", "y", "--learning-rate", "1", "--start", "1,2,3"],
        ["sweep", "square", f"--{name}"],
        ["sweep", "square", f"--rule={name}"],
        ["sweep", "square", f"--out={folder}"],
        ["sweep", "square", name],
        [name],
    ):
        with pytest.raises(SystemExit) as ended:
            main(typed)
        assert ended.value.code == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert harmless(captured.err)


def test_a_packed_file_without_an_end_is_refused(command, tmp_path):
    """A megabyte that unpacks to a gigabyte of one line: what is kept of it is bounded."""
    data = tmp_path / "data.csv.gz"
    with gzip.open(data, "wb", compresslevel=1) as file:
        for _ in range(300):
            file.write(b"0" * (1 << 20))
    code, printed, err, _ = command("sweep", str(data), "--x", "x", "--y", "y", "--learning-rate", "1", folder=tmp_path)
    assert (code, printed) == (2, "")
    assert "line 1 is longer than 268,435,456 letters, expected a table" in err


@pytest.mark.parametrize(
    "text", ["__import__('os').getpid()", "1+1", "0x10", "1_000", "nan", "=1+1", "1;2", "\x1b[31m"]
)
def test_a_cell_is_a_number_or_refused(command, tmp_path, text):
    data = tmp_path / "data.csv"
    data.write_text(f"x,y\n0,1\n{text},2\n")
    code, printed, err, _ = command(
        "sweep", str(data), "--x", "x", "--y", "y", "--learning-rate", "0.1", folder=tmp_path
    )
    assert (code, printed) == (2, "")
    assert "line 3: column 'x'" in err
    assert "\x1b" not in err


def bombs(mark):
    """Return files whose reading would run code if they were unpickled."""
    raw = pickle.dumps(Bomb(mark))
    array = io.BytesIO()
    np.save(array, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x.npy", array.getvalue())
    return {"pickle": raw, "npy": array.getvalue(), "npz": archive.getvalue()}


@pytest.mark.parametrize("suffix", ["csv", "npz", "npy", "pkl"])
@pytest.mark.parametrize("kind", ["pickle", "npy", "npz"])
def test_a_pickle_by_another_name_is_not_unpickled(command, tmp_path, kind, suffix):
    data = tmp_path / f"data.{suffix}"
    data.write_bytes(bombs(tmp_path / "owned")[kind])
    code, _, err, opened = command(
        "sweep", str(data), "--x", "x", "--y", "y", "--learning-rate", "0.1", folder=tmp_path
    )
    assert code == 2
    assert err.count("fastgd sweep: error: ") == 1
    assert "Traceback" not in err
    assert set(opened) == {str(data)}
    assert os.listdir(tmp_path) == [data.name]


def test_an_option_is_never_an_expression(command, tmp_path):
    for option in ("--learning-rate", "--max-steps", "--start", "--bounds", "--tolerance", "--threads"):
        for text in ("__import__('os').system('touch owned')", "[x for x in (1,)]", "1e3*2"):
            code, _, err, _ = command("sweep", "square", f"{option}={text}", folder=tmp_path)
            assert code == 2, err
            assert os.listdir(tmp_path) == []


def test_what_is_saved_is_read_without_pickle(command, tmp_path):
    out = tmp_path / "result.npz"
    code, _, err, _ = command("sweep", "pizza", "--max-steps", "10", "--out", str(out), folder=tmp_path)
    assert code == 0, err
    with np.load(out, allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} <= set("bfiuU")


def calls_in(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield name, {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}, node


def test_the_sources_hold_nothing_that_could():
    """No eval, exec, unpickling or shell anywhere but Numba's own cache of machine code, which it writes itself."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, keywords, node in calls_in(path):
            where = f"{path.relative_to(ROOT)}:{node.lineno}: {name}"
            assert name not in {"eval", "exec", "system", "popen", "Popen", "literal_eval"}, where
            assert "shell" not in keywords, where
            assert keywords.get("allow_pickle", "False") == "False", where
            if name in {"load", "save", "savez", "savez_compressed", "loads"} and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if path.parent.name == "executors":  # bytes that came by an executor, which unpickles itself
                    continue
                assert owner not in {"pickle", "dill", "cloudpickle", "marshal", "joblib"}, where
                assert owner != "np" or keywords.get("allow_pickle") == "False", where


def test_importing_does_not_look_into_the_current_folder(tmp_path):
    (tmp_path / "pizza.csv").write_text("x,y\n1,1\n")
    code = "import os, sys; os.chdir(sys.argv[1]); import fastgd; print(fastgd.examples.pizza().sample_count)"
    assert run(code, str(tmp_path)) == "30"
