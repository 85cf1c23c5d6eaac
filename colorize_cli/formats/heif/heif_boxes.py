"""The box structure of AVIF and HEIC files: their EXIF and XMP as they stand, and whether the picture is turned.

In:  the bytes of an AVIF or HEIC
Out: `HeifAround`

Source: ISO/IEC 14496-12 (meta, iinf, iloc, pitm, iprp); ISO/IEC 23008-12 (Exif items, irot, imir).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from colorize_cli.formats.heif import heif_left_out
from colorize_cli.formats.heif.heif_left_out import XMP_TYPE
from colorize_cli.formats.heif.heif_sizes import MOST_EXTENTS, MOST_LINKS
from colorize_cli.formats.jp2.jp2_file import Box, boxes

_MOST_ITEMS = 65_536
_MOST_BYTES = 64 << 20
_LONGEST = 256  # bytes of a property that are looked at: many items may share one


@dataclass(frozen=True)
class HeifAround:
    """What stands around a picture.

    Attributes:
        exif: the EXIF block from its TIFF header on, byte for byte.
        xmp: the packet.
        orientation: 1 to 8, by which the container itself turns or mirrors the picture, whatever EXIF and XMP say.
        notes: what no result has.
        color: code points of the main picture's primaries and transfer; None where it gives none, or has a profile.
        beside: what a decoder that gives the main picture alone leaves out, too.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    orientation: int = 1
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    color: tuple[int, int] | None = None


def around(data: bytes) -> HeifAround:
    """What stands around the main picture; nothing where the structure is damaged."""
    try:
        return _around(data)
    except (struct.error, IndexError, ValueError):
        return HeifAround()


def item_kinds(data: bytes) -> set[bytes]:
    """The types of its items; none where the structure is damaged."""
    try:
        meta = _find(data, boxes(data), b"meta")
        inside = boxes(data, meta.content + 4, meta.end) if meta else iter(())
        return {kind for _, (kind, _) in _items(data, _find(data, inside, b"iinf"))}
    except (struct.error, IndexError, ValueError):
        return set()


def _around(data: bytes) -> HeifAround:
    meta = _find(data, boxes(data), b"meta")
    if meta is None:
        return HeifAround()
    inside = {box.kind: box for box in boxes(data, meta.content + 4, meta.end)}
    kinds, places = dict(_items(data, inside.get(b"iinf"))), dict(_places(data, inside.get(b"iloc")))
    main, references = inside.get(b"pitm"), inside.get(b"iref")
    number = number_at(data, main.content + 4, 2 if data[main.content] == 0 else 4) if main else 0
    links = list(_links(data, references)) if references else []
    described = {item: about for kind, item, about in links if kind == b"cdsc"}
    exif = xmp = None
    for item, (kind, content) in kinds.items():
        if item not in places or kind not in (b"Exif", b"mime") or number not in described.get(item, (number,)):
            continue  # or it is about another picture
        if (exif if kind == b"Exif" else xmp) is not None:
            continue
        whole = _bytes(data, places[item], inside.get(b"idat"))
        if kind == b"Exif" and len(whole) > 8:
            start = 4 + struct.unpack_from(">I", whole)[0]
            exif = whole[start:].removeprefix(b"Exif\0\0") or None
        elif kind == b"mime" and content.startswith(XMP_TYPE):
            xmp = whole or None
    iprp = inside.get(b"iprp")
    auxiliary = {
        item: data[box.content + 4 : min(box.end, box.content + _LONGEST)].split(b"\0")[0].decode("latin-1")
        for item, box in _properties(data, iprp)
        if box.kind == b"auxC"
    }
    beside = heif_left_out.of_one_picture(number, kinds, links, _hidden(data, inside.get(b"iinf")), auxiliary)
    notes = heif_left_out.of_any(kinds, links)
    color = _color(data, iprp, number)
    return HeifAround(exif, xmp, _orientation(data, iprp, number), tuple(notes), tuple(beside), color)


def _color(data: bytes, box: Box | None, item: int) -> tuple[int, int] | None:
    """The code points of an item's color, where no profile says more."""
    boxes_of = (found for owner, found in _properties(data, box) if owner == item and found.kind == b"colr")
    given = [data[found.content : min(found.end, found.content + _LONGEST)] for found in boxes_of]
    if any(content[:4] in (b"prof", b"rICC") for content in given):
        return None
    named = next((content for content in given if content[:4] == b"nclx" and len(content) >= 8), None)
    return struct.unpack_from(">HH", named, 4) if named else None


