"""Take places, or all metadata, out of a WebP without decoding it: its coded pictures stay byte for byte.

In:  the bytes of a file, what is to go, and our note
Out: the bytes of the same pictures, animations included, with less around them
"""

from __future__ import annotations

import struct

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.webp import webp_file
from colorize_cli.metadata import exif, places
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge

_WEBP_KEPT = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_HAS_EXIF, _HAS_XMP = 8, 4  # flags of VP8X


def strip_webp(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go."""
    chunks, at = list[tuple[bytes, bytes]](), 12
    while at + 8 <= len(data):
        kind, size = webp_file.kind_and_size(data, at)
        chunks.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    found = dict(reversed(chunks))  # of several of a kind, the first
    packet, own = found.get(b"XMP "), found.get(b"EXIF")
    block = own.removeprefix(b"Exif\0\0") if own else None
    if what == "all":
        turned = exif.orientation(block, packet)
        clean, new = exif.orientation_alone(turned) if turned > 1 else None, None
        left = [item for item in chunks if item[0] in _WEBP_KEPT]
        changed = len(left) < len(chunks)
    else:
        clean = exif.without_gps(block) if block else None
        new = (places.xmp_without(packet) or None) if packet else None
        left = [item for item in chunks if item[0] not in (b"EXIF", b"XMP ")]
        changed = (clean, new) != (block, packet)
    if not changed or left[0][0] != b"VP8X":
        return Stripped(data, False)
    flags = left[0][1][0] & ~_HAS_EXIF | _HAS_XMP | (_HAS_EXIF if clean else 0)
    left[0] = (b"VP8X", bytes((flags,)) + left[0][1][1:])
    left += [(b"EXIF", clean)] if clean else []
    left.append((b"XMP ", merge(new, note, colored=False)))
    body = b"".join(kind + struct.pack("<I", len(load)) + load + b"\0" * (len(load) & 1) for kind, load in left)
    return Stripped(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, True)
