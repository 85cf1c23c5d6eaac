"""Two runs into one folder at once: each photo is done by one of them, and the other says so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colorize_cli.files.locks import ResultLocks
from colorize_cli.pipeline.outcome import Status
from tests.inference.conftest import command, grey_photo
from tests.pipeline.test_resume import colorize


def test_each_photo_is_done_by_one_of_two_runs(tiny_model: Path, tmp_path: Path):
    for number in range(12):
        grey_photo(tmp_path / "in" / f"{number}.png", (200, 150), seed=number)
    runs = []
    for number in range(2):
        reports = tmp_path / f"{number}.json"
        arguments = command(tiny_model, tmp_path / "in", "--out", tmp_path / "out", "--report", reports)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        runs.append(subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True))
    assert [run.communicate() and run.returncode for run in runs] == [0, 0]
    photos = [json.loads((tmp_path / f"{number}.json").read_text())["photos"] for number in range(2)]
    by_name = [{row["source"]: row for row in rows} for rows in photos]
    assert len(by_name[0]) == len(by_name[1]) == 12
    for rows in by_name:
        waited = [row for row in rows.values() if row.get("reason") == "done by another run at the same time"]
        assert all(row["status"] == "skipped" for row in waited)
    for name, row in by_name[0].items():
        assert sorted((row["status"], by_name[1][name]["status"])) == ["done", "skipped"], name
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{i}.png" for i in range(12))


@pytest.mark.slow
def test_a_run_takes_over_what_a_killed_one_was_making(tiny_model: Path, tmp_path: Path):
    for number in range(12):
        grey_photo(tmp_path / "in" / f"{number}.png", (200, 150), seed=number)
    arguments = command(tiny_model, tmp_path / "in", "--out", tmp_path / "out", anew=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "out").glob("*.png")) and first.poll() is None:
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)  # it holds its locks, and makes nothing
    finished = len(list((tmp_path / "out").glob("*.png")))
    second = subprocess.Popen([*arguments, "--overwrite"], env=environment, stderr=subprocess.DEVNULL)
    time.sleep(1)
    first.kill()
    first.wait()
    assert second.wait(timeout=100) == 0
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    counts = report["counts"]
    locked = counts.get("skipped", 0)  # finished, and locked still, when the first run was stopped
    assert locked <= finished and counts["done"] == 12 - locked
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == sorted(f"{i}.png" for i in range(12))


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_waits_for_what_another_makes_and_says_so(tiny_model: Path, tmp_path: Path, overwrite: bool):
    photo, out = grey_photo(tmp_path / "p.png"), tmp_path / "out"
    colorize(tiny_model, photo, out=tmp_path / "other")
    out.mkdir()
    other = ResultLocks(out)
    assert other.take("p.png")
    with ThreadPoolExecutor() as pool:
        run = pool.submit(colorize, tiny_model, photo, out=out, overwrite=overwrite)
        time.sleep(1.5)
        assert not run.done()
        shutil.copy2(tmp_path / "other" / "p.png", out / "p.png")
        before = (out / "p.png").stat().st_ino
        other.release("p.png")
        report = run.result()
    other.close()
    assert report.counts == {Status.skipped: 1} and (out / "p.png").stat().st_ino == before
    assert "Another run at the same time did 1 photo of these." in report.notices
