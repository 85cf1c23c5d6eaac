"""Files of a few hundred bytes that ask a decoder for gigabytes, or for hours."""

from __future__ import annotations

import io
import struct
import zlib

import imagecodecs
import numpy as np
from PIL import Image

from colorize_cli.formats.png import png_file

FLAT = np.full((64, 64), 90, np.uint8)


def encoded(pixels: np.ndarray, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, **options)
    return out.getvalue()


def gif(*frames: tuple[int, int, int, int], screen: tuple[int, int] = (100, 100)) -> bytes:
    """An animation whose frames lie anywhere; each is of one color."""
    parts = [b"GIF89a", struct.pack("<HHBBB", *screen, 0x80, 0, 0), bytes((200, 200, 200, 0, 0, 0))]
    for left, top, width, height in frames:
        alone = encoded(np.full((height, width), 1, np.uint8), "GIF")
        at = alone.index(b",")
        flags = alone[at + 9]
        start = at + 10 + (3 * (2 << (flags & 7)) if flags & 0x80 else 0)
        coded = alone[start : alone.rindex(b";")]
        parts += [b"!\xf9\x04\0\x0a\0\0\0", b"," + struct.pack("<HHHHB", left, top, width, height, 0), coded]
    return b"".join((*parts, b";"))


def webp(side: int = 16_000) -> bytes:
    data = bytearray(encoded(np.dstack((FLAT, FLAT, FLAT, FLAT)), "WEBP", lossless=True, exif=b"Exif\0\0II*\0"))
    data[24:30] = (side - 1).to_bytes(3, "little") * 2
    return bytes(data)


def avif(side: int = 30_000) -> bytes:
    data = encoded(np.dstack((FLAT, FLAT, FLAT)), "AVIF")
    return data.replace(
        b"ispe" + bytes(4) + struct.pack(">II", 64, 64), b"ispe" + bytes(4) + struct.pack(">II", side, side)
    )


def avif_whose_data_are_larger() -> bytes:
    """A picture of 64 x 64 pixels whose coded data say 60,000 x 60,000."""
    data = bytearray(encoded(np.dstack((FLAT, FLAT, FLAT)), "AVIF"))
    at = data.rindex(b"\x12\x00\x0a") + 2  # a temporal delimiter, then the sequence header
    fields = ((0, 3), (1, 1), (1, 1), (0, 5), (15, 4), (15, 4), (59_999, 16), (59_999, 16))
    bits = "".join(f"{value:0{count}b}" for value, count in fields)
    own = int(bits.ljust(80, "0"), 2).to_bytes(10)
    data[at + 2 : at + 2 + data[at + 1]] = own[: data[at + 1]].ljust(data[at + 1], b"\0")
    return bytes(data)


def jp2(width: int, height: int, tile: int, components: int, precincts: bool = False, layers: int = 1) -> bytes:
    """A codestream that ends after its headers."""
    style = struct.pack(">BBHB", 1 if precincts else 0, 0, layers, 0) + bytes((5, 4, 4, 0, 1))
    style += b"\x11" * 6 if precincts else b""
    size = (
        struct.pack(">HIIIIIIIIH", 0, width, height, 0, 0, tile, tile, 0, 0, components) + b"\x07\x01\x01" * components
    )
    quantized = b"\x40" + b"\x40" * 16
    return b"".join(
        (
            b"\xff\x4f",
            *(marker + struct.pack(">H", len(body) + 2) + body for marker, body in (
                (b"\xff\x51", size), (b"\xff\x52", style), (b"\xff\x5c", quantized)
            )),
            b"\xff\x90\0\x0a\0\0\0\0\0\x0e\0\1\xff\x93\xff\xd9",
        )
    )  # fmt: skip


