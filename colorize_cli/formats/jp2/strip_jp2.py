"""Take places, or all metadata, out of a JPEG 2000 without decoding it: its codestream stays byte for byte.

In:  the bytes of a file, what is to go, and our note
Out: the bytes of the same picture with less around it

Source: ISO/IEC 15444-1 annex I.
"""

from __future__ import annotations

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jp2.jp2_file import EXIF_UUID, XMP_UUID, Box
from colorize_cli.metadata import exif, places
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge

_PICTURE = frozenset({b"jP  ", b"jP\x1a\x1a", b"ftyp", b"rreq", b"jp2h", b"jp2c"})


def strip_jp2(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go.

    Raises:
        ValueError: it holds several pictures, whose boxes tell where in the file others stand, or its boxes do not fit.
    """
    if jp2_file.codestream(data) == 0:
        return Stripped(data, False)  # nothing stands around it
    found = list(jp2_file.boxes(data))
    if not found or found[-1].end != len(data) or jp2_file.kept_boxes(data)[1]:
        raise ValueError("its boxes cannot be moved")
    turned = exif.orientation(jp2_file.exif_of(data), jp2_file.uuid_of(data, XMP_UUID))
    packet, parts, changed = None, list[bytes](), False
    for box in found:
        whole = data[box.start : box.end]
        if box.kind in _PICTURE:
            parts.append(whole)
            continue
        left = b"" if what == "all" else _without_place(data, box, whole)
        changed = changed or left != whole
        if left[4:24] == b"uuid" + XMP_UUID and packet is None:
            packet = left[24:] or None
        elif left:
            parts.append(left)
    if not changed:
        return Stripped(data, False)
    new = [jp2_file.box_of(b"uuid", XMP_UUID + merge(packet, note, colored=False))]
    if what == "all" and turned > 1:
        new.append(jp2_file.box_of(b"uuid", EXIF_UUID + exif.orientation_alone(turned)))
    at = next((i for i, part in enumerate(parts) if part[4:8] == b"jp2h"), len(parts) - 1) + 1
    return Stripped(b"".join((*parts[:at], *new, *parts[at:])), True)


def _without_place(data: bytes, box: Box, whole: bytes) -> bytes:
    """A box without the place in it; nothing where no more is left."""
    name, content = data[box.content : box.content + 16], data[box.content + 16 : box.end]
    if box.kind != b"uuid" or name not in jp2_file.KNOWN_UUIDS:
        plain = jp2_file.box_of(box.kind, data[box.content : box.end])
        return b"" if jp2_file.names_place(plain) else whole
    if name in jp2_file.EXIF_UUIDS:
        clean = exif.without_gps(content)
    elif name == XMP_UUID:
        clean = places.xmp_without(content)
    elif name in jp2_file.IPTC_UUIDS:
        clean = places.iptc_without(content)
    else:
        clean = places.resources_without(content)
    return whole if clean == content else jp2_file.box_of(b"uuid", name + clean) if clean else b""
