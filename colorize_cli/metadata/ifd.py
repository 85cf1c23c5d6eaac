"""The tag structure that TIFF files and EXIF blocks share: read it, patch it where it lies.

In:  bytes that start with a TIFF header (classic or BigTIFF, either byte order)
Out: `Ifd`s with raw values in the file's own byte order; patched copies of the bytes, all else byte-exact

Source: TIFF 6.0; BigTIFF (Adobe Photoshop TIFF Technical Notes, AWare Systems); EXIF 2.32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, BinaryIO, Protocol

TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
# EXIF, GPS, interoperability and TIFF-FX's global parameters: IFDs that belong to their parent.
POINTERS = frozenset({34665, 34853, 40965, 400})
_SUB_IFDS = 330  # pictures of their own, which `tiff_pictures` reads
_POINTER_TYPES = (13, 18)
_PLACES = (273, 324, 513)
_MAX_TAGS, _TAG = 4096, 12  # tags of a directory, and bytes of each
MAX_PAGES = 10_000
_MAX_ALL_TAGS = 1_000_000


class TagError(ValueError):
    """The structure is damaged: not a header, or an offset outside the file."""


@dataclass(frozen=True)
class Tag:
    """One entry.

    Attributes:
        code: the tag's number.
        type: its TIFF type.
        count: values of that type.
        value: the raw values, in the file's byte order.
        entry: offset of the entry in the file.
        where: offset of the values in the file.
        child: the IFD that it points to: one of `POINTERS`, or of TIFF's type IFD and without pixels.
    """

    code: int
    type: int
    count: int
    value: bytes
    entry: int = 0
    where: int = 0
    child: Ifd | None = None


@dataclass(frozen=True)
class Ifd:
    """One directory of tags.

    Attributes:
        order: "<" or ">".
        tags: in the file's sequence.
        offset: where it starts.
        next: offset of the next directory; 0 for none.
        next_at: offset at which `next` is stored.
        damaged: numbers of the tags that point outside the file, or are of no known type, and were left out.
    """

    order: str
    tags: tuple[Tag, ...]
    offset: int = 0
    next: int = 0
    next_at: int = 0
    damaged: tuple[int, ...] = ()

    def find(self, code: int) -> Tag | None:
        """The entry of that number, or None."""
        return next((tag for tag in self.tags if tag.code == code), None)

    def numbers(self, code: int) -> tuple[int | float, ...]:
        """The entry's values; rationals as floats; empty where there is none, or where it is text."""
        tag = self.find(code)
        return numbers(tag, self.order) if tag else ()

    def integer(self, code: int, default: int = 0) -> int:
        """The entry's first value as an integer."""
        values = self.numbers(code)
        return int(values[0]) if values else default


class Room:
    """What may still be read of a structure: directories whose tags overlap could else be read for ever.

    Args:
        size: bytes of the whole structure; no honest one has more bytes of tags, and each is read a few times at most.
    """

    def __init__(self, size: int) -> None:
        self.left, self.tags = 4 * size + (1 << 20), _MAX_ALL_TAGS

    def take(self, count: int, tags: int = 0) -> None:
        """Count bytes and tags that are read.

        Raises:
            TagError: there are more than an honest structure has.
        """
        self.left, self.tags = self.left - count, self.tags - tags
        if self.left < 0 or self.tags < 0:
            raise TagError("its tags overlap, or go round in circles")


@dataclass(frozen=True)
class Header:
    """Byte order, kind and first directory of a TIFF structure; and what may still be read of it."""

    order: str
    big: bool
    first: int
    room: Room = field(default_factory=lambda: Room(1 << 40), compare=False)


def numbers(tag: Tag, order: str) -> tuple[int | float, ...]:
    """The values of a numeric tag; a rational with denominator 0 reads as 0."""
    if tag.type in (5, 10):
        flat = struct.unpack(f"{order}{2 * tag.count}{'I' if tag.type == 5 else 'i'}", tag.value)
        return tuple(a / b if b else 0.0 for a, b in zip(flat[::2], flat[1::2], strict=True))
    letter = _NUMBERS.get(tag.type)
    return struct.unpack(f"{order}{tag.count}{letter}", tag.value) if letter else ()


class Data(Protocol):
    """Bytes, or a file that is read a piece at a time: a large TIFF's tags need no more."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: slice, /) -> bytes: ...


class FileData:
    """An open file as `Data`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._size = file, file.seek(0, 2)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice, /) -> bytes:
        start, stop, _ = place.indices(self._size)
        self._file.seek(start)
        return self._file.read(max(stop - start, 0))


