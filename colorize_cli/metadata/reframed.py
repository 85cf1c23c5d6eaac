"""Say in EXIF, TIFF's tags and XMP that the pixels are a part of what they were, or more than they were.

In:  a block, the sides that the picture has now, and where its places lie now
Out: the block with its sides, and what marks a subject or a face, on the same things as before

Source: EXIF 2.32, tags 0xA002, 0xA003, 0x9214 and 0xA214; MWG Guidelines 2.0, "Image Region Metadata"; Microsoft's
People Tagging schema (MPReg); IPTC Photo Metadata Standard 2019.1, "Image Region".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from colorize_cli.metadata import xmp
from colorize_cli.metadata.ifd import Ifd, Tag, TagError, numbers, patch_numbers, read_header, read_ifd
from colorize_cli.metadata.upright import ACDSEE, EXIF, IPTC, MP, MWG, TIFF, Field, named
from colorize_cli.metadata.xmp import Edit, Element, Packet

_WIDTHS, _HEIGHTS, _SUBJECTS = frozenset({256, 40962}), frozenset({257, 40963}), frozenset({0x9214, 0xA214})
_SIDES = (((TIFF, "ImageWidth"), (EXIF, "PixelXDimension")), ((TIFF, "ImageLength"), (EXIF, "PixelYDimension")))
_UNIT = (1.0, 1.0)
_BOUNDARY = ("rbX", "rbY", "rbW", "rbH")
_INNER = 34665


@dataclass(frozen=True)
class Reframed:
    """How a picture came by other sides.

    Attributes:
        was: its width and height before, upright.
        now: the same now.
        place: where a place (x, y) of it lies now, pixels.
        scale: pixels of now that one of before has across.
    """

    was: tuple[int, int]
    now: tuple[int, int]
    place: Callable[[float, float], tuple[float, float]]
    scale: float = 1.0

    def exif(self, block: bytes) -> bytes:
        """An EXIF block, of the same length; itself where it is too damaged to be read."""
        try:
            header = read_header(block)
            first = read_ifd(block, header, header.first)
        except (TagError, struct.error):
            return block
        patched, inner = bytearray(block), first.find(_INNER)
        for directory in (first, inner.child if inner else None):
            for tag in directory.tags if directory else ():
                if (values := self._values(tag, first.order)) is not None:
                    patch_numbers(patched, tag, first.order, values)
        return bytes(patched)

    def tags(self, directory: Ifd) -> Ifd:
        """A TIFF page's directory: of EXIF's tags in it, those that give sides and subjects."""
        return replace(directory, tags=tuple(self._tag(tag, directory.order) for tag in directory.tags))

    def _tag(self, tag: Tag, order: str) -> Tag:
        if tag.code != _INNER or tag.child is None:
            return tag
        inner = []
        for one in tag.child.tags:
            values, letter = self._values(one, order), {3: "H", 4: "I"}.get(one.type)
            if values is not None and letter:
                one = replace(one, value=struct.pack(f"{order}{len(values)}{letter}", *values))
            inner.append(one)
        return replace(tag, child=replace(tag.child, tags=tuple(inner)))

    def _values(self, tag: Tag, order: str) -> tuple[int, ...] | None:
        if tag.type not in (3, 4):
            return None
        most = 0xFFFF if tag.type == 3 else 0xFFFFFFFF
        if tag.code in _WIDTHS | _HEIGHTS and tag.count == 1:
            return (min(self.now[tag.code in _HEIGHTS], most),)
        given = numbers(tag, order)
        if tag.code not in _SUBJECTS or not 2 <= len(given) <= 4:
            return None
        return tuple(min(value, most) for value in self._subject(given))

    def _subject(self, given: Sequence[float]) -> list[int]:
        """A point, a circle's middle and diameter, or a rectangle's middle and sides, in pixels, as it lies now."""
        x, y = self._within(*self.place(given[0], given[1]))
        return [max(0, round(value)) for value in (x, y, *(side * self.scale for side in given[2:]))]

    def _within(self, x: float, y: float) -> tuple[float, float]:
        return min(max(x, 0.0), self.now[0] - 1.0), min(max(y, 0.0), self.now[1] - 1.0)

    def xmp(self, packet: bytes) -> bytes:
        """An XMP packet; itself where nothing in it is to change, or where it cannot be read."""
        if (found := xmp.readable(packet)) is None:
            return packet
        edits = list[Edit]()
        for names, side in zip(_SIDES, self.now, strict=True):
            edits += [found.write(item, str(side)) for item in found.properties(*names)]
        for marked in (self._areas, self._rectangles, self._boundaries, self._marked):
            edits += marked(found)
        return found.edited(edits) if edits else packet

    def _share(self, x: float, y: float, wide: float, high: float) -> list[float]:
        """A rectangle by its middle, in shares of the picture, as it lies now; what is outside is cut off."""
        x, y = self.place(x * self.was[0], y * self.was[1])
        wide, high = (side * self.scale * was for side, was in zip((wide, high), self.was, strict=True))
        ends = [
            min(max(at, 0.0), float(most))
            for at, most in zip((x - wide / 2, x + wide / 2, y - high / 2, y + high / 2),
                                (self.now[0], self.now[0], self.now[1], self.now[1]), strict=True)
        ]  # fmt: skip
        left, right, top, bottom = (end / self.now[i // 2] for i, end in enumerate(ends))
        return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]

    def _areas(self, found: Packet) -> Iterator[Edit]:
        for regions in found.properties((MWG, "Regions"), (ACDSEE, "Regions")):
            if not isinstance(regions, Element):
                continue
            parts = named(found, regions, "AppliedToDimensions", "RegionList")
            span: tuple[float, float] = self.was
            applied, listed = parts.get("AppliedToDimensions"), parts.get("RegionList")
            if isinstance(applied, Element):
                sides = named(found, applied, "w", "h")
                given = _numbers([found.text(sides[key]) for key in "wh" if key in sides])
                span = (given[0], given[1]) if len(given) == 2 and min(given) > 0 else span
                yield from (found.write(sides[key], str(now)) for key, now in zip("wh", self.now, strict=True)
                            if key in sides)  # fmt: skip
            for region in found.items(listed) if isinstance(listed, Element) else ():
                for area in named(found, region, "Area", "ALYArea", "DLYArea").values():
                    if isinstance(area, Element):
                        yield from self._area(found, area, span)

    def _area(self, found: Packet, area: Element, span: tuple[float, float]) -> Iterator[Edit]:
        """A rectangle around its middle, a circle, or a point, in shares of the picture or in pixels of a span."""
        items = named(found, area, *"xywhd", "unit")
        in_pixels = _in_pixels(found, items.get("unit"))
        edits = list(self._moved(found, items, "xywh", span if in_pixels else None, self._share))
        yield from edits
        if edits and "d" in items and len(across := _numbers([found.text(items["d"])])) == 1:  # a circle
            whole = min(span) if in_pixels else min(self.now)
            yield found.write(items["d"], f"{across[0] * min(self.was) * self.scale / whole:.6f}")

    def _moved(
        self,
        found: Packet,
        items: dict[str, Field],
        names: Sequence[str],
        span: tuple[float, float] | None,
        place: Callable[[float, float, float, float], list[float]],
    ) -> Iterator[Edit]:
        """A point, or a rectangle, where `place` says that it lies now.

        Args:
            found: the packet.
            items: its parts.
            names: of them: x, y, width and height.
            span: the sides, in pixels, that they are given in; None where they are shares of the picture.
            place: takes and gives shares.
        """
        keys = [key for key in names if key in items]
        given = _numbers([found.text(items[key]) for key in keys])
        if len(given) not in (2, 4) or keys[:2] != list(names[:2]):
            return
        before, after = (span, self.now) if span else (_UNIT, _UNIT)
        shares = [value / before[i % 2] for i, value in enumerate((*given, 0.0, 0.0)[:4])]
        for i, (key, value) in enumerate(zip(keys, place(*shares), strict=False)):
            yield found.write(items[key], f"{value * after[i % 2]:.6f}")

    def _rectangles(self, found: Packet) -> Iterator[Edit]:
        for info in found.properties((MP, "RegionInfo")):
            listed = named(found, info, "Regions").get("Regions") if isinstance(info, Element) else None
            for region in found.items(listed) if isinstance(listed, Element) else ():
                item = named(found, region, "Rectangle").get("Rectangle")
                given = _numbers(found.text(item).split(",")) if item else []
                if item and len(given) == 4:
                    yield found.write(item, ", ".join(f"{value:.6f}" for value in self._corner(*given)))

    def _corner(self, left: float, top: float, wide: float, high: float) -> list[float]:
        """A rectangle by its upper left corner, in shares of the picture, as it lies now."""
        x, y, wide, high = self._share(left + wide / 2, top + high / 2, wide, high)
        return [x - wide / 2, y - high / 2, wide, high]

    def _boundaries(self, found: Packet) -> Iterator[Edit]:
        """Rectangles by a corner, circles by their middle, polygons by their corners."""
        for regions in found.properties((IPTC, "ImageRegion")):
            for region in found.items(regions) if isinstance(regions, Element) else ():
                boundary = named(found, region, "RegionBoundary").get("RegionBoundary")
                if not isinstance(boundary, Element):
                    continue
                items = named(found, boundary, "rbUnit", *_BOUNDARY, "rbVertices", "rbRx")
                in_pixels = _in_pixels(found, items.get("rbUnit"))
                yield from self._boundary(found, items, in_pixels)
                if "rbRx" in items and (radius := _numbers([found.text(items["rbRx"])])):
                    share = 1.0 if in_pixels else self.was[0] / self.now[0]
                    yield found.write(items["rbRx"], f"{radius[0] * self.scale * share:.6f}")
                vertices = items.get("rbVertices")
                for vertex in found.items(vertices) if isinstance(vertices, Element) else ():
                    yield from self._boundary(found, named(found, vertex, "rbX", "rbY"), in_pixels)

    def _boundary(self, found: Packet, items: dict[str, Field], in_pixels: bool) -> Iterator[Edit]:
        return self._moved(found, items, _BOUNDARY, self.was if in_pixels else None, self._corner)

    def _marked(self, found: Packet) -> Iterator[Edit]:
        """EXIF's SubjectArea and SubjectLocation, as XMP has them."""
        for item in found.properties((EXIF, "SubjectArea"), (EXIF, "SubjectLocation")):
            entries = found.items(item) if isinstance(item, Element) else []
            given = _numbers([found.text(entry) for entry in entries])
            for entry, value in zip(entries, self._subject(given) if 2 <= len(given) <= 4 else (), strict=False):
                yield found.write(entry, str(value))


def _in_pixels(found: Packet, unit: Field | None) -> bool:
    return unit is not None and found.text(unit).lower().startswith("pixel")


def _numbers(texts: Sequence[str]) -> list[float]:
    """What they say; none where one of them is no number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []
