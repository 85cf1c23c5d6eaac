"""Say in XMP that the pixels were turned upright: orientation, sides, and every region that is marked in them.

In:  a packet, the orientation that was undone (1 to 8), the picture's size as it was stored
Out: the packet with orientation 1, sides exchanged where they were, and regions on the same things as before

Source: EXIF 2.32, tags 274, 0x9214 and 0xA214; MWG Guidelines 2.0, "Image Region Metadata"; Microsoft's People
Tagging schema (MP, MPRI, MPReg); IPTC Photo Metadata Standard 2019.1, "Image Region".
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from colorize_cli.metadata import xmp
from colorize_cli.metadata.xmp import Attribute, Edit, Element, Packet, XmpError

TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
MWG = "http://www.metadataworkinggroup.com/schemas/regions/"
ACDSEE = "http://ns.acdsee.com/regions/"  # of the same form, with two areas a region
_THUMBNAILS = ("http://ns.adobe.com/xap/1.0/", "Thumbnails")
MP = "http://ns.microsoft.com/photo/1.2/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SIDES = (
    ((TIFF, "ImageWidth"), (TIFF, "ImageLength")),
    ((TIFF, "XResolution"), (TIFF, "YResolution")),
    ((EXIF, "PixelXDimension"), (EXIF, "PixelYDimension")),
)
Field = Attribute | Element
Size = tuple[Decimal, Decimal]
_UNIT: Size = (Decimal(1), Decimal(1))


def has_thumbnail(packet: bytes | None) -> bool:
    """Whether a packet holds a smaller copy of the picture."""
    if not packet or b"Thumbnails" not in xmp.utf8(packet):
        return False
    try:
        return any(True for _ in xmp.parse(packet).properties(_THUMBNAILS))
    except XmpError:
        return False


@lru_cache(maxsize=4)  # a file's strips ask again and again
def orientation(packet: bytes | None) -> int | None:
    """The orientation that a packet gives, 1 to 8; None where it gives none, or nonsense, or cannot be read."""
    if not packet or b"Orientation" not in xmp.utf8(packet):
        return None
    if (found := xmp.readable(packet)) is None:
        return None
    texts = (found.text(item) for item in found.properties((TIFF, "Orientation")))
    return next((int(text) for text in texts if text in tuple("12345678")), None)


def upright(packet: bytes, turned: int, size: tuple[int, int]) -> bytes:
    """A packet that is true of the pixels once they are upright; without smaller copies of the picture as it was.

    Args:
        packet: as the file has it.
        turned: the orientation that is undone, 1 to 8.
        size: width and height as stored.

    Returns:
        The packet; unchanged, byte for byte, where nothing in it is to change, or where it cannot be read.
    """
    if (found := xmp.readable(packet)) is None:
        return packet
    edits = [
        found.write(item, "1")
        for item in found.properties((TIFF, "Orientation"))
        if found.text(item) in tuple("2345678")
    ]
    edits += [found.remove(item) for item in found.properties(_THUMBNAILS)]
    if turned != 1:
        edits += _exchanged(found) if turned >= 5 else []
        stored = (Decimal(size[0]), Decimal(size[1]))
        for region in (_mwg, _microsoft, _iptc, _subject):
            edits += region(found, turned, stored)
    edits = [edit for edit in edits if not _same(found.data[edit[0] : edit[1]], edit[2])]
    return found.edited(edits) if edits else packet


def point(x: Decimal, y: Decimal, turned: int, size: Size = _UNIT) -> Size:
    """Where a point of the stored picture lies in the upright one; x to the right, y down, from the corner on.

    Args:
        x: from the left side.
        y: from the upper side.
        turned: the orientation that is undone, 1 to 8.
        size: width and height of the stored picture, in the point's unit.
    """
    if turned >= 5:
        x, y, size = y, x, (size[1], size[0])
    if turned in (2, 3, 6, 7):
        x = size[0] - x
    if turned in (3, 4, 7, 8):
        y = size[1] - y
    return x, y


def subject(
    values: list[int], turned: int, size: tuple[int, int], declared: tuple[int, int] = (0, 0)
) -> list[int] | None:
    """EXIF's SubjectArea or SubjectLocation in the upright picture.

    Args:
        values: in pixels: a point; a circle's center and diameter; or a rectangle's center, width and height.
        turned: the orientation that is undone.
        size: width and height of the stored picture.
        declared: width and height that the metadata give; a subject that was marked before the picture was made
            smaller may lie within these alone.

    Returns:
        The new values; None where they are none, or lie outside the picture.
    """
    if not 2 <= len(values) <= 4:
        return None
    if values[0] > size[0] or values[1] > size[1]:
        size = declared
    if not (0 <= values[0] <= size[0] and 0 <= values[1] <= size[1]):
        return None
    wide, high = (values[2:] * 2)[:2] if len(values) > 2 else (1, 1)
    x, y = values[0], values[1]
    if turned >= 5:
        x, y, wide, high, size = y, x, high, wide, (size[1], size[0])
    # Counted in pixels, what is odd has its center in the middle of one, what is even between two.
    if turned in (2, 3, 6, 7):
        x = max(size[0] - x - wide % 2, 0)
    if turned in (3, 4, 7, 8):
        y = max(size[1] - y - high % 2, 0)
    return [x, y, *([] if len(values) == 2 else values[2:] if len(values) == 3 else [wide, high])]


def _number(text: str) -> Decimal | None:
    text = text.strip()
    if len(text) > 40:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < 10**9 and value.as_tuple().exponent > -40 else None  # type: ignore[operator]


def _same(old: bytes, new: bytes) -> bool:
    """Whether two texts are the same, or the same number: ".25" is not written anew as "0.25"."""
    if old == new or not new:
        return old == new
    one, other = (_number(text.decode("utf-8", "replace")) for text in (old, new))
    return one is not None and one == other


def _text(value: Decimal) -> str:
    return f"{value:f}"


def named(found: Packet, owner: Element, *names: str) -> dict[str, Field]:
    """The fields of a structure by their local names."""
    wanted = set(names)
    return {item.name[1]: item for item in found.fields(owner) if item.name[1] in wanted}


def _numbers(found: Packet, items: dict[str, Field], *names: str) -> list[Decimal] | None:
    values = [_number(found.text(items[name])) if name in items else None for name in names]
    return None if None in values else [value for value in values if value is not None]


def _exchanged(found: Packet) -> Iterator[Edit]:
    for one, other in _SIDES:
        first, second = (next(found.properties(name), None) for name in (one, other))
        if first is not None and second is not None:
            yield found.write(first, found.text(second))
            yield found.write(second, found.text(first))


def _mwg(found: Packet, turned: int, size: Size) -> Iterator[Edit]:
    for regions in found.properties((MWG, "Regions"), (ACDSEE, "Regions")):
        if not isinstance(regions, Element):
            continue
        parts = named(found, regions, "AppliedToDimensions", "RegionList")
        applied, listed = parts.get("AppliedToDimensions"), parts.get("RegionList")
        span = size
        if isinstance(applied, Element):
            sides = named(found, applied, "w", "h")
            values = _numbers(found, sides, "w", "h")
            if values and min(values) > 0:
                if _stands_already(values[0], values[1], turned, size):
                    continue
                span = (values[0], values[1])
                if turned >= 5:
                    yield found.write(sides["w"], _text(values[1]))
                    yield found.write(sides["h"], _text(values[0]))
        if not isinstance(listed, Element):
            continue
        for region in found.items(listed):
            for area in named(found, region, "Area", "ALYArea", "DLYArea").values():
                if isinstance(area, Element):
                    yield from _area(found, area, turned, span)


def _stands_already(w: Decimal, h: Decimal, turned: int, size: Size) -> bool:
    """Whether a writer marked the regions in the upright picture: its sides are those, not the stored ones."""
    return turned >= 5 and abs(w * size[0] - h * size[1]) * 50 < w * size[0] and size[0] != size[1]


def _area(found: Packet, area: Element, turned: int, span: Size) -> Iterator[Edit]:
    items = named(found, area, "x", "y", "w", "h", "unit")
    center = _numbers(found, items, "x", "y")
    if center is None:
        return
    in_pixels = "unit" in items and found.text(items["unit"]).lower().startswith("pixel")
    x, y = point(center[0], center[1], turned, span if in_pixels else _UNIT)
    yield found.write(items["x"], _text(x))
    yield found.write(items["y"], _text(y))
    if turned >= 5 and (sides := _numbers(found, items, "w", "h")):
        yield found.write(items["w"], _text(sides[1]))
        yield found.write(items["h"], _text(sides[0]))


def _microsoft(found: Packet, turned: int, size: Size) -> Iterator[Edit]:
    for info in found.properties((MP, "RegionInfo")):
        if not isinstance(info, Element):
            continue
        listed = named(found, info, "Regions").get("Regions")
        for region in found.items(listed) if isinstance(listed, Element) else ():
            item = named(found, region, "Rectangle").get("Rectangle")
            if item is None:
                continue
            texts = found.text(item).split(",")
            values = [value for text in texts if (value := _number(text)) is not None]
            if len(values) == len(texts) == 4:
                left, top, wide, high = values
                one, other = point(left, top, turned), point(left + wide, top + high, turned)
                x, y = min(one[0], other[0]), min(one[1], other[1])
                sides = (high, wide) if turned >= 5 else (wide, high)
                yield found.write(item, ", ".join(_text(value) for value in (x, y, *sides)))


def _iptc(found: Packet, turned: int, size: Size) -> Iterator[Edit]:
    for regions in found.properties((IPTC, "ImageRegion")):
        for region in found.items(regions) if isinstance(regions, Element) else ():
            boundary = named(found, region, "RegionBoundary").get("RegionBoundary")
            if isinstance(boundary, Element):
                yield from _boundary(found, boundary, turned, size)


def _boundary(found: Packet, boundary: Element, turned: int, size: Size) -> Iterator[Edit]:
    """A rectangle by its upper left corner, a circle by its center, a polygon by its corners."""
    items = named(found, boundary, "rbUnit", "rbX", "rbY", "rbW", "rbH", "rbVertices", "rbRx")
    in_pixels = "rbUnit" in items and found.text(items["rbUnit"]).lower().startswith("pixel")
    span = size if in_pixels else _UNIT
    if (corner := _numbers(found, items, "rbX", "rbY")) is not None:
        sides = _numbers(found, items, "rbW", "rbH")
        wide, high = sides or (Decimal(0), Decimal(0))
        one = point(corner[0], corner[1], turned, span)
        other = point(corner[0] + wide, corner[1] + high, turned, span)
        yield found.write(items["rbX"], _text(min(one[0], other[0])))
        yield found.write(items["rbY"], _text(min(one[1], other[1])))
        if sides and turned >= 5:
            yield found.write(items["rbW"], _text(high))
            yield found.write(items["rbH"], _text(wide))
    if "rbRx" in items and turned >= 5 and not in_pixels and (radius := _numbers(found, items, "rbRx")):
        # A part of the width, which is another side now.
        yield found.write(items["rbRx"], _text(round(radius[0] * size[0] / size[1], 6).normalize()))
    vertices = items.get("rbVertices")
    for vertex in found.items(vertices) if isinstance(vertices, Element) else ():
        place = named(found, vertex, "rbX", "rbY")
        if (at := _numbers(found, place, "rbX", "rbY")) is not None:
            x, y = point(at[0], at[1], turned, span)
            yield found.write(place["rbX"], _text(x))
            yield found.write(place["rbY"], _text(y))


def _subject(found: Packet, turned: int, size: Size) -> Iterator[Edit]:
    sides = [next(found.properties(name), None) for name in _SIDES[2]]
    given = [_number(found.text(side)) for side in sides if side is not None]
    wide, high = (int(side or 0) for side in (*given, None, None)[:2])
    for item in found.properties((EXIF, "SubjectArea"), (EXIF, "SubjectLocation")):
        if not isinstance(item, Element):
            continue
        entries = found.items(item)
        values = [value for entry in entries if (value := _number(found.text(entry))) is not None]
        if len(values) == len(entries):
            whole = [int(value) for value in values]
            done = subject(whole, turned, (int(size[0]), int(size[1])), (wide, high))
            for entry, place in zip(entries, done or (), strict=False):
                yield found.write(entry, str(place))
