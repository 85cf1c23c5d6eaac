"""What stands around the pixels comes through: boxes, chunks, profiles, comments; and no grey thumbnail does."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
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
