"""Photos with color of their own, from file to file: what stays, what is colored, what is said."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.pixels import ab_of, lightness_of
from colorize_cli.color.tint import Kind, OwnColor
from colorize_cli.inference import own_colors
from colorize_cli.inference.option_values import OnColor
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from tests.runs import colorize_photos, run_options

SIZE = (420, 520)


def colorize(tiny_model: Path, photo: Path, out: Path, **options: object) -> RunReport:
    job = run_options((str(photo),), out, model=str(tiny_model), device="cpu", **options)  # type: ignore[arg-type]
    return colorize_photos(job)


def mounted() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A black-and-white photo on brown cardboard with a red stamp; where these are, less the seams."""
    rng = np.random.default_rng(0)
    pixels = np.empty((*SIZE, 3), np.uint8)
    pixels[:] = (150, 110, 70)
    grey = cv2.resize(rng.integers(30, 230, (13, 17)).astype(np.uint8), (440, 340), interpolation=cv2.INTER_CUBIC)
    photo = np.repeat(grey[..., None], 3, 2)
    where = np.ones(SIZE, bool)
    where[40:380, 40:480] = False
    stamp = np.zeros((340, 440), np.uint8)
    cv2.circle(stamp, (330, 90), 45, 1, 9)
    photo[stamp > 0] = (photo[stamp > 0] * (0.95, 0.25, 0.3)).astype(np.uint8)
    pixels[40:380, 40:480] = photo
    where[40:380, 40:480] = cv2.erode(stamp, np.ones((3, 3), np.uint8)) > 0
    return pixels, where


def saved(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.stem == "deep":
        tifffile.imwrite(path, pixels.astype(np.uint16) * 257, photometric="rgb", rowsperstrip=16)
    else:
        Image.fromarray(pixels).save(path)
    return path


def read(path: Path) -> NDArray[np.generic]:
    return tifffile.imread(path) if path.suffix == ".tif" else np.asarray(Image.open(path))


@pytest.mark.parametrize("name", ["x.png", "x.tif", "deep.tif"])
@pytest.mark.parametrize("stream_from", [64_000_000, 1000])
def test_the_mount_and_the_stamp_stay_and_the_photo_is_colored(
    tiny_model: Path, tmp_path: Path, name: str, stream_from: int
) -> None:
    pixels, where = mounted()
    photo = saved(tmp_path / "in" / name, pixels)
    report = colorize(tiny_model, photo, tmp_path / "out", stream_from=stream_from)
    assert report.counts == {Status.done: 1} and not report.doubtful
    before, after = read(photo), read(tmp_path / "out" / name)
    np.testing.assert_array_equal(after[where], before[where])
    inside = cv2.dilate(where.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert np.hypot(*ab_of(np.ascontiguousarray(after)))[inside].mean() > 2
    lightness = [lightness_of(np.ascontiguousarray(picture)) for picture in (before, after)]
    assert np.abs(lightness[0] - lightness[1]).max() <= 0.5
    (row,) = json.loads((tmp_path / "out" / "colorize-report.json").read_text())["photos"]
    assert row["figures"]["kept_share"] == pytest.approx(where.mean(), abs=0.03)
    assert any("kept the color of" in note and "% of the picture" in note for note in row["notes"])


def test_a_jpeg_keeps_its_mount_too(tiny_model: Path, tmp_path: Path) -> None:
    pixels, where = mounted()
    photo = tmp_path / "x.jpg"
    Image.fromarray(pixels).save(photo, quality=92)
    for out, options in (("whole", {}), ("strips", {"stream_from": 1000})):
        assert colorize(tiny_model, photo, tmp_path / out, verify=True, **options).counts == {Status.done: 1}
        before, after = (np.asarray(Image.open(path)) for path in (photo, tmp_path / out / "x.jpg"))
        solid = cv2.erode(where.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        off = np.hypot(*(ab_of(np.ascontiguousarray(after)) - ab_of(np.ascontiguousarray(before))))
        assert np.percentile(off[solid], 95) < 4
        assert off[100:120, 100:200].mean() > 2


def test_copy_skip_and_recolor_do_as_they_say(tiny_model: Path, tmp_path: Path) -> None:
    pixels, where = mounted()
    photo = saved(tmp_path / "x.png", pixels)
    assert colorize(tiny_model, photo, tmp_path / "copy", on_color=OnColor.copy).counts == {Status.copied: 1}
    assert (tmp_path / "copy" / "x.png").read_bytes() == photo.read_bytes()
    assert colorize(tiny_model, photo, tmp_path / "skip", on_color=OnColor.skip).counts == {Status.left_color: 1}
    assert colorize(tiny_model, photo, tmp_path / "anew", on_color=OnColor.recolor).counts == {Status.done: 1}
    off = ab_of(read(tmp_path / "anew" / "x.png")) - ab_of(pixels)  # type: ignore[arg-type]
    assert np.hypot(*off)[where].mean() > 5
    # what was made with nothing kept is another result than the default's
    assert colorize(tiny_model, photo, tmp_path / "anew").counts == {Status.other_settings: 1}


@pytest.mark.parametrize(("evidence", "status", "typed"), [(0.4, "copied", "recolor"), (-0.4, "done", "copy")])
def test_borderline_photos_are_named_with_what_to_type(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: float, status: str, typed: str
) -> None:
    photo = saved(tmp_path / "x.png", mounted()[0])
    own = OwnColor(Kind.colored if evidence > 0 else Kind.monochrome, evidence)
    monkeypatch.setattr(own_colors, "own_color", lambda pixels, space: own)
    report = colorize(tiny_model, photo, tmp_path / "out")
    assert report.counts == {Status(status): 1}
    (doubtful,) = report.doubtful
    assert doubtful.source == photo and f"--on-color {typed}" in doubtful.doubt
    data = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert data["doubtful"][0]["source"] == str(photo) and data["photos"][0]["doubt"] == doubtful.doubt
    again = colorize(tiny_model, photo, tmp_path / "again", on_color=OnColor(typed))
    assert again.counts == {Status.done if typed == "recolor" else Status.copied: 1} and not (
        again.doubtful and typed == "recolor"
    )
