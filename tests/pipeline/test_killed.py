"""What is left when a run ends in the middle: killed, or with a full disk."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.inference.conftest import command, grey_photo

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Twenty photos: large, small, grey, colored and broken ones, in several formats."""
    folder = tmp_path / "in"
    for number in range(14):
        suffix = ("jpg", "png", "tif", "webp", "gif", "bmp", "jp2")[number % 7]
        grey_photo(folder / f"box{number % 3}" / f"{number}.{suffix}", (300 + 40 * number, 200), seed=number)
    for number in range(3):
        colored = np.random.default_rng(number).integers(0, 255, (80, 60, 3), np.uint8)
        Image.fromarray(colored).save(folder / f"colored{number}.png")
    for number, suffix in enumerate(("jpg", "png", "tif")):
        grey_photo(folder / f"large{number}.{suffix}", (700, 500), seed=number)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 400)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What a person sees in a folder, but for the report."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.suffix != ".json"}


def check_report(out: Path, photos: int) -> dict[str, int]:
    report = json.loads((out / "colorize-report.json").read_text())
    counts = dict(report["counts"])
    assert sum(counts.values()) == report["discovered"] == len(report["photos"]) == photos
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("kills", [60])
def test_killed_at_any_moment_nothing_is_lost_and_nothing_wrong_passes(
    tiny_model: Path, album: Path, tmp_path: Path, kills: int
):
    def start(out: Path) -> subprocess.Popen[bytes]:
        arguments = command(tiny_model, album, "--out", out, "--compare", "--jobs", "2", anew=True)
        return subprocess.Popen(arguments, env=ENVIRONMENT, stderr=subprocess.DEVNULL)

    started = time.monotonic()
    assert start(tmp_path / "whole").wait() == 1  # one photo is broken
    lasts = time.monotonic() - started
    whole = contents(tmp_path / "whole")
    check_report(tmp_path / "whole", 21)
    chance, out, ended = random.Random(16), tmp_path / "out0", 0
    for number in range(kills):
        run = start(out)
        try:
            run.wait(chance.uniform(0.2, 1.0) * lasts)
            ended += 1
            assert contents(out) == whole
            out = tmp_path / f"out{number + 1}"  # begin anew
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
        for name, data in contents(out).items() if out.exists() else ():
            assert data == whole[name], (number, name)
    assert ended < kills
    assert start(out).wait() == 1
    assert contents(out) == whole
    assert check_report(out, 21)["failed"] == 1
    assert [path.name for path in out.rglob(".*")] == []


def limited(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    "room", [pytest.param(0, marks=pytest.mark.slow), 30_000, pytest.param(100_000, marks=pytest.mark.slow)]
)
def test_a_disk_that_is_full_fails_photos_by_name_and_loses_nothing(
    tiny_model: Path, album: Path, tmp_path: Path, room: int
):
    out = tmp_path / "out"
    arguments = command(tiny_model, album, "--out", out)
    run = subprocess.run(
        arguments, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: limited(room), check=False
    )
    assert run.returncode in (1, 3) and "Traceback" not in run.stderr
    left = contents(out)
    assert subprocess.run(arguments, env=ENVIRONMENT, stderr=subprocess.DEVNULL, check=False).returncode == 1
    whole = contents(out)
    assert len(whole) == 20 and left.items() <= whole.items()
    assert all(len(data) <= room for data in left.values())
    counts = check_report(out, 21)
    assert counts["failed"] == 1 and counts.get("skipped", 0) == len(left)
    assert f"{21 - len(left)} failed" in run.stderr or run.stderr.count("failed") >= 21 - len(left)
