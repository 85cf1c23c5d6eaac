"""Compare the properties of XMP, source against result.

In:  the inventories of both, and how one became the other
Out: what is missing or different, by property
"""

from __future__ import annotations

import re

from colorize_cli.metadata.audit.expected import Context, close, numbers
from colorize_cli.metadata.audit.file_blocks import Inventory
from colorize_cli.metadata.audit.properties import NotXmp, properties

_OURS = "colorize:"
_FREE = re.compile(
    r"(tiff:(Orientation|ImageWidth|ImageLength|XResolution|YResolution|BitsPerSample\[\d+\]|SamplesPerPixel"
    r"|PhotometricInterpretation|Compression)|exif:(Orientation|PixelXDimension|PixelYDimension|ColorSpace"
    r"|Subject(Area|Location)\[\d+\])|xmpNote:HasExtendedXMP|photoshop:(ColorMode|ICCProfile)|dc:format"
    r"|Iptc4xmpExt:DigitalSourceType|colorize:.*)$"
)
_THUMBNAIL = re.compile(r".*xmpGImg:image$")
_PARTS = re.compile(r".*:(Directory\b.*|MotionPhoto\w*|MicroVideo\w*)$|hdrgm:.*")
_PLACE = re.compile(
    r"(.*[:/])?((?i:GPS)[^/\[#]+|City|State|Country|CountryCode|CountryName|Location|LocationCreated|LocationShown"
    r"|ProvinceState|Sublocation|WorldRegion)(\[|/|#|$)"
)
_AREA = re.compile(r"(.*mwg-rs:Area)/stArea:(x|y|w|h)$")
_RECTANGLE = re.compile(r".*MPReg:Rectangle$")
_BOUNDARY = re.compile(r".*Iptc4xmpExt:(RegionBoundary|rb\w+).*")
_APPLIED = re.compile(r".*mwg-rs:AppliedToDimensions/stDim:(w|h)$")


def of(found: Inventory) -> tuple[dict[str, str], list[bytes]]:
    """All properties of a picture's packets; and the packets that cannot be read."""
    whole, broken = dict[str, str](), list[bytes]()
    for packet in found.xmp:
        try:
            whole = properties(packet) | whole
        except NotXmp:
            broken.append(packet)
    return whole, broken


def orientation_of(found: Inventory) -> int | None:
    """The orientation that XMP gives; None where it gives none, or nonsense."""
    text = of(found)[0].get("tiff:Orientation", "")
    return int(text) if text in tuple("12345678") else None


def faults(source: Inventory, result: Inventory, context: Context) -> list[str]:
    """What a result's XMP lacks, or still has."""
    (before, broken), (after, unread) = of(source), of(result)
    before = {name: value for name, value in before.items() if not name.startswith(_OURS)}
    if context.strip == "all":
        left = [name for name in before if not _FREE.match(name) and after.get(name) == before[name]]
        return [f"XMP {left[0]} is still there"] if left else []
    found = list[str]()
    if unread and not broken:
        return ["XMP can no longer be read"]
    if context.strip == "gps":
        left = [name for name in after if _PLACE.match(name)]
        found += [f"XMP {name} is still there" for name in left[:1]]
        before = {name: value for name, value in before.items() if not _PLACE.match(name)}
    if (before or broken) and not result.xmp and not context.told("xmp"):
        return [*found, "XMP is missing"]
    if context.told("xmp"):
        return found
    if broken and context.strip == "none" and not _kept(broken, result.xmp):
        found.append("XMP (which is no XML) differs")
    if not broken:
        found += _properties(before, after, context)
    return found


def _kept(broken: list[bytes], packets: list[bytes]) -> bool:
    """Whether packets that nobody can read are still there, by the ASCII that stands at their start."""

    def plain(packet: bytes) -> bytes:
        return bytes(byte for byte in packet[:100_000] if 32 < byte < 127)

    there = b"".join(map(plain, packets))
    return all(plain(packet)[:64] in there for packet in broken)


def _properties(before: dict[str, str], after: dict[str, str], context: Context) -> list[str]:
    found, applied = list[str](), _applied(before)
    # Other programs mark regions in the picture as it is shown, and say so by the sides that they apply to.
    shown = context.exchanged and _is_upright(applied, context.size)
    for name, value in before.items():
        now = after.get(name)
        if _THUMBNAIL.match(name):
            if now == value:
                found.append(f"XMP {name} is still the old thumbnail")
            continue
        if _FREE.match(name) or _PARTS.match(name) and context.told("gain map", "video", "depth map", "picture"):
            continue
        if "xmp:Thumbnails" in name:
            continue  # its sides and its coding
        if context.reframed and (_APPLIED.match(name) or _placed(name, value, before, context, shown) is not None):
            if now is None:
                found.append(f"XMP {name} is missing")
        elif context.orientation > 1 and (known := _placed(name, value, before, context, shown)) is not None:
            if now is None or not known(now):
                found.append(f"XMP {name} does not lie where it did")
        elif now is None:
            found.append(f"XMP {name} is missing")
        elif now != value:
            found.append(f"XMP {name} differs")
    return found


def _is_upright(applied: list[float], size: tuple[int, int] | None) -> bool:
    """Whether sides, of the picture or of a smaller one, are those of the upright picture, not of the stored one."""
    if size is None or len(applied) != 2 or size[0] == size[1]:
        return False
    one, other = applied[0] * size[0], applied[1] * size[1]
    return abs(one - other) < 0.02 * one


def _applied(before: dict[str, str]) -> list[float]:
    sides = {match[1]: numbers(value) for name, value in before.items() if (match := _APPLIED.match(name))}
    return [value[0] for key in "wh" if (value := sides.get(key))]


class _Near:
    """Whether a text holds the numbers that are expected."""

    def __init__(self, expected: list[float], by: float) -> None:
        self.expected, self.by = expected, by

    def __call__(self, text: str) -> bool:
        given = numbers(text)
        return given is not None and close(self.expected, given, self.by)


def _placed(name: str, value: str, before: dict[str, str], context: Context, shown: bool) -> _Near | None:
    """What a property that is about a place in the picture should say; None of other properties."""
    if match := _APPLIED.match(name):
        sides = _applied(before)
        place = "wh".index(match[1])
        return (
            _Near([sides[1 - place if context.exchanged and not shown else place]], 0.01) if len(sides) == 2 else None
        )
    if match := _AREA.match(name):
        area = [numbers(before.get(f"{match[1]}/stArea:{key}", "")) for key in "xywh"]
        given = [part[0] for part in area if part]
        if len(given) not in (2, 4) or not area[0] or not area[1]:
            return None
        in_pixels = before.get(f"{match[1]}/stArea:unit", "").lower().startswith("pixel")
        sides = _applied(before)
        span = (sides[0], sides[1]) if len(sides) == 2 else context.size
        turned = given if shown else context.centered(given, span if in_pixels and span else (1.0, 1.0))
        return _Near([turned["xywh".index(match[2])]], 1e-3)
    if _RECTANGLE.match(name) and (corner := numbers(value)) and len(corner) == 4:
        return _Near(context.cornered(*corner), 1e-3)
    return _Anything([], 0.0) if _BOUNDARY.match(name) or "mwg-rs:Area" in name or "acdsee-rs:" in name else None


class _Anything(_Near):
    """What is marked in ways that this reader does not follow."""

    def __call__(self, text: str) -> bool:
        return True