def _links(data: bytes, references: Box) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    """References: their kind, from which item, to which ones."""
    size, seen = 2 if data[references.content] == 0 else 4, 0
    for box in boxes(data, references.content + 4, references.end):
        at = box.content + size + 2
        count = min(number_at(data, at - 2, 2), (box.end - at) // size)
        seen += count
        if seen > MOST_LINKS:
            raise ValueError("more references than any picture needs")
        yield (
            box.kind,
            number_at(data, box.content, size),
            tuple(number_at(data, at + size * i, size) for i in range(count)),
        )


# Turned to the left so many times, then mirrored: not, top to bottom (axis 0), or left to right (axis 1).
_ORIENTATIONS = ((1, 4, 2), (8, 5, 7), (3, 2, 4), (6, 7, 5))


def _orientation(data: bytes, box: Box | None, item: int) -> int:
    """What an item's properties do to it, as an EXIF orientation."""
    angle = mirror = 0
    for owner, found in _properties(data, box):
        kind, value = found.kind, data[found.content]
        if owner != item:
            continue
        if kind == b"irot":
            # a turn behind a mirror is the mirror behind the opposite turn
            angle = (angle + (-1 if mirror else 1) * (value & 3)) % 4
        elif kind == b"imir":
            mirror = 1 + (value & 1)
    return _ORIENTATIONS[angle][mirror]


def _find(data: bytes, among: Iterator[Box], kind: bytes) -> Box | None:
    return next((box for box in among if box.kind == kind), None)


def number_at(data: bytes, at: int, size: int) -> int:
    """A number of so many bytes."""
    if at + size > len(data):
        raise ValueError("cut short")
    return int.from_bytes(data[at : at + size])


def _hidden(data: bytes, box: Box | None) -> set[int]:
    """The items that are not to be shown."""
    if box is None:
        return set()
    entries = boxes(data, box.content + (6 if data[box.content] == 0 else 8), box.end)
    hidden = (entry for entry in entries if entry.kind == b"infe" and data[entry.content + 3] & 1)
    return {number_at(data, entry.content + 4, 2 if data[entry.content] == 2 else 4) for entry in hidden}


def _items(data: bytes, box: Box | None) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
    """Each item's number, its type, and for `mime` its content type."""
    if box is None:
        return
    start = box.content + (6 if data[box.content] == 0 else 8)
    for count, entry in enumerate(boxes(data, start, box.end)):
        version, at = data[entry.content], entry.content + 4
        if entry.kind != b"infe" or version < 2 or count >= _MOST_ITEMS:
            continue
        width = 2 if version == 2 else 4
        kind = data[at + width + 2 : at + width + 6]
        rest = data[at + width + 6 : entry.end]
        yield number_at(data, at, width), (kind, rest.partition(b"\0")[2] if kind == b"mime" else b"")


def _places(data: bytes, box: Box | None) -> Iterator[tuple[int, tuple[int, list[tuple[int, int]]]]]:
    """Each item's construction method and extents (offset, length)."""
    if box is None:
        return
    version, at = data[box.content], box.content + 4
    sizes = struct.unpack_from(">BB", data, at)
    offset_size, length_size, base_size, index_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
    wide = 4 if version == 2 else 2
    count, at, seen = number_at(data, at + 2, wide), at + 2 + wide, 0
    for _ in range(min(count, _MOST_ITEMS)):
        item, at = number_at(data, at, wide), at + wide
        method = 0
        if version:
            method, at = number_at(data, at, 2) & 15, at + 2
        at += 2  # the file that it stands in: this one
        base, at = number_at(data, at, base_size), at + base_size
        parts, at = number_at(data, at, 2), at + 2
        extents, seen = list[tuple[int, int]](), seen + parts
        if seen > MOST_EXTENTS:
            raise ValueError("more pieces than any picture needs")
        for _ in range(parts):
            at += index_size if version else 0
            offset, at = number_at(data, at, offset_size), at + offset_size
            length, at = number_at(data, at, length_size), at + length_size
            extents.append((base + offset, length))
        yield item, (method, extents)


def _bytes(data: bytes, place: tuple[int, list[tuple[int, int]]], idat: Box | None) -> bytes:
    method, extents = place
    if method == 1 and idat is not None:
        extents = [(idat.content + offset, length) for offset, length in extents]
    elif method:
        return b""
    if sum(length for _, length in extents) > min(len(data), _MOST_BYTES):
        return b""
    return b"".join(data[offset : offset + length] for offset, length in extents)


def _properties(data: bytes, box: Box | None) -> Iterator[tuple[int, Box]]:
    """Items and their properties, in order."""
    found = list(boxes(data, box.content, box.end)) if box else []
    container = next((inner for inner in found if inner.kind == b"ipco"), None)
    if container is None:
        return
    listed = list(boxes(data, container.content, container.end))
    for inner in found:
        for number, index in _associations(data, inner) if inner.kind == b"ipma" else ():
            if 1 <= index <= len(listed):
                yield number, listed[index - 1]


def _associations(data: bytes, box: Box) -> Iterator[tuple[int, int]]:
    """Items and the numbers of their properties."""
    version, wide_index = data[box.content], data[box.content + 3] & 1
    at, width, seen = box.content + 8, 2 if version == 0 else 4, 0
    for _ in range(min(number_at(data, box.content + 4, 4), _MOST_ITEMS)):
        item, count, at = number_at(data, at, width), data[at + width], at + width + 1
        seen += count
        if seen > MOST_LINKS:
            raise ValueError("more properties than any picture needs")
        for _ in range(count):
            size = 2 if wide_index else 1
            yield item, number_at(data, at, size) & (0x7FFF if wide_index else 0x7F)
            at += size
