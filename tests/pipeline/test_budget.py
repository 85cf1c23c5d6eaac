"""All photos together stay below one limit, and one that hangs does not keep the others."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from colorize_cli.files.machine import resident_memory
from colorize_cli.formats import probe as probe_module
from colorize_cli.inference import prepared_photo
from colorize_cli.inference.large_files import Stopped
from colorize_cli.pipeline import finishing, opening
from colorize_cli.pipeline import workers as workers_module
from colorize_cli.pipeline.budget import Budget
from colorize_cli.pipeline.killable import ForkServer
from colorize_cli.pipeline.workers import Timer, Workers
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options


def test_photos_wait_until_there_is_room() -> None:
    budget = Budget(resident_memory() + (1 << 30))
    budget.take(1, budget.room - 10)
    budget.take(2, 10)
    order = list[str]()

    def third() -> None:
        budget.take(3, 20)
        order.append("third")

    thread = threading.Thread(target=third)
    thread.start()
    while not budget.is_short:
        time.sleep(0.01)
    order.append("first ends")
    budget.give_back(1)
    budget.give_back(1)
    thread.join()
    assert order == ["first ends", "third"] and not budget.is_short


def test_a_photo_that_is_alone_gets_what_its_plan_allowed_and_a_stop_frees_all() -> None:
    budget = Budget(1)
    assert budget.room == 0
    budget.take(1, 1 << 40)
    caught = list[BaseException]()

    def second() -> None:
        try:
            budget.take(2, 1)
        except Stopped as error:
            caught.append(error)

    thread = threading.Thread(target=second)
    thread.start()
    while not budget.is_short:
        time.sleep(0.01)
    budget.stop()
    thread.join()
    assert len(caught) == 1


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_in_little_memory_ends_with_every_photo_done(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int, batch: int
) -> None:
    most, now = 0, dict[int, int]()
    take, give = Budget.take, Budget.give_back

    def taken(self: Budget, place: int, need: int) -> None:
        nonlocal most
        take(self, place, need)
        now[place] = need
        most = max(most, sum(list(now.values())))

    def given(self: Budget, place: int) -> None:
        now.pop(place, None)
        give(self, place)

    monkeypatch.setattr(Budget, "take", taken)
    monkeypatch.setattr(Budget, "give_back", given)
    for i in range(8):
        grey_photo(tmp_path / "in" / f"{i}.png", (300 + i, 200), seed=i)
    room = 100 << 20  # two of them: each takes 40 MiB at least
    job = run_options(
        (str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", batch=batch, jobs=jobs,
        max_memory=resident_memory() + room + (150 << 20),
    )  # fmt: skip
    report = colorize_photos(job)
    assert report.exit_status == 0 and len(list((tmp_path / "out").glob("*.png"))) == 8
    assert not now and most <= room + (22 << 20)


def test_the_limit_counts_what_the_process_has_already(tiny_model: Path, tmp_path: Path) -> None:
    grey_photo(tmp_path / "in" / "a.png", (400, 300))
    job = run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", max_memory=1 << 20)
    (failure,) = colorize_photos(job).failures
    assert "of memory are needed, more than --max-memory 1M allows" in str(failure.reason)
    said = re.search(r"about ([\d.]+)([MG]) of memory", str(failure.reason))
    assert said is not None
    need = float(said[1]) * {"M": 1, "G": 1024}[said[2]]
    assert need * 1.06 > resident_memory() >> 20 > 40  # said with two digits


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


@pytest.mark.parametrize("stage", ["open_whole", "write_colored"])
@pytest.mark.parametrize("how", ["sleep", "loop"])
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
        (str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", jobs=2, photo_timeout=1.5, batch=2
    )
    try:
        report = colorize_photos(job)
    finally:
        release.set()
    assert [Path(one.source).stem for one in report.failures] == ["b-slow", "d-slow", "f-slow"]
    reason = str(report.failures[0].reason)
    assert "it took longer than --photo-timeout 1.5 seconds" in reason and "Raise the limit" in reason
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.png")) == ["a", "c", "e", "g"]


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
    job = run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", jobs=2, photo_timeout=1.5)
    report = colorize_photos(job)
    said = {Path(one.source).stem: str(one.reason) for one in report.failures}
    assert list(said) == ["b-stuck", "d-dead", "f"]
    assert "--photo-timeout 1.5 seconds" in said["b-stuck"] and "ended the process" in said["d-dead"]
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
    command += [str(tiny_model), "--device", "cpu", "--photo-timeout", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "slow.png" in done.stderr and "--photo-timeout 2 seconds" in done.stderr
    assert (tmp_path / "out" / "a.png").is_file()


@pytest.mark.slow
def test_a_decoder_that_takes_more_than_its_file_declares_is_refused_memory(tiny_model: Path, tmp_path: Path) -> None:
    for name in ("a", "b-greedy", "c"):
        grey_photo(tmp_path / "in" / f"{name}.png")
    code = """
import sys
from colorize_cli.cli.app import main
from colorize_cli.inference import prepared_photo
whole = prepared_photo.decode
def greedy(path, *rest):
    kept = []
    while "greedy" in path.name and len(kept) < 400:  # 100 GB
        kept.append(bytearray(1 << 28))
    return whole(path, *rest)
prepared_photo.decode = greedy
main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(peak)
"""
    command = [sys.executable, "-c", code, "colorize", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--model"]
    command += [str(tiny_model), "--device", "cpu", "--max-memory", "700M"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "b-greedy.png: not enough memory for this photo" in done.stderr.replace("\n", " "), done.stderr
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.png")) == ["a", "c"]


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
    workers.leave_behind()
    assert behind.result(timeout=60) == 7
    workers.shutdown()
    assert not stuck.done(), "the end waits for it no more"
    release.set()


@pytest.mark.slow
def test_the_process_stays_below_max_memory(tiny_model: Path, tmp_path: Path) -> None:
    y, x = np.mgrid[0:3000, 0:4000]
    grey = (127 + 60 * np.sin(x / 90) + 60 * np.cos(y / 70)).astype(np.uint8)
    (tmp_path / "in").mkdir()
    for i, (suffix, options) in enumerate(
        [("png", {}), ("jpg", {}), ("webp", {}), ("gif", {}), ("jpg", {"progressive": True}), ("tif", {})] * 2
    ):
        Image.fromarray(grey).save(tmp_path / "in" / f"{i}.{suffix}", **options)
    code = """
import sys
from colorize_cli.cli.app import main
status = main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(status, int(peak) * 1024)
"""
    command = [sys.executable, "-c", code, "colorize", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--model"]
    command += [str(tiny_model), "--device", "cpu", "--jobs", "4", "--max-memory", "700M"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    status, peak = map(int, done.stdout.split())
    assert status == 0, done.stderr
    assert peak < 700 << 20, f"{peak >> 20} MiB"


@pytest.mark.parametrize("limit", [300_000, 600_000])
def test_a_limit_of_the_shell_that_leaves_too_little_is_one_line(tmp_path: Path, limit: int) -> None:
    grey_photo(tmp_path / "a.png")
    command = f"ulimit -v {limit}; exec {sys.executable} -m colorize_cli {tmp_path / 'a.png'} --out {tmp_path / 'o'}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, env={**os.environ})
    assert done.returncode == 3
    assert "not enough memory to start: a limit of the shell (ulimit -v) leaves" in done.stderr
    assert "ulimit -v unlimited" in done.stderr and "Traceback" not in done.stderr
