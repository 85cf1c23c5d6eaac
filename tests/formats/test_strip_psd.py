"""`--strip all` on a Photoshop document that is only copied: its picture stays byte for byte, all else goes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.formats.decode import decode
from colorize_cli.formats.reader import read_result
from colorize_cli.formats.strip_file import has_to_strip, strip_copy
from colorize_cli.metadata import exif
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.notes import Loss, losses
from tests.formats.test_psd import psd
from tests.formats.test_strip_file import CAPTION, COLOR, EXIF, GREY, NOTE, PLACED, WHERE
from tests.metadata import blocks as b

UPRIGHT = exif.upright(EXIF, 6, COLOR.shape[1::-1])
PIXELS_PER_INCH = struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1)


@pytest.mark.parametrize("coding", [0, 1, 2])
@pytest.mark.parametrize("layers", [0, 2, -1])
@pytest.mark.parametrize("large", [False, True])
def test_a_document_loses_all_that_it_tells_and_no_byte_of_its_picture(
    tmp_path: Path, coding: int, layers: int, large: bool
) -> None:
    planes = np.moveaxis(np.dstack([COLOR, GREY]) if layers < 0 else COLOR, 2, 0)
    told = ((1028, CAPTION), (1060, PLACED), (1058, UPRIGHT), (1006, b"\5Zorki"), (1005, PIXELS_PER_INCH))
    resources = b"".join(b.resource(*one) for one in (*told, (1039, b.icc())))
    data = psd(planes, "rgb", 8, coding, large=large, resources=resources, layers=layers)
    start = 26 + 4 + 4 + len(resources) + (8 if large else 4) + ((10 if large else 6) if layers else 0)
    (source := tmp_path / "a.psd").write_bytes(data + b"Zorki")
    photo = decode(source)
    assert has_to_strip(source, photo.format, "all")
    notes = strip_copy(photo, out := tmp_path / "out.psd", "all", NOTE)
    assert notes is not None and losses(notes) == ((Loss.layers,) if layers else ())
    left = out.read_bytes()
    assert left.endswith(data[start:])
    assert not any(word in left for word in (*WHERE, b"Zorki", b"Grandma", b"A wedding", b"Ada"))
    (before,), (after,) = photo.pages, decode(out).pages
    np.testing.assert_array_equal(after.pixels, before.pixels)
    assert (after.alpha is None) == (before.alpha is None) == (layers >= 0)
    assert after.icc == before.icc == b.icc() and after.metadata.resolution == before.metadata.resolution
    found = read_result(out)
    assert found is not None and found.whole and found.note == NOTE
    assert audit(source, out, (), "all", copied=True) == []


def test_a_turned_document_stays_turned_without_its_metadata(tmp_path: Path) -> None:
    turned = b.resource(1058, exif.orientation_alone(6)) + b.resource(1028, CAPTION)
    (source := tmp_path / "a.psd").write_bytes(psd(np.moveaxis(COLOR, 2, 0), "rgb", 8, resources=turned))
    photo = decode(source)
    assert strip_copy(photo, out := tmp_path / "out.psd", "all", NOTE) == []
    np.testing.assert_array_equal(decode(out).pages[0].pixels, photo.pages[0].pixels)
    assert photo.pages[0].pixels.shape[:2] == COLOR.shape[1::-1] and CAPTION not in out.read_bytes()


def test_a_document_that_tells_nothing_is_copied_byte_for_byte(tmp_path: Path) -> None:
    (source := tmp_path / "a.psd").write_bytes(psd(np.moveaxis(COLOR, 2, 0), "rgb", 8, 1))
    photo = decode(source)
    assert not has_to_strip(source, photo.format, "all")
    assert strip_copy(photo, out := tmp_path / "out.psd", "all", NOTE) == []
    assert out.read_bytes() == source.read_bytes()
