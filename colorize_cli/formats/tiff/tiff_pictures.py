"""Which of a TIFF's directories are pages, and which only belong to one: levels of a pyramid, thumbnails, masks.

In:  the file's bytes, or an open file as `FileData`
Out: `Picture`s in the file's sequence; no pixel is decoded

Source: TIFF 6.0 (NewSubfileType); Adobe PageMaker 6.0 TIFF Technical Notes (SubIFDs); OME-TIFF and Cloud Optimized
GeoTIFF for the two ways in which pyramids are kept.
"""

from __future__ import annotations

import struct
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from colorize_cli.formats.decoded import Unsupported
from colorize_cli.formats.tiff.tiff_tags import COPIED_LAYOUT
from colorize_cli.metadata.ifd import MAX_PAGES, Data, Header, Ifd, Room, Tag, TagError, read_header, read_ifd, walk

_SUBFILE, _OLD_SUBFILE, _SUB_IFDS = 254, 255, 330
_REDUCED, _MASK = 1, 4
_MOST_INSIDE = 256
_OLD_JPEG = 6


@dataclass(frozen=True)
class Picture:
    """A page and what belongs to it.

    Attributes:
        number: its place in the file's chain of directories, from 0.
        ifd: its directory.
        before: directories of the chain before it that belong to it.
        after: those after it.
        inside: its SubIFDs, each a chain of at least one directory.
        lost: SubIFDs that cannot be read.
    """

    number: int
    ifd: Ifd
    before: tuple[Ifd, ...] = ()
    after: tuple[Ifd, ...] = ()
    inside: tuple[tuple[Ifd, ...], ...] = ()
    lost: int = 0


def pictures(data: Data) -> tuple[list[Picture], bool]:
    """The pages of a file, each with what belongs to it, and whether the chain of directories is whole.

    A directory of the chain belongs to a page where it says that it is a mask, or a reduced copy, and has the page's
    proportions: to the page before it, or to the one after it in a file that starts with such a copy; of the two
    rather to the one of its depth and samples.

    Raises:
        TagError: there is no readable first directory.
        Unsupported: there are more pages than are read.
    """
    header, chain = read_header(data), list(walk(data))
    whole = not chain[-1].next or chain[-1].next in {ifd.offset for ifd in chain}
    if not whole and len(chain) == MAX_PAGES:
        raise Unsupported(f"unsupported TIFF: it has more than {MAX_PAGES:,} pages; split it first")
    pages = [i for i, ifd in enumerate(chain) if not is_reduced(ifd) and not is_mask(ifd)]
    owners, own = dict[int, int](), defaultdict[int, list[int]](list)
    backwards = bool(pages) and pages[0] == 0  # copies follow their pages
    for i in range(len(chain)):
        if not (is_reduced(chain[i]) or is_mask(chain[i])):
            continue
        at = bisect(pages, i)
        near = (pages[max(at - 1, 0) : at], pages[at : at + 1])
        is_behind = backwards or is_mask(chain[i])
        candidates = near[0] + near[1] if is_behind else near[1] + near[0]
        fitting = [p for p in candidates if is_mask(chain[i]) or is_copy_of(chain[i], chain[p])]
        if fitting:
            alike = [p for p in fitting if _kind(chain[p]) == _kind(chain[i])]
            owners[i] = (alike or fitting)[0]
            own[owners[i]].append(i)
    found = []
    for i, ifd in enumerate(chain):
        if i in owners:
            continue
        inside, lost = _inside(data, header, ifd)
        before, after = (tuple(chain[k] for k in own[i] if (k < i) is first) for first in (True, False))
        found.append(Picture(i, ifd, before, after, inside, lost))
    return found, whole


def is_reduced(ifd: Ifd) -> bool:
    """Whether a directory says that it is a smaller copy of another."""
    return bool(ifd.integer(_SUBFILE) & _REDUCED) or ifd.integer(_OLD_SUBFILE) == 2


def is_mask(ifd: Ifd) -> bool:
    """Whether a directory says that it is a mask of another."""
    return bool(ifd.integer(_SUBFILE) & _MASK)


def is_copy_of(small: Ifd, large: Ifd) -> bool:
    """Whether a directory has another's proportions and fewer pixels."""
    (w, h), (wide, high) = _size(small), _size(large)
    if min(w, h) <= 0 or w > wide or h > high or (w, h) == (wide, high):
        return False
    scale = max(wide / w, high / h)
    return abs(w - wide / scale) <= max(1.5, 0.02 * w) and abs(h - high / scale) <= max(1.5, 0.02 * h)


def _kind(ifd: Ifd) -> tuple[int, int]:
    return ifd.integer(277, 1), ifd.integer(258, 1)


def _size(ifd: Ifd) -> tuple[int, int]:
    return ifd.integer(256), ifd.integer(257)


def _inside(data: Data, header: Header, ifd: Ifd) -> tuple[tuple[tuple[Ifd, ...], ...], int]:
    chains, lost = list[tuple[Ifd, ...]](), 0
    for offset in ifd.numbers(_SUB_IFDS)[:_MOST_INSIDE]:
        chain = tuple(_chain(data, header, int(offset)))
        if chain:
            chains.append(chain)
        else:
            lost += 1
    return tuple(chains), lost


def _chain(data: Data, header: Header, offset: int) -> Iterator[Ifd]:
    seen = set[int]()
    while offset and offset not in seen and len(seen) < _MOST_INSIDE:
        seen.add(offset)
        try:
            ifd = read_ifd(data, header, offset)
        except (TagError, struct.error):
            return
        if min(_size(ifd)) <= 0:
            return
        yield ifd
        offset = ifd.next


def can_copy(data: Data, ifd: Ifd, room: Room) -> bool:
    """Whether a picture can be copied as the file has it: no parts are missing, overlap, or lie elsewhere."""
    if parts_of(data, ifd) is None:
        return False
    try:
        room.take(sum(int(size) for size in ifd.numbers(325) or ifd.numbers(279)))
    except TagError:  # strips that share bytes: a small file could else become one without end
        return False
    return True


def parts_of(data: Data, ifd: Ifd) -> Iterator[bytes] | None:
    """The strips or tiles of a picture as the file has them, one at a time; None where some are missing."""
    offsets = ifd.numbers(324) or ifd.numbers(273)
    sizes = ifd.numbers(325) or ifd.numbers(279)
    if not offsets or len(offsets) != len(sizes) or ifd.integer(259, 1) == _OLD_JPEG:
        return None
    places = [(int(offset), int(offset + size)) for offset, size in zip(offsets, sizes, strict=True)]
    if any(end > len(data) for _, end in places):
        return None
    return (bytes(data[start:end]) if start else b"" for start, end in places)


def layout_of(ifd: Ifd) -> tuple[Tag, ...]:
    """The tags that go with a picture that is copied, whatever else is left out."""
    return tuple(tag for tag in ifd.tags if tag.code in COPIED_LAYOUT)
