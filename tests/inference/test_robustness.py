"""Kills, full disks, odd places and odd names: nothing lost, nothing half-written, the same command completes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.inference.conftest import Run, command, grey_photo

COUNT = 24


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "in"
    for i in range(COUNT):
        grey_photo(folder / f"{i}.png", (350, 250), seed=i)
    return folder


def whole(folder: Path) -> list[str]:
    """Names of the pictures in a folder, each of which must decode to its end."""
    names = []
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix not in (".json", ".lock") and not file.name.endswith(".part"):
            with Image.open(file) as image:
                image.load()
                assert image.mode == "RGB"
            names.append(file.name)
    return sorted(names)


def stop_midway(quick_model: Path, photos: Path, out: Path, number: signal.Signals) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command(quick_model, photos, "--out", out),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    deadline = time.monotonic() + 90
    while len(list(out.glob("*.png"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    return process


@pytest.mark.slow
def test_a_killed_batch_leaves_whole_files_and_goes_on(quick_model: Path, photos: Path, tmp_path: Path, run: Run):
    out = tmp_path / "out"
    process = stop_midway(quick_model, photos, out, signal.SIGKILL)
    process.communicate(timeout=300)
    survivors = {name: (out / name).stat().st_mtime_ns for name in whole(out)}
    assert 0 < len(survivors) < COUNT
    assert run(photos, "--out", out).returncode == 0
    assert len(whole(out)) == COUNT
    assert not list(out.rglob("*.part"))


def test_ctrl_c_leaves_no_half_file_and_says_how_to_go_on(quick_model: Path, photos: Path, tmp_path: Path, run: Run):
    out = tmp_path / "out"
    process = stop_midway(quick_model, photos, out, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert "same command again" in errors and "Traceback" not in errors
    assert not list(out.rglob("*.part")) and 0 < len(whole(out)) < COUNT
    assert run(photos, "--out", out).returncode == 0
    assert len(whole(out)) == COUNT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB, then of 60 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.slow
def test_a_full_disk_fails_by_name_and_more_room_completes(quick_model: Path, photos: Path, small_disk: Path, run: Run):
    result = run(photos, "--out", small_disk / "out")
    assert result.returncode == 1 and "disk is full" in result.stderr and "Traceback" not in result.stderr
    done = len(whole(small_disk / "out"))
    assert done < COUNT and not list(small_disk.rglob("*.part"))
    subprocess.run(["mount", "-o", "remount,size=60m", small_disk], check=True)
    assert run(photos, "--out", small_disk / "out").returncode == 0
    assert len(whole(small_disk / "out")) == COUNT


def test_a_read_only_output_is_said(tmp_path: Path, run: Run):
    photo = grey_photo(tmp_path / "in" / "a.png")
    file = tmp_path / "file"
    file.write_text("no folder")
    result = run(photo, "--out", file / "out")
    assert result.returncode == 3 and "Traceback" not in result.stderr  # the only photo failed
    assert "a.png" in result.stderr and "cannot make the folder" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_without_permission_is_said(tmp_path: Path, run: Run):
    photo = grey_photo(tmp_path / "in" / "a.png")
    (tmp_path / "locked").mkdir(mode=0o500)
    result = run(photo, "--out", tmp_path / "locked" / "out")
    assert result.returncode == 3 and "ermission" in result.stderr


def test_an_output_inside_the_input_is_not_taken_for_input(tmp_path: Path, run: Run):
    grey_photo(tmp_path / "in" / "a.png")
    for _ in range(2):
        assert run(tmp_path / "in", "--out", tmp_path / "in" / "colored").returncode == 0
    assert whole(tmp_path / "in" / "colored") == ["a.png"]


def test_results_beside_their_sources_are_not_taken_for_input(tmp_path: Path, run: Run):
    grey_photo(tmp_path / "in" / "a.png")
    for _ in range(2):
        assert run(tmp_path / "in", "--out", tmp_path / "in", "--suffix", "_color").returncode == 0
    names = sorted(file.name for file in (tmp_path / "in").glob("*.png"))
    assert names == ["a.png", "a_color.png"]


def test_odd_names_and_loops(tmp_path: Path, run: Run):
    names = ["two words.png", "line\nbreak.png", "süß 🦊.png", "-dash.png", "[x].png", "\udcff.png"]
    for i, name in enumerate(names):
        grey_photo(tmp_path / "plain.png", seed=i).rename(tmp_path / "in" / name) if i else grey_photo(
            tmp_path / "in" / name, seed=i
        )
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    result = run(tmp_path / "in", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert whole(tmp_path / "out") == sorted(names)


def test_an_unreadable_file_does_not_stop_the_others(tmp_path: Path, run: Run):
    grey_photo(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "in" / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.jpg")
    result = run(tmp_path / "in", "--out", tmp_path / "out")
    assert result.returncode == 1 and whole(tmp_path / "out") == ["a.png"]
    assert "gone.png" in result.stderr and "pipe.jpg" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.slow
def test_two_processes_on_one_output_lose_nothing(quick_model: Path, photos: Path, tmp_path: Path):
    out = tmp_path / "out"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen(command(quick_model, photos, "--out", out), stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert len(whole(out)) == COUNT and not list(out.rglob("*.part"))


def test_names_at_the_file_systems_limit(tmp_path: Path, run: Run):
    name = "ä" * 125 + ".png"  # 254 bytes
    grey_photo(tmp_path / "plain.png").rename(tmp_path / name)
    deep = tmp_path / "in" / "/".join(["folder-of-many-letters"] * 15)
    deep.mkdir(parents=True)
    (tmp_path / name).rename(deep / name)
    result = run(tmp_path / "in", "--out", tmp_path / "out", "--suffix", "_in_color")
    assert result.returncode == 0, result.stderr
    assert len(whole(tmp_path / "out")) == 1


def test_verification_finds_a_result_that_lies(quick_model: Path, tmp_path: Path, run: Run, monkeypatch):

    from colorize_cli.inference import painting
    from tests.runs import colorize_photos, run_options

    photo = grey_photo(tmp_path / "in" / "a.png")
    job = run_options((str(photo),), tmp_path / "good", model=str(quick_model), device="cpu", verify=True)
    assert colorize_photos(job).exit_status == 0
    honest = painting.merge
    monkeypatch.setattr(painting, "merge", lambda *given: honest(*given) // 2)
    lying = run_options((str(photo),), tmp_path / "bad", model=str(quick_model), device="cpu", verify=True)
    report = colorize_photos(lying)
    assert report.exit_status == 3 and "lightness differs" in (report.failures[0].reason or "")
