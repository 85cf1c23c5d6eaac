"""Say in EXIF, TIFF's tags and XMP that the pixels are a part of what they were, or more than they were.

In:  a block, the sides that the picture has now, and where its places lie now
Out: the block with its sides, and what marks a subject or a face, on the same things as before

Source: EXIF 2.32, tags 0xA002, 0xA003, 0x9214 and 0xA214; MWG Guidelines 2.0, "Image Region Metadata"; Microsoft's
People Tagging schema (MPReg).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from colorize_cli.metadata import xmp
from colorize_cli.metadata.ifd import Ifd, Tag, TagError, numbers, patch_numbers, read_header, read_ifd
from colorize_cli.metadata.xmp import Edit, Element, Packet

_WIDTHS, _HEIGHTS, _SUBJECTS = frozenset({256, 40962}), frozenset({257, 40963}), frozenset({0x9214, 0xA214})
_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_MWG, _MP = "http://www.metadataworkinggroup.com/schemas/regions/", "http://ns.microsoft.com/photo/1.2/"
_SIDES = (((_TIFF, "ImageWidth"), (_EXIF, "PixelXDimension")), ((_TIFF, "ImageLength"), (_EXIF, "PixelYDimension")))
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
        x, y = self._within(*self.place(given[0], given[1]))
        return tuple(min(max(0, round(value)), most) for value in (x, y, *(side * self.scale for side in given[2:])))

    def _within(self, x: float, y: float) -> tuple[float, float]:
        return min(max(x, 0.0), self.now[0] - 1.0), min(max(y, 0.0), self.now[1] - 1.0)

    def xmp(self, packet: bytes) -> bytes:
        """An XMP packet; itself where nothing in it is to change, or where it cannot be read."""
        if (found := xmp.readable(packet)) is None:
            return packet
        edits = list[Edit]()
        for names, side in zip(_SIDES, self.now, strict=True):
            edits += [found.write(item, str(side)) for item in found.properties(*names)]
        edits += [*self._areas(found), *self._rectangles(found)]
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
        for regions in found.properties((_MWG, "Regions")):
            if not isinstance(regions, Element):
                continue
            parts = {item.name[1]: item for item in found.fields(regions)}
            applied, listed = parts.get("AppliedToDimensions"), parts.get("RegionList")
            if isinstance(applied, Element):
                sides = {item.name[1]: item for item in found.fields(applied)}
                yield from (found.write(sides[key], str(now)) for key, now in zip("wh", self.now, strict=True)
                            if key in sides)  # fmt: skip
            for region in found.items(listed) if isinstance(listed, Element) else ():
                for area in found.fields(region):
                    if area.name[1] != "Area" or not isinstance(area, Element):
                        continue
                    items = {item.name[1]: item for item in found.fields(area)}
                    given = _numbers([found.text(items[key]) for key in "xywh" if key in items])
                    if len(given) == 4 and "pixel" not in (found.text(items["unit"]) if "unit" in items else ""):
                        for key, value in zip("xywh", self._share(*given), strict=True):
                            yield found.write(items[key], f"{value:.6f}")

    def _rectangles(self, found: Packet) -> Iterator[Edit]:
        for info in found.properties((_MP, "RegionInfo")):
            lists = (
                [item for item in found.fields(info) if item.name[1] == "Regions"] if isinstance(info, Element) else []
            )
            for region in (one for listed in lists if isinstance(listed, Element) for one in found.items(listed)):
                for item in found.fields(region):
                    given = _numbers(found.text(item).split(",")) if item.name[1] == "Rectangle" else []
                    if len(given) == 4:
                        left, top, wide, high = given
                        x, y, wide, high = self._share(left + wide / 2, top + high / 2, wide, high)
                        corner = (x - wide / 2, y - high / 2, wide, high)
                        yield found.write(item, ", ".join(f"{value:.6f}" for value in corner))


def _numbers(texts: Sequence[str]) -> list[float]:
    """What they say; none where one of them is no number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []
