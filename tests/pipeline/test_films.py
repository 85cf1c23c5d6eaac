"""Films on the command line and in batches: one outcome each, all that a film has is kept."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.lab import grey_from_lightness, lab_from_srgb
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport
from tests.clips import Clip, av, beside, colorfulness, make_film, pan, shots
from tests.inference.conftest import Run, grey_photo
from tests.runs import colorize_photos, run_options


def colorize(tiny_model: Path, *paths: Path, out: Path, **options: object) -> RunReport:
    job = run_options(tuple(map(str, paths)), out, model=str(tiny_model), device="cpu", **options)  # type: ignore[arg-type]
    return colorize_photos(job)


def outcome_of(tiny_model: Path, film: Path, out: Path, **options: object) -> Outcome:
    told: list[Outcome] = []
    job = run_options((str(film),), out, model=str(tiny_model), device="cpu", **options)  # type: ignore[arg-type]
    colorize_photos(job, lambda progress: told.append(progress.outcome) if progress.outcome else None)
    (outcome,) = told
    return outcome


def lightness_level(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The grey of the same lightness, levels."""
    return 255 * grey_from_lightness(lab_from_srgb(rgb)[..., 0].astype(np.float64))


def test_the_command_line_colors_a_film_and_keeps_all_else(run: Run, tmp_path: Path):
    clip = Clip(subtitles=True, chapters=True, tags=(("title", "The Station"), ("comment", "reel 4")), sounds=2)
    film = make_film(tmp_path / "a.mkv", pan(50), clip)
    out = tmp_path / "a-color.mkv"
    done = run(film, "--out", out)
    assert done.returncode == 0, done.stderr
    before, after = shots(film), shots(out)
    assert [s.seconds for s in before] == [s.seconds for s in after]
    assert min(colorfulness(s.rgb) for s in before) < 3 < min(colorfulness(s.rgb) for s in after)
    apart = [np.abs(a.luma.astype(int) - b.luma).mean() for a, b in zip(before, after, strict=True)]
    assert max(apart) < 3
    kept = beside(after_film := out)
    assert [track.kind for track in kept] == ["audio", "audio", "subtitle"]
    assert kept == beside(film)
    with av.open(str(film)) as one, av.open(str(after_film)) as two:
        assert [c["metadata"]["title"] for c in two.chapters()] == ["Arrival", "Departure"]
        assert [(c["start"], c["end"]) for c in two.chapters()] == [(c["start"], c["end"]) for c in one.chapters()]
        told = {name.lower(): value for name, value in two.metadata.items()}
        assert (told["title"], told["comment"]) == ("The Station", "reel 4")
        assert abs((one.duration or 0) - (two.duration or 0)) <= 40_000


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg"])
def test_each_container_keeps_sound_packet_by_packet_and_every_frame(tiny_model: Path, tmp_path: Path, suffix: str):
    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".mpg": "mpeg2video"}.get(suffix, "libx264")
    film = make_film(tmp_path / f"a{suffix}", pan(30), Clip(codec=codec))
    out = tmp_path / f"b{suffix}"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    assert beside(out) == beside(film)
    assert len(shots(out)) == len(shots(film)) == 30
    assert colorfulness(shots(out)[15].rgb) > 3


def test_a_folder_of_films_and_photos_has_one_outcome_for_each(tiny_model: Path, tmp_path: Path):
    box, out = tmp_path / "box", tmp_path / "out"
    grey_photo(box / "photo.png")
    make_film(box / "reel" / "film.mp4", pan(12))
    (box / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(200))
    (box / "cover.m4a").write_bytes(b"\0\0\0\x18ftypM4A " + bytes(200))
    report = colorize(tiny_model, box, out=out)
    assert report.counts == {Status.done: 2, Status.failed: 1}
    assert (out / "photo.png").exists() and (out / "reel" / "film.mp4").exists()
    assert sorted(p.name for p in out.rglob("*") if p.is_file() and p.suffix in (".mp4", ".png")) == [
        "film.mp4",
        "photo.png",
    ]
    again = colorize(tiny_model, box, out=out)
    assert again.counts == {Status.skipped: 2, Status.failed: 1}


def test_other_settings_make_a_film_again_only_when_told(tiny_model: Path, tmp_path: Path):
    film, out = make_film(tmp_path / "a.mp4", pan(12)), tmp_path / "b.mp4"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    first = out.read_bytes()
    assert colorize(tiny_model, film, out=out, quality=20).counts == {Status.other_settings: 1}
    assert out.read_bytes() == first
    assert colorize(tiny_model, film, out=out, quality=20, overwrite=True).counts == {Status.done: 1}
    assert out.stat().st_size < len(first)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg"])
def test_the_same_film_gives_the_same_bytes(tiny_model: Path, tmp_path: Path, suffix: str):
    film = make_film(tmp_path / "a.mkv", pan(12), Clip(codec="mpeg2video", sounds=0))
    for name in ("b", "c"):
        assert colorize(tiny_model, film, out=tmp_path / f"{name}{suffix}").counts == {Status.done: 1}
    assert (tmp_path / f"b{suffix}").read_bytes() == (tmp_path / f"c{suffix}").read_bytes()


def test_frames_of_uneven_length_keep_their_times(tiny_model: Path, tmp_path: Path):
    times = [0, *np.cumsum([40, 33, 120, 17, 500, 20, 41, 80, 33] * 3 + [25, 90])]
    film = make_film(tmp_path / "a.mkv", pan(30), Clip(times=[int(t) for t in times]))
    out = tmp_path / "b.mkv"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    np.testing.assert_allclose([s.seconds for s in shots(out)], [s.seconds for s in shots(film)], atol=1e-3)
    mp4 = make_film(tmp_path / "a.mp4", pan(30), Clip(times=[int(t) for t in times]))
    assert colorize(tiny_model, mp4, out=tmp_path / "b.mp4").counts == {Status.done: 1}
    np.testing.assert_allclose(
        [s.seconds for s in shots(tmp_path / "b.mp4")], [s.seconds for s in shots(mp4)], atol=1e-4
    )


def test_ten_bits_stay_ten_bits(tiny_model: Path, tmp_path: Path):
    wide = [np.asarray(frame, np.uint16) * 257 + 100 for frame in pan(10)]
    film = make_film(
        tmp_path / "a.mkv",
        wide,
        Clip(codec="libx265", pix_fmt="yuv420p10le", options=(("x265-params", "log-level=none"),)),
    )
    out = tmp_path / "b.mkv"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    with av.open(str(out)) as after:
        assert after.streams.video[0].codec_context.pix_fmt == "yuv420p10le"
        assert after.streams.video[0].codec_context.name == "hevc"
    before, after_ = shots(film), shots(out)
    assert np.unique(after_[5].luma % 4).size == 4
    assert np.abs(before[5].luma.astype(int) - after_[5].luma).mean() < 12


def test_aspect_and_color_tags_stay(tiny_model: Path, tmp_path: Path):
    clip = Clip(aspect=Fraction(16, 15), color=(1, 1, 1, 1))
    film, out = make_film(tmp_path / "a.mp4", pan(10), clip), tmp_path / "b.mp4"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    with av.open(str(out)) as after:
        context = after.streams.video[0].codec_context
        assert context.sample_aspect_ratio == Fraction(16, 15)
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tuple(map(int, tags)) == (1, 1, 1, 1)


@pytest.mark.parametrize("full", [False, True])
def test_tones_look_as_before_whatever_range_a_grey_film_has(tiny_model: Path, tmp_path: Path, full: bool):
    clip = Clip(codec="ffv1", pix_fmt="gray") if full else Clip(codec="ffv1", pix_fmt="yuv420p", color=(1, 1, 1, 1))
    film, out = make_film(tmp_path / "a.mkv", pan(8), clip), tmp_path / "b.mkv"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    apart = [
        np.abs(a.rgb.mean(2) - lightness_level(b.rgb)).mean() for a, b in zip(shots(film), shots(out), strict=True)
    ]
    assert max(apart) < 2.5


def test_without_pyav_films_fail_in_one_line_each_and_photos_are_done(tiny_model: Path, tmp_path: Path):
    box = tmp_path / "box"
    grey_photo(box / "photo.png")
    make_film(box / "film.mp4", pan(5))
    code = "import sys; sys.modules['av'] = None; from colorize_cli.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(box), "--out", str(tmp_path / "out"), "--model", str(tiny_model)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "PyAV" in line]
    assert len(lines) == 1 and "film.mp4" in lines[0] and "[video]" in lines[0]
    assert (tmp_path / "out" / "photo.png").exists() and not (tmp_path / "out" / "film.mp4").exists()


def _stopped_behind(monkeypatch: pytest.MonkeyPatch, segments: int) -> None:
    """Runs end after so many segments have been written, as a power cut would end them."""
    from colorize_cli.pipeline import film_work

    write, written = film_work.write_segment, []

    def stop(*arguments: object) -> None:
        if len(written) == segments:
            raise KeyboardInterrupt
        written.append(arguments)
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(film_work, "write_segment", stop)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_behind_its_last_segment(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    frames = [*pan(120), *pan(70, seed=1)]
    film = make_film(tmp_path / "a.mp4", frames)
    whole, out = tmp_path / "whole.mp4", tmp_path / "b.mp4"
    assert colorize(tiny_model, film, out=whole).counts == {Status.done: 1}
    with monkeypatch.context() as patch:
        _stopped_behind(patch, 1)
        assert colorize(tiny_model, film, out=out).counts == {Status.interrupted: 1}
    assert not out.exists()
    outcome = outcome_of(tiny_model, film, out)
    assert outcome.status is Status.done
    assert [note for note in outcome.notes if "went on from frame " in note], outcome.notes
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if ".segments" in path.name) == []


@pytest.mark.slow
def test_a_film_that_changed_since_is_begun_anew(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    film, out = make_film(tmp_path / "a.mp4", pan(120)), tmp_path / "b.mp4"
    with monkeypatch.context() as patch:
        _stopped_behind(patch, 1)
        colorize(tiny_model, film, out=out)
    make_film(film, pan(110, seed=3))
    outcome = outcome_of(tiny_model, film, out)
    assert outcome.status is Status.done
    assert not any("went on" in note for note in outcome.notes)
    assert len(shots(out)) == 110


def test_a_result_that_stands_is_not_lost_by_a_run_that_fails(tiny_model: Path, tmp_path: Path):
    film, out = make_film(tmp_path / "a.mp4", pan(30)), tmp_path / "b.mp4"
    assert colorize(tiny_model, film, out=out).counts == {Status.done: 1}
    before = out.read_bytes()
    film.write_bytes(film.read_bytes()[:-3000])
    assert colorize(tiny_model, film, out=out, overwrite=True).counts == {Status.failed: 1}
    assert out.read_bytes() == before
