"""Which tags a TIFF's pages keep, apart from the writing of their pixels.

In:  a page's own tags, its profile, what stands around the whole file, the provenance note
Out: the tags of the result but for those that say how its pixels are coded; notes on what could not be carried along

    page_tags(metadata: Metadata, own: PageMetadata, icc: bytes | None, note: Provenance, order: str, first: bool)
        -> list[Tag]

They go, with the tags of the coding, to `TiffStream.page`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from colorize_cli.color.icc import srgb_profile
from colorize_cli.formats.photo import Metadata, PageMetadata, SubImage
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.ifd import TYPE_SIZES, Ifd, Tag, TagError, read_header, read_ifd
from colorize_cli.metadata.provenance import Provenance, merge
from colorize_cli.metadata.upright import upright
from colorize_cli.notes import Loss, Note

XMP, IPTC, PHOTOSHOP, ICC, LAYERS, SUB_IFDS, ORIENTATION = 700, 33723, 34377, 34675, 37724, 330, 274
_DESCRIPTION, _SOFTWARE, _MAKER_NOTE = 270, 305, 37500
# How the pixels are coded and what their numbers mean. A colored page has its own; one that is copied keeps them.
LAYOUT = frozenset(
    {256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 284, 288, 289, 292, 293, 317}
    | {320, 322, 323, 324, 325, 326, 327, 328, 332, 333, 334, 336, 338, 339, 340, 341, 342, 346, 347}
    | {403, 405, 433, 434, 435, 437, *range(512, 522), 529, 530, 531, 532, 559}
    | {32995, 32996, 32997, 32998, 33421, 33422, 34750, 37439, 50674, 65426, 65432}
)
# Places in the file: of the pixels, and of what else is laid out anew.
_PLACES = frozenset({273, 279, 288, 289, 324, 325, 513, 514, 519, 520, 521, 65426, 65432})
LOSSY_COMPRESSIONS = frozenset({6, 7, 33003, 33005, 34712, 50001})  # JPEG old and new, JPEG 2000, WebP
# What a picture that is copied as it is coded keeps, whatever is stripped.
COPIED_LAYOUT = LAYOUT - _PLACES | {ORIENTATION, 254, 255, 280, 281, 282, 283, 290, 291, 296, 301, ICC}
# True of grey pixels only (their range and response), or said anew below.
_NOT_KEPT = LAYOUT | {274, 280, 281, 282, 283, 290, 291, 296, 301, 32934, SUB_IFDS, XMP, PHOTOSHOP, ICC, LAYERS}


def byte_order(metadata: Metadata, own: PageMetadata) -> str:
    """The byte order of the result: the source's, so that raw values can be copied.

    Args:
        metadata: the file's.
        own: its first page's.
    """
    if own.tags is None and metadata.exif:
        try:
            return read_header(metadata.exif).order
        except TagError:
            return "<"
    return metadata.byte_order


def page_tags(
    metadata: Metadata, own: PageMetadata, icc: bytes | None, note: Provenance, order: str, first: bool = True
) -> list[Tag]:
    """The tags of a colored page that are not about its coding.

    They are the source's own, private ones and the directories of EXIF, GPS and interoperability included; the
    resolution as the page has it now; the profile; XMP and image resources; on the first page with the note.

    Args:
        metadata: of the whole file.
        own: of the page.
        icc: the profile that the pixels are in now; None where they are sRGB (`own.tag_srgb` says whether to say so).
        note: what made the colors.
        order: as `byte_order` gives it.
        first: it is the file's first page.
    """
    source = own.tags.tags if own.tags else tags_of_exif(metadata.exif, order)
    tags = [told_anew(tag, own) for tag in source if tag.code not in _NOT_KEPT]
    if any(tag.code == ORIENTATION for tag in source):
        tags.append(short(order, ORIENTATION, 1))
    if own.resolution:
        tags += exif.resolution_tags(own.resolution, order)
    profile = icc or (srgb_profile() if own.tag_srgb else None)
    if profile:
        tags.append(Tag(ICC, 7, len(profile), profile))
    packet = next((tag.value for tag in source if tag.code == XMP), None)
    if packet and own.tags:
        packet = upright(packet, own.orientation, (own.tags.integer(256), own.tags.integer(257)))
    if first:
        packet = merge(metadata.xmp, note)
        if not any(tag.code == _SOFTWARE for tag in tags):
            tags.append(exif.ascii_tag(_SOFTWARE, note.line()))
    if packet:
        tags.append(Tag(XMP, 1, len(packet), packet))
    resources = next((irb.without_thumbnail(tag.value) for tag in source if tag.code == PHOTOSHOP), None)
    if first and own.tags is None:
        resources = metadata.iptc
    if resources:
        tags.append(Tag(PHOTOSHOP, 1, len(resources), resources))
    if (
        first
        and own.tags is None
        and not any(tag.code == IPTC for tag in tags)
        and (iptc := irb.iptc_of(metadata.iptc))
    ):
        tags.append(Tag(IPTC, 7, len(iptc), iptc))  # where readers look that know nothing of Photoshop
    if first and metadata.comments and not any(tag.code == _DESCRIPTION for tag in tags):
        text = metadata.comments[0].rstrip(b"\0") + b"\0"
        tags.append(Tag(_DESCRIPTION, 2, len(text), text))
    return tags


def level_tags(source: Ifd, own: PageMetadata, icc: bytes | None, order: str) -> list[Tag]:
    """The tags of a smaller copy of a page, made anew, that are not about its coding."""
    profile = icc or (srgb_profile() if own.tag_srgb else None)
    tags = [told_anew(tag, own) for tag in source.tags if tag.code not in _NOT_KEPT - {282, 283, 296}]
    for tag in source.tags:
        if tag.code == ORIENTATION:
            tags.append(short(order, ORIENTATION, 1))
        elif tag.code == XMP:
            tags.append(tag)
        elif tag.code == PHOTOSHOP and (resources := irb.without_thumbnail(tag.value)):
            tags.append(Tag(PHOTOSHOP, 1, len(resources), resources))
        elif tag.code == ICC and profile:
            tags.append(Tag(ICC, 7, len(profile), profile))
    return tags


def copied_tags(source: Sequence[Tag], layout: Sequence[Tag]) -> list[Tag]:
    """The tags of a picture that is copied as it was coded: all, but for places in the file."""
    kept = (tag for tag in source if tag.code not in LAYOUT | COPIED_LAYOUT | {SUB_IFDS})
    return [*layout, *map(without_maker_note, kept)]


def sub_image_tags(sub: SubImage, turned: int, order: str) -> list[Tag]:
    """The tags of a sub-image that is copied as it was coded; a mask whose page was turned says that it was not.

    Args:
        sub: it.
        turned: the orientation that was undone in its page.
        order: the file's byte order.
    """
    tags = copied_tags(sub.tags.tags, [tag for tag in sub.places.tags if tag.code in COPIED_LAYOUT])
    is_mask = sub.tags.integer(254) & 4
    if is_mask and turned != 1 and not any(tag.code == ORIENTATION for tag in tags):
        tags.append(short(order, ORIENTATION, turned))
    return tags


def carries_note(tags: Sequence[Tag], note: Provenance, xmp: bytes | None) -> list[Tag]:
    """The tags of a copied first page, with the note in them."""
    packet = merge(xmp, note)
    return [*(tag for tag in tags if tag.code != XMP), Tag(XMP, 1, len(packet), packet)]


def short(order: str, code: int, *values: int, long: bool = False) -> Tag:
    """A tag of 16-bit numbers, or of 32-bit ones."""
    kind, letter = (4, "I") if long else (3, "H")
    return Tag(code, kind, len(values), struct.pack(f"{order}{len(values)}{letter}", *values))


def lost_places(tags: Iterable[Tag]) -> list[str]:
    """What is said of tags that point into the source file, where the result has something else.

    Known directories are laid out anew; a pointer that nobody here knows is kept as bytes.
    """
    notes = list[str]()
    for tag in tags:
        if tag.type in (13, 18) and tag.child is None and tag.code != SUB_IFDS:
            said = f"TIFF tag {tag.code} points to a place in the file; it was kept as a number, without the place"
            notes.append(Note(said, Loss.metadata))
        if tag.child is not None:
            notes += lost_places(tag.child.tags)
    return notes


def breaks_when_moved(tags: Iterable[Tag]) -> bool:
    """Whether a maker note is among them, or in a directory of theirs, whose values are not found elsewhere."""
    return any(
        tag.code == _MAKER_NOTE and _counts_from_the_start(tag) or tag.child and breaks_when_moved(tag.child.tags)
        for tag in tags
    )


def without_maker_note(tag: Tag) -> Tag:
    """A directory without a maker note that breaks when it is moved; any other tag as it is."""
    if tag.child is None or not breaks_when_moved((tag,)):
        return tag
    inner = (part for part in tag.child.tags if part.code != _MAKER_NOTE)
    return replace(tag, child=replace(tag.child, tags=tuple(map(without_maker_note, inner))))


def _counts_from_the_start(note: Tag) -> bool:
    """Whether a maker note is a directory whose values are found by their offset in the file."""
    for order in "<>":
        for start in range(0, 26, 2):  # past the maker's name
            if len(note.value) < start + 14:
                continue
            count = struct.unpack_from(f"{order}H", note.value, start)[0]
            end = start + 2 + 12 * count
            if not count >= 1 or end > len(note.value):
                continue
            entries = [struct.unpack_from(f"{order}HHII", note.value, at) for at in range(start + 2, end, 12)]
            if not all(1 <= kind <= 13 for _, kind, _, _ in entries):
                continue
            sizes = ((TYPE_SIZES[kind] * number, at) for _, kind, number, at in entries)
            places = [(at, at + size) for size, at in sizes if size > 4]
            if places and all(note.where + end <= first for first, _ in places):
                return True  # behind the directory, as places in the file; as places in the note they would be, too
            if count > 2 and any(last > len(note.value) for _, last in places):
                return True
    return False


def told_anew(tag: Tag, own: PageMetadata) -> Tag:
    """A tag that says what the colored page is not any more, as it is now."""
    tag = without_maker_note(tag)
    if tag.code == _DESCRIPTION and own.tags is not None and own.tags.integer(277, 1) == 1:
        return _description(tag)
    if tag.code == 34665 and tag.child and own.tags and own.orientation != 1:
        size = (own.tags.integer(256), own.tags.integer(257))
        inner = tuple(_turned(inside, tag.child, own.orientation, size) for inside in tag.child.tags)
        return replace(tag, child=replace(tag.child, tags=inner))
    return tag


def _turned(tag: Tag, directory: Ifd, turned: int, size: tuple[int, int]) -> Tag:
    """A tag of EXIF's directory as it is true of the upright page: its sides, and what marks the subject."""
    if turned >= 5 and tag.code in (40962, 40963) and (other := directory.find(81925 - tag.code)):
        return replace(other, code=tag.code)
    if (values := exif.turned_subject(tag, directory, turned, size)) is None:
        return tag
    letter = "H" if tag.type == 3 else "I"
    return replace(tag, value=struct.pack(f"{directory.order}{len(values)}{letter}", *values))


