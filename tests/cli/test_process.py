"""The command line's process: start, end, signals, terminals and progress."""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

import fastgd
from fastgd.cli.main import main
from tests.tools.command import SLOW, command, output
from tests.tools.processes import finish, run, start

pytestmark = [pytest.mark.slow, pytest.mark.process]

# ---- the process


@pytest.mark.parametrize("arguments", [["--help"], ["sweep", "--help"], ["descend", "-h"], ["--version"], ["examples"]])
def test_help_imports_nothing_heavy(arguments):
    code = """
import sys
from fastgd.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert ended.code == 0
print([name for name in ("numpy", "numba", "tqdm") if name in sys.modules])
"""
    assert run(code, *arguments).splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", ["sweep", "descend"])
def test_help_tells_every_option(capsys, verb):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    text = capsys.readouterr().out
    for name in ("x", "y", "degree", "loss", "weight", "l2", "reduction", "learning-rate", "start", "bounds", "timing"):
        assert f"--{name} " in text
    assert "VALUES" not in text


def test_console_script():
    script = Path(sys.executable).parent / "fastgd"
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="fastgd")
    assert entry.load() is main
    assert finish(start("--version", program=script)) == (0, f"fastgd {fastgd.__version__}\n", "")


def test_without_a_verb_the_help_is_shown():
    ended = finish(command())
    assert ended.code == 2
    assert ended.out == ""
    assert "fastgd sweep sine" in ended.err


def test_process_ends_with_a_sentence_and_code_2():
    sentence = "fastgd sweep: error: --learning-rate must be numbers >= 0 and <= 1.79769e+308, got -1.0\n"
    assert finish(command("sweep", "sine", "--learning-rate", "-1")) == (2, "", sentence)


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    out = tmp_path / "part.json"
    process = command(*SLOW, "--progress", "--out", str(out))
    shown = ""
    while not re.search(r"[1-9][\d.k]*/", shown):  # some configurations are done
        character = process.stderr.read(1)
        assert character, shown  # it ended
        shown += character
    process.send_signal(signal.SIGINT)
    code, printed, err = finish(process)
    assert code == 130
    assert "Traceback" not in shown + err
    assert "fastgd sweep: interrupted" in err
    assert re.search(r"CANCELLED +[\d,]+ \(interrupted", printed)
    status = json.loads(out.read_text())["status"]
    assert len(status) == 20_000
    assert set(status) == {"MAX_STEPS", "CANCELLED"}
    assert os.listdir(tmp_path) == ["part.json"]


INTERRUPTED_AFTER = """
import os, signal, sys, threading
from fastgd.cli.main import main
threading.Timer(float(sys.argv.pop(1)), os.kill, (os.getpid(), signal.SIGINT)).start()
sys.exit(main())
"""


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0, 1.5, 2.0])
def test_ctrl_c_while_importing_or_compiling(tmp_path, seconds):
    process = start("-c", INTERRUPTED_AFTER, str(seconds), *SLOW, environment={"NUMBA_CACHE_DIR": str(tmp_path)})
    code, _, err = finish(process)
    assert (code, err) == (130, "fastgd sweep: interrupted\n")


def test_ctrl_c_is_left_alone_where_it_is_ignored():
    """As it is for a command in the background of a shell."""
    code = INTERRUPTED_AFTER.replace("from fastgd", "signal.signal(signal.SIGINT, signal.SIG_IGN)\nfrom fastgd")
    ended = finish(start("-c", code, "0.3", "sweep", "square"))
    assert (ended.code, ended.err) == (0, "")


def test_closed_pipe_is_no_traceback(tmp_path):
    out = tmp_path / "result.npz"
    process = command("sweep", "square", "--out", str(out))
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 141
    assert np.load(out)["loss"].shape == (10_000,)


def with_closed(stream, *arguments):
    """Run the command with one of its outputs closed from the start."""
    options = {"stdin": subprocess.DEVNULL, "preexec_fn": lambda: os.close(stream)}
    return finish(start("-X", "dev", "-m", "fastgd", *arguments, **options))


