"""What an AVIF or HEIC file declares, from its boxes alone: nothing is decoded, and no decoder is made.

In:  the bytes of the file
Out: the size and depth of its largest picture, and how many pictures it has

A grid or a picture may declare one size, and its coded data another; both are looked at, since a decoder takes memory
for either.

Source: ISO/IEC 14496-12 (boxes), 23008-12 (HEIF: ispe, iloc, grid), AV1 bitstream specification (sequence header).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from colorize_cli.formats.jp2.jp2_file import boxes
from colorize_cli.metadata.ifd import Data

_SEQUENCE = 1
_IN_FILE, _IN_ITEM_DATA = 0, 1  # construction methods: what an item's offsets count from
_NESTED = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0}
_MOST_BOXES = 100_000
_MOST_ITEMS, _ITEM = 20_000, 1 << 14  # items that are looked at, and bytes of each
MOST_EXTENTS = 50_000  # pieces of items in all: six bytes can declare 65,535 of them
MOST_LINKS = 400_000  # references between items, and properties of all: a grid of 65,535 tiles has 200,000
_MOST_SIZES = 100_000


@dataclass(frozen=True)
class Pictures:
    """What the boxes declare.

    Attributes:
        size: width and height of the largest picture, or the sides of the largest part where no picture is whole.
        depth: bits of its samples.
        count: pictures and parts of pictures.
        pixels: of the largest of all sizes that are said anywhere.
    """

    size: tuple[int, int]
    depth: int
    count: int
    pixels: int


class BoxError(ValueError):
    """There is no picture among the boxes."""


def pictures(data: Data) -> Pictures:
    """Look through the boxes.

    Raises:
        BoxError: none of them says a size, or there are more than any file has.
    """
    sizes, depth, count = list[tuple[int, int]](), 8, 0
    found = list(islice(_walk(data, 0, len(data), 0), _MOST_BOXES + 1))
    if len(found) > _MOST_BOXES:
        raise BoxError("it has more boxes than any picture needs")
    types = dict(pair for kind, start, end in found if kind == b"iinf" for pair in _types(data, start, end))
    inside = b"".join(data[start : min(end, start + _ITEM)] for kind, start, end in found if kind == b"idat")
    for kind, start, end in found:
        content = data[start : min(end, start + 256)]
        if kind == b"ispe" and len(content) >= 12:
            sizes.append(struct.unpack_from(">II", content, 4))
            count += 1
        elif kind in (b"av01", b"hvc1", b"hev1") and len(content) >= 28:  # a track's pictures
            sizes.append(struct.unpack_from(">HH", content, 24))
        elif kind == b"pixi" and len(content) >= 6:
            depth = max((depth, *content[5 : 5 + content[4]]))
        elif kind == b"av1C" and len(content) >= 4:
            depth = max(depth, (12 if content[2] & 0x20 else 10) if content[2] & 0x40 else 8)
            sizes += _sequences(data[start + 4 : end])
        elif kind == b"hvcC" and len(content) >= 18:
            depth = max(depth, 8 + (content[17] & 7))
        elif kind == b"iloc":
            for number, item in _items(data, data[start:end], inside):
                sizes += _sequences(item) + (_grid(item) if types.get(number, b"grid") == b"grid" else [])
                if len(sizes) > _MOST_SIZES:
                    raise BoxError("it has more sizes than any picture needs")
    if not sizes:
        raise BoxError("it has no picture")
    size = max(sizes, key=lambda sides: sides[0] * sides[1])
    return Pictures(size, depth, max(count, 1), size[0] * size[1])


def _walk(data: Data, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    for box in boxes(data, start, end):
        yield box.kind, box.content, box.end
        if box.kind in _NESTED and depth < 8:
            yield from _walk(data, box.content + _NESTED[box.kind], box.end, depth + 1)
        elif box.kind == b"stsd" and depth < 8:
            yield from _walk(data, box.content + 8, box.end, depth + 1)
        elif box.kind == b"av01" and depth < 9:
            yield from _walk(data, box.content + 78, box.end, depth + 1)


def _types(data: Data, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Numbers and types of the items that a box of item information tells of."""
    for box in islice(boxes(data, start + (8 if data[start : start + 1] > b"\0" else 6), end), _MOST_ITEMS):
        said = data[box.content : min(box.end, box.content + 16)]
        width = {2: 2, 3: 4}.get(said[0] if said else 0)
        if box.kind == b"infe" and width:
            yield int.from_bytes(said[4 : 4 + width]), bytes(said[6 + width : 10 + width])


