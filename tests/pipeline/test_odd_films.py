"""Films that are turned, interlaced, damaged or in color, and what of the command line is for photos alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.inference.option_values import OnColor
from colorize_cli.pipeline.outcome import Status
from tests.clips import Clip, av, colored, colorfulness, combed, combing, make_film, pan, rotation, shots, turn
from tests.pipeline.test_films import colorize, outcome_of


def test_a_film_that_a_player_turns_is_seen_upright_and_stays_turned(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mp4", pan(10))
    assert rotation(film) == 0
    turned, out = rotation(turn(film)), tmp_path / "b.mp4"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    assert rotation(out) == turned and abs(turned) == 90


def test_interlaced_films_are_named_and_stay_so_or_are_deinterlaced_when_told(tiny_model: Path, tmp_path: Path):
    clip = Clip(interlaced=True, sounds=0)
    film = make_film(tmp_path / "a.mp4", combed(12), clip)
    told = outcome_of(tiny_model, film, tmp_path / "b.mp4")
    assert told.status is Status.done and any("interlaced" in note and "--deinterlace" in note for note in told.notes)
    assert [f.interlaced for f in shots(tmp_path / "b.mp4")] == [True] * 12
    assert combing(shots(tmp_path / "b.mp4")) > 0.8 * combing(shots(film))
    told = outcome_of(tiny_model, film, tmp_path / "c.mp4", deinterlace=True)
    assert told.status is Status.done and any("was interlaced" in note for note in told.notes)
    after = shots(tmp_path / "c.mp4")
    assert len(after) == 12 and not any(f.interlaced for f in after)
    assert combing(after) < 0.4 * combing(shots(film))


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mpg", ".mp4", ".ts"])
def test_a_truncated_film_fails_in_one_line_and_gives_what_is_there_with_salvage(
    tiny_model: Path, tmp_path: Path, suffix: str
):
    codec = {".avi": "mpeg4", ".mpg": "mpeg2video"}.get(suffix, "libx264")
    options = (("movflags", "faststart"),) if suffix == ".mp4" else ()
    film = make_film(tmp_path / f"a{suffix}", pan(60), Clip(codec=codec, container=options))
    data = film.read_bytes()
    film.write_bytes(data[: len(data) * 2 // 5])
    out = tmp_path / ("b.mkv" if suffix == ".ts" else f"b{suffix}")
    told = outcome_of(tiny_model, film, out)
    assert told.status is Status.failed and "--salvage" in str(told.reason), told
    assert not out.exists()
    told = outcome_of(tiny_model, film, out, salvage=True)
    assert told.status is Status.done, told
    assert told.notes
    found = shots(out)
    assert 5 < len(found) < (61 if suffix == ".mpg" else 60)  # there the pictures come first
    assert colorfulness(found[5].rgb) > 3


def test_a_film_without_its_index_cannot_be_salvaged_and_says_so(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mp4", pan(60))
    film.write_bytes(film.read_bytes()[:-2000])
    told = outcome_of(tiny_model, film, tmp_path / "b.mp4", salvage=True)
    assert told.status is Status.failed and "index" in str(told.reason)


def test_a_film_whose_picture_changes_its_size_is_refused_and_told_where(tiny_model: Path, tmp_path: Path):
    clip = Clip(codec="mpeg2video", sounds=0)
    parts = [make_film(tmp_path / f"{n}.m2v", pan(25, size), clip) for n, size in enumerate([(96, 64), (64, 64)])]
    film = tmp_path / "a.m2v"
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    told = outcome_of(tiny_model, film, tmp_path / "b.mkv")
    assert told.status is Status.failed and not (tmp_path / "b.mkv").exists()
    assert "changes its size at 0:00:01, from 96 x 64 to 64 x 64" in str(told.reason)


@pytest.mark.parametrize("on_color", ["copy", "keep-regions"])
def test_a_film_in_color_is_copied_as_it_is(tiny_model: Path, tmp_path: Path, on_color: str):
    film = make_film(tmp_path / "box" / "a.mp4", colored(20), Clip(chapters=True, sounds=2))
    report = colorize(tiny_model, tmp_path / "box", out=tmp_path / "out", on_color=OnColor(on_color))
    assert report.counts == {Status.copied: 1}
    assert (tmp_path / "out" / "a.mp4").read_bytes() == film.read_bytes()
    again = colorize(tiny_model, tmp_path / "box", out=tmp_path / "out", on_color=OnColor(on_color))
    assert again.counts == {Status.skipped: 1}


@pytest.mark.slow
def test_a_film_in_color_is_left_or_recolored_when_told(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mp4", colored(20))
    assert outcome_of(tiny_model, film, tmp_path / "b.mp4", on_color=OnColor.skip).status is Status.left_color
    assert not (tmp_path / "b.mp4").exists()
    assert outcome_of(tiny_model, film, tmp_path / "b.mp4", on_color=OnColor.recolor).status is Status.done
    apart = [
        np.abs(a.rgb.astype(int) - b.rgb).mean() for a, b in zip(shots(film), shots(tmp_path / "b.mp4"), strict=True)
    ]
    assert min(apart) > 5


@pytest.mark.slow
def test_shots_in_color_keep_it_and_the_others_get_some(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mp4", [*colored(24), *(np.repeat(f[..., None], 3, 2) for f in pan(30, seed=5))])
    told = outcome_of(tiny_model, film, tmp_path / "b.mp4")
    assert told.status is Status.done and any("24 frames of 54" in note for note in told.notes), told.notes
    before, after = shots(film), shots(tmp_path / "b.mp4")
    assert max(np.abs(a.rgb.astype(int) - b.rgb).mean() for a, b in zip(before[:24], after[:24], strict=True)) < 3
    assert min(colorfulness(frame.rgb) for frame in after[25:]) > 3


@pytest.mark.parametrize(("codec", "name"), [("hevc", "hevc"), ("ffv1", "ffv1"), ("mpeg4", "mpeg4")])
def test_codec_says_how_the_picture_is_coded(tiny_model: Path, tmp_path: Path, codec: str, name: str):
    film, out = make_film(tmp_path / "a.mp4", pan(8)), tmp_path / "b.mkv"
    assert outcome_of(tiny_model, film, out, codec=codec).status is Status.done
    with av.open(str(out)) as found:
        assert found.streams.video[0].codec_context.name == name
    assert len(shots(out)) == 8


def test_a_container_that_cannot_hold_a_codec_says_which_it_can(tiny_model: Path, tmp_path: Path):
    told = outcome_of(tiny_model, make_film(tmp_path / "a.mp4", pan(5)), tmp_path / "b.webm", codec="h264")
    assert told.status is Status.failed and "--codec vp9 or av1" in str(told.reason)
    assert not (tmp_path / "b.webm").exists()


@pytest.mark.parametrize("options", [{"compare": True}, {"variants": 3}, {"gallery": True}])
def test_options_for_photos_do_not_make_a_film_again(tiny_model: Path, tmp_path: Path, options: dict[str, object]):
    film = make_film(tmp_path / "box" / "a.mp4", pan(12))
    for expected in (Status.done, Status.skipped):
        report = colorize(tiny_model, film.parent, out=tmp_path / "out", **options)
        assert report.counts == {expected: 1}


@pytest.mark.slow
def test_durations_are_equal_to_one_frame(tiny_model: Path, tmp_path: Path):
    for suffix in (".mp4", ".mkv"):
        film, out = make_film(tmp_path / f"a{suffix}", pan(33)), tmp_path / f"b{suffix}"
        assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
        with av.open(str(film)) as one, av.open(str(out)) as two:
            assert abs(one.duration - two.duration) <= 40_000
            for before, after in zip(one.streams, two.streams, strict=True):
                if before.duration is not None:
                    assert (
                        abs(float(before.duration * before.time_base) - float(after.duration * after.time_base)) <= 0.04
                    )


_PEAK = """
import sys
from pathlib import Path
from colorize_cli import Colorizer
from colorize_cli.pipeline.run_options import BatchOptions

begun = False

def after_300(step):
    global begun
    if not begun and step.part is not None and step.part.done >= 300:
        begun = True
        Path("/proc/self/clear_refs").write_text("5")  # the peak from here on, not that of loading

batch = BatchOptions(listed=(sys.argv[2],), out=Path(sys.argv[3]))
Colorizer(sys.argv[1], device="cpu").run(batch, on_progress=after_300).finish()
assert begun
with open("/proc/self/status") as file:
    print(next(int(line.split()[1]) for line in file if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_memory_does_not_grow_with_length(quick_model: Path, tmp_path: Path):
    peaks = []
    for count in (600, 2400):  # 10,000 are in tests/benchmarks/video.py
        film, out = make_film(tmp_path / f"{count}.mp4", _shots_of(250, count)), tmp_path / f"{count}-color.mp4"
        command = [sys.executable, "-c", _PEAK, str(quick_model), str(film), str(out)]
        kept = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}  # what is given back goes to the system
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **kept})
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 6_000  # kB; 1800 frames as they are coded are 16,000 kB, their pixels 11,000


def _shots_of(each: int, count: int) -> Iterator[NDArray[np.uint8]]:
    for number in range(0, count, each):
        yield from pan(min(each, count - number), seed=number)
