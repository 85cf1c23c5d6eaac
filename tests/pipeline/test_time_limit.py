"""A photo that hangs fails alone, and keeps neither the others nor the end of the process."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from colorize_cli.files import atomic
from colorize_cli.formats import probe as probe_module
from colorize_cli.inference import prepared_photo
from colorize_cli.inference.large_files import Stopped
from colorize_cli.pipeline import finishing, opening
from colorize_cli.pipeline import workers as workers_module
from colorize_cli.pipeline.killable import ForkServer
from colorize_cli.pipeline.workers import Timer, Workers
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options


def only_these_hang(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """No other photo takes too long, however busy the machine is; photos are named a, b and so on."""
    is_over, run = Timer.is_over, ForkServer.run
    places = [ord(name[0]) - ord("a") for name in names]

    def run_with_patience(self: ForkServer, name: str, path: Path, *rest: object) -> object:
        patient = copy.copy(self)
        patient.seconds = self.seconds if path.stem in names else 600
        return run(patient, name, path, *rest)

    monkeypatch.setattr(Timer, "is_over", lambda self, place: place in places and is_over(self, place))
    monkeypatch.setattr(ForkServer, "run", run_with_patience)


def hang(how: str, release: threading.Event) -> None:
    if how == "sleep":
        release.wait(600)
        return
    while not release.is_set():  # a loop of Python's own
        sum(range(1000))


@pytest.mark.parametrize(
    ("how", "stage"),
    [
        ("loop", "open_whole"),
        ("sleep", "write_colored"),
        pytest.param("sleep", "open_whole", marks=pytest.mark.slow),
        pytest.param("loop", "write_colored", marks=pytest.mark.slow),
    ],
)
def test_a_photo_that_hangs_fails_alone(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, how: str
) -> None:
    release = threading.Event()
    home = opening if stage == "open_whole" else finishing
    whole = getattr(home, stage)

    def slow(*said: object, **named: object) -> object:
        path = said[0] if stage == "open_whole" else said[2]
        if "slow" in Path(str(path)).name:
            hang(how, release)
            raise Stopped
        return whole(*said, **named)

    monkeypatch.setattr(home, stage, slow)
    only_these_hang(monkeypatch, "b-slow", "d-slow", "f-slow")
    for name in ("a", "b-slow", "c", "d-slow", "e", "f-slow", "g"):
        grey_photo(tmp_path / "in" / f"{name}.png")
    job = run_options(
        (str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", jobs=2, photo_timeout=0.5, batch=2
    )
    try:
        report = colorize_photos(job)
    finally:
        release.set()
    assert [Path(one.source).stem for one in report.failures] == ["b-slow", "d-slow", "f-slow"]
    reason = str(report.failures[0].reason)
    assert "it took longer than --photo-timeout 0.5 seconds" in reason and "Raise the limit" in reason
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.png")) == ["a", "c", "e", "g"]


def test_a_photo_that_failed_by_its_time_leaves_no_half_file_and_gets_no_result_later(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, sync, hanging = threading.Event(), atomic._sync, list[threading.Thread]()
    own, write = threading.local(), finishing.write_colored

    def slow(path: Path, flags: int) -> None:
        sync(path, flags)
        if path.suffix == ".part" and own.name == "b-slow.png":
            hanging.append(threading.current_thread())
            hang("sleep", release)

    def named(prepared: object, found: object, path: Path, *rest: object, **options: object) -> object:
        own.name = path.name
        return write(prepared, found, path, *rest, **options)  # type: ignore[arg-type]

    grey_photo(tmp_path / "in" / "a.png")
    grey_photo(tmp_path / "in" / "b-slow.png", size=(90, 70))
    job = run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", jobs=2)
    assert colorize_photos(job).exit_status == 0
    result = tmp_path / "out" / "b-slow.png"
    before = result.read_bytes()
    os.utime(result, (1, 1))

    monkeypatch.setattr(atomic, "_sync", slow)
    monkeypatch.setattr(finishing, "write_colored", named)
    only_these_hang(monkeypatch, "b-slow")
    again = replace(job, batch=replace(job.batch, photo_timeout=1.5, overwrite=True))
    try:
        report = colorize_photos(again)
        assert [Path(one.source).stem for one in report.failures] == ["b-slow"]
        assert not list((tmp_path / "out").glob(".*")), "what is half-written goes at once"
    finally:
        release.set()
    for thread in hanging:
        thread.join(60)
    assert len(hanging) == 1 and not hanging[0].is_alive()
    assert os.stat(result).st_mtime == 1 and result.read_bytes() == before, "a failed photo's older result stays"
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".json") == [
        "a.png",
        "b-slow.png",
    ]


@pytest.mark.parametrize("function", ["decode", "probe"])
def test_a_decoder_that_lets_no_thread_have_a_turn_is_ended(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    home = prepared_photo if function == "decode" else probe_module
    whole = getattr(home, function)

    def stuck(path: Path, *rest: object) -> object:
        if "stuck" in path.name:
            re.match(r"(a+)+$", "a" * 64 + "b")  # for ever, and it holds the interpreter
        if "dead" in path.name:
            os.kill(os.getpid(), 9)
        return whole(path, *rest)

    monkeypatch.setattr(home, function, stuck)
    only_these_hang(monkeypatch, "b-stuck")
    for name in ("a", "b-stuck", "c", "d-dead", "e"):
        grey_photo(tmp_path / "in" / f"{name}.png")
    broken = tmp_path / "in" / "f.png"
    broken.write_bytes((tmp_path / "in" / "a.png").read_bytes()[:200])
    job = run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", jobs=2, photo_timeout=0.5)
    report = colorize_photos(job)
    said = {Path(one.source).stem: str(one.reason) for one in report.failures}
    assert list(said) == ["b-stuck", "d-dead", "f"]
    assert "--photo-timeout 0.5 seconds" in said["b-stuck"] and "crashed on it" in said["d-dead"]
    assert "truncated PNG" in said["f"] and "--salvage" in said["f"], "errors keep their hints on their way"
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.png")) == ["a", "c", "e"]


def test_results_are_the_same_with_a_time_limit(tiny_model: Path, tmp_path: Path) -> None:
    for i, suffix in enumerate(("png", "jpg", "tif", "webp", "gif")):
        grey_photo(tmp_path / "in" / f"{i}.{suffix}", seed=i)
    written = dict[str, list[bytes]]()
    for name, limit in (("with", 600.0), ("without", None)):
        job = run_options((str(tmp_path / "in"),), tmp_path / name, str(tiny_model), "cpu", photo_timeout=limit)
        assert colorize_photos(job).exit_status == 0
        written[name] = [path.read_bytes() for path in sorted((tmp_path / name).iterdir()) if path.suffix != ".json"]
    assert written["with"] == written["without"] and len(written["with"]) == 5


def test_the_end_of_the_process_waits_for_no_photo_that_hangs(tiny_model: Path, tmp_path: Path) -> None:
    grey_photo(tmp_path / "in" / "a.png")
    grey_photo(tmp_path / "in" / "slow.png")
    code = """
