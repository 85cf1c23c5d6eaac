"""The thumbnail of an EXIF block: taken off with the old pixels, and made anew of the new ones, where it stood.

In:  an EXIF block; later a small JPEG of the result
Out: the block without the thumbnail, of the same length; the block with a new one in its place

Source: EXIF 2.32, 4.5.4 and 4.6.3 (the second directory, JPEGInterchangeFormat).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from colorize_cli.metadata.ifd import Ifd, TagError, patch_numbers, read_header, read_ifd

_FORMAT, _LENGTH, _COMPRESSION, _ORIENTATION = 513, 514, 259, 274


@dataclass(frozen=True)
class ThumbnailPlace:
    """Where in an EXIF block a thumbnail stood, and a new one can.

    Attributes:
        directory: offset of the directory that points to it.
        start, end: offsets of its bytes.
    """

    directory: int
    start: int
    end: int


def _second(block: bytes, offset: int) -> Ifd | None:
    try:
        return read_ifd(block, read_header(block), offset) if offset else None
    except (TagError, struct.error):
        return None


def parts(block: bytes, first: Ifd) -> list[tuple[int, int]]:
    """Where the bytes of the smaller copy start and end; none where there is no smaller copy.

    Args:
        block: the EXIF block.
        first: its first directory.
    """
    second = _second(block, first.next)
    if second is None:
        return []
    places = [(second.integer(_FORMAT), second.integer(_LENGTH))]
    places += zip(map(int, second.numbers(273)), map(int, second.numbers(279)), strict=False)
    return [(at, at + size) for at, size in places if at >= 8 and size > 0 and at + size <= len(block)]


def place_of(block: bytes, first: Ifd) -> ThumbnailPlace | None:
    """Where a new thumbnail can stand; None where the old one is no JPEG, or shares its bytes with other things."""
    second, found = _second(block, first.next), parts(block, first)
    if second is None or len(found) != 1 or second.integer(_COMPRESSION, 6) != 6:
        return None
    start, end = found[0]
    taken = (*_taken(first), *_taken(second))
    if block[start : start + 2] != b"\xff\xd8" or any(start < stop and begin < end for begin, stop in taken):
        return None
    return ThumbnailPlace(first.next, start, end)


def erase(block: bytearray, first: Ifd) -> None:
    """Take the second directory off the chain, and blank the picture that it points to, and its length."""
    taken = list(_taken(first))
    second = _second(bytes(block), first.next)
    for start, end in parts(bytes(block), first):
        if not any(start < stop and begin < end for begin, stop in taken):
            block[start:end] = bytes(end - start)
    if second is not None:
        for code, value in ((_LENGTH, 0), (_ORIENTATION, 1)):
            tag = second.find(code)
            if tag and tag.count == 1 and not any(begin <= tag.where < stop for begin, stop in taken):
                patch_numbers(block, tag, second.order, (value,))
    if first.next and first.next_at + 4 <= len(block):
        block[first.next_at : first.next_at + 4] = bytes(4)


def _taken(ifd: Ifd) -> Iterator[tuple[int, int]]:
    """Where a directory, its values and its sub-directories lie."""
    yield ifd.offset, ifd.next_at + 4
    for tag in ifd.tags:
        yield tag.where, tag.where + len(tag.value)
        if tag.child:
            yield from _taken(tag.child)


def renewed(block: bytes, place: ThumbnailPlace, coded: bytes) -> bytes | None:
    """The block with a thumbnail of the result; None where the block is not what it was.

    Args:
        block: as `erase` left it; other parts of it may have been patched since.
        place: as `place_of` gave it.
        coded: a JPEG that fits into the place.
    """
    header = read_header(block)
    try:
        first, second = read_ifd(block, header, header.first), _second(block, place.directory)
    except (TagError, struct.error):
        return None
    length = second.find(_LENGTH) if second else None
    if second is None or length is None or length.count != 1 or any(block[place.start : place.end]) or first.next:
        return None
    patched = bytearray(block)
    patched[place.start : place.start + len(coded)] = coded
    patch_numbers(patched, length, second.order, (len(coded),))
    struct.pack_into(f"{first.order}I", patched, first.next_at, place.directory)
    return bytes(patched)
