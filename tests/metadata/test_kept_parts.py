"""Thumbnails and maker notes that a result cannot hold are left out and told; texts and resolutions come through."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.metadata import irb
from colorize_cli.metadata.ifd import Ifd, Tag, rational, read_header, read_ifd
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.notes import Loss
from tests.metadata.test_kept_metadata import GREY, IPTC, XMP, gif, lossy, run, sub_blocks

# thumbnails -----------------------------------------------------------------------------------------------------------
SMALL = b"\xff\xd8\xff\xdb the photo, small and grey \xff\xd9"


def with_thumbnail(order: str = "<") -> bytes:
    """An EXIF block whose second directory holds a thumbnail, behind all else."""
    first = (Tag(274, 3, 1, struct.pack(f"{order}H", 1)), Tag(315, 2, 8, b"Agnes B\0"))
    block = bytearray(exif_block(order, first))
    ifd = read_ifd(bytes(block), read_header(bytes(block)), 8)
    at = len(block)
    struct.pack_into(f"{order}I", block, ifd.next_at, at)
    entries = ((259, 3, 6), (513, 4, at + 2 + 36 + 4), (514, 4, len(SMALL)))
    block += struct.pack(f"{order}H", 3)
    for code, kind, value in entries:
        block += struct.pack(f"{order}HHI", code, kind, 1)
        block += struct.pack(f"{order}HH" if kind == 3 else f"{order}I", *((value, 0) if kind == 3 else (value,)))
    return bytes(block) + bytes(4) + SMALL


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    return jpeg_file.assemble(bytes(imagecodecs.jpeg8_encode(GREY)), segments)


THUMBNAILS = (
    b'<xmp:Thumbnails xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:g="http://ns.adobe.com/xap/1.0/g/img/"><rdf:Alt>'
    b'<rdf:li g:width="2" g:height="2" g:format="JPEG" g:image="/9j/c21hbGw="/></rdf:Alt></xmp:Thumbnails>'
)


PLACES = {
    "EXIF": jpeg_with((0xE1, jpeg_file.EXIF + with_thumbnail())),
    "EXIF, big-endian": jpeg_with((0xE1, jpeg_file.EXIF + with_thumbnail(">"))),
    "Photoshop": jpeg_with((0xED, jpeg_file.PHOTOSHOP + irb.with_iptc(IPTC) + irb.block(1036, bytes(28) + SMALL))),
    "Photoshop, old": jpeg_with((0xED, jpeg_file.PHOTOSHOP + irb.block(1033, bytes(28) + SMALL))),
    "XMP": jpeg_with((0xE1, jpeg_file.XMP + XMP % THUMBNAILS)),
    "JFXX": jpeg_with((0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0"), (0xE0, b"JFXX\0\x10" + SMALL)),
    "JFIF": jpeg_with((0xE0, b"JFIF\0\1\2\0\0\1\0\1\1\1\7\7\7")),
}


@pytest.mark.parametrize("where", PLACES)
def test_a_grey_thumbnail_is_not_carried_and_it_is_said(tmp_path: Path, where: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(PLACES[where])
    _, back, notes, data = run(path)
    assert SMALL not in data and b"/9j/c21hbGw=" not in data
    assert "its thumbnail was left out: it shows the photo without its color" in notes
    assert lossy(notes) == {Loss.thumbnail}
    if where.startswith("EXIF"):
        assert back.metadata.exif is not None and b"Agnes B" in back.metadata.exif
    if where == "Photoshop":
        assert irb.iptc_of(back.metadata.iptc) == IPTC
    if where == "XMP":
        assert b'dc:source="shoe box"' in (back.metadata.xmp or b"")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_thumbnails_are_not_carried_from_other_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        plain = png_file.parse(bytes(imagecodecs.png_encode(GREY)))
        path.write_bytes(png_file.assemble(plain.header(), [(b"eXIf", with_thumbnail())], plain.coded, ()))
    elif suffix == ".webp":
        Image.fromarray(GREY).save(path, lossless=True, exif=b"Exif\0\0" + with_thumbnail())
    else:
        tags = [(34377, 7, None, irb.block(1036, bytes(28) + SMALL) + irb.with_iptc(IPTC), True)]
        tifffile.imwrite(path, GREY, extratags=tags, metadata=None)
    _, _, notes, data = run(path)
    assert SMALL not in data
    assert Loss.thumbnail in lossy(notes)


def test_no_thumbnail_is_missed_where_there_was_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    block = exif_block("<", (Tag(315, 2, 8, b"Agnes B\0"),))
    path.write_bytes(jpeg_with((0xE1, jpeg_file.EXIF + block), (0xE1, jpeg_file.XMP + XMP % b"")))
    _, _, notes, _ = run(path)
    assert not lossy(notes)


# maker notes ----------------------------------------------------------------------------------------------------------
def maker_note(at: int, name: bytes = b"", order: str = "<") -> bytes:
    """A maker note as cameras write it: a directory whose values are found by their offset in the file."""
    start = at + len(name)
    value = b"Firmware 1.02 of the camera\0"
    entry = struct.pack(f"{order}HHII", 7, 2, len(value), start + 2 + 12 + 4)
    return name + struct.pack(f"{order}H", 1) + entry + bytes(4) + value


def tiff_with_maker_note(name: bytes) -> bytes:
    from colorize_cli.metadata.ifd_write import directory, header

    def tags(note: bytes) -> list[Tag]:
        inner = Ifd("<", (Tag(36867, 2, 20, b"1999:12:31 23:59:59\0"), Tag(37500, 7, len(note), note)))
        layout = {256: 56, 257: 40, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 40, 279: GREY.size}
        numbers = [Tag(code, 4, 1, struct.pack("<I", value)) for code, value in layout.items()]
        return [*numbers, Tag(34665, 4, 1, b"", child=inner)]

    at = 8 + GREY.size
    laid = bytes(directory("<", tags(maker_note(0, name)), at)[0])
    where = at + laid.index(maker_note(0, name))
    laid = bytes(directory("<", tags(maker_note(where, name)), at)[0])
    return header("<", at) + GREY.tobytes() + laid


@pytest.mark.parametrize("name", [b"", b"AOC\0II", b"OLYMP\0\1\0", b"SONY DSC \0\0\0", b"Panasonic\0\0\0"])
@pytest.mark.parametrize("target", [PhotoFormat.tiff, PhotoFormat.jpeg])
def test_a_maker_note_that_breaks_when_moved_is_dropped_with_a_note(
    tmp_path: Path, name: bytes, target: PhotoFormat
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_with_maker_note(name))
    _, _, notes, data = run(path, format=target)
    assert b"Firmware 1.02" not in data and b"1999:12:31 23:59:59" in data
    assert "its maker note was left out: it cannot be read where it would stand now" in notes


def test_a_maker_note_in_a_jpeg_stays_where_it_was_and_is_dropped_in_a_tiff(tmp_path: Path) -> None:
    inner = Ifd("<", (Tag(37500, 7, len(maker_note(0)), maker_note(0)),))
    where = exif_block("<", (Tag(34665, 4, 1, b"", child=inner),)).index(maker_note(0))
    note = maker_note(where)
    block = exif_block("<", (Tag(34665, 4, 1, b"", child=Ifd("<", (Tag(37500, 7, len(note), note),))),))
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with((0xE1, jpeg_file.EXIF + block)))
    for target in (PhotoFormat.jpeg, PhotoFormat.png, PhotoFormat.webp, PhotoFormat.jp2, PhotoFormat.avif):
        _, back, notes, _ = run(path, format=target)
        assert back.metadata.exif == block, target
        assert not lossy(notes)
    _, _, notes, data = run(path, format=PhotoFormat.tiff)
    assert b"Firmware 1.02" not in data
    assert Loss.metadata in lossy(notes)


def test_a_maker_note_that_counts_from_itself_moves(tmp_path: Path) -> None:
    note = b"Nikon\0\2\x10\0\0" + exif_block(">", (Tag(7, 2, 28, b"Firmware 1.02 of the camera\0"),))
    inner = Ifd("<", (Tag(37500, 7, len(note), note),))
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with((0xE1, jpeg_file.EXIF + exif_block("<", (Tag(34665, 4, 1, b"", child=inner),)))))
    _, _, notes, data = run(path, format=PhotoFormat.tiff)
    assert note in data
    assert not lossy(notes)


def raw_profile(name: bytes, data: bytes) -> tuple[bytes, bytes]:
    """A text as ImageMagick writes it."""
    text = b"\n%s\n%8d\n%s\n" % (name, len(data), data.hex().encode())
    return b"zTXt", b"Raw profile type " + name + b"\0\0" + zlib.compress(text)


@pytest.mark.parametrize("name", [b"iptc", b"8bim"])
def test_iptc_and_xmp_that_imagemagick_put_into_png_come_out_as_such(tmp_path: Path, name: bytes) -> None:
    plain = png_file.parse(bytes(imagecodecs.png_encode(GREY)))
    block = exif_block("<", (Tag(315, 2, 8, b"Agnes B\0"),))
    chunks = [
        raw_profile(name, irb.with_iptc(IPTC)), raw_profile(b"xmp", XMP % b""),
        raw_profile(b"exif", b"Exif\0\0" + block),
    ]  # fmt: skip
    path = tmp_path / "a.png"
    path.write_bytes(png_file.assemble(plain.header(), chunks, plain.coded, ()))
    for target in (PhotoFormat.jpeg, PhotoFormat.tiff, PhotoFormat.png, PhotoFormat.jp2):
        _, back, notes, _ = run(path, format=target)
        assert irb.iptc_of(back.metadata.iptc) == IPTC
        assert b'dc:source="shoe box"' in (back.metadata.xmp or b"")
        assert not lossy(notes) and not back.metadata.comments


def test_a_packet_in_png_that_cannot_be_inflated_stays_a_chunk(tmp_path: Path) -> None:
    plain = png_file.parse(bytes(imagecodecs.png_encode(GREY)))
    chunk = (b"iTXt", png_file.XMP_KEYWORD + b"\0\1\0\0\0" + zlib.compress(XMP % b"")[:-9])
    path = tmp_path / "a.png"
    path.write_bytes(png_file.assemble(plain.header(), [chunk], plain.coded, ()))
    _, back, _, data = run(path)
    assert chunk in png_file.parse(data).chunks
    assert back.metadata.xmp is not None and b"colorize" in back.metadata.xmp


def test_texts_that_inflate_to_much_are_cut_and_told(tmp_path: Path) -> None:
    plain = png_file.parse(bytes(imagecodecs.png_encode(GREY)))
    bomb = zlib.compress(b"a" * (64 << 20))
    chunks = [(b"zTXt", b"Title%d\0\0" % i + bomb) for i in range(20)]
    path = tmp_path / "a.png"
    path.write_bytes(png_file.assemble(plain.header(), chunks, plain.coded, ()))
    _, back, notes, data = run(path, format=PhotoFormat.jpeg)
    assert len(back.metadata.comments) == 20 and len(data) < 20 * 70_000
    assert "a text was cut: a comment in JPEG holds 65,533 bytes" in notes


@pytest.mark.parametrize("value", [300.0, 72.009, 1e9, 429496729.51, 1e12, 0.0, -3.0, 4294967295.0])
def test_any_resolution_can_be_written(value: float) -> None:
    top, bottom = struct.unpack("<II", rational(value, "<"))
    assert top / bottom == pytest.approx(min(max(value, 0.0), 0xFFFFFFFF), rel=1e-4)


@pytest.mark.parametrize(
    "target", [PhotoFormat.bmp, PhotoFormat.png, PhotoFormat.jpeg, PhotoFormat.tiff, PhotoFormat.jp2]
)
def test_a_resolution_that_no_header_holds_does_not_fail_the_photo(tmp_path: Path, target: PhotoFormat) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, resolution=(4_000_000_000, 4_000_000_000), resolutionunit="INCH", metadata=None)
    _, back, _, _ = run(path, format=target)
    assert back.pages[0].size == (56, 40)


def test_gif_s_resources_are_kept_and_other_extensions_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(
        gif(
            b"\x21\xff\x0bNETSCAPE2.0" + sub_blocks(b"\1\0\0"),
            b"\x21\xff\x0bMGKIPTC0000" + sub_blocks(IPTC),
            b"\x21\xff\x0bMAKERSTUFF1" + sub_blocks(b"abc"),
        )
    )
    _, back, notes, _ = run(path)
    assert irb.iptc_of(back.metadata.iptc) == IPTC
    assert "GIF extensions were left out (MAKERSTUFF1)" in notes
    assert lossy(notes) == {Loss.format, Loss.metadata}


def test_chunks_that_are_no_part_of_webp_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, "WEBP", lossless=True, xmp=XMP % b"")
    data = out.getvalue() + b"abcd" + struct.pack("<I", 4) + b"what"
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    _, back, notes, _ = run(path)
    assert "chunks that are no part of WebP were left out (abcd)" in notes
    assert b'dc:source="shoe box"' in (back.metadata.xmp or b"")


def test_a_thumbnail_in_heic_is_told(tmp_path: Path) -> None:
    library = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    image = library.from_bytes(
        "RGB", (560, 400), np.repeat(np.kron(GREY, np.ones((10, 10), np.uint8))[..., None], 3, 2).tobytes()
    )
    image[0].info["thumbnails"] = [128]
    image.save(path)
    if b"thmb" not in path.read_bytes():
        pytest.skip("this library writes no thumbnails")
    _, _, notes, _ = run(path)
    assert Loss.thumbnail in lossy(notes)


def test_exif_that_cannot_be_read_is_kept_as_a_block_and_told_where_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    damaged = b"II*\0\xff\xff\xff\x7f" + b"nobody knows"
    path.write_bytes(jpeg_with((0xE1, jpeg_file.EXIF + damaged)))
    _, back, notes, _ = run(path)
    assert back.metadata.exif == damaged and not lossy(notes)
    _, _, notes, _ = run(path, format=PhotoFormat.tiff)
    assert lossy(notes) == {Loss.metadata}
