"""AVIF of very sharp pictures keeps their lightness: chroma of half the size would change it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, write_photo
from colorize_cli.formats.halved_chroma import halving_cost
from colorize_cli.formats.photo import PhotoFormat
from tests.formats.test_sharp_heic import sharp, smooth
from tests.metadata import blocks as b

NOTE = b"Canon\0" + b"a maker's own" * 5


def written(pixels: np.ndarray, folder: Path, alpha: np.ndarray | None = None, quality: int | None = 97) -> Path:
    """An AVIF of pixels whose photo has EXIF, a profile and a title, of 8 bits or of 10."""
    source = io.BytesIO()
    exif = b.exif(b.text(271, "Zorki"), b.short(274, 1), inside=[b.Tag(37500, 7, len(NOTE), NOTE)])
    Image.fromarray(np.zeros(pixels.shape[:2], np.uint8)).save(source, "PNG", exif=exif, icc_profile=b.icc())
    (folder / "a.png").write_bytes(source.getvalue())
    photo = decode(folder / "a.png")
    page = photo.pages[0]
    about = replace(page.metadata, depth=8 if pixels.dtype == np.uint8 else 10)
    photo = replace(photo, pages=(replace(page, pixels=pixels, alpha=alpha, metadata=about),))
    how = EncodeSettings(format=PhotoFormat.avif, quality=quality)
    write_photo(photo, [pixels], folder / "out.avif", how, Provenance("colorize-cli", "1", "mini", "0" * 64))
    return folder / "out.avif"


@pytest.mark.parametrize("size", [(24, 24), (48, 64), (61, 83)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_sharp_picture_keeps_its_lightness_and_what_stands_around_it(
    tmp_path: Path, size: tuple[int, int], kind: type
):
    pixels = sharp(*size).astype(kind) * (257 if kind is np.uint16 else 1)
    assert halving_cost(pixels) > 0.5
    out = written(pixels, tmp_path)
    back = decode(out)
    found = back.pages[0].pixels
    assert found.dtype == kind
    lost = np.abs(lightness_of(found, SRGB) - lightness_of(pixels, SRGB))
    assert np.percentile(lost, 99) < 1.4  # 1.9 to 2.5 with chroma of half the size
    assert NOTE in out.read_bytes() and b"Zorki" in out.read_bytes()
    assert back.pages[0].icc == b.icc() and back.metadata.xmp and b"mini" in back.metadata.xmp
    assert back.metadata.exif and back.metadata.exif.index(NOTE) == decode(tmp_path / "a.png").metadata.exif.index(NOTE)


def test_a_smooth_picture_has_chroma_of_half_the_size_and_transparency_stays(tmp_path: Path):
    def halved(pixels: np.ndarray, alpha: np.ndarray | None = None) -> bool:
        data = written(pixels, tmp_path, alpha).read_bytes()
        return data[data.index(b"av1C") + 6] & 0x0C == 0x0C  # of both axes

    assert halved(smooth()) and not halved(sharp(48, 64))
    alpha = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    assert not halved(sharp(48, 64), alpha)
    found = decode(tmp_path / "out.avif").pages[0].alpha
    assert found is not None and np.abs(found.astype(int) - alpha).max() <= 4


def test_a_small_file_of_a_deep_sharp_picture_can_be_had(tmp_path: Path):
    pixels = sharp(96, 128).astype(np.uint16) * 257
    sizes = [len(written(pixels, tmp_path, quality=quality).read_bytes()) for quality in (20, 60, None)]
    assert sizes == sorted(set(sizes)), sizes