def _description(tag: Tag) -> Tag:
    """A description that gives the shape of grey pixels to machines (OME-XML, tifffile's JSON): with three samples."""
    text = tag.value
    if text.startswith(b"<?xml") and b"<OME" in text:
        text = b"".join(_ome_parts(text))
    elif found := re.match(rb'\{"shape": \[([\d, ]+)\]', text):
        text = b'{"shape": [%s, 3]' % found[1] + text[found.end() :]
    return tag if text == tag.value else Tag(tag.code, tag.type, len(text), text)


def _ome_parts(text: bytes) -> Iterator[bytes]:
    """OME-XML tag by tag, so that each byte is looked at a few times only, however it is made up."""
    at = 0
    while (start := text.find(b"<", at)) >= 0 and (end := text.find(b">", start)) >= 0:
        tag = text[start:end]
        name = tag[1:64].split(None, 1)[0].rpartition(b":")[2].rstrip(b"/") if tag[1:64].split() else b""
        if name == b"Channel":
            tag = tag.replace(b' SamplesPerPixel="1"', b' SamplesPerPixel="3"')
            if b"SamplesPerPixel" not in tag:
                body = tag.removesuffix(b"/").rstrip()
                tag = body + b' SamplesPerPixel="3"' + tag[len(body) :]
        elif name == b"Pixels":
            tag = re.sub(rb'\bSizeC="(\d{1,9})"', lambda m: b'SizeC="%d"' % (3 * int(m[1])), tag)
            tag = re.sub(rb'\bType="(?:float|double|u?int32)"', b'Type="uint16"', tag)
        yield text[at:start] + tag
        at = end
    yield text[at:]


def tags_of_exif(block: bytes | None, order: str) -> tuple[Tag, ...]:
    """The tags of an EXIF block, for a page that had none of its own; only where its byte order is the file's."""
    if not block:
        return ()
    try:
        start = read_header(block)
        found = read_ifd(block, start, start.first)
    except (TagError, struct.error):
        return ()
    return found.tags if start.order == order else ()
