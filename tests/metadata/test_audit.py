"""The second reader names what a result lacks, and is silent about one that lacks nothing."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, target_format, write_photo
from colorize_cli.formats.jpeg import mpf
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.audit.containers import inventory
from colorize_cli.metadata.ifd import Tag
from colorize_cli.notes import Loss, Note
from tests.metadata import blocks as b

NOTE = Provenance("colorize-cli", "1", "tiny", "0" * 64)
GREY = b.picture()
TURNED = np.rot90(GREY)  # as stored by a camera that was held on its side: orientation 6 stands it upright
CAPTION = b.iim((120, b"A wedding"), (25, b"family"), (90, b"Lyon"))
TITLED = b.xmp(b.title("Grandma"))


def colored(source: bytes, folder: Path, name: str = "s", **settings: object) -> tuple[Path, Path, tuple[str, ...]]:
    """A source and its result; and what is told of it."""
    before, after = folder / f"{name}.src", folder / f"{name}.out"
    before.write_bytes(source)
    photo, how = decode(before), EncodeSettings(**settings)  # type: ignore[arg-type]
    pages = [np.repeat(p.pixels[..., None], 3, 2) if p.pixels.ndim == 2 else p.pixels for p in photo.pages]
    written = write_photo(photo, pages, after, how, NOTE)
    _, note = target_format(photo, how)
    return before, after, (*photo.notes, *([note] if note else []), *written.notes)


MAKER = Tag(37500, 7, 8, b"\x01\x02maker\0")
# One entry, whose ten bytes stand behind it: at 62 in a file whose EXIF directory has nothing else.
BOUND = Tag(37500, 7, 28, struct.pack("<HHHIII", 1, 6, 2, 10, 62, 0) + b"the lens\0\0")
RICH = b.jpeg(
    GREY,
    b.app_exif(
        b.exif(
            b.text(271, "Zorki"),
            b.short(274, 1),
            inside=[b.text(36867, "1957:05:04 12:00:00"), MAKER],
            gps=[Tag(1, 2, 2, b"N\0"), Tag(2, 5, 3, struct.pack("<6I", 48, 1, 51, 1, 0, 1))],
        )
    ),
    *b.extended(TITLED),
    b.app_photoshop(b.resource(1028, CAPTION), b.resource(1034, b"\x01")),
    b.app_icc(b.icc()),
    (0xE5, b"a camera's own"),
    (0xFE, b"scanned in Lyon"),
)


@pytest.mark.parametrize("strip", ["none", "gps", "all"])
def test_a_result_that_lacks_nothing_has_no_faults(tmp_path: Path, strip: str):
    source, result, notes = colored(RICH, tmp_path, strip=strip)
    assert audit(source, result, notes, strip) == []


def tiff(compression: str | None = None, pixels: np.ndarray = GREY) -> bytes:
    return b.saved(pixels, "TIFF", compression=compression)


def rotten(data: bytes, start: int, count: int) -> bytes:
    """A file with bits flipped in some bytes from an offset on."""
    out, rng = bytearray(data), np.random.default_rng(1)
    for at in rng.integers(start, start + count, 12):
        out[at] ^= 0x55
    return bytes(out)


def strip_of(data: bytes) -> int:
    """Where the first strip of a TIFF stands."""
    with Image.open(io.BytesIO(data)) as image:
        return int(image.tag_v2[273][0])  # type: ignore[attr-defined]


def cut_gif(pixels: np.ndarray) -> bytes:
    """A GIF whose picture ends halfway, though its blocks are in order."""
    data = b.saved(pixels, "GIF")
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    at = data.index(b"\x2c", at) + 11
    return data[: at + 1 + data[at] // 2].replace(data[at : at + 2], bytes((data[at] // 2, data[at + 1])), 1) + b"\0;"


def pair() -> bytes:
    return mpf.joined([b.jpeg(b.picture(seed=seed)) for seed in (0, 1)], [0x030000, 0x020002], [("<", ())] * 2)


def uuid(name: bytes, content: bytes) -> bytes:
    return b.box(b"uuid", name + content)


FACE = b.region(0.25, 0.4, 0.1, 0.2, TURNED.shape[::-1])
SUBJECT = b.exif(b.short(274, 6), inside=[b.short(37396, 12, 20)])
UNTURNED = b.exif(b.short(274, 1), inside=[b.short(37396, 12, 20)])
G4 = tiff("group4", GREY > 127)
NOISE = b.jpeg(np.random.default_rng(0).integers(0, 255, (300, 400), np.uint8))

# What a file holds; a file without it, whose result is then taken for the first one's; what has to be named.
FAULTS: dict[str, tuple[bytes, bytes, str]] = {
    "EXIF": (RICH, b.jpeg(GREY), "IFD0 Make (271) is missing"),
    "EXIF tag": (
        b.jpeg(GREY, b.app_exif(b.exif(b.text(271, "Zorki"), inside=[b.text(36867, "1957:05:04 12:00:00")]))),
        b.jpeg(GREY, b.app_exif(b.exif(b.text(271, "Zorki"), inside=[b.text(36867, "1957:05:04 12:00:01")]))),
        "ExifIFD DateTimeOriginal (36867) differs",
    ),
    "GPS": (
        RICH,
        b.jpeg(GREY, b.app_exif(b.exif(b.text(271, "Zorki")))),
        "GPS tag (2) is missing",
    ),
    "maker note": (
        b.jpeg(GREY, b.app_exif(b.exif(inside=[BOUND]))),
        b.jpeg(GREY, b.app_exif(b.exif(b.text(271, "Zorki, Krasnogorsk"), inside=[BOUND]))),
        "MakerNote (37500) moved",
    ),
    "second part of EXIF": (
        b.jpeg(GREY, b.app_exif((block := b.exif(b.text(270, "first" + "second")))[:32]), b.app_exif(block[32:])),
        b.jpeg(GREY, b.app_exif(b.exif(b.text(270, "first")))),
        "IFD0 ImageDescription (270) differs",
    ),
    "XMP": (b.jpeg(GREY, b.app_xmp(TITLED)), b.jpeg(GREY), "XMP dc:title[x-default] is missing"),
    "ExtendedXMP": (
        b.jpeg(GREY, *b.extended(TITLED)),
        b.jpeg(GREY, b.extended(TITLED)[0]),
        "XMP dc:title[x-default] is missing",
    ),
    "IPTC": (
        RICH, b.jpeg(GREY, b.app_photoshop(b.resource(1034, b"\x01"))), "IPTC Caption-Abstract (2:120) is missing"
    ),
    "Photoshop": (RICH, b.jpeg(GREY, b.app_photoshop(b.resource(1028, CAPTION))), "Photoshop resource 1034 is missing"),
    "profile": (RICH, b.jpeg(GREY), "ICC: the profile is missing"),
    "segment": (RICH, b.jpeg(GREY), "JPEG segment APP5 is missing"),
    "comment": (RICH, b.jpeg(GREY), "JPEG comment is missing"),
    "orientation in XMP": (
        b.png(TURNED, b.png_xmp(b.xmp("", 'tiff:Orientation="6"'))), b.png(TURNED), "64 pixels instead of 64 x 48"
    ),
    "upside down": (
        b.png(np.rot90(GREY, 2), b.png_xmp(b.xmp("", 'tiff:Orientation="3"'))),
        b.png(np.rot90(GREY, 2)),
        "pixels: the result is turned",
    ),
    "orientation that stays": (
        b.jpeg(TURNED, b.app_exif(b.exif(b.short(274, 6)))),
        b"surgery",
        "EXIF Orientation is 6, though the pixels stand upright",
    ),
    "face region": (
        b.jpeg(TURNED, b.app_exif(b.exif(b.short(274, 6))), b.app_xmp(b.xmp(FACE))),
        b.jpeg(GREY, b.app_xmp(b.xmp(FACE))),
        "mwg-rs:Area/stArea:x does not lie where it did",
    ),
    "subject area": (
        b.jpeg(TURNED, b.app_exif(SUBJECT)), b.jpeg(GREY, b.app_exif(UNTURNED)), "ExifIFD SubjectArea (37396) differs"
    ),
    "old thumbnail": (
        b.jpeg(GREY, b.app_exif(b.exif(b.text(271, "Z"), thumbnail=b.jpeg(GREY)))),
        b"surgery",
        "EXIF IFD1 still holds the old thumbnail",
    ),
    "PNG text": (b.png(GREY, (b"tEXt", b"Author\0Ada")), b.png(GREY), "PNG text 'Author' is missing"),
    "PNG chunk": (b.png(GREY, (b"bKGD", b"\0\x80")), b.png(GREY, (b"bKGX", b"")), "PNG chunk bKGD is missing"),
    "JP2 IPTC": (b.jp2(GREY, uuid(b.IPTC_UUID, CAPTION)), b.jp2(GREY), "IPTC Caption-Abstract (2:120) is missing"),
    "JP2 XML": (b.jp2(GREY, b.box(b"xml ", b"<gml/>")), b.jp2(GREY), "JP2 box xml is missing"),
    "JP2 uinf": (b.jp2(GREY, b.box(b"uinf", b.box(b"ulst", bytes(2)))), b.jp2(GREY), "JP2 box uinf is missing"),
    "JP2 UUID": (b.jp2(GREY, uuid(bytes(range(16)), b"x")), b.jp2(GREY), "JP2 box uuid 000102030405060708090a0b"),
    "GIF comment": (b.gif(GREY, b.gif_comment(b"from the attic")), b.gif(GREY), "GIF comment is missing"),
    "GIF XMP": (b.gif(GREY, b.gif_xmp(TITLED)), b.gif(GREY), "XMP dc:title[x-default] is missing"),
    "BMP profile": (b.bmp_v5(GREY, b.icc()), b.bmp_v5(GREY), "ICC: the profile is missing"),
    "depth": (tiff(pixels=GREY.astype(np.uint16) * 257), tiff(), "8 bits a sample instead of 16"),
    "second picture": (pair(), b.jpeg(GREY), "1 of 2 pictures are there"),
    "frames": (
        b.saved(GREY, "GIF", save_all=True, append_images=[Image.fromarray(b.picture(seed=1))]),
        b.gif(GREY),
        "1 of 2 frames are there",
    ),
    "black": (
        tiff(pixels=GREY.astype(np.int32) * 65536), tiff(pixels=np.zeros_like(GREY)), "pixels: the result is blank"
    ),
    "another picture": (b.png(GREY), b.png(b.picture(seed=5)), "pixels: the result shows something else"),
    "damaged scan": (rotten(NOISE, 700, 20_000), NOISE, "source: its picture is damaged"),
    "damaged fax": (rotten(G4, strip_of(G4) + 4, 40), b.png(GREY), "source: its picture is damaged"),
    "cut GIF": (cut_gif(GREY), b.gif(GREY), "source: its picture is damaged"),
    "cut PNG": (b.png(GREY)[:-30], b.png(GREY), "source: the file ends before its picture does"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_what_a_result_lacks_is_named(tmp_path: Path, what: str):
    full, less, named = FAULTS[what]
    source = tmp_path / "full"
    source.write_bytes(full)
    if less == b"surgery":  # a writer that carries the block as it was
        (result := tmp_path / "out").write_bytes(carried_over(full))
    else:
        _, result, _ = colored(less, tmp_path)
    found = audit(source, result)
    assert any(named in fault for fault in found), found
    # A loss that is told is no fault: nothing else is wrong with it.
    told = [Note(f"{word} was left out", Loss.metadata) for word in TOLD if word.lower() in named.lower()]
    if told and what not in ("frames", "second picture"):
        assert not any(named in fault for fault in audit(source, result, told))


TOLD = ("EXIF is", "XMP", "IPTC", "Photoshop", "profile", "segment", "comment", "chunk", "box")


def carried_over(source: bytes) -> bytes:
    """The colored picture with the source's EXIF segment as it was."""
    grey = Image.open(io.BytesIO(source))
    upright = grey.rotate(-90, expand=True) if grey.getexif().get(274) == 6 else grey
    return b.jpeg(np.asarray(upright.convert("RGB")), b.app_exif(grey.info["exif"].removeprefix(b"Exif\0\0")))


def list_of(data: bytes) -> list[tuple[int, bytes]]:
    """The EXIF and Photoshop segments of a JPEG."""
    found, at = list[tuple[int, bytes]](), 2
    while data[at + 1] != 0xDA:
        size = struct.unpack_from(">H", data, at + 2)[0]
        payload = data[at + 4 : at + 2 + size]
        if payload.startswith((b"Exif", b"Photoshop")):
            found.append((data[at + 1], payload))
        at += 2 + size
    return found


@pytest.mark.parametrize("size", [(64, 48), (61, 47), (1000, 30), (32, 32), (300, 200)])
def test_the_size_and_the_blocks_of_jpeg_xl_are_read(tmp_path: Path, size: tuple[int, int]):
    picture = b.jpeg(b.picture(size), *list_of(RICH), b.app_xmp(TITLED))
    _, result, _ = colored(picture, tmp_path, format=PhotoFormat.jxl)
    found = inventory(result)
    assert found is not None and found.size == size and found.turned == 1 and found.exif and found.xmp
    again, last, notes = colored(result.read_bytes(), tmp_path, "again")
    assert audit(again, last, notes) == []
    bare = tmp_path / "bare.jxl"
    bare.write_bytes(colored(b.jpeg(b.picture(size)), tmp_path, "bare", format=PhotoFormat.jxl)[1].read_bytes())
    assert "XMP dc:title[x-default] is missing" in audit(again, bare)


def photoshop_document() -> bytes:
    resources = b.resource(1028, CAPTION) + b.resource(1060, TITLED) + b.resource(1039, b.icc())
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, 48, 64, 8, 1) + bytes(4)
    return head + struct.pack(">I", len(resources)) + resources + bytes(4) + bytes(2) + GREY.tobytes()


def test_the_resources_of_a_photoshop_document_are_compared(tmp_path: Path):
    before, after, notes = colored(photoshop_document(), tmp_path)
    assert audit(before, after, notes) == []
    _, bare, _ = colored(b.saved(GREY, "TIFF"), tmp_path, "bare")
    found = audit(before, bare, notes)
    assert {"XMP dc:title[x-default] is missing", "IPTC Caption-Abstract (2:120) is missing"} <= set(found)
