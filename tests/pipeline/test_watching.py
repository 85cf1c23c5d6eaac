"""A folder that is watched: what comes is colored once it is complete."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.inference.conftest import grey_photo

pytest.importorskip("watchfiles", reason="the extra watch is not installed")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends a process by signals")
LOG = "colorize-report.watch.jsonl"


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return bool(true())


@contextmanager
def watching(tiny_model: Path, folder: Path, out: Path, settle: float = 0.4) -> Iterator[subprocess.Popen[str]]:
    arguments = ["watch", str(folder), "--out", str(out), "--settle", str(settle), "--model", str(tiny_model)]
    told = out.with_suffix(".txt")  # no pipe, which would fill up
    with told.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "colorize_cli", *arguments, "--device", "cpu"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=stderr,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background may ignore it
        )
    assert until(lambda: "Watching" in told.read_text() or process.poll() is not None)
    assert process.poll() is None, told.read_text()
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def end(process: subprocess.Popen[str], out: Path, number: int = signal.SIGTERM) -> tuple[int, str]:
    process.send_signal(number)
    return process.wait(timeout=60), out.with_suffix(".txt").read_text()


def rows(out: Path) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    return [line for line in lines if "source" in line]


def is_color(path: Path) -> bool:
    with Image.open(path) as image:
        image.load()
        bands = image.convert("RGB").split()
        return any(low != high for low, high in zip(*(band.tobytes() for band in bands[:2]), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_does_what_is_there_what_comes_and_after_a_restart_what_it_missed(
    tiny_model: Path, tmp_path: Path, number: int
):
    scans, out = tmp_path / "scans", tmp_path / "out"
    grey_photo(scans / "there.png")
    with watching(tiny_model, scans, out) as process:
        assert until(lambda: (out / "there.png").exists())
        grey_photo(scans / "new box" / "came.png", seed=1)
        assert until(lambda: (out / "new box" / "came.png").exists())
        status, told = end(process, out, number)
    assert status == 0 and "Traceback" not in told and "Started again" in told
    grey_photo(scans / "missed.png", seed=2)
    (scans / "bad.png").write_bytes(b"no picture")
    with watching(tiny_model, scans, out) as process:
        assert until(lambda: (out / "missed.png").exists())
        assert until(lambda: len(rows(out)) == 4)
        status, told = end(process, out, number)
    assert status == 1 and "bad.png" in told
    assert sorted((Path(row["source"]).name, row["status"]) for row in rows(out)) == [
        ("bad.png", "failed"), ("came.png", "done"), ("missed.png", "done"), ("there.png", "done"),
    ]  # fmt: skip
    assert all(is_color(path) for path in out.rglob("*.png")) and not list(out.rglob("*.part"))


@pytest.mark.slow
def test_a_slow_writer_and_one_that_replaces(tiny_model: Path, tmp_path: Path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    data = grey_photo(tmp_path / "made.png", (300, 200)).read_bytes()
    other = grey_photo(tmp_path / "other.png", (300, 200), seed=9)
    with watching(tiny_model, scans, out, settle=1.0) as process:
        with (scans / "slow.png").open("wb", buffering=0) as file:
            for start in range(0, len(data), len(data) // 12 + 1):
                file.write(data[start : start + len(data) // 12 + 1])
                assert not (out / "slow.png").exists()
                time.sleep(0.3)
        assert until(lambda: (out / "slow.png").exists())
        first = (out / "slow.png").read_bytes()
        shutil.copy(other, tmp_path / "part")
        os.replace(tmp_path / "part", scans / "slow.png")
        assert until(lambda: (out / "slow.png").read_bytes() != first)
        (scans / "slow.png").write_bytes(data)  # in place
        assert until(lambda: (out / "slow.png").read_bytes() == first)
        assert end(process, out)[0] == 0
    assert [row["status"] for row in rows(out)] == ["done"] * 3  # never taken half


@pytest.mark.slow
def test_a_renamed_photo_s_result_is_renamed_and_a_deleted_one_s_stays(tiny_model: Path, tmp_path: Path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    for number in range(3):
        grey_photo(scans / f"{number}.png", seed=number)
    with watching(tiny_model, scans, out) as process:
        assert until(lambda: len(list(out.glob("*.png"))) == 3)
        before = (out / "0.png").read_bytes()
        (scans / "box").mkdir()
        os.rename(scans / "0.png", scans / "box" / "grandma.png")
        (scans / "1.png").unlink()
        assert until(lambda: (out / "box" / "grandma.png").exists())
        grey_photo(scans / "3.png", seed=3)
        assert until(lambda: (out / "3.png").exists())
        assert end(process, out)[0] == 0
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))
    assert names == ["1.png", "2.png", "3.png", "box/grandma.png"]
    assert (out / "box" / "grandma.png").read_bytes() == before and len(rows(out)) == 4


@pytest.mark.slow
def test_a_flood_of_2000_files(tiny_model: Path, tmp_path: Path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    made = [grey_photo(tmp_path / f"{seed}.png", (40, 30), seed=seed) for seed in range(4)]
    scans.mkdir()
    with watching(tiny_model, scans, out) as process:
        for number in range(2000):
            target = scans / f"box{number % 10}" / f"{number}.png"
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(made[number % 4], target)
        assert until(lambda: len(list(out.rglob("*.png"))) == 2000, 1500)
        assert end(process, out)[0] == 0
    told = [row["source"] for row in rows(out) if row["status"] == "done"]
    assert len(told) == len(set(told)) == 2000
    assert len({str(p.relative_to(out)) for p in out.rglob("*.png")}) == 2000


def test_without_the_library_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from colorize_cli.cli.app import main
    from colorize_cli.pipeline import watching as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    from colorize_cli.errors import MissingPackageError

    with pytest.raises(MissingPackageError, match="watching a folder needs watchfiles"):
        module.FolderWatch(module.BatchOptions(photos=(str(tmp_path),)), lambda batch: None, 1.0)  # type: ignore
    assert main(["watch", str(tmp_path)]) == 3


@pytest.mark.parametrize("arguments", [["missing"], [".", "--out", "."], [".", "--settle", "0"], ["a.png"]])
def test_what_cannot_be_watched_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    from colorize_cli.cli.app import main

    monkeypatch.chdir(tmp_path)
    grey_photo(tmp_path / "a.png")
    assert main(["watch", *arguments]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
