"""A run whose Ray fails, hangs, or is stopped: a stand-in asks Ray in its place, so Ray need not be there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from colorize_cli import errors
from colorize_cli.cli.app import main
from colorize_cli.pipeline import ray_process, ray_run, ray_worker
from colorize_cli.pipeline.run_options import BatchOptions, RunOptions
from tests.inference.conftest import grey_photo

STAND_IN = """
import os, pickle, sys, threading, time
from colorize_cli.pipeline import ray_worker
from colorize_cli.pipeline.ray_answers import ALIVE, END, Fault, Shares
from colorize_cli.pipeline.ray_worker import PhotoWorker

out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

lock, lives = threading.Lock(), threading.Event()
lives.set()

def say(told):
    with lock:
        pickle.dump(told, out)
        out.flush()

def live():
    while lives.is_set():
        say(ALIVE)
        time.sleep(0.2)

threading.Thread(target=live, daemon=True).start()
order = pickle.load(sys.stdin.buffer)
say(Shares(1))
parts = []
while (part := pickle.load(sys.stdin.buffer)) is not None:
    parts.append(part)
PhotoWorker._is_stopped = lambda self: False
ray_worker._is_restarted = lambda: False
worker = PhotoWorker(order.job, None)

def do(part):
    say(pickle.loads(worker({"part": [pickle.dumps(part)]})["answer"][0]))

"""
HOW = {
    "well": "for part in parts: do(part)\nsay(END)",
    "aborts": "do(parts[0]); do(parts[1]); os.abort()",
    "faults": "do(parts[0]); do(parts[1]); say(Fault('no machine of the cluster is left', began=True))",
    "hangs": "do(parts[0]); do(parts[1]); lives.clear(); time.sleep(600)",
    "hangs at once": "lives.clear(); time.sleep(600)",
    "leaves one out": "for part in parts[:3] + parts[4:]: do(part)\nsay(END)",
    "never ends": "do(parts[0]); do(parts[1]); time.sleep(600)",
}


def stand_in(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Let Ray behave in a certain way."""
    monkeypatch.setattr(ray_process, "_CODE", STAND_IN + HOW[how])
    monkeypatch.setattr(ray_run, "find_spec", lambda name: True)
    monkeypatch.setattr(ray_run, "MOST_IN_PART", 2)


def colorize(tiny_model: Path, tmp_path: Path, *more: str) -> int:
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--engine", "ray", "--device", "cpu"]
    return main([*arguments, "--model", str(tiny_model), *more])


def photos(folder: Path, count: int = 8) -> None:
    for number in range(count):
        grey_photo(folder / f"{number}.png", seed=number)


@pytest.mark.slow
def test_results_that_another_program_changed_are_told_of_with_ray_too(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, "well")
    grey_photo(tmp_path / "in" / "a.jpg")
    photos(tmp_path / "in", 5)
    assert colorize(tiny_model, tmp_path) == 0
    changed = tmp_path / "out" / "a.jpg"
    data = changed.read_bytes()
    changed.write_bytes(data[:2] + b"\xff\xfe\x00\x08title!" + data[2:])
    capsys.readouterr()
    assert colorize(tiny_model, tmp_path) == 0
    told = f"1 result was changed by another program since, and left: {changed}. --overwrite makes it anew."
    assert told in json.loads((tmp_path / "out" / "colorize-report.json").read_text())["notices"]
    assert "1 result was changed by another program since" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("aborts", "Ray was lost: its process ended by SIGABRT"),
        ("faults", "Ray was lost: no machine of the cluster is left"),
        ("hangs", "Ray was lost: it gives no sign of life, for 3 seconds"),
    ],
)
def test_what_was_done_is_in_the_report_where_ray_is_lost(
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
    reason: str,
) -> None:
    stand_in(monkeypatch, how)
    monkeypatch.setattr(ray_process, "_SILENCE", 3.0)
    photos(tmp_path / "in")
    assert colorize(tiny_model, tmp_path) == 1
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert report["counts"] == {"done": 2, "failed": 6} and "faults" not in report
    assert {row.get("reason") for row in report["photos"]} == {None, reason}
    assert f"{reason}. The same command does what is left." in report["notices"]
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert reason in told and "Traceback" not in told and "2 done, 6 failed" in told


