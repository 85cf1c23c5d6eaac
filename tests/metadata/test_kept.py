"""What stands around the pixels comes through: boxes, chunks, profiles, comments; and no grey thumbnail does."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from colorize_cli.formats.bmp import bmp_file
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, suffix_for, target_format, write_photo
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Photo, PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.metadata import irb
from colorize_cli.metadata.ifd import Ifd, Tag, rational, read_header, read_ifd
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.notes import Loss, Note

U8 = NDArray[np.uint8]
NOTE = Provenance("colorize-cli", "1", "mini", "0" * 64)
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="shoe box">%s'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
IPTC = b"\x1c\x02\x78\x00\x0ctwo children"
GREY = np.rint(127 + 60 * np.sin(np.arange(56 * 40) / 50)).astype(np.uint8).reshape(40, 56)


def run(path: Path, **settings: object) -> tuple[Photo, Photo, tuple[str, ...], bytes]:
    """A photo, its result read again, the notes of both, and the result's bytes."""
    how = EncodeSettings(**settings)  # type: ignore[arg-type]
    photo = decode(path)
    out = path.parent / ("out" + suffix_for(path, target_format(photo, how)[0]))
    written = write_photo(photo, [page.pixels for page in photo.pages], out, how, NOTE)
    return photo, decode(out), (*photo.notes, *written.notes), out.read_bytes()


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def lossy(notes: tuple[str, ...]) -> set[Loss | None]:
    return {note.loss for note in notes if isinstance(note, Note)}


# JPEG 2000 ------------------------------------------------------------------------------------------------------------
BOXES = (
    box(b"xml ", b"<note>from the album</note>"),
    box(b"uinf", box(b"ulst", b"\0\1" + bytes(range(16))) + box(b"url ", b"\0\0\0\0urn:x\0")),
    box(b"uuid", jp2_file.GEO_UUID + b"II*\0geo"),
    box(b"uuid", bytes(range(100, 116)) + b"nobody knows"),
    box(b"asoc", box(b"lbl ", b"root") + box(b"xml ", b"<a/>")),
)
IPTC_UUID = bytes.fromhex("33C7A4D2B81D4723A0BAF1A3E097AD38")


def jp2(*extra: bytes, after: bytes = b"") -> bytes:
    plain = bytes(imagecodecs.jpeg2k_encode(GREY, reversible=True, codecformat="jp2"))
    at = plain.index(b"jp2c") - 4
    if struct.unpack_from(">I", plain, at)[0] == 0:  # the last box may leave its length out
        plain = plain[:at] + struct.pack(">I", len(plain) - at) + plain[at + 4 :]
    return plain[:at] + b"".join(extra) + plain[at:] + after


