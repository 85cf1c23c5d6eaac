"""`--crop borders` and `--invert auto` through the pipeline: in memory and in strips, with masks, hints and notes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.data.samples import sample_photos
from colorize_cli.formats.reader import read_provenance
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from colorize_cli.restore.choices import Repair
from tests.runs import colorize_photos, run_options

WAYS = pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])


def run(tiny_model: Path, photo: Path, out: Path, **options: object) -> RunReport:
    return colorize_photos(run_options((str(photo),), out, model=str(tiny_model), device="cpu", verify=True, **options))  # type: ignore[arg-type]


def corner(result: Path) -> tuple[int, int]:
    """Left and top of the box that was kept, as the result's note says."""
    note = read_provenance(result)
    assert note is not None
    left, top = note.restored[0].split(" at ")[1].split(" of ")[0].split(", ")
    return int(left), int(top)


def cat(kind: type = np.uint8) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(dict(sample_photos())["cat"], cv2.COLOR_RGB2GRAY)
    return grey if kind is np.uint8 else grey.astype(np.uint16) * 257


def scan(angle: float, kind: type = np.uint8, margin: int = 60) -> NDArray[np.uint8]:
    grey = cat(kind)
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
    matrix[:, 2] += margin
    return np.asarray(cv2.warpAffine(grey, matrix, (width + 2 * margin, height + 2 * margin), flags=cv2.INTER_CUBIC))


@WAYS
@pytest.mark.parametrize("angle", [0.0, 2.0])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_borders_are_gone_from_the_result(tiny_model: Path, tmp_path: Path, stream_from: int, angle: float, kind: type):
    photo, out = tmp_path / "a.tif", tmp_path / "out"
    tifffile.imwrite(photo, scan(angle, kind), rowsperstrip=16)
    report = run(tiny_model, photo, out, crop=True, stream_from=stream_from)
    assert report.counts == {Status.done: 1}, report.failures
    result = tifffile.imread(out / "a.tif")
    height, width = cat().shape
    assert result.dtype == kind and 0.93 * height * width < result.shape[0] * result.shape[1] <= height * width
    assert min(result[:3].mean(), result[:, :3].mean(), result[-3:].mean()) > 0.1 * np.iinfo(kind).max
    if not angle:  # the pixels that are kept are those of the file
        box = scan(0.0, kind)
        grey = cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)
        top, left = (
            int(v)
            for v in read_provenance(out / "a.tif").restored[0].split(" at ")[1].split(" of ")[0].split(", ")[::-1]
        )
        part = box[top : top + result.shape[0], left : left + result.shape[1]]
        assert np.abs(grey.astype(int) - part).mean() < 0.02 * np.iinfo(kind).max
    said = read_provenance(out / "a.tif")
    assert said is not None and "cropped to" in said.restored[0] and ("crop", "borders") in said.settings
    noted = json.loads((out / "colorize-report.json").read_text())["photos"][0]["notes"]
    assert any("cropped to" in note for note in noted)
    assert run(tiny_model, photo, out, crop=True, stream_from=stream_from).counts == {Status.skipped: 1}
    assert run(tiny_model, photo, out, stream_from=stream_from).counts == {Status.other_settings: 1}


