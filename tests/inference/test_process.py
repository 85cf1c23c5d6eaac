"""The process around a batch: streams that fail and signals that come change neither the work nor its status."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fork_server import python
from tests.inference.conftest import colorize_words, command, grey_photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for number in range(6):
        grey_photo(folder / f"p{number}.png", seed=number)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return folder


SELDOM = (
    "--dry-run >/dev/full 2>&1",
    "2>&1 | head -c 1",
    "--json >&-",
    "2>&-",
    ">&-",
    "2>&- >&-",
    "2>/dev/full",
    "--json >/dev/full",
    "--json 2>&1 | true",
)


@pytest.mark.parametrize(
    "streams",
    [
        "2>&- >&- <&-",
        ">/dev/full 2>&1",
        "--json | true",
        *(pytest.param(streams, marks=pytest.mark.slow) for streams in SELDOM),
    ],
)
def test_streams_that_fail_change_nothing(streams: str, quick_model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = shlex.join(command(quick_model, photos, "--out", out)) + f" {streams}"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr  # one photo is broken
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    if "--dry-run" not in streams:
        counts = json.loads((out / "colorize-report.json").read_text())["counts"]
        assert counts == {"done": 6, "failed": 1}
        assert all((out / f"p{number}.png").stat().st_size > 100 for number in range(6))


def test_a_closed_stderr_does_not_end_in_a_photo(quick_model: Path, photos: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in photos.iterdir()}
    line = shlex.join(command(quick_model, photos, "--out", tmp_path / "out")) + " 2>&- >&-"
    subprocess.run(["bash", "-c", line], timeout=300)
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    assert all((tmp_path / "out" / f"p{n}.png").read_bytes().startswith(b"\x89PNG") for n in range(6))


def test_what_was_asked_for_on_a_full_stdout_is_missed(tmp_path: Path) -> None:
    line = shlex.join([*python(), "-m", "colorize_cli", "models", "list", "--json"]) + " >/dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr == "error: stdout did not take all of what was asked for: No space left on device\n"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGINT, signal.SIGHUP))]
)
def test_a_signal_during_the_work_writes_the_report(number: int, quick_model: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    first = grey_photo(photos / "p0.png", (400, 300))
    for index in range(1, 300):
        os.link(first, photos / f"p{index}.png")
    process = subprocess.Popen(command(quick_model, photos, "--out", out), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 90
    while not list(out.glob("p*.png")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert b"Interrupted" in said and b"Traceback" not in said, said.decode()
    report = json.loads((out / "colorize-report.json").read_text())
    assert report["interrupted"] and 0 < report["counts"]["done"] < 300


SIGNALS, DELAYS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP), (0.1, 0.2, 0.35, 0.5, 0.8, 1.2)


@pytest.mark.parametrize(
    ("number", "delay"),
    [
        pytest.param(number, delay, marks=[] if (i + j) % 3 == 0 and j < 4 else pytest.mark.slow)
        for i, number in enumerate(SIGNALS)
        for j, delay in enumerate(DELAYS)
    ],
)
def test_a_signal_while_libraries_load_ends_without_a_traceback(
    number: int, delay: float, quick_model: Path, photos: Path, tmp_path: Path
) -> None:
    code = """
from colorize_cli.cli import interrupts
install = interrupts._install
def install_and_tell(handler):
    install(handler)
    print(flush=True)
    interrupts._install = install
interrupts._install = install_and_tell
from colorize_cli.__main__ import main
main()
"""
    words = colorize_words(quick_model, photos, "--out", tmp_path / "out")
    process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # before that Python itself answers
    time.sleep(delay)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert b"Traceback" not in said and b"Exception ignored" not in said, said.decode()
    if b"\nReport: " in said and not said.endswith(
        b"where this one stopped.\n"
    ):  # it was done before, but for one photo
        assert process.returncode == 1, said
    else:
        assert process.returncode == 130, said
        assert said.endswith((b"Interrupted.\n", b"where this one stopped.\n"))


SWALLOWED = """
import signal, time
from colorize_cli.cli import interrupts
interrupts.end_at_signals()
interrupts.interrupt_at_signals()
class Half:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
class Broken:
    def __del__(self):
        raise AttributeError("of an object that is half made")
try:
    Half()
    time.sleep(20)
    print("lost")
except KeyboardInterrupt:
    print("raised")
Broken()
"""


@pytest.mark.slow
def test_an_interrupt_that_comes_while_an_object_is_deleted_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "raised\n", "")


ENDING = """
import signal
from colorize_cli.cli import interrupts
interrupts.end_at_signals()
interrupts.keep_status(1)
class Last:
    def __del__(self, kill=signal.raise_signal, number=signal.SIGTERM):
        kill(number)
import sys
sys.last = Last()
raise SystemExit(1)
"""


def test_a_signal_while_python_ends_changes_the_status_no_more() -> None:
    assert subprocess.run([sys.executable, "-c", ENDING], timeout=60).returncode == 1


def test_a_hangup_that_nohup_ignores_stays_ignored(quick_model: Path, photos: Path, tmp_path: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = subprocess.Popen(
        command(quick_model, photos, "--out", tmp_path / "out"),
        stderr=subprocess.PIPE,
        preexec_fn=ignore,  # noqa: PLW1509 - nothing runs in this process meanwhile
    )
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGHUP)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1, said
    assert len(list((tmp_path / "out").glob("p*.png"))) == 6