def test_jpeg_2000_keeps_all_boxes_that_are_not_about_its_coding(tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    path.write_bytes(jp2(*BOXES[:2], box(b"uuid", IPTC_UUID + IPTC), after=b"".join(BOXES[2:])))
    photo, back, notes, data = run(path)
    assert photo.metadata.boxes == back.metadata.boxes == BOXES
    assert irb.iptc_of(back.metadata.iptc) == IPTC
    assert box(b"uuid", IPTC_UUID + IPTC) in data
    assert not lossy(notes)
    kinds = [found.kind for found in jp2_file.boxes(data)]
    assert kinds[-1] == b"jp2c" and len(kinds) == len(set(range(len(kinds))))


def test_iptc_and_boxes_of_jpeg_2000_in_other_formats(tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    path.write_bytes(jp2(*BOXES, box(b"uuid", IPTC_UUID + IPTC)))
    _, back, notes, _ = run(path, format=PhotoFormat.jpeg)
    assert irb.iptc_of(back.metadata.iptc) == IPTC
    assert "JPEG 2000 boxes (GeoJP2, UUID, asoc, uinf, xml) were left out: JPEG has no place for them" in notes
    assert Loss.metadata in lossy(notes)


def test_photoshop_resources_go_into_jpeg_2000_and_back(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    resources = irb.block(1006, b"alpha") + irb.with_iptc(IPTC)
    plain = bytes(imagecodecs.jpeg8_encode(GREY))
    path.write_bytes(jpeg_file.assemble(plain, jpeg_file.photoshop_segments(resources)))
    _, back, notes, _ = run(path, format=PhotoFormat.jp2)
    assert back.metadata.iptc == resources
    assert not lossy(notes)


def test_strip_gps_takes_geojp2_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    named = box(b"xml ", b"<a><City>Lodz</City></a>")
    path.write_bytes(jp2(*BOXES, named, box(b"asoc", box(b"xml ", b"<gml:Point xmlns:gml='g'/>"))))
    _, back, _, _ = run(path, strip="gps")
    assert back.metadata.boxes == (BOXES[0], BOXES[1], BOXES[3], BOXES[4])


# GIF ------------------------------------------------------------------------------------------------------------------
def gif(*extensions: bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, "GIF")
    data = out.getvalue()
    start = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:6].replace(b"87a", b"89a") + data[6:start] + b"".join(extensions) + data[start:]


def sub_blocks(data: bytes) -> bytes:
    return b"".join(bytes((len(data[i : i + 255]),)) + data[i : i + 255] for i in range(0, len(data), 255)) + b"\0"


def test_gif_keeps_xmp_comments_and_profile(tmp_path: Path) -> None:
    packet, long = XMP % b"", b"album " * 100
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "a.gif"
    path.write_bytes(
        gif(
            b"\x21\xfe" + sub_blocks(b"album 3"),
            b"\x21\xff\x0bXMP DataXMP" + packet + b"\x01" + bytes(range(255, -1, -1)) + b"\0",
            b"\x21\xfe" + sub_blocks(long),
            b"\x21\xff\x0bICCRGBG1012" + sub_blocks(profile),
        )
    )
    photo, back, notes, data = run(path)
    assert photo.metadata.xmp == packet and b'dc:source="shoe box"' in (back.metadata.xmp or b"")
    assert photo.metadata.comments == (b"album 3", long)
    assert b"Comment\0\0\0\0\0album 3" in data and long in data
    assert back.pages[0].icc == profile
    assert lossy(notes) == {Loss.format}


# BMP ------------------------------------------------------------------------------------------------------------------
def wide_profile() -> bytes:
    """An RGB profile that is not sRGB: its red and green are exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("width", [53, 54, 55, 56])
def test_bmp_keeps_its_profile(tmp_path: Path, width: int) -> None:
    profile, rgb = wide_profile(), np.dstack((GREY, GREY // 2, 255 - GREY))[:, :width]
    path = tmp_path / "a.bmp"
    path.write_bytes(bmp_file.with_profile(rgb, profile, None))
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), rgb)
    photo, back, notes, _ = run(path)
    assert photo.pages[0].icc == back.pages[0].icc == profile
    np.testing.assert_array_equal(back.pages[0].pixels, photo.pages[0].pixels)
    assert not lossy(notes)


def test_a_profile_that_bmp_only_names_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    data = bytearray(bmp_file.with_profile(np.dstack((GREY, GREY, GREY)), b"C:\\ICM\\x.icm\0".ljust(200, b"\0"), None))
    data[70:74] = b"KNIL"
    path.write_bytes(data)
    _, back, notes, _ = run(path)
    assert back.pages[0].icc is None
    assert "its color profile stands in another file, which is not read, and was left out" in notes
    assert Loss.profile in lossy(notes)


# PNG ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("color", "depth", "sbit", "bkgd", "new_sbit", "new_bkgd"),
    [
        (0, 8, b"\x05", b"\0\x64", b"\5\5\5", struct.pack(">3H", 100, 100, 100)),
        (0, 16, b"\x0c", b"\x12\x34", b"\x0c\x0c\x0c", struct.pack(">3H", 0x1234, 0x1234, 0x1234)),
        (0, 4, b"\x03", b"\0\x0a", b"\3\3\3", struct.pack(">3H", 170, 170, 170)),
        (4, 8, b"\x05\x07", b"\0\x64", b"\5\5\5\7", struct.pack(">3H", 100, 100, 100)),
        (2, 8, b"\5\6\5", struct.pack(">3H", 1, 2, 3), b"\5\6\5", struct.pack(">3H", 1, 2, 3)),
        (3, 8, b"\4\4\4", b"\x02", b"\4\4\4", struct.pack(">3H", 20, 20, 20)),
    ],
)
def test_png_says_of_its_samples_what_it_said(
    tmp_path: Path, color: int, depth: int, sbit: bytes, bkgd: bytes, new_sbit: bytes, new_bkgd: bytes
) -> None:
    samples = {0: 1, 2: 3, 3: 1, 4: 2}[color]
    width, height = 16, 8
    line = bytes((i * 7) % 16 if color == 3 else (i * 37) % 256 for i in range(width * samples * depth // 8))
    coded = zlib.compress(b"".join(b"\0" + line for _ in range(height)))
    splt = (b"sPLT", b"names\0\x08" + bytes((10, 20, 30, 255, 0, 7)))
    before = [(b"sBIT", sbit)]
    if color == 3:
        before.append((b"PLTE", bytes(v for i in range(16) for v in (i * 10,) * 3)))
        before.append((b"hIST", struct.pack(">16H", *range(16))))
    others = [(b"oFFs", struct.pack(">iiB", 3, 4, 0)), (b"tIME", b"\x07\xd0\1\2\3\4\5"), splt]
    before += [(b"bKGD", bkgd), (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)), *others]
    path = tmp_path / "a.png"
    path.write_bytes(
        png_file.assemble(struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0), before, coded, ())
    )
    _, _, notes, data = run(path)
    found = png_file.parse(data)
    assert found.find(b"sBIT") == new_sbit and found.find(b"bKGD") == new_bkgd
    assert set(others) <= set(found.chunks)
    assert found.find(b"pHYs") == struct.pack(">IIB", 11811, 11811, 1)
    assert (Loss.metadata in lossy(notes)) is (color == 3)
    with Image.open(io.BytesIO(data)) as image:
        image.load()


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
