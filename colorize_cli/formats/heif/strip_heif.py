"""Take places, or all metadata, out of an AVIF or HEIC without decoding it: its coded pictures stay byte for byte.

In:  the bytes of a file, what is to go, and our note
Out: the bytes of the same pictures with less around them

What goes is overwritten by zeros where it stood, and what stays of it stands behind all else; places in the file are
counted anew.

Source: ISO/IEC 14496-12 (meta, iloc, stco), 23008-12 (Exif items).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.heif import heif_boxes, heif_items
from colorize_cli.formats.heif.heif_items import MIME, Extent, Item, Reference
from colorize_cli.formats.heif.heif_left_out import PICTURES, XMP_TYPE
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jp2.jp2_file import XMP_UUID, Box, box_of, boxes
from colorize_cli.metadata import exif, places
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge
from colorize_cli.notes import Loss, Note

_NEEDED = frozenset({b"ftyp", b"meta", b"mdat", b"moov"})  # of the file
_OF_META = frozenset({b"hdlr", b"pitm", b"dinf", b"iprp", b"iinf", b"iloc", b"iref", b"idat", b"grpl"})
_TEXTS = frozenset({b"udes", b"altt", b"crtt", b"mdft", b"uuid"})  # properties that tell of the photo
_BLANK = frozenset({b"free", b"skip", b"wide"})
_TRACK = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_CHUNKS = {b"stco": ">I", b"co64": ">Q"}
_VIDEO = b"mpvd"  # of a motion photo
_MOST_BOXES, _DEEPEST = 1000, 8


@dataclass
class _Plan:
    """What a file becomes."""

    data: bytearray
    items: dict[int, Item] = field(default_factory=dict)
    new: dict[int, bytes] = field(default_factory=dict)  # items that stand behind all else
    told: list[bytes] = field(default_factory=list)  # what items of metadata said
    packet: bytes | None = None  # the first one of the main picture
    changed: bool = False


def strip_heif(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go.

    Raises:
        ValueError: its boxes do not fit, are of kinds that are not known, or the picture is turned by what is to go.
    """
    top = list(boxes(data))
    metas = [box for box in top if box.kind == b"meta"]
    if len(metas) != 1 or top[-1].end != len(data) or len(top) > _MOST_BOXES:
        raise ValueError("its boxes cannot be moved")
    own, meta = heif_boxes.around(data), metas[0]
    if what == "all" and own.orientation == 1 and exif.orientation(None, own.xmp) != 1:
        raise ValueError("it is turned by its XMP alone")
    inside = _inside(data, meta)
    plan = _Plan(bytearray(data))
    plan.items, version = heif_items.items_of(data, inside[b"iinf"], inside[b"iloc"])
    links, width = heif_items.references_of(data, inside.get(b"iref"))
    if b"pitm" not in inside or b"iprp" not in inside:
        raise ValueError("it has no main picture")
    main = heif_boxes.number_at(data, inside[b"pitm"].content + 4, 2 if data[inside[b"pitm"].content] == 0 else 4)
    about = _described(links)
    for item in list(plan.items.values()):
        of_main = item.number not in about or main in about[item.number]
        _clean_item(plan, item, what, inside.get(b"idat"), of_main)
    kept, notes = _kept_boxes(plan, top, what)
    _blank_texts(plan, inside[b"iprp"], what)
    own_boxes = [box for box in boxes(data, meta.content + 4, meta.end) if not _goes(data, box, what, _OF_META)]
    plan.changed = plan.changed or len(own_boxes) < len(list(boxes(data, meta.content + 4, meta.end)))
    tracks = list(_about_tracks(data, (box for box in top if box.kind == b"moov")))
    plan.changed = plan.changed or any(_tells(data, box, what) for box in tracks)
    if not plan.changed:
        return Stripped(data, False)
    notes += _leave_tracks(plan, data, tracks, what)
    if any(plan.data[a:b] != data[a:b] for one in plan.items.values() if one.number not in plan.new and one.method != 2
           for a, b in _ranges(one, inside.get(b"idat"), len(data))):  # fmt: skip
        raise ValueError("a picture stands in what is to go")
    links = list(heif_items.left_among(links, plan.items))
    links.append(_add_packet(plan, merge(plan.packet, note, colored=False), main, version, width))
    return Stripped(_assembled(plan, kept, own_boxes, links, version, width), True, notes)


def _inside(data: bytes, meta: Box) -> dict[bytes, Box]:
    """The boxes in a `meta`, by kind."""
    found = {box.kind: box for box in boxes(data, meta.content + 4, meta.end)}
    if missing := {b"iinf", b"iloc"} - found.keys():
        raise ValueError(f"no {missing.pop().decode()} box")
    return found


def _described(links: list[Reference]) -> dict[int, set[int]]:
    """What each item of metadata is about, where that is said."""
    about = dict[int, set[int]]()
    for one in links:
        if one.kind == b"cdsc":
            about.setdefault(one.source, set()).update(one.targets)
    return about