def many_scans(count: int = 5000) -> bytes:
    data = encoded(FLAT, "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    end = data.rindex(b"\xff\xd9")
    return data[:end] + data[at:end] * count + data[end:]


def huge_progressive(side: int = 30_000) -> bytes:
    data = bytearray(encoded(FLAT, "JPEG", progressive=True))
    at = data.index(b"\xff\xc2")
    data[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def tiff(tags: list[tuple[int, int, int, int]], behind: bytes = b"", following: int = 0) -> bytes:
    """A directory of (code, type, count, value or offset) at byte 8, and what comes after it."""
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + body + struct.pack("<I", following) + behind


def _page(
    width: int, height: int, compression: int, offset: int, size: int, rows: int = 0
) -> list[tuple[int, int, int, int]]:
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1),
        (273, 4, 1, offset), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, size),
    ]  # fmt: skip


def tiff_of_overlapping_tags() -> bytes:
    """4,000 tags, each of which is the whole file."""
    count = 4000
    own = _page(8, 8, 1, 8, 64)
    size = 8 + 2 + 12 * (len(own) + count) + 4
    return tiff([*own, *((60_000 + i, 7, size - 8, 8) for i in range(count))])


def tiff_of_directories_in_circles() -> bytes:
    """A SubIFD that is a chain of 250 directories, given 250 times."""
    own = _page(8, 8, 1, 8, 64)
    at = 8 + 2 + 12 * (len(own) + 1) + 4
    each = 2 + 12 * len(own) + 4
    chain = b"".join(tiff(own, following=at + (i + 1) * each if i < 249 else 0)[8:] for i in range(250))
    places = at + len(chain)
    return tiff(sorted([*own, (330, 4, 20_000, places)]), chain + struct.pack("<I", at) * 20_000)


def tiff_with_a_large_jpeg() -> bytes:
    """A strip of 64 x 64 pixels that is a JPEG of 60,000 x 60,000."""
    coded = bytearray(encoded(FLAT, "JPEG"))
    at = coded.index(b"\xff\xc0")
    coded[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    return tiff(_page(64, 64, 7, 8 + 2 + 12 * 9 + 4, len(coded)), bytes(coded))


def tiff_with_a_large_tile(side: int = 65_536) -> bytes:
    coded = zlib.compress(bytes(4096))
    own = [tag for tag in _page(64, 64, 8, 0, 0) if tag[0] not in (273, 278, 279)]
    at = 8 + 2 + 12 * (len(own) + 4) + 4
    tiles = [(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, at), (325, 4, 1, len(coded))]
    return tiff(sorted(own + tiles), coded)


def tiff_of_many_large_pages() -> bytes:
    """Two hundred pages of 30,000 x 30,000 pixels in one kilobyte each."""
    at, parts = 8, list[bytes]()
    for i in range(200):
        page = tiff(_page(30_000, 30_000, 8, 8, 64))[8:]
        at += len(page)
        parts.append(page[:-4] + struct.pack("<I", at if i < 199 else 0))
    return b"II*\0\x08\0\0\0" + b"".join(parts)


def png_of_texts() -> bytes:
    plain = png_file.parse(encoded(FLAT, "PNG"))
    text = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(200_000_000), 9))
    profile = (b"iCCP", b"icc\0\0" + zlib.compress(bytes(200_000_000), 9))
    note = (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 9))
    return png_file.assemble(plain.header(), [profile, note, text, text, text], plain.coded, ())


def png_header(side: int = 30_000) -> bytes:
    return png_file.assemble(struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0), [], zlib.compress(b"0"), ())


def bmp(side: int = 30_000) -> bytes:
    data = bytearray(encoded(FLAT, "BMP"))
    struct.pack_into("<ii", data, 18, side, -side)
    return bytes(data)


def ppm(kind: int, side: int = 30_000) -> bytes:
    return f"P{kind} {side} {side} {'65535 ' if kind not in (1, 4) else ''}".encode() + b"1 " * 100


def icc_of_many_tags() -> bytes:
    """A grey profile whose table of tags has no end."""
    head = bytearray(128)
    head[8:24], head[36:40] = b"\2\x10\0\0mntrGRAYXYZ ", b"acsp"
    table = struct.pack(">I", 0xFFFFFF) + b"kTRC" + struct.pack(">II", 132, 0xFFFFFFF0)
    data = bytes(head) + table * 100
    return encoded(FLAT, "JPEG", icc_profile=struct.pack(">I", len(data)) + data[4:])


def jp2_of(pixels: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="jp2", level=0, reversible=True))
