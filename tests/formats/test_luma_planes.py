"""A JPEG that is written from luma and chroma holds just these."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.errors import EncodeError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, takes_luma, write_photo
from colorize_cli.formats.jpeg.encode_jpeg import code_luma
from colorize_cli.formats.photo import JpegTraits, LumaPlanes, PhotoFormat
from colorize_cli.metadata.provenance import Provenance

_NOTE = Provenance("colorize-cli", "1", "mini", "")
_ODD_TABLES = tuple(tuple(3 + (i % 8 + i // 8) // 2 for i in range(64)) for _ in range(2))


def _planes(height: int = 61, width: int = 83) -> LumaPlanes:
    rows, columns = (height + 1) // 2, (width + 1) // 2
    y = np.add.outer(np.arange(2 * rows), np.arange(2 * columns)) + 40
    cb = np.add.outer(np.arange(rows), np.arange(columns)) // 2 + 90
    return LumaPlanes(y.astype(np.uint8), cb.astype(np.uint8), (230 - cb).astype(np.uint8), (width, height))


def _grey_jpeg(path: Path, **how: object) -> Path:
    Image.fromarray(_planes().y).crop((0, 0, 83, 61)).save(path, "JPEG", **how)
    return path


@pytest.mark.parametrize(
    "traits",
    [
        None,
        JpegTraits(((1,) * 64,), 100, True, None),
        JpegTraits(((1,) * 64,), 95, True, "420", progressive=True),
        JpegTraits(_ODD_TABLES, 90, False, "420"),
        JpegTraits(_ODD_TABLES, 90, False, None, progressive=True),
    ],
)
def test_planes_come_back(traits: JpegTraits | None) -> None:
    planes = _planes()
    with Image.open(io.BytesIO(code_luma(planes, traits, None))) as image:
        assert image.size == (83, 61) and bool(image.info.get("progressive")) == bool(traits and traits.progressive)
        assert image.layer[0][1:3] == (2, 2) and image.layer[1][1:3] == (1, 1)
        if traits is not None and not traits.exact:
            assert len(image.quantization) == 2 and max(image.quantization[0]) == max(_ODD_TABLES[0])
        image.draft("YCbCr", image.size)
        back = np.asarray(image).astype(int)
    assert np.abs(back[..., 0] - planes.y[:61, :83]).max() <= 5
    assert np.abs(back[::2, ::2, 1] - planes.cb).mean() <= 2 and np.abs(back[::2, ::2, 2] - planes.cr).mean() <= 2


def test_quality_is_the_tables() -> None:
    with Image.open(io.BytesIO(code_luma(_planes(), None, 75))) as ours:
        out = io.BytesIO()
        Image.fromarray(_planes().y).convert("RGB").save(out, "JPEG", quality=75)
        assert ours.quantization == Image.open(out).quantization


def test_a_jpeg_of_halved_chroma_takes_them_and_others_do_not(tmp_path: Path) -> None:
    photo = decode(_grey_jpeg(tmp_path / "a.jpg", quality=90))
    assert takes_luma(photo, EncodeSettings())
    assert not takes_luma(photo, EncodeSettings(format=PhotoFormat.png))
    page = photo.pages[0]
    assert not takes_luma(
        replace(photo, pages=(replace(page, pixels=page.pixels.astype(np.uint16)),)), EncodeSettings()
    )
    traits = replace(page.metadata.jpeg, sampling="444")  # type: ignore[type-var]
    full = replace(page, metadata=replace(page.metadata, jpeg=traits))
    assert not takes_luma(replace(photo, pages=(full,)), EncodeSettings())


def test_written_with_all_that_stands_around(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[315] = "A. Photographer"
    photo = decode(_grey_jpeg(tmp_path / "a.jpg", quality=90, exif=exif, dpi=(300, 300), comment=b"plate 7"))
    write_photo(photo, [_planes()], tmp_path / "b.jpg", EncodeSettings(), _NOTE)
    back = decode(tmp_path / "b.jpg")
    assert back.metadata.exif == photo.metadata.exif and back.metadata.comments == (b"plate 7",)
    assert back.pages[0].metadata.resolution == photo.pages[0].metadata.resolution
    assert back.pages[0].pixels.shape == (61, 83, 3)
    assert back.pages[0].metadata.jpeg is not None and back.pages[0].metadata.jpeg.quality == 90


def test_planes_of_another_size_or_for_another_format_are_refused(tmp_path: Path) -> None:
    photo = decode(_grey_jpeg(tmp_path / "a.jpg"))
    with pytest.raises(EncodeError):
        write_photo(photo, [_planes(60)], tmp_path / "b.jpg", EncodeSettings(), _NOTE)
    with pytest.raises(EncodeError):
        write_photo(photo, [_planes()], tmp_path / "b.png", EncodeSettings(format=PhotoFormat.png), _NOTE)
    assert not (tmp_path / "b.jpg").exists() and not (tmp_path / "b.png").exists()
