"""Read and patch EXIF blocks where they lie, so that maker notes keep their offsets.

In:  an EXIF block from its TIFF header on ("II*" or "MM" and so on)
Out: orientation and resolution; a block of the same length with orientation 1 and no pointer to a thumbnail
"""

from __future__ import annotations

import struct

from colorize_cli.metadata import thumbnail
from colorize_cli.metadata import upright as upright_xmp
from colorize_cli.metadata.ifd import Ifd, Tag, TagError, numbers, patch_numbers, rational, read_header, read_ifd
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.metadata.thumbnail import ThumbnailPlace
from colorize_cli.notes import Loss, Note

ORIENTATION = 274
_HEAD = b"Exif\0\0"
GPS = 34853
_SOFTWARE = 305
THUMBNAIL_LEFT_OUT = Note("its thumbnail was left out: it shows the photo without its color", Loss.thumbnail)
_SUBJECTS = frozenset({0x9214, 0xA214})


def _first(block: bytes) -> Ifd | None:
    try:
        header = read_header(block)
        return read_ifd(block, header, header.first)
    except (TagError, struct.error):
        return None


def _given(ifd: Ifd | None) -> int | None:
    """The orientation that a directory gives; None where it is absent or nonsense."""
    value = ifd.integer(ORIENTATION) if ifd else 0
    return value if 1 <= value <= 8 else None


def orientation_of(ifd: Ifd | None, packet: bytes | None = None) -> int:
    """The orientation, 1 to 8: the directory's, or else the XMP packet's; 1 where neither gives one."""
    return _given(ifd) or upright_xmp.orientation(packet) or 1


def orientation(block: bytes | None, packet: bytes | None = None) -> int:
    """The orientation that an EXIF block gives, or else an XMP packet, 1 to 8."""
    return orientation_of(_first(block) if block else None, packet)


def gives_orientation(block: bytes) -> bool:
    """Whether an EXIF block gives an orientation."""
    return _given(_first(block)) is not None


def disagreement(source: bytes | Ifd | None, packet: bytes | None) -> str | None:
    """What is said where an EXIF block, or a TIFF's directory, and an XMP packet give different orientations."""
    own = _given(_first(source) if isinstance(source, bytes) else source)
    other = upright_xmp.orientation(packet)
    if own is None or other is None or own == other:
        return None
    return f"EXIF gives the orientation {own}, XMP {other}: EXIF's was taken"


def resolution_of(ifd: Ifd | None) -> Resolution | None:
    """The resolution that a directory gives; None where it is absent or not positive."""
    if ifd is None:
        return None
    x, y = ifd.numbers(282), ifd.numbers(283)
    if not x or not y or x[0] <= 0 or y[0] <= 0:
        return None
    unit = {1: "none", 3: "cm"}.get(ifd.integer(296, 2), "inch")
    return Resolution(float(x[0]), float(y[0]), unit)  # type: ignore[arg-type]


def resolution(block: bytes | None) -> Resolution | None:
    """The resolution that an EXIF block gives."""
    return resolution_of(_first(block)) if block else None


def upright(block: bytes, turned: int, size: tuple[int, int]) -> bytes:
    """Say that the pixels are upright now, and forget the thumbnail, changing no length.

    Args:
        block: the EXIF block.
        turned: the orientation that was undone, 1 to 8; from 5 on the tags that give the sides are exchanged, too.
        size: width and height as stored, in which the tags that mark the subject count.

    Returns:
        A block of the same length; the block itself where it is too damaged to be read.
    """
    ifd = _first(block)
    if ifd is None:
        return block
    patched = bytearray(block)
    tag = ifd.find(ORIENTATION)
    if tag and tag.count:
        patch_numbers(patched, tag, ifd.order, (1,) * tag.count)
    thumbnail.erase(patched, ifd)
    inner = ifd.find(34665)
    if turned >= 5:
        _exchange(patched, ifd, 256, 257)
        _exchange(patched, ifd, 282, 283)
        if inner and inner.child:
            _exchange(patched, inner.child, 40962, 40963)
    if inner and inner.child:
        for tag in inner.child.tags:
            if values := turned_subject(tag, inner.child, turned, size):
                patch_numbers(patched, tag, ifd.order, values)
    return bytes(patched)