def test_metadata_give_the_sides_that_the_result_has(tiny_model: Path, tmp_path: Path):
    photo, pixels = tmp_path / "a.jpg", scan(0.0)
    height, width = pixels.shape
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA002], exif.get_ifd(0x8769)[0xA003] = width, height
    exif.get_ifd(0x8769)[0x9214] = (width // 2, height // 2, 40, 40)
    exif[0x0100], exif[0x010E] = width, "a cat"
    Image.fromarray(pixels).save(photo, exif=exif, quality=95)
    assert run(tiny_model, photo, tmp_path / "out", crop=True).counts == {Status.done: 1}
    with Image.open(tmp_path / "out" / "a.jpg") as result:
        inner, first = result.getexif().get_ifd(0x8769), result.getexif()
        assert (inner[0xA002], inner[0xA003]) == result.size and first[0x0100] == result.size[0]
        assert first[0x010E] == "a cat"
        left, top = corner(tmp_path / "out" / "a.jpg")
        assert inner[0x9214] == (width // 2 - left, height // 2 - top, 40, 40)


def test_hints_and_masks_that_were_made_for_the_scan_lie_where_they_did(tiny_model: Path, tmp_path: Path):
    photo, pixels = tmp_path / "in" / "a.png", scan(0.0)
    photo.parent.mkdir()
    pixels[200:204, 150:300] = 255  # a scratch
    cv2.imwrite(str(photo), pixels)
    masks, hints = tmp_path / "masks", tmp_path / "hints"
    masks.mkdir()
    hints.mkdir()
    mask = np.zeros(pixels.shape, np.uint8)
    mask[200:204, 150:300] = 255
    cv2.imwrite(str(masks / "a.png"), mask)
    point = {"x": 310, "y": 260, "color": "#c02020", "radius": 12}
    (hints / "a.hints.json").write_text(json.dumps({"points": [point, {"x": 4, "y": 4, "color": "#20c020"}]}))
    options = {"crop": True, "repairs": frozenset({Repair.scratches}), "masks": masks, "masks_out": tmp_path / "seen"}
    report = run(tiny_model, photo.parent, tmp_path / "out", hints=hints, **options)
    assert report.counts == {Status.done: 1}, report.failures
    result = cv2.imread(str(tmp_path / "out" / "a.png"))
    left, top = corner(tmp_path / "out" / "a.png")
    lab = cv2.cvtColor(result, cv2.COLOR_BGR2LAB).astype(int)
    assert lab[260 - top, 310 - left, 1] > 150  # red
    clean = scan(0.0)[200:204, 160:290].astype(int)
    filled = cv2.cvtColor(result, cv2.COLOR_BGR2GRAY)[200 - top : 204 - top, 160 - left : 290 - left]
    assert np.abs(filled - clean).mean() < 25
    seen = cv2.imread(str(tmp_path / "seen" / "a.png"), cv2.IMREAD_GRAYSCALE)
    assert seen.shape == pixels.shape and (seen[200:204, 150:300] == 255).all() and seen.mean() < 10


@WAYS
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_negative_becomes_a_photo_only_with_the_flag(tiny_model: Path, tmp_path: Path, stream_from: int, kind: type):
    most = np.iinfo(kind).max
    negative = np.pad(0.08 + 0.62 * (1 - cat() / 255), 24, constant_values=0.7)
    photo = tmp_path / "a.tif"
    tifffile.imwrite(photo, (negative * most).round().astype(kind), rowsperstrip=16)
    for invert in (True, False):
        out = tmp_path / str(invert)
        report = run(tiny_model, photo, out, invert=invert, stream_from=stream_from)
        assert report.counts == {Status.done: 1}, report.failures
        result = cv2.cvtColor(tifffile.imread(out / "a.tif"), cv2.COLOR_RGB2GRAY)
        assert result.dtype == kind
        alike = np.corrcoef(result[24:-24, 24:-24].ravel(), cat().ravel())[0, 1]
        assert alike > 0.98 if invert else alike < -0.98
    assert any("inverted the negative" in line for line in read_provenance(tmp_path / "True" / "a.tif").restored)


def test_a_color_negative_becomes_a_photo_in_color(tiny_model: Path, tmp_path: Path):
    rgb = dict(sample_photos())["coffee"] / 255
    values = np.pad(0.05 + 0.9 * (1 - rgb), ((24, 24), (24, 24), (0, 0)), constant_values=0.95) * (0.9, 0.6, 0.38)
    photo = tmp_path / "a.png"
    cv2.imwrite(str(photo), (values[..., ::-1] * 255).round().astype(np.uint8))
    report = run(tiny_model, photo, tmp_path / "out", invert=True)
    assert report.counts == {Status.done: 1}, report.failures
    result = cv2.imread(str(tmp_path / "out" / "a.png"))[24:-24, 24:-24, ::-1] / 255
    assert np.abs(result / result.max() - rgb / rgb.max()).mean() < 0.05