def _clean_item(plan: _Plan, item: Item, what: Strip, idat: Box | None, of_main: bool) -> None:
    """Leave out an item, or what is to go of it."""
    if item.kind in PICTURES or item.kind == b"tmap":
        if what == "all":
            plan.items[item.number] = item.without_name()
            plan.changed = plan.changed or plan.items[item.number] != item
        return
    ranges = list(_ranges(item, idat, len(plan.data)))
    content = b"".join(plan.data[start:end] for start, end in ranges)
    plan.told.append(content)
    clean = b"" if what == "all" else _without_place(item, content)
    first = item.is_xmp and of_main and plan.packet is None
    plan.changed = plan.changed or clean != content or what == "all"
    if first:
        plan.packet = clean or None
    if clean == content and not first:
        return
    for start, end in ranges:
        plan.data[start:end] = bytes(end - start)
    if clean and not first:
        plan.new[item.number] = clean
    else:
        del plan.items[item.number]


def _ranges(item: Item, idat: Box | None, size: int) -> Iterator[tuple[int, int]]:
    """From where to where the pieces of an item stand in the file."""
    if item.file or item.method not in (0, 1, None) or item.method == 1 and idat is None:
        raise ValueError("an item stands elsewhere")
    first, last = (idat.content, idat.end) if item.method and idat else (0, size)
    for extent in item.extents:
        start = first + extent.start
        end = start + extent.size if extent.size else last
        if not first <= start <= end <= last:
            raise ValueError("an item goes beyond its end")
        yield start, end


def _without_place(item: Item, content: bytes) -> bytes:
    """What is left of an item; nothing where nobody knows what it says."""
    if item.kind == b"Exif":
        start = 4 + int.from_bytes(content[:4])
        return content[:start] + exif.without_gps(content[start:])
    if item.is_xmp:
        return places.xmp_without(content)
    return b"" if jp2_file.names_place(box_of(b"xml ", content)) and b"<" in content else content


def _kept_boxes(plan: _Plan, top: list[Box], what: Strip) -> tuple[list[Box], list[str]]:
    """The file's boxes that stay, and what is told of others."""
    kept, notes = list[Box](), list[str]()
    for box in top:
        if box.kind == _VIDEO:  # it says where it was taken
            notes.append(Note("the video in it was left out: it tells the place", Loss.video))
        elif not _goes(plan.data, box, what, _NEEDED):
            kept.append(box)
    plan.changed = plan.changed or len(kept) < len(top)
    return kept, notes


def _goes(data: bytes | bytearray, box: Box, what: Strip, needed: frozenset[bytes]) -> bool:
    """Whether a box has to go as a whole."""
    if box.kind in needed or box.kind in _BLANK and not any(data[box.content : box.end]):
        return False
    if what == "all":
        return True
    content = bytes(data[box.content : box.end])
    if box.kind == b"uuid" and content.startswith(XMP_UUID):
        return places.in_xmp(content[16:])
    return jp2_file.names_place(box_of(box.kind, content))


def _about_tracks(data: bytes, among: Iterable[Box], depth: int = 0) -> Iterator[Box]:
    """The boxes in which a sequence, or a track of it, tells of itself."""
    for box in among:
        if box.kind in (b"moov", b"trak") and depth < _DEEPEST:
            yield from _about_tracks(data, boxes(data, box.content, box.end), depth + 1)
        elif box.kind in (b"meta", b"udta") and any(data[box.content : box.end]):
            yield box


def _tells(data: bytes, box: Box, what: Strip) -> bool:
    """Whether what a track tells of itself has to go."""
    if what == "all" or box.kind == b"udta":
        return what == "all" or places.in_video(data[box.content : box.end])
    return any(_without_place(item, content) != content for item, content, _ in _of_track(data, box))


def _of_track(data: bytes, meta: Box) -> Iterator[tuple[Item, bytes, list[tuple[int, int]]]]:
    """What a track tells of itself: items, what they say, and where it stands."""
    inside = _inside(data, meta)
    for item in heif_items.items_of(data, inside[b"iinf"], inside[b"iloc"])[0].values():
        ranges = list(_ranges(item, inside.get(b"idat"), len(data)))
        yield item, b"".join(data[start:end] for start, end in ranges), ranges


def _leave_tracks(plan: _Plan, data: bytes, tracks: Iterable[Box], what: Strip) -> list[str]:
    """Make what tracks tell of themselves free room; in files of libavif it is what the first picture tells."""
    told, there = False, set(plan.told)
    for box in tracks:
        for item, content, ranges in _of_track(data, box) if box.kind == b"meta" else ():
            told = told or content not in there
            goes = what == "all" or _without_place(item, content) != content  # else the first picture may share it
            for start, end in ranges if goes else ():
                plan.data[start:end] = bytes(end - start)
        _free(plan, box)
        told = told or box.kind == b"udta"
    return [Note("what its tracks tell of themselves was left out", Loss.metadata)] if told else []