import sys, time
from colorize_cli.pipeline import opening
from colorize_cli.pipeline.workers import Timer
from colorize_cli.cli.app import main
whole, is_over, server = opening.open_whole, Timer.is_over, opening.ForkServer
def slow(path, *rest):
    if path.name == "slow.png":
        time.sleep(1000)
    return whole(path, *rest)
opening.open_whole = slow
Timer.is_over = lambda self, place: place == 1 and is_over(self, place)  # `a` has all the time it needs
opening.ForkServer = lambda seconds: server(600)
sys.argv = ["colorize", *sys.argv[1:]]
main()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--model"]
    command += [str(tiny_model), "--device", "cpu", "--photo-timeout", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "slow.png" in done.stderr and "--photo-timeout 1 seconds" in done.stderr
    assert (tmp_path / "out" / "a.png").is_file()


def test_a_timer_leaves_waiting_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=5.0)
    monkeypatch.setattr(workers_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    timer = Timer(0.2)
    timer.go(1)
    timer.stop(1)
    clock.now += 0.3
    assert not timer.is_over(1)
    timer.go(1)
    clock.now += 0.25
    assert timer.is_over(1) and not timer.is_over(2)
    timer.add(2, 0.3)
    assert timer.is_over(2) and not Timer(None).is_over(1)


def test_workers_go_on_when_one_of_them_hangs() -> None:
    release = threading.Event()
    workers = Workers(1, "test")
    stuck = workers.submit(release.wait, 600)
    behind = workers.submit(lambda: 7)
    workers.leave_behind(stuck)
    assert behind.result(timeout=60) == 7
    workers.shutdown()
    assert not stuck.done(), "the end waits for it no more"
    release.set()
