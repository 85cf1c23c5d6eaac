"""Where a container and its EXIF give two resolutions, or EXIF none, results say the container's."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.metadata import exif
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.exif_resolution import with_resolution
from colorize_cli.metadata.ifd import Tag
from colorize_cli.metadata.resolution import Resolution
from tests.metadata import blocks as b
from tests.metadata.test_audit import GREY, MAKER, colored

OTHER = (Tag(282, 5, 1, struct.pack("<II", 72, 1)), Tag(283, 5, 1, struct.pack("<II", 72, 1)), b.short(296, 2))


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "jxl", "webp", "avif"])
@pytest.mark.parametrize("tags", [OTHER, ()])
@pytest.mark.parametrize("source", ["JPEG", "PNG"])
def test_the_container_s_resolution_goes_before_exif_s(
    tmp_path: Path, source: str, tags: tuple[Tag, ...], format: str
) -> None:
    block = b.exif(b.text(271, "Zorki"), *tags, inside=[MAKER])
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, source, dpi=(300, 200), exif=b"Exif\0\0" + block)
    before, after, notes = colored(out.getvalue(), tmp_path, format=PhotoFormat(format))
    assert audit(before, after, notes) == []
    found = decode(after).pages[0].metadata.resolution
    assert found is not None and found.per_inch() == pytest.approx((300, 200), rel=0.01)


@pytest.mark.parametrize("order", "<>")
def test_everything_in_a_block_stays_where_it_was(order: str) -> None:
    from colorize_cli.metadata.ifd import Ifd
    from colorize_cli.metadata.ifd_write import exif_block

    inner = Ifd(order, (Tag(37500, 7, 12, b"makers notes"),))
    block = exif_block(order, (Tag(271, 2, 6, b"Zorki\0"), Tag(34665, 4, 1, b"", child=inner)))
    told = with_resolution(block, Resolution(300.0, 200.0))
    assert told[8 : len(block)] == block[8:] and len(told) > len(block)
    assert exif.resolution(told) == Resolution(300.0, 200.0)
    read = Image.Exif()
    read.load(told)
    assert (
        read[271] == "Zorki"
        and read.get_ifd(34665)[37500] == b"makers notes"
        and sorted(read) == [271, 282, 283, 296, 34665]
    )
    again = with_resolution(told, Resolution(50.0, 40.0, "cm"))
    assert len(again) == len(told) and exif.resolution(again) == Resolution(50.0, 40.0, "cm")
    assert with_resolution(again, Resolution(127.0, 101.6)) == again, "it says so in other units"
    for none in (None, Resolution(3.0, 4.0, "none"), Resolution(0.0, 0.0)):
        assert with_resolution(block, none) == block


def test_a_comment_beside_a_description_is_told_where_there_is_one_place(tmp_path: Path) -> None:
    source = b.jpeg(GREY, b.app_exif(b.exif(b.text(270, "A wedding"))), (0xFE, b"scanned in Lyon"))
    before, after, notes = colored(source, tmp_path, format=PhotoFormat.tiff)
    assert any("its comment was left out" in note for note in notes)
    assert audit(before, after, notes) == []
    before, after, notes = colored(b.jpeg(GREY, (0xFE, b"scanned in Lyon")), tmp_path, format=PhotoFormat.tiff)
    assert not any("comment" in note for note in notes) and audit(before, after, notes) == []
    with Image.open(after) as image:
        assert image.tag_v2[270] == "scanned in Lyon"  # type: ignore[attr-defined]


def test_dots_per_centimetre_are_fewer_than_per_inch() -> None:
    assert Resolution(100.0, 50.0, "cm").per_inch() == (254.0, 127.0)
    assert Resolution(100.0, 50.0, "cm").per_metre() == (10_000, 5_000)
    assert Resolution(254.0, 127.0).per_metre() == (10_000, 5_000)


@pytest.mark.parametrize(("turned", "wanted"), [(3, (300, 200)), (6, (200, 300))])
def test_a_quarter_turn_exchanges_the_resolutions_of_a_block(turned: int, wanted: tuple[int, int]) -> None:
    across, down = (Tag(code, 5, 1, struct.pack("<II", value, 1)) for code, value in ((282, 300), (283, 200)))
    block = b.exif(b.short(274, turned), across, down, b.short(296, 2))
    upright = exif.upright(block, turned, (64, 48))
    found = exif.resolution(upright)
    assert found is not None and (found.x, found.y) == wanted and exif.orientation(upright) == 1


def test_sides_in_numbers_of_different_types_are_not_exchanged() -> None:
    block = b.exif(Tag(256, 4, 1, struct.pack("<I", 64)), Tag(257, 9, 1, struct.pack("<i", 48)), b.short(274, 6))
    upright = exif.upright(block, 6, (64, 48))
    assert [(old, new) for old, new in zip(block, upright, strict=True) if old != new] == [(6, 1)]
