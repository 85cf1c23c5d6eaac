"""All photos together stay below one limit of memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.files.machine import resident_memory
from colorize_cli.inference.large_files import Stopped
from colorize_cli.pipeline.budget import Budget
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


def test_a_photo_waits_for_room_beside_others_and_alone_takes_what_it_needs() -> None:
    budget = Budget(resident_memory() * 4 + (1 << 30))
    most = budget.room
    budget.take(0, most * 6 // 10)
    with ThreadPoolExecutor(2) as pool:
        try:
            second = pool.submit(budget.take, 1, most * 6 // 10)
            while not budget.is_short and not second.done():
                time.sleep(0.002)
            assert not second.done(), "both together are more than there may be"
            budget.give_back(0)
            second.result(timeout=60)
            budget.give_back(1)
            pool.submit(budget.take, 2, most * 10).result(timeout=60)  # whether it fits alone was asked before
        finally:
            budget.stop()