@pytest.mark.slow
def test_ray_that_is_lost_before_the_first_photo_is_an_error_of_one_line(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, "hangs at once")
    monkeypatch.setattr(ray_process, "_START", 20.0)
    photos(tmp_path / "in", 1)
    assert colorize(tiny_model, tmp_path) == 3
    told = " ".join(capsys.readouterr().err.split())
    assert told == "error: Ray was lost before the first photo: it gives no sign of life, for 20 seconds"
    assert not (tmp_path / "out").exists()


def test_photos_whose_workers_are_lost_again_and_again_fail_alone(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "leaves one out")
    photos(tmp_path / "in")
    assert colorize(tiny_model, tmp_path, "--quiet") == 1
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert report["counts"] == {"done": 6, "failed": 2} and "faults" not in report
    assert {row["reason"] for row in report["failures"]} == {"the workers that did it were lost, several times"}


@pytest.mark.slow
def test_what_a_worker_lacks_is_told_as_by_the_local_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "in", 3)
    assert main([str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--model", "no-such-model"]) == 3
    local = capsys.readouterr().err
    stand_in(monkeypatch, "well")
    assert colorize(Path("no-such-model"), tmp_path) == 3
    assert capsys.readouterr().err == local and not (tmp_path / "out").exists()


def test_a_plan_is_made_without_ray(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, "aborts")
    photos(tmp_path / "in", 3)
    assert colorize(tiny_model, tmp_path, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "2.png ->" in told and not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_with_its_report(tiny_model: Path, tmp_path: Path, number: signal.Signals) -> None:
    photos(tmp_path / "in")
    code = "import sys; from colorize_cli.pipeline import ray_process, ray_run; "
    code += f"ray_process._CODE = {STAND_IN + HOW['never ends']!r}; ray_run.find_spec = lambda name: True; "
    code += "ray_run.MOST_IN_PART = 2; ray_run._FINISH = 1; "
    code += "from colorize_cli.cli.interrupts import end_at_signals; end_at_signals(); "
    code += "from colorize_cli.cli.app import main; sys.exit(main(sys.argv[1:]))"
    arguments = [tmp_path / "in", "--out", tmp_path / "out", "--engine", "ray", "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments), "--model", str(tiny_model)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    until = time.monotonic() + 100
    while len(list((tmp_path / "out").glob("*.png"))) < 2 and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert report["counts"] == {"done": 2, "interrupted": 6} and report["interrupted"]


def test_all_errors_pass_from_one_process_to_another() -> None:
    import pickle

    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ColorizeError)
    ]
    made = [errors.MissingPackageError("x needs y", package="y")]
    made += [errors.UnreadableFolderError([(Path("/a"), "no")]), errors.DecodeError("bad", path=Path("/a"), hint="do")]
    made += [kind("words", hint="do this") for kind in kinds if kind not in map(type, made)]
    for error in made:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)


def test_a_worker_takes_its_share_of_the_machine_unless_it_is_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_worker, "cores", lambda: 16)
    monkeypatch.setattr(ray_worker, "half_of_memory", lambda: 64 << 30)
    monkeypatch.setattr(ray_worker, "resident_memory", lambda: 1 << 30)
    asked = RunOptions(batch=BatchOptions(photos=("in",), out=Path("out")))
    for share, threads, memory in ((0.25, 4, 17 << 30), (0.01, 2, (1 << 30) + (64 << 30) // 100)):
        options = ray_worker.shared(asked, share)
        assert options.batch.jobs == threads
        assert abs(options.read.max_memory - memory) < 2
    assert ray_worker.shared(asked, 1.0) == asked
    own = replace(asked, batch=replace(asked.batch, jobs=3), read=replace(asked.read, max_memory=5 << 30))
    assert ray_worker.shared(own, 0.25) == own
