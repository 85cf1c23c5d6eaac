"""Take places, or all metadata, out of a JPEG XL without decoding it: its codestream stays byte for byte.

In:  the bytes of a file, what is to go, and our note
Out: the bytes of the same picture with less around it

Source: ISO/IEC 18181-2.
"""

from __future__ import annotations

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.jxl import jxl, jxl_file
from colorize_cli.metadata import exif, places
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge


def strip_jxl(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go.

    Raises:
        ValueError: a box cannot be read, or the picture is turned by what is to go.
    """
    if not data.startswith(jxl_file.SIGNATURE):
        return Stripped(data, False)  # nothing stands around it
    if not jxl_file.is_complete(data) or what == "all" and jxl.left_to_undo(data) != 1:
        raise ValueError("its boxes cannot be moved")
    head, rest, meta, packet, changed = list[bytes](), list[bytes](), list[bytes](), None, False
    for kind, content in jxl_file.boxes(data):
        whole = jxl_file.box_of(kind, content)
        if kind == b"brob":
            kind, content = content[:4], _unpacked(content)
        if kind in jxl_file.CODING or what != "all" and kind not in (b"Exif", b"xml "):
            (head if kind in (b"JXL ", b"ftyp", b"jxll") else rest).append(whole)
            continue
        clean = b"" if what == "all" else _without_place(kind, content)
        changed = changed or clean != content
        if kind == b"xml " and packet is None:
            packet = clean or None
        elif clean:
            meta.append(jxl_file.box_of(kind, clean))
    if not changed:
        return Stripped(data, False)
    meta.append(jxl_file.box_of(b"xml ", merge(packet, note, colored=False)))
    return Stripped(b"".join((*head, *meta, *rest)), True)


def _unpacked(content: bytes) -> bytes:
    """What a compressed box holds, of EXIF and XMP; others stay as they are."""
    if content[:4] not in (b"Exif", b"xml "):
        return content[4:]
    found = jxl.unpacked(content[4:])
    if found is None:
        raise ValueError("a compressed box cannot be read")
    return found


def _without_place(kind: bytes, content: bytes) -> bytes:
    if kind == b"xml ":
        return places.xmp_without(content)
    start = 4 + int.from_bytes(content[:4], "big")
    return content[:start] + exif.without_gps(content[start:])
