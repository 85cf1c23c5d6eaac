"""Damaged tags of a TIFF: refused where the pixels depend on them, told where they are lost."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from colorize_cli.errors import DecodeError
from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.decode import DecodeLimits, decode
from colorize_cli.metadata import ifd
from colorize_cli.notes import Loss, losses
from tests.formats.large_files import picture

OF_PIXELS = (258, 259, 262, 273, 277, 279, 317, 320, 338)
BESIDE = (270, 282, 305, 700)


def damaged(data: bytes, code: int, outside: bool) -> bytes:
    """A file with one tag whose values lie outside it, or whose type does not exist; unchanged without that tag."""
    broken = bytearray(data)
    start = struct.unpack("<I", data[4:8])[0]
    for at in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        found, kind, count = struct.unpack_from("<HHI", data, at)
        if found == code and (not outside or ifd.TYPE_SIZES[kind] * count > 4):
            broken[at + 8 : at + 12] = struct.pack("<I", 0x7FFFFFF0) if outside else data[at + 8 : at + 12]
            broken[at + 2 : at + 4] = struct.pack("<H", kind if outside else 99)
    return bytes(broken)


def tiff(kind: str) -> bytes:
    grey, out = picture(40, 60), io.BytesIO()
    rgb = np.dstack((grey, grey[::-1], grey[:, ::-1]))
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    options = {
        "rgb": {"data": rgb, "photometric": "rgb"},
        "lzw": {"data": rgb, "photometric": "rgb", "compression": "lzw", "predictor": True},
        "palette": {
            "data": grey,
            "photometric": "palette",
            "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256),
        },
        "alpha": {"data": np.dstack((grey, grey)), "photometric": "minisblack", "extrasamples": ["unassalpha"]},
    }[kind]
    extra = [(700, 1, len(packet), packet, True), (34675, 7, 64, bytes(64), True)]
    tifffile.imwrite(out, **options, description="a mill", resolution=(300, 300), extratags=extra)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "outside"), [("alpha", False), *itertools.product(("rgb", "lzw", "palette"), (0, 1))])
def test_a_page_is_refused_where_a_tag_that_its_pixels_depend_on_is_damaged(
    tmp_path: Path, kind: str, outside: bool
) -> None:
    data, path, tried = tiff(kind), tmp_path / "a.tif", 0
    for code in OF_PIXELS:
        broken = damaged(data, code, outside)
        if broken == data:
            continue
        tried += 1
        path.write_bytes(broken)
        for read in (decode, open_in_strips):
            with pytest.raises(DecodeError, match=f"{code}|strips|planes|alpha"):
                read(path, DecodeLimits())
    assert tried >= (1 if outside else 6)


def test_what_is_salvaged_of_such_a_page_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(damaged(tiff("lzw"), 277, False))
    with pytest.raises(DecodeError, match=r"tag 277 \(SamplesPerPixel\) cannot be read, and the pixels depend on it"):
        decode(path, DecodeLimits())
    path.write_bytes(damaged(tiff("alpha"), 338, False))
    notes = decode(path, DecodeLimits(), salvage=True).notes
    assert Loss.salvage in losses(notes) and any("tag 338 (ExtraSamples)" in note for note in notes)


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("code", BESIDE)
def test_another_damaged_tag_is_left_out_and_told(tmp_path: Path, code: int, outside: bool) -> None:
    data, path = tiff("rgb"), tmp_path / "a.tif"
    path.write_bytes(data)
    whole = decode(path, DecodeLimits())
    path.write_bytes(damaged(data, code, outside))
    photo = decode(path, DecodeLimits())
    np.testing.assert_array_equal(photo.pages[0].pixels, whole.pages[0].pixels)
    told = [note for note in photo.notes if note not in whole.notes]
    assert any(f"tag {code}" in note and "damaged and was left out" in note for note in told)
    assert Loss.metadata in losses(told)
    opened = open_in_strips(path, DecodeLimits())
    assert any(f"tag {code}" in note for note in opened.photo.notes)


def test_a_profile_outside_the_file_is_told_as_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(damaged(tiff("rgb"), 34675, True))
    photo = decode(path, DecodeLimits())
    assert losses(photo.notes) == (Loss.profile,) and photo.pages[0].icc is None


def test_more_pages_than_are_read_are_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, grey = tmp_path / "a.tif", picture(40, 60)
    tifffile.imwrite(path, np.stack([grey] * 5), photometric="minisblack")
    assert len(decode(path, DecodeLimits()).pages) == 5
    for module in ("metadata.ifd", "formats.tiff.tiff_pictures"):
        monkeypatch.setattr(f"colorize_cli.{module}.MAX_PAGES", 4)
    with pytest.raises(DecodeError, match="unsupported TIFF: it has more than 4 pages; split it first"):
        decode(path, DecodeLimits(), salvage=True)