def has_thumbnail(block: bytes) -> bool:
    """Whether a block holds a smaller copy of the picture."""
    ifd = _first(block)
    return bool(ifd and thumbnail.parts(block, ifd))


def thumbnail_place(block: bytes) -> ThumbnailPlace | None:
    """Where in a block a thumbnail can be made anew."""
    ifd = _first(block)
    return thumbnail.place_of(block, ifd) if ifd else None


def turned_subject(tag: Tag, directory: Ifd, turned: int, size: tuple[int, int]) -> tuple[int, ...] | None:
    """The values of SubjectArea or SubjectLocation in the upright picture; None of another tag, or where they stay.

    Args:
        tag: it.
        directory: in which it stands.
        turned: the orientation that was undone.
        size: width and height as stored.
    """
    if tag.code not in _SUBJECTS or turned == 1 or tag.type not in (3, 4):
        return None
    declared = (directory.integer(40962), directory.integer(40963))
    done = upright_xmp.subject([int(value) for value in numbers(tag, directory.order)], turned, size, declared)
    top = 0xFFFF if tag.type == 3 else 0xFFFFFFFF
    return tuple(min(value, top) for value in done) if done else None


def _exchange(data: bytearray, ifd: Ifd, one: int, other: int) -> None:
    a, b = ifd.find(one), ifd.find(other)
    if a and b and a.type == b.type and len(a.value) == len(b.value):
        data[a.where : a.where + len(a.value)] = b.value
        data[b.where : b.where + len(b.value)] = a.value


def without_gps(block: bytes) -> bytes:
    """Erase the place where the photo was taken: the GPS directory, its values and the pointer to it.

    The words `Exif` before the block, which some containers have, stay.
    """
    if block.startswith(_HEAD):
        return _HEAD + without_gps(block[len(_HEAD) :])
    ifd = _first(block)
    tag = ifd.find(GPS) if ifd else None
    if ifd is None or tag is None:
        return block
    cleaned = bytearray(block)
    if tag.child:
        for item in tag.child.tags:
            cleaned[item.where : item.where + len(item.value)] = bytes(len(item.value))
        cleaned[tag.child.offset : tag.child.next_at + 4] = bytes(
            len(cleaned[tag.child.offset : tag.child.next_at + 4])
        )
    # Close the gap in the directory, so that no reader finds a pointer to nothing.
    tail = bytes(cleaned[tag.entry + 12 : ifd.next_at + 4])
    cleaned[tag.entry : tag.entry + len(tail)] = tail
    cleaned[tag.entry + len(tail) : ifd.next_at + 4] = bytes(12)
    count = struct.unpack_from(f"{ifd.order}H", cleaned, ifd.offset)[0]
    struct.pack_into(f"{ifd.order}H", cleaned, ifd.offset, count - 1)
    return bytes(cleaned)


def orientation_alone(turned: int) -> bytes:
    """A block that gives an orientation and nothing else."""
    return exif_block("<", [Tag(ORIENTATION, 3, 1, struct.pack("<H", turned))])


def ascii_tag(code: int, text: str) -> Tag:
    """A TIFF text entry."""
    value = text.encode("ascii", "replace") + b"\0"
    return Tag(code, 2, len(value), value)


def resolution_tags(value: Resolution, order: str) -> tuple[Tag, ...]:
    """The three TIFF entries that give a resolution."""
    unit = {"none": 1, "inch": 2, "cm": 3}[value.unit]
    return (
        Tag(282, 5, 1, rational(value.x, order)),
        Tag(283, 5, 1, rational(value.y, order)),
        Tag(296, 3, 1, struct.pack(f"{order}H", unit)),
    )
