"""What lies beside a film's picture, and how fine that is: kept, or said before anything is colored."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from colorize_cli.color.spaces import BT2020, SRGB
from colorize_cli.formats.video.planes import pixels_of
from colorize_cli.pipeline.film_work import FilmWork
from colorize_cli.pipeline.outcome import Status
from tests.clips import Clip, av, beside, make_film, pan, rotation, shots, turn
from tests.pipeline.test_films import outcome_of


def pix_fmt(path: Path) -> tuple[str, str]:
    """A film's codec, and the layout of its samples."""
    with av.open(str(path)) as film:
        context = film.streams.video[0].codec_context
        return context.name, context.pix_fmt


@pytest.mark.parametrize(
    ("suffix", "clip", "expected"),
    [
        (".mkv", Clip(codec="ffv1", pix_fmt="yuv444p12le", sounds=0), ("ffv1", "yuv444p12le")),
        (".mov", Clip(codec="mjpeg", pix_fmt="yuvj422p", sounds=0), ("mjpeg", "yuvj422p")),
        (".avi", Clip(codec="huffyuv", pix_fmt="yuv422p", sounds=0), ("ffv1", "yuv422p")),
        (".mkv", Clip(codec="ffv1", pix_fmt="gray", sounds=0), ("ffv1", "yuv444p")),
        (".mov", Clip(codec="v210", pix_fmt="yuv422p10le", sounds=0), ("prores", "yuv422p10le")),
    ],
)
def test_chroma_stays_as_fine_as_it_is_and_what_has_no_loss_has_none(
    tiny_model: Path, tmp_path: Path, suffix: str, clip: Clip, expected: tuple[str, str]
):
    film, out = make_film(tmp_path / f"a{suffix}", pan(6), clip), tmp_path / f"b{suffix}"
    assert outcome_of(tiny_model, film, out).status is Status.done
    assert pix_fmt(out) == expected


