"""Say a resolution in an EXIF block that gives another one, or none: where nothing else in a file can say it.

In:  a block, and the picture's resolution
Out: the block; all that stood in it is where it was, so that maker notes keep their offsets

Source: EXIF 2.32, tags 282, 283 and 296; TIFF 6.0, "Image File Directory".
"""

from __future__ import annotations

import struct

from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Ifd, Tag, TagError, read_header, read_ifd
from colorize_cli.metadata.resolution import Resolution

_CODES = frozenset({282, 283, 296})


def with_resolution(block: bytes, wanted: Resolution | None) -> bytes:
    """A block that gives a resolution; itself where it does, or where it is too damaged to be read.

    Args:
        block: from its TIFF header on.
        wanted: the picture's; one that nothing was scanned with, and None, change nothing.
    """
    if wanted is None or wanted.unit == "none" or not wanted.is_real or _gives(block, wanted):
        return block
    try:
        header = read_header(block)
        first = read_ifd(block, header, header.first)
    except (TagError, struct.error):
        return block
    tags = exif.resolution_tags(wanted, first.order)
    patched = bytearray(block)
    if all(_fits(first.find(tag.code), tag) for tag in tags):
        for tag in tags:
            own = first.find(tag.code)
            assert own is not None
            patched[own.where : own.where + len(tag.value)] = tag.value
        return bytes(patched)
    return _with_another_directory(patched, first, tags)


def _gives(block: bytes, wanted: Resolution) -> bool:
    given = exif.resolution(block)
    return given is not None and all(
        abs(a - b) <= 0.005 * b for a, b in zip(given.per_inch(), wanted.per_inch(), strict=True)
    )


def _fits(own: Tag | None, tag: Tag) -> bool:
    return own is not None and own.type == tag.type and own.count == 1


def _with_another_directory(block: bytearray, first: Ifd, tags: tuple[Tag, ...]) -> bytes:
    """The first directory once more behind the rest, with tags that it lacked; the old one is not found any more."""
    order, count = first.order, struct.unpack_from(f"{first.order}H", block, first.offset)[0]
    start = first.offset + 2
    entries = [bytes(block[at : at + 12]) for at in range(start, start + 12 * count, 12)]
    entries = [entry for entry in entries if struct.unpack_from(f"{order}H", entry)[0] not in _CODES]
    block += bytes(len(block) % 2)
    behind = len(block) + 2 + 12 * (len(entries) + len(tags)) + 4
    values = b""
    for tag in tags:
        place = tag.value.ljust(4, b"\0")
        if len(tag.value) > 4:
            place, values = struct.pack(f"{order}I", behind + len(values)), values + tag.value
        entries.append(struct.pack(f"{order}HHI", tag.code, tag.type, tag.count) + place)
    entries.sort(key=lambda entry: int(struct.unpack_from(f"{order}H", entry)[0]))
    following = bytes(block[first.next_at : first.next_at + 4]).ljust(4, b"\0")
    struct.pack_into(f"{order}I", block, 4, len(block))
    return bytes(block + struct.pack(f"{order}H", len(entries)) + b"".join(entries) + following + values)
