"""Take out what says where a photo was taken: coordinates and the names of places.

In:  an XMP packet, IPTC-IIM data, Photoshop's image resources
Out: the same without them; unchanged, byte for byte, where there are none

Source: IPTC-IIM 4.2, record 2; IPTC Photo Metadata Standard (Core and Extension); XMP Specification Part 2.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Literal

from colorize_cli.metadata import irb, xmp
from colorize_cli.metadata.xmp import RDF, Attribute, Element, Packet, XmpError

Strip = Literal["none", "gps", "all"]  # what is left out of a photo's metadata: nothing, its place, everything
# Content location (code, name), city, sublocation, province, country (code, name).
_DATASETS = frozenset({26, 27, 90, 92, 95, 100, 101})
_DIGEST = 1061
_NAMES = frozenset(
    {"City", "State", "Country", "CountryCode", "CountryName", "Location", "LocationCreated", "LocationShown"}
    | {"ProvinceState", "Sublocation", "WorldRegion"}
)
_IN_VIDEOS = (b"\xa9xyz", b"com.apple.quicktime.location", b"loci\0\0\0\0")
_WORDS = (b"GPSLatitude", b"GPSLongitude", b"photoshop:City", b"Iptc4xmpCore:Location", b"Iptc4xmpExt:Location")
LONGEST_WORD = max(map(len, _WORDS))


def in_words(data: bytes) -> bool:
    """Whether bytes of unknown structure hold the name of a property that tells a place."""
    return any(word in data for word in _WORDS)


def in_video(data: bytes) -> bool:
    """Whether a film, or what tells of one, names a place."""
    return any(mark in data for mark in _IN_VIDEOS)


def in_xmp(packet: bytes) -> bool:
    """Whether an XMP packet names a place; one that cannot be read may."""
    try:
        return bool(_in(xmp.parse(packet)))
    except XmpError:
        return True


def xmp_without(packet: bytes) -> bytes:
    """An XMP packet without places: GPS, city, state, country, location; empty where it cannot be read."""
    if (found := xmp.readable(packet)) is None:
        return b""  # damaged: nobody knows what it says
    places = _in(found)
    return found.edited(found.remove(item) for item in places) if places else packet


def _in(found: Packet) -> list[Attribute | Element]:
    """The properties and fields that name a place, wherever in the packet they stand."""
    items = list[Attribute | Element]()
    for element in found.root.walk():
        around: tuple[Attribute | Element, ...] = (element, *element.attributes)
        items += [item for item in around if is_place(item.name[1]) and item.name[0] != RDF]
    return items


def is_place(name: str) -> bool:
    """Whether a property of this name tells a place."""
    return name in _NAMES or name[:3].upper() == "GPS" and len(name) > 3


def iptc_without(data: bytes) -> bytes:
    """IPTC-IIM data without places; where its structure is damaged, what stands before the damage."""
    kept, at = list[bytes](), 0
    while at + 5 <= len(data) and data[at] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", data, at + 1)
        start = at + 5
        if size & 0x8000:  # an extended dataset: the size of its size
            count = size & 0x7FFF
            size = int.from_bytes(data[start : start + count], "big")
            start += count
        end = start + size
        if not (record == 2 and number in _DATASETS):
            kept.append(data[at:end])
        at = end
    rest = data[at:]
    if rest.strip(b"\0"):  # not IPTC from here on: nobody knows what it says
        rest = b""
    return b"".join(kept) + rest


def resources_without(resources: bytes) -> bytes:
    """Photoshop's image resources without places in their IPTC; the digest of the IPTC follows it."""
    blocks = irb.split(resources)
    if blocks is None:
        return b""  # damaged: nobody knows what it says
    found = irb.iptc_of(resources)
    if found is None or (clean := iptc_without(found)) == found:
        return resources
    out = list[bytes]()
    for number, data, whole in blocks:
        if number == irb.IPTC:
            out.append(irb.with_iptc(iptc_without(data)))
        elif number == _DIGEST:
            out.append(irb.block(_DIGEST, hashlib.md5(clean, usedforsecurity=False).digest()))
        else:
            out.append(whole)
    return b"".join(out)