def test_chroma_that_becomes_coarser_is_said(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mkv", pan(6), Clip(codec="ffv1", pix_fmt="yuv444p", sounds=0))
    told = outcome_of(tiny_model, film, tmp_path / "b.mp4")
    assert told.status is Status.done and pix_fmt(tmp_path / "b.mp4") == ("h264", "yuv420p")
    assert any("its chroma was 4:4:4, and is 4:2:0 now" in note for note in told.notes), told.notes


def test_a_picture_that_a_player_turns_is_turned_where_the_container_cannot_say_so(tiny_model: Path, tmp_path: Path):
    film = turn(make_film(tmp_path / "a.mp4", pan(8)))
    assert rotation(film) == -90
    told = outcome_of(tiny_model, film, tmp_path / "b.mkv")
    assert told.status is Status.done and any("its picture was turned" in note for note in told.notes)
    before, after = shots(film)[4].luma, shots(tmp_path / "b.mkv")[4].luma
    assert rotation(tmp_path / "b.mkv") == 0 and after.shape == before.shape[::-1]
    assert abs(cv2.rotate(before, cv2.ROTATE_90_CLOCKWISE).astype(int) - after).mean() < 4


def test_a_result_that_cannot_hold_the_sound_is_refused_before_anything_is_colored(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(FilmWork, "run", lambda _: pytest.fail("it was colored"))
    film = make_film(tmp_path / "a.mkv", pan(6), Clip(codec="mpeg2video"))
    told = outcome_of(tiny_model, film, tmp_path / "b.mpg")
    assert told.status is Status.failed and "cannot hold its sound (aac)" in str(told.reason)


@pytest.mark.parametrize(("suffix", "other"), [(".mp4", ".mkv"), (".mkv", ".mp4"), (".mkv", ".mkv"), (".mp4", ".mp4")])
def test_a_cover_stays_whatever_the_container(tiny_model: Path, tmp_path: Path, suffix: str, other: str):
    base, film, picture = make_film(tmp_path / f"c{suffix}", pan(6)), tmp_path / f"a{suffix}", tmp_path / "cover.png"
    cv2.imwrite(str(picture), next(pan(1, seed=4)))
    with av.open(str(base)) as one, av.open(str(picture)) as two, av.open(str(film), "w") as out:
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in one.streams}
        cover = None
        if suffix == ".mkv":
            out.add_attachment("cover.png", "image/png", picture.read_bytes())
        else:
            cover = out.add_stream_from_template(two.streams[0], opaque=True)
            cover.disposition = av.stream.Disposition.attached_pic
        for packet in [*(two.demux() if cover else ()), *one.demux()]:
            if packet.size:
                packet.stream = cover if packet.stream in two.streams.video else streams[packet.stream_index]
                out.mux(packet)
    result = tmp_path / f"b{other}"
    told = outcome_of(tiny_model, film, result)
    assert told.status is Status.done and not told.notes, told
    with av.open(str(result)) as found:
        (stream,) = [s for s in found.streams.video if s.disposition & av.stream.Disposition.attached_pic]
        assert next(bytes(p) for p in found.demux(stream) if p.size) == picture.read_bytes()


def test_a_cover_that_the_container_cannot_hold_is_left_out_and_said(tiny_model: Path, tmp_path: Path):
    film, picture = tmp_path / "a.mkv", tmp_path / "cover.png"
    cv2.imwrite(str(picture), next(pan(1, seed=4)))
    base = make_film(tmp_path / "c.webm", pan(6), Clip(codec="libvpx-vp9", sounds=0))
    with av.open(str(base)) as one, av.open(str(film), "w") as out:
        stream = out.add_stream_from_template(one.streams.video[0], opaque=True)
        out.add_attachment("cover.png", "image/png", picture.read_bytes())
        for packet in one.demux():
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    told = outcome_of(tiny_model, film, tmp_path / "b.webm")
    assert told.status is Status.done and any("cover" in note and "left out" in note for note in told.notes), told


def test_languages_are_those_that_quicktime_knows(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mp4", pan(6), Clip(sounds=3))
    assert outcome_of(tiny_model, film, tmp_path / "b.mov").status is Status.done
    assert [track.language for track in beside(tmp_path / "b.mov")] == ["eng", "ger", "fra"]


def test_hdr_is_said(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mkv", pan(6), Clip(color=(9, 9, 16, 1), sounds=0))
    told = outcome_of(tiny_model, film, tmp_path / "b.mkv")
    assert told.status is Status.done and any("HDR (PQ)" in note for note in told.notes), told


def test_tags_that_a_container_cannot_hold_are_named(tiny_model: Path, tmp_path: Path):
    clip = Clip(tags=(("title", "The Station"), ("reel", "7"), ("shelf", "B 12")), codec="mpeg4", sounds=0)
    film = make_film(tmp_path / "a.mkv", pan(6), clip)
    told = outcome_of(tiny_model, film, tmp_path / "b.avi")
    assert told.status is Status.done
    assert [note for note in told.notes if "cannot hold were left out: reel, shelf" in note], told.notes
    assert not outcome_of(tiny_model, film, tmp_path / "b.mkv").notes
    assert not outcome_of(tiny_model, film, tmp_path / "b.mp4").notes


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_time_codes_go_along(tiny_model: Path, tmp_path: Path, suffix: str):
    base, film = make_film(tmp_path / "c.mov", pan(6), Clip(sounds=0)), tmp_path / "a.mov"
    with av.open(str(base)) as one, av.open(str(film), "w") as out:
        stream = out.add_stream_from_template(one.streams.video[0], opaque=True)
        stream.metadata["timecode"] = "01:02:03:04"
        for packet in one.demux():
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    with av.open(str(film)) as found:
        assert [s.type for s in found.streams] == ["video", "data"]
    told = outcome_of(tiny_model, film, tmp_path / f"b{suffix}")
    assert told.status is Status.done and not told.notes, told
    with av.open(str(tmp_path / f"b{suffix}")) as found:
        tags = {name.lower(): value for name, value in found.streams.video[0].metadata.items()}
        assert tags["timecode"] == "01:02:03:04"
        assert len(found.streams) == (1 if suffix == ".mkv" else 2)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_chapters_of_an_mp4_are_kept_and_nothing_is_said_to_be_lost(tiny_model: Path, tmp_path: Path, suffix: str):
    film = make_film(tmp_path / "a.mp4", pan(12), Clip(chapters=True))
    told = outcome_of(tiny_model, film, tmp_path / f"b{suffix}")
    assert told.status is Status.done and not told.notes, told.notes
    with av.open(str(tmp_path / f"b{suffix}")) as found:
        assert [chapter["metadata"]["title"] for chapter in found.chapters()] == ["Arrival", "Departure"]


@pytest.mark.parametrize("suffix", [".avi", ".mpg"])
def test_chapters_that_a_container_cannot_hold_are_said_to_be_lost(tiny_model: Path, tmp_path: Path, suffix: str):
    film = make_film(tmp_path / "a.mkv", pan(6), Clip(chapters=True, codec="mpeg2video", sounds=0))
    told = outcome_of(tiny_model, film, tmp_path / f"b{suffix}")
    assert told.status is Status.done
    assert f"its chapters were left out: {suffix} cannot hold them" in told.notes, told.notes


def test_an_encrypted_film_is_told_from_one_without_a_picture(tiny_model: Path, tmp_path: Path):
    film = make_film(tmp_path / "a.mp4", pan(6))
    film.write_bytes(film.read_bytes().replace(b"avc1", b"encv"))
    told = outcome_of(tiny_model, film, tmp_path / "b.mp4")
    assert told.status is Status.failed and "its picture is encrypted" in str(told.reason)


def test_colors_are_those_of_the_film_s_primaries(tiny_model: Path, tmp_path: Path):
    found = []
    for name, tags in (("a", (1, 1, 1, 1)), ("b", (9, 9, 14, 1))):
        film = make_film(tmp_path / f"{name}.mkv", pan(4), Clip(codec="ffv1", pix_fmt="gray10le", color=tags, sounds=0))
        out = tmp_path / f"{name}-color.mkv"
        assert outcome_of(tiny_model, film, out).status is Status.done
        with av.open(str(out)) as result:
            frame = list(result.decode(video=0))[3]
            context = result.streams.video[0].codec_context
            assert (int(context.colorspace), int(context.color_primaries)) == tags[:2]
        rgb = pixels_of(frame, tags[0], False) / 65535
        linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        space = BT2020 if name == "b" else SRGB
        found.append(linear @ np.linalg.inv(space.rgb_from_xyz).T)  # relative to the white
    lab = [np.stack((500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2]))) for f in map(np.cbrt, found)]
    inside = np.abs(lab[0]).max(0) < 25  # colors that both have
    assert inside.mean() > 0.3 and np.abs(lab[0]).mean() > 4
    assert np.abs(lab[0] - lab[1])[:, inside].mean() < 0.6
