"""The items of an AVIF or HEIC file, taken apart so that some may go and the others stand elsewhere.

In:  the bytes of a `meta` box
Out: `Items`; and the boxes `iinf`, `iloc` and `iref` written anew

Source: ISO/IEC 14496-12 (infe, iloc, iref), 23008-12 (cdsc).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from colorize_cli.formats.heif.heif_left_out import XMP_TYPE
from colorize_cli.formats.heif.heif_sizes import MOST_EXTENTS, MOST_LINKS
from colorize_cli.formats.jp2.jp2_file import Box, box_of, boxes

MIME = b"mime"
_MOST_ITEMS = 65_535
_TIMES = 4  # as much as items may hold together, of a file
_PLAIN_NAMES = frozenset({b"", b"Color", b"Alpha", b"Image"})  # encoders give them


@dataclass(frozen=True)
class Extent:
    """A piece of an item: of a construction by items its index, where it starts, and its length."""

    index: int
    start: int
    size: int


@dataclass(frozen=True)
class Item:
    """An item.

    Attributes:
        number: by which references and properties name it.
        entry: the content of its `infe` box.
        kind: `Exif`, `mime`, `av01` and so on.
        content: of `mime`, what follows its name: content type and encoding.
        method: 0 where its pieces stand in the file, 1 in `idat`, 2 in another item; None where it has none.
        file: 0 for this file.
        extents: its pieces.
    """

    number: int
    entry: bytes
    kind: bytes
    content: bytes
    method: int | None = None
    file: int = 0
    extents: tuple[Extent, ...] = ()

    @property
    def is_xmp(self) -> bool:
        """Whether it is a packet of XMP."""
        return self.kind == MIME and self.content.split(b"\0")[0] == XMP_TYPE

    def without_name(self) -> Item:
        """The item without a name that people may have given it."""
        start = 12 if self.entry[0] == 2 else 14
        if self.entry[start:].partition(b"\0")[0] in _PLAIN_NAMES:
            return self
        rest = self.entry[start:].partition(b"\0")[2] if self.kind in (MIME, b"uri ") else b""
        return replace(self, entry=self.entry[:start] + b"\0" + rest)


@dataclass(frozen=True)
class Reference:
    """From which item to which ones, and of what kind."""

    kind: bytes
    source: int
    targets: tuple[int, ...]


class Cursor:
    """Numbers that follow one another.

    Raises:
        ValueError: one ends behind the end.
    """

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def take(self, size: int) -> int:
        """A number of so many bytes; 0 of none."""
        if self.at + size > self.end:
            raise ValueError("cut short")
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at])


def items_of(data: bytes, information: Box, locations: Box) -> tuple[dict[int, Item], int]:
    """The items by number, in order, and the version of their locations.

    Raises:
        ValueError: there are entries of a kind that is not known, one number twice, or a place without an item.
    """
    found = dict[int, Item]()
    for box in boxes(data, information.content + (6 if data[information.content] == 0 else 8), information.end):
        entry = data[box.content : box.end]
        if box.kind != b"infe" or len(entry) < 12 or entry[0] not in (2, 3) or len(found) >= _MOST_ITEMS:
            raise ValueError("item entries of another kind")
        width = 2 if entry[0] == 2 else 4
        number, kind = int.from_bytes(entry[4 : 4 + width]), entry[6 + width : 10 + width]
        if number in found or int.from_bytes(entry[4 + width : 6 + width]):
            raise ValueError("one number twice, or a protected item")
        found[number] = Item(number, entry, kind, entry[10 + width :].partition(b"\0")[2])
    cursor, seen, room = Cursor(data, locations.content, locations.end), 0, _TIMES * len(data)
    version, _, sizes = cursor.take(1), cursor.take(3), cursor.take(2)
    offset, length, base, index = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    for _ in range(cursor.take(wide)):
        number, method = cursor.take(wide), cursor.take(2) & 15 if version else 0
        file, start, count = cursor.take(2), cursor.take(base), cursor.take(2)
        seen += count
        if seen > MOST_EXTENTS or number not in found or found[number].method is not None:
            raise ValueError("more pieces than any picture needs, or of no item")
        extents = [Extent(cursor.take(index), start + cursor.take(offset), cursor.take(length)) for _ in range(count)]
        found[number] = replace(found[number], method=method, file=file, extents=tuple(extents))
        room -= sum(extent.size or len(data) for extent in extents)
        if room < 0:
            raise ValueError("items larger than the file")
    return found, version


def references_of(data: bytes, box: Box | None) -> tuple[list[Reference], int]:
    """The references between items, and how wide their numbers are.

    Raises:
        ValueError: one does not fit.
    """
    if box is None:
        return [], 2
    width, found, seen = 2 if data[box.content] == 0 else 4, list[Reference](), 0
    for inner in boxes(data, box.content + 4, box.end):
        cursor = Cursor(data, inner.content, inner.end)
        source, count = cursor.take(width), cursor.take(2)
        seen += count
        if seen > MOST_LINKS:
            raise ValueError("more references than any picture needs")
        found.append(Reference(inner.kind, source, tuple(cursor.take(width) for _ in range(count))))
    return found, width


def information_box(items: Iterable[Item]) -> bytes:
    """An `iinf` box."""
    entries = [box_of(b"infe", item.entry) for item in items]
    return box_of(b"iinf", struct.pack(">IH", 0, len(entries)) + b"".join(entries))


def locations_box(items: Iterable[Item], version: int, width: int, moved: Callable[[Item, Extent], int]) -> bytes:
    """An `iloc` box; pieces that stand in the file stand elsewhere now."""
    listed = [item for item in items if item.method is not None]
    wide = ">I" if version == 2 else ">H"
    parts = [struct.pack(">BxxxBB", version, width << 4 | width, width if version else 0)]
    parts.append(struct.pack(wide, len(listed)))
    for item in listed:
        parts.append(struct.pack(wide, item.number))
        parts.append(struct.pack(">H", item.method) if version else b"")
        parts.append(struct.pack(">HH", item.file, len(item.extents)))
        for extent in item.extents:
            start = moved(item, extent) if item.method == 0 and item.file == 0 else extent.start
            numbers = ([extent.index] if version else []) + [start, extent.size]
            parts += [number.to_bytes(width, "big") for number in numbers]
    return box_of(b"iloc", b"".join(parts))


def references_box(references: Iterable[Reference], width: int) -> bytes:
    """An `iref` box."""
    kind, parts = "I" if width == 4 else "H", list[bytes]()
    for one in references:
        content = struct.pack(f">{kind}H{len(one.targets)}{kind}", one.source, len(one.targets), *one.targets)
        parts.append(box_of(one.kind, content))
    return box_of(b"iref", struct.pack(">Bxxx", 0 if width == 2 else 1) + b"".join(parts))


def left_among(references: Iterable[Reference], numbers: Iterable[int]) -> Iterator[Reference]:
    """The references between items that are there."""
    there = set(numbers)
    for one in references:
        targets = tuple(number for number in one.targets if number in there)
        if one.source in there and targets:
            yield replace(one, targets=targets)