@pytest.mark.parametrize("line", ["examples", "--version", "descend square", "sweep square --learning-rate 0.1"])
def test_closed_output_ends_cleanly(line):
    assert with_closed(1, *line.split()) == (0, "", "")


def test_results_are_written_though_output_is_closed(tmp_path):
    out = tmp_path / "result.csv"
    assert with_closed(1, "sweep", "square", "--learning-rate", "0.1,0.2", "--out", str(out)) == (0, "", "")
    assert [line.split(",")[0] for line in out.read_text().splitlines()] == ["learning_rate", "0.1", "0.2"]


def test_closed_error_output_ends_cleanly():
    assert with_closed(2, "sweep", "square", "--learning-rate", "-1") == (2, "", "")
    ended = with_closed(2, "examples")
    assert ended.code == 0
    assert ended.out.startswith("square")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("examples", "fastgd examples"),
        ("--help", "fastgd"),
        ("--version", "fastgd"),
        ("sweep --help", "fastgd sweep"),
    ],
)
def test_full_disk_is_one_sentence(line, name):
    with open("/dev/full", "w") as full:
        code, _, err = finish(command(*line.split(), stdout=full))
    assert code == 2
    assert err == f"{name}: error: standard output can't be written: No space left on device\n"


def test_memory_that_runs_out_is_one_sentence(capsys, monkeypatch):
    def too_much(*_, **__):
        raise MemoryError

    monkeypatch.setattr("fastgd.sweeps.sweep.sweep", too_much)
    assert main(["sweep", "square"]) == 2
    expected = "fastgd sweep: error: there is not enough memory; make the grid or the data smaller\n"
    assert capsys.readouterr().err == expected


def test_roofline_is_printed(capsys):
    assert "GB/s" in output(capsys, "roofline", "--threads", "1")


# ---- progress


def on_a_terminal(*arguments, until="fastgd sweep: interrupted", seconds=None):
    """Run the command with standard error on a terminal and interrupt it; return what the terminal got.

    Ctrl-C comes after some seconds, or when a text is shown.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = command(*arguments, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    if seconds is not None:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
        process.send_signal(signal.SIGINT)
    shown = ""
    while True:
        try:
            part = os.read(ours, 4096).decode(errors="replace")
        except OSError:  # Linux says so when the other side is closed
            break
        shown += part
        if not part:
            break
        if seconds is None and until in shown:
            process.send_signal(signal.SIGINT)
            seconds = 0.0
    os.close(ours)
    process.wait(timeout=60)
    return shown


def test_bar_is_shown_on_a_terminal_after_a_second():
    shown = on_a_terminal(*SLOW, until="/20.0k [")
    assert "fastgd sweep: interrupted" in shown
    assert re.search(r"[1-9][\d.k]*/20\.0k \[", shown)
    first = re.search(r"\[00:(\d\d)<", shown)[1]
    assert int(first) >= 1


def test_no_bar_for_what_is_quick_or_if_it_is_not_wanted():
    assert on_a_terminal("sweep", "square") == ""
    assert on_a_terminal(*SLOW, "--no-progress", seconds=4) == "fastgd sweep: interrupted\r\n"


def test_bar_is_shown_anywhere_if_it_is_asked_for():
    ended = finish(command("sweep", "square", "--progress"))
    assert ended.code == 0
    assert "10.0k/10.0k" in ended.err


WITHOUT_TQDM = """
import sys
sys.modules["tqdm"] = None
from fastgd.cli.main import main
sys.stderr.isatty = lambda: True
assert main(["sweep", "square"]) == 0
try:
    main(["sweep", "square", "--progress"])
except SystemExit as ended:
    assert ended.code == 2
"""


def test_without_tqdm_everything_else_works():
    ended = finish(start("-c", WITHOUT_TQDM))
    assert ended.code == 0, ended.err
    assert "SMALL_UPDATE" in ended.out
    assert ended.err == "fastgd sweep: error: --progress needs the package tqdm: pip install 'fastgd[cli]'\n"
