"""Runs over films that are stopped and gone on with; films that are watched for, and done by Ray; what is shown."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from colorize_cli.cli import progress
from colorize_cli.cli.app import main
from tests.clips import Clip, make_film, pan, shots
from tests.inference.conftest import Run, colorize_words, command
from tests.pipeline.test_watching import end, until, watching

POSIX = pytest.mark.skipif(os.name != "posix", reason="ends a process by signals")


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_film_that_a_signal_stopped_goes_on_to_the_same_bytes(
    tiny_model: Path, tmp_path: Path, run: Run, number: int
):
    film = make_film(tmp_path / "a.mp4", [frame for seed in range(12) for frame in pan(50, seed=seed)])
    whole, out = tmp_path / "whole.mp4", tmp_path / "b.mp4"
    assert run(film, "--out", whole).returncode == 0
    process = subprocess.Popen(
        command(tiny_model, film, "--out", out),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background may ignore it
    )  # fmt: skip
    assert until(lambda: process.poll() is not None or bool(list(tmp_path.glob(".colorize-*/*.segment"))))
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said and not out.exists() and list(tmp_path.glob(".colorize-*/*.segment"))
    done = run(film, "--out", out, "--report", tmp_path / "r.json")
    assert done.returncode == 0, done.stderr
    assert "went on from frame" in (tmp_path / "r.json").read_text()
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".colorize*"))


def test_progress_is_frames_their_rate_and_the_time_left(
    tiny_model: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    monkeypatch.setattr(progress, "_AT_ONCE", 0.0)  # a film as short as this may be done before there is a rate
    film = make_film(tmp_path / "a.mp4", pan(40), Clip(sounds=0))
    assert main(colorize_words(tiny_model, film, "--out", tmp_path / "b.mp4")) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("coloring a.mp4: ")]
    told = [
        re.fullmatch(r"coloring a.mp4: (\d+)%, (\d+) of 40 frames(, [\d.]+ frames/s, [\d:]+ left)?", x) for x in lines
    ]
    assert len(told) > 20 and all(told), lines
    done = [int(match[2]) for match in told if match]
    assert done == sorted(done) and done[-1] >= 39 and any(match[3] for match in told if match)


def test_av1_s_encoder_says_nothing_of_its_own(tmp_path: Path, run: Run):
    film = make_film(tmp_path / "a.mp4", pan(4), Clip(sounds=0))
    done = run(film, "--out", tmp_path / "b.mp4", "--codec", "av1")
    assert done.returncode == 0 and "Svt" not in done.stderr + done.stdout, done.stderr


@POSIX
@pytest.mark.slow
@pytest.mark.skipif(find_spec("watchfiles") is None, reason="the extra watch is not installed")
def test_a_film_that_comes_into_a_watched_folder_is_colored(tiny_model: Path, tmp_path: Path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    data = make_film(tmp_path / "a.mp4", pan(30)).read_bytes()
    with watching(tiny_model, folder, out) as process:
        with (folder / "a.mp4").open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            assert not until(lambda: (out / "a.mp4").exists(), 0.2)  # it is not complete
            file.write(data[len(data) // 2 :])
        assert until(lambda: (out / "a.mp4").exists(), 120)
        status, said = end(process, out)
    assert status in (0, 130) and "Traceback" not in said, said
    assert len(shots(out / "a.mp4")) == 30


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed")
def test_ray_does_films_as_the_local_engine_does(tiny_model: Path, tmp_path: Path, run: Run):
    for name in ("a", "b"):
        make_film(tmp_path / "in" / f"{name}.mp4", pan(20, seed=ord(name)))
    assert run(tmp_path / "in", "--out", tmp_path / "one").returncode == 0
    done = run(tmp_path / "in", "--out", tmp_path / "two", "--engine", "ray", "--workers", "1")
    assert done.returncode == 0, done.stderr
    for name in ("a.mp4", "b.mp4"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
