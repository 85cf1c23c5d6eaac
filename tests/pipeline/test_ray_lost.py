"""Ray on this machine, parts of which are killed in the middle of a run; and a run that is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colorize_cli.pipeline import ray_run
from tests.inference.conftest import command, grey_photo
from tests.pipeline.test_ray import children_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ray_run.find_spec("ray") is None, reason="the extra ray is not installed"),
]
PHOTOS = 60


@pytest.fixture
def process(tiny_model: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of which some parts are done, and have been answered for."""
    for number in range(PHOTOS):
        grey_photo(tmp_path / "in" / f"{number}.png", (800, 600), seed=number)
    arguments = [tmp_path / "in", "--out", tmp_path / "out", "--engine", "ray", "--workers", "2"]
    process = subprocess.Popen(command(tiny_model, *arguments, anew=True), stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 300
    while len(list((tmp_path / "out").glob("*.png"))) < 22:  # more than two parts of the batch have
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    yield process
    process.kill()
    process.communicate()


def report_of(tmp_path: Path) -> dict[str, dict[str, int]]:
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert "faults" not in report and sum(report["counts"].values()) == PHOTOS == len(report["photos"])
    done = [row for row in report["photos"] if row["status"] == "done"]
    assert done and all(Path(row["output"]).is_file() for row in done)
    return report


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_run_whose_ray_is_killed_tells_what_was_done_and_ends(
    tmp_path: Path, process: subprocess.Popen[str], name: str
) -> None:
    below = children_of(process.pid)
    servers = [number for number, what in below if f"/{name} " in what]
    assert len(servers) == 1, below
    (server,) = servers
    os.kill(server, signal.SIGKILL)
    _, told = process.communicate(timeout=400)
    assert process.returncode == 1, told
    report = report_of(tmp_path)
    assert set(report["counts"]) == {"done", "failed"}
    reasons = {row["reason"].partition(":")[0] for row in report["failures"]}
    # Ray may give the workers up before it is given up itself
    assert reasons and reasons <= {"Ray was lost", "the workers that did it were lost, several times"}
    assert "The same command does what is left." in " ".join(told.split()) and "Traceback" not in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_finishes_what_is_being_written(
    tmp_path: Path, process: subprocess.Popen[str], number: signal.Signals
) -> None:
    below = children_of(process.pid)
    process.send_signal(number)
    _, told = process.communicate(timeout=100)
    assert process.returncode == 130, told
    report = report_of(tmp_path)
    assert report["interrupted"] and set(report["counts"]) == {"done", "interrupted"}
    results = {str(path) for path in (tmp_path / "out").glob("*.png")}
    assert results == {row["output"] for row in report["photos"] if row["status"] == "done"}
    assert not list((tmp_path / "out").rglob("*.part"))
    until = time.monotonic() + 60
    while [number for number, _ in below if Path(f"/proc/{number}").exists()]:  # nothing of Ray's stays
        assert time.monotonic() < until
        time.sleep(0.2)
