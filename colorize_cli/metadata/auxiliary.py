"""What an XMP packet says of the parts of a file behind its picture: gain map, depth map, video.

In:  an XMP packet
Out: what the parts are for; the packet without what is true only of a file that has them

Source: Google's Ultra HDR 1.1 and Motion Photo 1.0 formats; Adobe's gain map namespace.
"""

from __future__ import annotations

from collections.abc import Iterator

from colorize_cli.metadata import xmp
from colorize_cli.metadata.xmp import Attribute, Edit, Element, Packet

_GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
_MOTION = ("MotionPhoto", "MicroVideo")


def semantics(packet: bytes) -> list[tuple[str, str]]:
    """Each part's meaning and MIME type, in order; none where the packet lists no parts."""
    if (found := xmp.readable(packet)) is None:
        return []
    pairs = list[tuple[str, str]]()
    for element in found.root.walk():
        fields: tuple[Attribute | Element, ...] = (*element.attributes, *element.children)
        told = {item.name[1]: found.text(item) for item in fields if item.name[1] in ("Semantic", "Mime")}
        if len(told) == 2:
            pairs.append((told["Semantic"], told["Mime"]))
    return pairs


def without_parts(packet: bytes) -> bytes:
    """The packet of a photo whose gain map, depth map and video were left out; as it was where it cannot be read."""
    if (found := xmp.readable(packet)) is None:
        return packet
    gone = [
        found.remove(item)
        for item in found.properties()
        if item.name[0] in (_GAIN_MAP, "hdrgm") or item.name[1] == "Directory"
    ]
    edits = [*gone, *_without_motion(found)]
    return found.edited(edits) if edits else packet


def without_motion(packet: bytes) -> bytes:
    """The packet of a photo whose video was left out; as it was where it cannot be read."""
    if (found := xmp.readable(packet)) is None:
        return packet
    edits = list(_without_motion(found))
    return found.edited(edits) if edits else packet


def _without_motion(found: Packet) -> Iterator[Edit]:
    for item in found.properties():
        if item.name[1] in _MOTION and found.text(item) == "1":
            yield found.write(item, "0")
