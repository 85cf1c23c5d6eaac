"""Private tags, directories and descriptions of TIFFs are kept; a writer of scans can carry them, too."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.files.atomic import write_whole
from colorize_cli.files.facts import FileFacts
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import Provenance, read_provenance
from colorize_cli.formats.tiff.tiff_coding import Coding, coded_rows, layout_tags
from colorize_cli.formats.tiff.tiff_levels import Level
from colorize_cli.formats.tiff.tiff_stream import Parts, Piece, TiffStream
from colorize_cli.formats.tiff.tiff_tags import page_tags
from colorize_cli.metadata.ifd import Ifd, Tag, read_header, read_ifd
from colorize_cli.metadata.ifd_write import directory
from tests.formats.large_files import area, colorize, picture, tinted

GDAL = "<GDALMetadata>\n  <Item name='scanner'>drum</Item>\n</GDALMetadata>"


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_private_tags_of_every_type_are_kept(tmp_path: Path, note: Provenance, big: bool, order: str) -> None:
    path = tmp_path / "private.tif"
    tags: list[tuple[int, int, int | None, object, bool]] = [
        (33550, 12, 3, (0.5, 0.5, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, 440720.0, 3751320.0, 0.0), True),
        (34735, 3, 4, (1, 1, 0, 7), True),
        (34737, 2, None, "WGS 84|", True),
        (42112, 2, None, GDAL, True),
        (42113, 2, None, "-9999", True),
        (46275, 7, 5, b"\0\1\2\3\4", True),  # Hasselblad's
        (65420, 4, 1, 1, True),
        (65421, 11, 1, 40.0, True),
        (65001, 1, 3, (1, 2, 255), True),
        (65002, 6, 3, (-1, 2, -128), True),
        (65003, 8, 2, (-1, -32768), True),
        (65004, 9, 1, -70000, True),
        (65005, 10, 1, (-1, 3), True),
        (65006, 5, 2, (1, 3, 2, 7), True),
    ]
    if big:
        tags += [(65016, 16, 2, (2**40, 5), True), (65017, 17, 1, -(2**40), True)]
    tifffile.imwrite(path, picture(40, 60), metadata=None, extratags=tags, bigtiff=big, byteorder=order)
    photo, out = colorize(path, note)
    assert photo.notes == ()
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        for code, *_ in tags:
            one, two = before.pages[0].tags[code], after.pages[0].tags[code]
            assert (two.value, two.dtype, two.count) == (one.value, one.dtype, one.count), code


def with_tags(path: Path, *more: Tag) -> None:
    """Give the only page of a classic TIFF further tags."""
    data = path.read_bytes()
    data += bytes(len(data) & 1)
    start = read_header(data)
    kept = read_ifd(data, start, start.first).tags
    at = bytearray(data)
    struct.pack_into(f"{start.order}I", at, 4, len(data))
    path.write_bytes(bytes(at) + bytes(directory(start.order, [*kept, *more], len(data))[0]))


def test_directories_are_laid_out_anew_with_what_they_point_to(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "exif.tif"
    tifffile.imwrite(path, picture(40, 60), metadata=None)
    inter = Tag(40965, 4, 1, b"", child=Ifd("<", (Tag(1, 2, 4, b"R98\0"),)))
    exif = Tag(34665, 4, 1, b"", child=Ifd("<", (Tag(33434, 5, 1, struct.pack("<II", 1, 250)), inter)))
    gps = Tag(34853, 4, 1, b"", child=Ifd("<", (Tag(2, 5, 3, struct.pack("<6I", 48, 1, 8, 1, 30, 1)),)))
    own = Tag(65100, 13, 1, b"", child=Ifd("<", (Tag(1, 2, 8, b"private\0"),)))
    with_tags(path, exif, gps, own)
    photo, out = colorize(path, note)
    assert photo.notes == ()
    data = out.read_bytes()
    start = read_header(data)
    page = read_ifd(data, start, start.first)
    found = {code: tag.child for code in (34665, 34853, 65100) if (tag := page.find(code))}
    assert found[34665].find(40965).child.find(1).value == b"R98\0"  # type: ignore[union-attr]
    assert found[34853].numbers(2) == (48, 8, 30) and found[65100].find(1).value == b"private\0"  # type: ignore[union-attr]
    with Image.open(out) as independent:
        assert independent.getexif().get_ifd(34665)[33434] == 1 / 250


def test_an_unknown_pointer_is_kept_as_bytes_and_said(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "pointer.tif"
    tifffile.imwrite(path, picture(40, 60), metadata=None)
    with_tags(path, Tag(65100, 13, 1, struct.pack("<I", 3)))
    photo, out = colorize(path, note)
    assert any("65100" in text for text in photo.notes)
    with tifffile.TiffFile(out) as after:
        assert after.pages[0].tags[65100].value == 3


def test_a_page_is_streamed_with_its_tags_and_levels(tmp_path: Path, note: Provenance) -> None:
    """What a writer of scans does: parts as they come, nothing of the pixels held."""
    path, base = tmp_path / "source.tif", picture(96, 128)
    with tifffile.TiffWriter(path) as writer:
        tags = [(42112, 2, None, GDAL, True)]
        writer.write(base, metadata=None, subifds=1, extratags=tags, resolution=(600, 600))
        writer.write(area(base, 64, 48), metadata=None, subfiletype=1, tile=(16, 16))
    photo = decode(path)
    page, out, coding = photo.pages[0], tmp_path / "out.tif", Coding(8, (32, 32))
    rgb = np.ascontiguousarray(tinted(base))
    half = area(rgb, 64, 48)

    def pieces() -> Iterator[Piece]:
        stream, parts = TiffStream("<", big=True), Parts(tiled=True)
        level = Level(stream, page.metadata.inside[0][0], page, [], None)
        yield stream.begin()
        for top in range(0, 96, 32):
            rows = rgb[top : top + 32]
            for part in coded_rows(rows, coding, "<"):
                yield stream.segment(parts, part)
            yield from level.feed(rows)
        yield from level.rest()
        inside, laid = stream.chain([(level.tags(), level.parts)])
        yield from laid
        tags = page_tags(photo.metadata, page.metadata, page.icc, note, "<")
        yield from stream.page([*layout_tags(rgb, [], coding, "<"), *tags], parts, [inside])

    write_whole(out, pieces(), FileFacts())
    assert read_provenance(out) == note
    with tifffile.TiffFile(out) as after:
        np.testing.assert_array_equal(after.pages[0].asarray(), rgb)
        np.testing.assert_allclose(after.pages[0].pages[0].asarray().astype(int), half, atol=1)
        assert after.pages[0].tags[42112].value == GDAL and after.pages[0].tags["XResolution"].value == (600, 1)


def test_another_writer_takes_the_tags(tmp_path: Path, note: Provenance) -> None:
    path, out = tmp_path / "source.tif", tmp_path / "out.tif"
    tags = [(42112, 2, None, GDAL, True), (33550, 12, 3, (0.5, 0.5, 0.0), True)]
    tifffile.imwrite(path, picture(40, 60), metadata=None, extratags=tags, resolution=(600, 600), software="Scan")
    photo = decode(path)
    page = photo.pages[0]
    tags = page_tags(photo.metadata, page.metadata, page.icc, note, "<")
    apart = {282, 283, 296}  # tifffile wants the resolution so, and cannot lay out directories (EXIF, GPS)
    kept = [(t.code, t.type, t.count, t.value, False) for t in tags if t.child is None and t.code not in apart]
    tifffile.imwrite(
        out,
        tinted(page.pixels),
        photometric="rgb",
        metadata=None,
        software=False,
        extratags=kept,
        resolution=(600, 600),
    )
    assert read_provenance(out) == note
    with tifffile.TiffFile(out) as after:
        found = after.pages[0].tags
        assert found[42112].value == GDAL and found[33550].value == (0.5, 0.5, 0.0)
        assert found["Software"].value == "Scan" and found["XResolution"].value == (600, 1)
