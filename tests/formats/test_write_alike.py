"""A result is near its source in quality and format, and the same whoever writes it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import (
    EncodeSettings,
    Provenance,
    suffix_for,
    target_format,
    write_photo,
)
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Page, Photo, PhotoFormat
from tests.formats.test_write import U8, Rewrite, write


@pytest.mark.parametrize("quality", [30, 75, 90, 98])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
def test_jpeg_keeps_the_sources_tables_and_sampling(
    tmp_path: Path, rewrite: Rewrite, rgb: U8, quality: int, sampling: str
) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(rgb).save(path, quality=quality, subsampling=sampling)
    before, after, _ = rewrite(path)
    one, two = before.pages[0].metadata.jpeg, after.pages[0].metadata.jpeg
    assert one == two and one is not None
    assert (one.quality, one.exact, one.sampling) == (quality, True, sampling.replace(":", ""))


def test_tables_of_another_maker_are_used_again(tmp_path: Path, rewrite: Rewrite, rgb: U8, grey: U8) -> None:
    luma, chroma = [3 + i // 4 for i in range(64)], [9 + i // 3 for i in range(64)]
    for pixels in (rgb, grey):
        path = tmp_path / "camera.jpg"
        Image.fromarray(pixels).save(path, qtables=[luma, chroma], subsampling=0)
        before, after, _ = rewrite(path)
        one, two = before.pages[0].metadata.jpeg, after.pages[0].metadata.jpeg
        assert one is not None and two is not None and not one.exact
        assert two.tables[0] == one.tables[0] == tuple(luma)
        if pixels is rgb:
            assert two.tables == one.tables and two.sampling == "444"


def test_a_progressive_source_stays_progressive(tmp_path: Path, rewrite: Rewrite, rgb: U8) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(rgb).save(path, progressive=True)
    _, after, _ = rewrite(path)
    assert after.pages[0].metadata.jpeg is not None and after.pages[0].metadata.jpeg.progressive


def test_quality_can_be_asked_for(tmp_path: Path, rewrite: Rewrite, rgb: U8) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(rgb).save(path, quality=90)
    _, after, _ = rewrite(path, EncodeSettings(quality=60))
    assert after.pages[0].metadata.jpeg is not None and after.pages[0].metadata.jpeg.quality == 60


@pytest.mark.parametrize("quality", range(1, 101, 7))
def test_quality_is_read_from_the_tables_of_another_library(quality: int, grey: U8) -> None:
    coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    traits = jpeg_file.parse(coded).traits()
    assert traits is not None and traits.exact and abs(traits.quality - quality) <= (0 if quality > 10 else 3)


def wide(width: int, height: int, format: PhotoFormat, alpha: bool = False, pages: int = 1) -> Photo:
    pixels = np.zeros((height, width), np.uint8)
    page = Page(pixels, alpha=pixels if alpha else None)
    return Photo(Path("x"), format, (page,) * pages)


def test_what_a_format_cannot_hold_goes_to_the_nearest_and_is_said() -> None:
    keep = EncodeSettings()
    cases = [
        (wide(70_000, 1, PhotoFormat.tiff), EncodeSettings(format=PhotoFormat.jpeg), PhotoFormat.png),
        (wide(17_000, 1, PhotoFormat.jpeg), EncodeSettings(format=PhotoFormat.webp), PhotoFormat.png),
        (wide(9, 9, PhotoFormat.gif), keep, PhotoFormat.png),
        (wide(9, 9, PhotoFormat.tiff, pages=2), EncodeSettings(format=PhotoFormat.jpeg), PhotoFormat.tiff),
        (wide(9, 9, PhotoFormat.png, alpha=True), EncodeSettings(format=PhotoFormat.jpeg), PhotoFormat.png),
    ]
    for photo, settings, expected in cases:
        format, text = target_format(photo, settings)
        assert format is expected and text is not None and f"written as {expected.upper()}" in text
    assert target_format(wide(9, 9, PhotoFormat.jpeg), keep) == (PhotoFormat.jpeg, None)


def test_alpha_that_hides_nothing_is_no_reason_for_another_format(tmp_path: Path, note: Provenance, rgb: U8) -> None:
    path = tmp_path / "opaque.png"
    Image.fromarray(rgb).convert("RGBA").save(path)
    photo, settings = decode(path), EncodeSettings(PhotoFormat.jpeg)
    assert target_format(photo, settings) == (PhotoFormat.jpeg, None)
    write(photo, tmp_path / "out.jpg", note, settings)
    assert decode(tmp_path / "out.jpg").format is PhotoFormat.jpeg


def test_a_picture_too_wide_for_webp_is_written_as_png(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "wide.ppm"
    path.write_bytes(b"P5\n17000 2\n255\n" + bytes(34_000))
    photo = decode(path)
    written = write_photo(
        photo, [p.pixels for p in photo.pages], tmp_path / "x", EncodeSettings(PhotoFormat.webp), note
    )
    assert written.format is PhotoFormat.png and "16,383" in written.notes[0]
    assert decode(tmp_path / "x").pages[0].size == (17_000, 2)


@pytest.mark.parametrize(
    ("source", "format", "suffix"),
    [
        ("a.JPG", PhotoFormat.jpeg, ".JPG"),
        ("a.jpeg", PhotoFormat.jpeg, ".jpeg"),
        ("a.Tiff", PhotoFormat.tiff, ".Tiff"),
        ("a.png", PhotoFormat.jpeg, ".jpg"),
        ("a.GIF", PhotoFormat.png, ".PNG"),
        ("a.pgm", PhotoFormat.ppm, ".ppm"),
        ("a.pnm", PhotoFormat.ppm, ".pnm"),
        ("a", PhotoFormat.webp, ".webp"),
        ("a.j2k", PhotoFormat.jp2, ".jp2"),
    ],
)
def test_the_suffix_keeps_its_spelling_where_it_is_true(source: str, format: PhotoFormat, suffix: str) -> None:
    assert suffix_for(Path(source), format) == suffix