def _items(data: Data, box: bytes, inside: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and first bytes of each item of a location box, its parts joined.

    Args:
        data: the file.
        box: the content of the box.
        inside: that of the box of item data, in which items may lie: a phone's grids do.

    Raises:
        BoxError: there are more parts than any file has.
    """
    if len(box) < 8:
        return
    version, widths = box[0], int.from_bytes(box[4:6])
    offset_size, length_size, base_size = widths >> 12 & 15, widths >> 8 & 15, widths >> 4 & 15
    index_size = widths & 15 if version else 0
    id_size = 4 if version == 2 else 2
    at, seen = 6 + id_size, 0
    for _ in range(min(int.from_bytes(box[6:at]), _MOST_ITEMS)):
        number = int.from_bytes(box[at : at + id_size])
        method = int.from_bytes(box[at + id_size : at + id_size + 2]) & 15 if version else _IN_FILE
        at += id_size + (4 if version else 2)  # construction method, data reference
        place = data if method == _IN_FILE else inside if method == _IN_ITEM_DATA else b""
        base = int.from_bytes(box[at : at + base_size])
        at += base_size
        parts, room = list[bytes](), _ITEM
        extents = int.from_bytes(box[at : at + 2])
        at, seen = at + 2, seen + extents
        if seen > MOST_EXTENTS:
            raise BoxError("it has more pieces than any picture needs")
        for _ in range(extents):
            at += index_size
            offset = base + int.from_bytes(box[at : at + offset_size])
            length = int.from_bytes(box[at + offset_size : at + offset_size + length_size])
            at += offset_size + length_size
            if at > len(box):
                return
            if room > 0:
                parts.append(bytes(place[offset : offset + min(length or room, room)]))
                room -= len(parts[-1])
        yield number, b"".join(parts)


def _grid(data: bytes) -> list[tuple[int, int]]:
    """The size of a grid of tiles: version 0, flags, rows and columns less one, width, height."""
    if len(data) not in (8, 12) or data[0] or data[1] > 1:
        return []
    return [struct.unpack_from(">II" if len(data) == 12 else ">HH", data, 4)]


class _Bits:
    """Bits of a byte string, highest first; zeros after its end."""

    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        self.left -= count
        return self.value >> self.left & (1 << count) - 1 if self.left >= 0 else 0

    def skip_variable(self) -> None:
        zeros = 0
        while self.left > 0 and not self.take(1):
            zeros += 1
        self.take(min(zeros, 32))


def _sequences(data: bytes) -> list[tuple[int, int]]:
    """The sizes that the sequence headers among AV1's units declare."""
    found, at = list[tuple[int, int]](), 0
    while at + 2 <= len(data) and len(found) < 100:
        head = data[at]
        if head & 0x81 or not head & 0x02:  # a forbidden bit, or no length: no unit of a picture file
            break
        at += 2 if head & 0x04 else 1
        length, shift = 0, 0
        while at < len(data) and shift < 35:
            length |= (data[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not data[at - 1] & 0x80:
                break
        if head >> 3 & 15 == _SEQUENCE:
            found.append(_sequence(data[at : at + min(length, 256)]))
        at += length
    return found


def _sequence(data: bytes) -> tuple[int, int]:
    """Width and height of a sequence header (AV1, section 5.5.1)."""
    bits = _Bits(data)
    bits.take(4)  # profile, still picture
    if bits.take(1):  # reduced header
        bits.take(5)
    else:
        model = delay = 0
        if bits.take(1):  # timing
            bits.take(64)
            if bits.take(1):
                bits.skip_variable()
            model = bits.take(1)
            if model:
                delay = bits.take(5) + 1
                bits.take(42)
        shown = bits.take(1)
        for _ in range(bits.take(5) + 1):
            bits.take(12)
            if bits.take(5) > 7:
                bits.take(1)
            if model and bits.take(1):
                bits.take(2 * delay + 1)
            if shown and bits.take(1):
                bits.take(4)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(across) + 1, bits.take(down) + 1
