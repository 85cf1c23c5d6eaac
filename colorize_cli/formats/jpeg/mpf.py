"""The index of JPEG files that hold several pictures: read it, and write it for a new file.

In:  the bytes of a JPEG with a Multi-Picture Format segment; or the pictures of a new file
Out: what the index says of each picture; the file, with an index whose offsets and sizes are true

Source: CIPA DC-007-2021, Multi-Picture Format.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from colorize_cli.formats.jpeg.jpeg_file import APP0, APP1, APP2, EXIF, MPF
from colorize_cli.metadata.ifd import Ifd, Tag, TagError, read_header, read_ifd
from colorize_cli.metadata.ifd_write import directory, header

_VERSION, _COUNT, _ENTRIES = 0xB000, 0xB001, 0xB002
_INDEX_TAGS = range(0xB000, 0xB101)  # what follows is about one picture
_PRIMARY, _REPRESENTATIVE = 0x030000, 1 << 29
_LINKS = 0b11 << 30  # "parent" and "child": pictures that depend on each other, by their numbers
_MOST = 100  # pictures
_NO_FILL = re.compile(rb"[^\xff]")


@dataclass(frozen=True)
class Entry:
    """What an index says of one picture.

    Attributes:
        attribute: flags, coding and type, 32 bits.
        size: bytes.
        start: offset from the file's start.
    """

    attribute: int
    size: int
    start: int

    @property
    def type(self) -> int:
        """The kind of picture: 0x020002 is one of a stereo pair, 0x010002 a large preview, 0 is not said."""
        return self.attribute & 0xFFFFFF


def entries(data: bytes) -> tuple[Entry, ...]:
    """The pictures that a file's index names, the first one among them; none where there is no readable index."""
    place = _place_of(data)
    if place is None:
        return ()
    block = data[place[0] : place[1]]
    ifd = _first(block)
    found = ifd.find(_ENTRIES) if ifd else None
    if ifd is None or found is None:
        return ()
    parts = range(0, min(len(found.value) // 16, _MOST) * 16, 16)
    rows = [struct.unpack_from(f"{ifd.order}III", found.value, at) for at in parts]
    return tuple(Entry(mark, size, place[0] + offset if offset else 0) for mark, size, offset in rows)


def attributes(payload: bytes | None) -> tuple[str, tuple[Tag, ...]]:
    """What a picture's own segment, from its TIFF header on, says of that picture alone (its angle, its number).

    Returns:
        The byte order of the values, and the tags.
    """
    first = _first(payload) if payload else None
    if payload is None or first is None:
        return "<", ()
    tags = first.tags
    if first.next:
        with contextlib.suppress(TagError, struct.error):
            tags += read_ifd(payload, read_header(payload), first.next).tags
    return first.order, tuple(tag for tag in tags if tag.code not in _INDEX_TAGS)


def joined(pictures: Sequence[bytes], marks: Sequence[int], own: Sequence[tuple[str, tuple[Tag, ...]]]) -> bytes:
    """One file of several JPEGs, each complete with its own segments.

    Args:
        pictures: the first one is what a reader shows that knows no index.
        marks: the attribute of each one's entry, as the source had it.
        own: what `attributes` gave of each.
    """
    marks = [_unlinked(mark, number == 0) for number, mark in enumerate(marks)]
    order = own[0][0]
    rest = [_with_segment(data, _individual(*said)) for data, said in zip(pictures[1:], own[1:], strict=True)]
    first = _with_segment(pictures[0], _index(order, [(mark, 0, 0) for mark in marks], own[0][1]))
    place = _place_of(first)
    assert place is not None  # it was just put in
    rows, at = [(marks[0], len(first), 0)], len(first)
    for mark, data in zip(marks[1:], rest, strict=True):
        rows.append((mark, len(data), at - place[0]))
        at += len(data)
    true = _index(order, rows, own[0][1])
    first = first[: place[0]] + true[len(MPF) :] + first[place[1] :]
    return b"".join((first, *rest))


def relocated(pictures: Sequence[bytes]) -> bytes:
    """One file of pictures whose first one has an index of just these, in their order, of which sizes are out of date.

    Raises:
        ValueError: there is no such index.
    """
    first = bytearray(pictures[0])
    place = _place_of(pictures[0])
    ifd = _first(pictures[0][place[0] : place[1]]) if place else None
    table = ifd.find(_ENTRIES) if ifd else None
    if place is None or ifd is None or table is None or len(table.value) != 16 * len(pictures):
        raise ValueError("no index of these pictures")
    at = len(first)
    for number, data in enumerate(pictures):
        where = place[0] + table.where + 16 * number
        struct.pack_into(f"{ifd.order}II", first, where + 4, len(data), at - place[0] if number else 0)
        at += len(data) if number else 0
    return b"".join((first, *pictures[1:]))


def _unlinked(mark: int, first: bool) -> int:
    """An attribute without links, which are by numbers that may have changed; the first picture is the primary one."""
    mark &= ~_LINKS
    return mark if mark & 0xFFFFFF or not first else mark | _REPRESENTATIVE | _PRIMARY


def _index(order: str, rows: Sequence[tuple[int, int, int]], own: tuple[Tag, ...]) -> bytes:
    """The first picture's segment: the index, and what it says of this picture."""
    table = b"".join(struct.pack(f"{order}IIIHH", *row, 0, 0) for row in rows)
    tags = [
        Tag(_VERSION, 7, 4, b"0100"),
        Tag(_COUNT, 4, 1, struct.pack(f"{order}I", len(rows))),
        Tag(_ENTRIES, 7, len(table), table),
    ]
    block, next_at = directory(order, tags, 8)
    if own:
        struct.pack_into(f"{order}I", block, next_at, 8 + len(block))
        block += directory(order, own, 8 + len(block))[0]
    return MPF + header(order, 8) + bytes(block)


def _individual(order: str, own: tuple[Tag, ...]) -> bytes | None:
    """The segment of a picture after the first; None where there is nothing to say."""
    if not own:
        return None
    return MPF + header(order, 8) + bytes(directory(order, [Tag(_VERSION, 7, 4, b"0100"), *own], 8)[0])


def _with_segment(data: bytes, payload: bytes | None) -> bytes:
    """A JPEG with a segment behind its JFIF header and EXIF, where the standard wants it."""
    if payload is None:
        return data
    at = 2
    while data[at] == 0xFF and (data[at + 1] == APP0 or data[at + 1] == APP1 and data[at + 4 :].startswith(EXIF)):
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return data[:at] + bytes((0xFF, APP2)) + struct.pack(">H", len(payload) + 2) + payload + data[at:]


def _place_of(data: bytes) -> tuple[int, int] | None:
    """From where to where a JPEG's index stands, from its TIFF header on; offsets in it count from there."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes, of which there may be millions
            other = _NO_FILL.search(data, at)
            if other is None:
                return None
            at = other.start() - 1
            continue
        size = struct.unpack_from(">H", data, at + 2)[0]
        if marker == APP2 and data[at + 4 : at + 4 + len(MPF)] == MPF:
            return at + 4 + len(MPF), at + 2 + size
        if marker == 0xDA or size < 2:
            return None
        at += 2 + size
    return None


def _first(block: bytes) -> Ifd | None:
    try:
        head = read_header(block)
        return read_ifd(block, head, head.first)
    except (TagError, struct.error):
        return None