def _free(plan: _Plan, box: Box) -> None:
    """Make a box free room of the same size."""
    plan.data[box.start + 4 : box.start + 8] = b"free"
    plan.data[box.content : box.end] = bytes(box.end - box.content)


def _blank_texts(plan: _Plan, properties: Box, what: Strip) -> None:
    """Make properties that tell of the photo free room; others are known by their position."""
    data = bytes(plan.data)
    for container in boxes(data, properties.content, properties.end) if what == "all" else ():
        for box in boxes(data, container.content, container.end) if container.kind == b"ipco" else ():
            if box.kind in _TEXTS:
                _free(plan, box)
                plan.changed = True


def _add_packet(plan: _Plan, packet: bytes, main: int, version: int, width: int) -> Reference:
    """Add an item of XMP about the main picture."""
    number = max((*plan.items, main)) + 1
    if number > 65_535 and (version < 2 or width < 4):
        raise ValueError("no number is left")
    form = ">BxxxH" if number <= 65_535 else ">BxxxI"
    entry = struct.pack(form, 2 if number <= 65_535 else 3, number) + b"\0\0" + MIME + b"\0" + XMP_TYPE + b"\0"
    plan.items[number] = Item(number, entry, MIME, XMP_TYPE + b"\0", 0, 0, (Extent(0, 0, len(packet)),))
    plan.new[number] = packet
    return Reference(b"cdsc", number, (main,))


def _assembled(plan: _Plan, kept: list[Box], own: list[Box], links: list[Reference], version: int, width: int) -> bytes:
    """The new file: its boxes in order, `meta` anew, and at the end what stands elsewhere now."""
    data, items = bytes(plan.data), [_placed(plan, item) for item in plan.items.values()]
    wide = 8 if 2 * len(data) + (1 << 20) > 0xFFFFFFFF else 4
    meta = next(box for box in kept if box.kind == b"meta")
    tail = heif_items.references_box(links, width)

    def meta_box(moved: Callable[[Item, Extent], int]) -> bytes:
        parts = [data[meta.content : meta.content + 4]]
        for box in own:
            if box.kind == b"iinf":
                parts.append(heif_items.information_box(items))
            elif box.kind == b"iloc":
                parts.append(heif_items.locations_box(items, version, wide, moved))
            elif box.kind != b"iref":
                parts.append(data[box.start : box.end])
        return box_of(b"meta", b"".join((*parts, tail)))

    sizes = [len(meta_box(lambda item, extent: 0)) if box is meta else box.end - box.start for box in kept]
    places_now = list(accumulate(sizes, initial=0))
    shifts = [(box, at - box.start) for box, at in zip(kept, places_now, strict=False) if box is not meta]
    lengths = [len(content) for content in plan.new.values()]
    starts = dict(zip(plan.new, accumulate(lengths, initial=places_now[-1] + 8), strict=False))
    parts = list[bytes]()
    for box in kept:
        whole = bytearray(data[box.start : box.end])
        if box is meta:
            whole[:] = meta_box(
                lambda item, extent: starts.get(item.number) or _moved(shifts, extent.start, extent.size)
            )
        elif whole[:4] == bytes(4):  # it went on to the end of the file
            whole[:4] = struct.pack(">I", len(whole))
        if box.kind == b"moov":
            _move_chunks(whole, shifts)
        parts.append(bytes(whole))
    return b"".join(parts) + box_of(b"mdat", b"".join(plan.new.values()))


def _placed(plan: _Plan, item: Item) -> Item:
    """An item whose pieces say how long they are; of one that stands elsewhere now, its one piece."""
    if item.number in plan.new:
        return replace(item, method=0, file=0, extents=(Extent(0, 0, len(plan.new[item.number])),))
    if item.method != 0:
        return item
    extents = (e if e.size else replace(e, size=len(plan.data) - e.start) for e in item.extents)
    return replace(item, extents=tuple(extents))


def _moved(shifts: list[tuple[Box, int]], start: int, size: int) -> int:
    """Where a piece of the old file stands in the new one.

    Raises:
        ValueError: in a box that goes or is made anew.
    """
    for box, shift in shifts:
        if box.start <= start < box.end and start + size <= box.end:
            return start + shift
    raise ValueError("a picture stands among what is to go")


def _move_chunks(moov: bytearray, shifts: list[tuple[Box, int]]) -> None:
    """Count the places anew where a sequence's pictures stand."""
    data = bytes(moov)

    def move(start: int, end: int, depth: int) -> None:
        for box in boxes(data, start, end):
            if box.kind in _TRACK and depth < _DEEPEST:
                move(box.content, box.end, depth + 1)
            form = _CHUNKS.get(box.kind, "")
            for at in range(box.content + 8, box.end, struct.calcsize(form)) if form else ():
                struct.pack_into(form, moov, at, _moved(shifts, struct.unpack_from(form, data, at)[0], 1))

    move(0, len(data), 0)
