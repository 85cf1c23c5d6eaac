"""Take places, or all metadata, out of a TIFF without decoding it: strips and tiles stay where and as they are.

In:  the file, what is to go, and our note
Out: patches that are laid over a copy of it; nothing where there is nothing to go

Entries are taken out of their directories where these lie, and their values become zeros. The first page's directory
is written anew behind the file, since our note needs room that it has not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

from colorize_cli.files.atomic import Patch
from colorize_cli.formats.strip import GEO
from colorize_cli.formats.tiff.tiff_pictures import is_reduced
from colorize_cli.formats.tiff.tiff_tags import COPIED_LAYOUT, ICC, IPTC, LAYOUT, PHOTOSHOP, SUB_IFDS, XMP
from colorize_cli.metadata import places
from colorize_cli.metadata.ifd import POINTERS, TYPE_SIZES, Data, Header, Ifd, Tag, TagError, read_header, read_ifd
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge

_KEPT = COPIED_LAYOUT | LAYOUT | {254, 255, 297, ICC, SUB_IFDS, 34665}
_CLEAN = {XMP: places.xmp_without, IPTC: places.iptc_without, PHOTOSHOP: places.resources_without}
_MOST = 10_000


def strip_tiff(data: Data, what: Strip, note: Provenance) -> list[Patch]:
    """What is to be laid over a copy of the file, the last patch being appended to it; none where nothing goes.

    Raises:
        TagError: its structure cannot be followed.
    """
    header = read_header(data)
    found = list(_directories(data, header))
    changes = [(ifd, _left(ifd, what)) for ifd in found]
    if all(len(left) == len(ifd.tags) and left == list(ifd.tags) for ifd, left in changes):
        return []
    first = next((ifd for ifd in _chain(data, header) if not is_reduced(ifd)), None)
    if first is None:
        raise TagError("no page")
    patches = list[Patch]()
    for ifd, left in changes:
        patches += _erased(ifd, left, header)
        if ifd.offset != first.offset:
            patches += _in_place(ifd, left, header)
    return [
        *patches,
        *_anew(data, first, {ifd.offset: left for ifd, left in changes}[first.offset], header, note),
    ]


def _chain(data: Data, header: Header) -> Iterator[Ifd]:
    offset, seen = header.first, set[int]()
    while offset and offset not in seen and len(seen) < _MOST:
        seen.add(offset)
        ifd = read_ifd(data, header, offset)
        yield ifd
        offset = ifd.next


def _directories(data: Data, header: Header) -> Iterator[Ifd]:
    """The pages' directories, and those of their sub-images."""
    for ifd in _chain(data, header):
        yield ifd
        for place in ifd.numbers(SUB_IFDS)[:_MOST]:
            try:
                sub: Ifd | None = read_ifd(data, header, int(place))
            except (TagError, struct.error):
                continue
            seen = set[int]()
            while sub is not None and sub.offset not in seen:
                seen.add(sub.offset)
                yield sub
                sub = read_ifd(data, header, sub.next) if sub.next else None


def _left(ifd: Ifd, what: Strip) -> list[Tag]:
    """The entries that stay; of some, a shorter value."""
    if what == "all":
        return [tag for tag in ifd.tags if tag.code in _KEPT and tag.code != 34665]
    left = list[Tag]()
    for tag in ifd.tags:
        if tag.code in GEO:
            continue
        clean = _CLEAN.get(tag.code)
        value = clean(tag.value) if clean else tag.value
        if value == tag.value:
            left.append(tag)
        elif value:
            left.append(replace(tag, type=7, count=len(value), value=value))
    return left


def _erased(ifd: Ifd, left: list[Tag], header: Header) -> Iterator[Patch]:
    """Zeros over the values of entries that go, and over the directories that these point to."""
    kept = {tag.code: tag for tag in left}
    for tag in ifd.tags:
        now = kept.get(tag.code)
        if now is tag:
            continue
        room = 8 if header.big else 4
        if len(tag.value) > room:
            yield Patch(tag.where, (now.value if now else b"").ljust(len(tag.value), b"\0"))
        if now is None and tag.child is not None and tag.code in POINTERS:
            for inner in tag.child.tags:
                yield Patch(inner.where, bytes(len(inner.value)))
            yield Patch(tag.child.offset, bytes(tag.child.next_at - tag.child.offset))


def _in_place(ifd: Ifd, left: list[Tag], header: Header) -> Iterator[Patch]:
    """The directory with fewer entries, where it lies; what follows it moves up, and zeros fill the rest."""
    if len(left) == len(ifd.tags) and all(now is tag for now, tag in zip(left, ifd.tags, strict=True)):
        return
    room = 8 if header.big else 4
    yield Patch(ifd.offset, _directory(ifd, left, ifd.next, header).ljust(ifd.next_at + room - ifd.offset, b"\0"))


def _directory(ifd: Ifd, tags: list[Tag], following: int, header: Header) -> bytes:
    """A directory whose values stand where they stood, or within their entries."""
    order, count, pointer, room = ifd.order, *(("Q", "Q", 8) if header.big else ("H", "I", 4))
    out = struct.pack(f"{order}{count}", len(tags))
    for tag in tags:
        size = TYPE_SIZES[tag.type] * tag.count
        value = tag.value.ljust(room, b"\0") if size <= room else struct.pack(f"{order}{pointer}", tag.where)
        out += struct.pack(f"{order}HH{pointer}", tag.code, tag.type, tag.count) + value
    return out + struct.pack(f"{order}{pointer}", following)


def _anew(data: Data, ifd: Ifd, left: list[Tag], header: Header, note: Provenance) -> Iterator[Patch]:
    """The first page's directory, with our note, behind the file; and the pointer to it."""
    old = next((tag.value for tag in left if tag.code == XMP), None)
    packet = merge(old, note, colored=False)
    end = len(data) + len(data) % 2
    note_tag = Tag(XMP, 1, len(packet), packet, where=end)
    tags = sorted([*(tag for tag in left if tag.code != XMP), note_tag], key=lambda tag: tag.code)
    start = end + len(packet) + len(packet) % 2
    if not header.big and start + 12 * len(tags) + 6 >= 2**32:
        raise TagError("it is as large as a classic TIFF can be")
    order, room = ifd.order, "Q" if header.big else "I"
    at = (
        (8 if header.big else 4)
        if header.first == ifd.offset
        else next(before.next_at for before in _chain(data, header) if before.next == ifd.offset)
    )
    yield Patch(at, struct.pack(f"{order}{room}", start))
    size = ifd.next_at - ifd.offset + (8 if header.big else 4)
    yield Patch(ifd.offset, bytes(size))  # nobody finds the old directory any more
    tail = bytes(len(data) % 2) + packet + bytes(len(packet) % 2) + _directory(ifd, tags, ifd.next, header)
    yield Patch(len(data), tail)
