"""The size of a picture that stands coded inside another file: a strip or tile of a TIFF.

In:  its bytes, or the first of them
Out: width and height as its own header declares them, whatever the file around it says

Source: ITU-T T.81; ISO/IEC 15444-1; PNG; RFC 9649; ISO/IEC 18181-1 (JPEG XL's size header).
"""

from __future__ import annotations

import struct

from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.webp import webp_file

_NO_FRAMES = (0xC4, 0xC8, 0xCC)


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height; None where the bytes are no picture of a known kind, or their header is cut short."""
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            width, height = struct.unpack_from(">II", data, 16)
            return int(width), int(height)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return webp_file.declared_size(data)[:2]
        if data[:4] == b"\xff\x4f\xff\x51" or data[4:8] == b"jP  ":
            found = jp2_file.size_of(data)
            return (found.width, found.height) if found else None
        if data[:2] == b"\xff\x0a" or data[4:8] == b"JXL ":
            return jxl_size(data)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            at += 1  # stray bytes between markers, which decoders pass over
            continue
        marker = data[at + 1]
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker in (0xD9, 0xDA):
            return None
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def jxl_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG XL codestream, or of the first in a container."""
    at = 0
    if data[4:8] == b"JXL ":
        at = -1
        for box in jp2_file.boxes(data):
            if box.kind in (b"jxlc", b"jxlp"):
                at = box.content + (4 if box.kind == b"jxlp" else 0)
                break
    if at < 0 or data[at : at + 2] != b"\xff\x0a":
        return None
    bits = _LowBits(data[at + 2 : at + 18])
    small = bits.take(1)
    height = bits.side(small)
    ratio = bits.take(3)
    if ratio == 0:
        return bits.side(small), height
    over, under = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height * over // under, height


class _LowBits:
    """Bits of a byte string, lowest first."""

    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        found = self.value & (1 << count) - 1
        self.value >>= count
        return found

    def side(self, small: int) -> int:
        if small:
            return (self.take(5) + 1) * 8
        return self.take((9, 13, 18, 30)[self.take(2)]) + 1