def _unpack(form: str, data: Data, at: int) -> tuple[Any, ...]:
    return struct.unpack(form, data[at : at + struct.calcsize(form)])


def read_header(data: Data) -> Header:
    """Read the first 8 or 16 bytes.

    Raises:
        TagError: they are no TIFF header.
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise TagError("no TIFF header")
    magic = _unpack(f"{order}H", data, 2)[0]
    if magic == 43 and len(data) >= 16:
        return Header(order, True, _unpack(f"{order}Q", data, 8)[0], Room(len(data)))
    if magic != 42:
        raise TagError("no TIFF header")
    return Header(order, False, _unpack(f"{order}I", data, 4)[0], Room(len(data)))


def read_ifd(data: Data, header: Header, offset: int, depth: int = 0) -> Ifd:
    """Read one directory and those that its pointers lead to.

    Raises:
        TagError: the directory lies outside the data.
    """
    order, size = header.order, 20 if header.big else 12
    start = offset + (8 if header.big else 2)
    if offset < 8 or start > len(data):
        raise TagError(f"a directory at byte {offset:,} is outside the file")
    count = _unpack(f"{order}{'Q' if header.big else 'H'}", data, offset)[0]
    end = start + count * size
    if count > _MAX_TAGS or end > len(data):
        raise TagError(f"the directory at byte {offset:,} is damaged")
    header.room.take(_TAG * count, count)
    tags, damaged = list[Tag](), list[int]()
    for entry in range(start, end, size):
        tag = _read_tag(data, header, entry)
        if tag is None:
            damaged.append(_unpack(f"{order}H", data, entry)[0])
            continue
        known = tag.code in POINTERS
        if (known or tag.type in _POINTER_TYPES and tag.code != _SUB_IFDS) and depth < 3 and tag.count == 1:
            try:
                child = read_ifd(data, header, int(numbers(tag, order)[0]), depth + 1)
                if known or not any(child.find(place) for place in _PLACES):
                    tag = replace(tag, child=child)
            except (TagError, IndexError, struct.error):
                if known:
                    damaged.append(tag.code)
                    continue
        tags.append(tag)
    width = 8 if header.big else 4
    following = _unpack(f"{order}{'Q' if header.big else 'I'}", data, end)[0] if end + width <= len(data) else 0
    return Ifd(order, tuple(tags), offset, following, end, tuple(damaged))


def _read_tag(data: Data, header: Header, entry: int) -> Tag | None:
    if header.big:
        code, kind, count = _unpack(f"{header.order}HHQ", data, entry)
        where, room, pointer = entry + 12, 8, "Q"
    else:
        code, kind, count = _unpack(f"{header.order}HHI", data, entry)
        where, room, pointer = entry + 8, 4, "I"
    size = TYPE_SIZES.get(kind, 0) * count
    if kind not in TYPE_SIZES:
        return None
    if size > room:
        where = _unpack(f"{header.order}{pointer}", data, where)[0]
    if where + size > len(data):
        return None
    header.room.take(size if size > room else 0)
    return Tag(code, kind, count, bytes(data[where : where + size]), entry, where)


def walk(data: Data) -> Iterator[Ifd]:
    """Every directory of the chain, first to last; stops at a damaged link after the first.

    Raises:
        TagError: there is no readable first directory.
    """
    header = read_header(data)
    offset, seen = header.first, set[int]()
    while offset and offset not in seen and len(seen) < MAX_PAGES:
        seen.add(offset)
        try:
            ifd = read_ifd(data, header, offset)
        except TagError:
            if len(seen) == 1:
                raise
            return
        yield ifd
        offset = ifd.next
    if not seen:
        raise TagError("no directory")


def patch_numbers(data: bytearray, tag: Tag, order: str, values: tuple[int, ...]) -> None:
    """Write integers over a tag's values where they lie; the type and the count stay."""
    if tag.type in (5, 10):
        letter = "I" if tag.type == 5 else "i"
        flat = [part for value in values for part in (value, 1)]
        struct.pack_into(f"{order}{len(flat)}{letter}", data, tag.where, *flat)
    elif number := _NUMBERS.get(tag.type):
        struct.pack_into(f"{order}{len(values)}{number}", data, tag.where, *values)


def rational(value: float, order: str) -> bytes:
    """A positive number as a TIFF RATIONAL; 300 stays 300/1."""
    value = min(max(value, 0.0), 0xFFFFFFFF)
    fraction = Fraction(value).limit_denominator(max(min(10_000, int(0xFFFFFFFF / max(value, 1.0))), 1))
    return struct.pack(f"{order}II", fraction.numerator, fraction.denominator)
