"""Tell how a WebP was compressed.

In:  the bytes of a WebP
Out: whether it is lossless, and the quality of a lossy one

Source: RFC 9649 (container), RFC 6386 (VP8's frame header); libwebp for its scale of quality.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from colorize_cli.metadata.ifd import Data


def chunks(data: Data) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of the container, those of the first frame of an animation among them."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        if kind == b"ANMF":
            at += 24  # into the frame
            continue
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def declared_end(data: bytes) -> int:
    """Where the container says that it ends."""
    return 8 + int(struct.unpack_from("<I", data, 4)[0])


def declared_size(data: bytes) -> tuple[int, int, bool]:
    """Width and height of the canvas, and whether it has alpha; of a simple file those of its only picture.

    Raises:
        struct.error: the header is cut short.
    """
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        if len(data) < 30:
            raise struct.error("its header is cut short")
        return width, height, bool(data[20] & 0x10)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF, False


def is_lossless(data: bytes) -> bool:
    """Whether the picture is coded without loss."""
    return any(kind == b"VP8L" for kind, _ in chunks(data))


def quality(data: bytes) -> int | None:
    """The quality, 0 to 100, whose base quantiser index libwebp would have written; None where there is none."""
    frame = next((payload for kind, payload in chunks(data) if kind == b"VP8 "), None)
    index = _base_index(frame) if frame else None
    if index is None:
        return None
    linear = (1.0 - index / 127.0) ** 3
    return round(100 * (linear * 1.5 if linear < 0.5 else (linear + 1) / 2))


class _Bits:
    """VP8's boolean decoder, at probability one half (RFC 6386, section 7)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.value, self.range, self.left = data, 2, (data[0] << 8) | data[1], 255, 0

    def bit(self) -> int:
        split = 1 + (((self.range - 1) * 128) >> 8)
        wide = split << 8
        found = int(self.value >= wide)
        if found:
            self.range, self.value = self.range - split, self.value - wide
        else:
            self.range = split
        while self.range < 128:
            self.value, self.range, self.left = self.value << 1, self.range << 1, self.left + 1
            if self.left == 8:
                self.left = 0
                self.value |= self.data[self.at] if self.at < len(self.data) else 0
                self.at += 1
        return found

    def number(self, bits: int) -> int:
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value

    def signed(self, bits: int) -> int:
        value = self.number(bits)
        return -value if self.bit() else value

    def skip_optional(self, bits: int) -> None:
        if self.bit():
            self.number(bits)


def _base_index(frame: bytes) -> int | None:
    """The quantiser index of a key frame, the mean over its segments (RFC 6386, sections 9.2 to 9.6)."""
    if len(frame) < 20 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    bits, segments, absolute = _Bits(frame[10:]), list[int](), 0
    bits.number(2)  # colour space, clamping
    if bits.bit():  # segments
        update_map, update_data = bits.bit(), bits.bit()
        if update_data:
            absolute = bits.bit()
            segments = [bits.signed(7) if bits.bit() else 0 for _ in range(4)]
            for _ in range(4):
                bits.skip_optional(7)
        if update_map:
            for _ in range(3):
                bits.skip_optional(8)
    bits.number(10)  # loop filter
    if bits.bit() and bits.bit():
        for _ in range(8):
            bits.skip_optional(7)
    bits.number(2)  # partitions
    index = bits.number(7)
    mean = round(sum(segments) / 4) if segments else 0
    return min(max(mean if segments and absolute else index + mean, 0), 127)
