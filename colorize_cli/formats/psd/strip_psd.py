"""Take places out of a Photoshop document without decoding it: its layers and its picture stay byte for byte.

In:  the bytes of a document, and our note
Out: the bytes of the same document with less in its image resources

Source: Adobe, "Photoshop File Formats Specification": no part says where another one stands.
"""

from __future__ import annotations

import struct

from colorize_cli.formats.declared import Stripped
from colorize_cli.metadata import exif, irb, places
from colorize_cli.metadata.provenance import Provenance, merge

_EXIF, _OTHER_EXIF, _XMP = 1058, 1059, 1060
_HEADER = 26


def strip_psd(data: bytes, note: Provenance) -> Stripped:
    """Take out what tells the place; what layers tell of themselves stays.

    Raises:
        ValueError, struct.error: its sections do not fit.
    """
    at = _HEADER + 4 + int(struct.unpack_from(">I", data, _HEADER)[0])
    start, end = at + 4, at + 4 + int(struct.unpack_from(">I", data, at)[0])
    blocks = irb.split(data[start:end])
    if blocks is None or end > len(data):
        raise ValueError("its resources do not follow one another")
    packet = next((content for number, content, _ in blocks if number == _XMP), None)
    resources = b"".join(whole for _, _, whole in blocks)
    clean = b"".join(_without_place(*one) for one in blocks)
    clean = places.resources_without(clean) if clean else clean
    if clean == resources:
        return Stripped(data, False)
    parts = [whole for number, _, whole in irb.split(clean) or () if number != _XMP]
    left = places.xmp_without(packet) or None if packet else None
    parts.append(irb.block(_XMP, merge(left, note, colored=False)))
    whole = b"".join(parts)
    return Stripped(data[:at] + struct.pack(">I", len(whole)) + whole + data[end:], True)


def _without_place(number: int, content: bytes, whole: bytes) -> bytes:
    """A resource without the place in it; nothing where nobody knows what it says."""
    if number in (_EXIF, _OTHER_EXIF):
        clean = exif.without_gps(content)
    elif number == _XMP:
        clean = places.xmp_without(content)
    else:
        return whole
    return whole if clean == content else irb.block(number, clean) if clean else b""
