"""Blocks of JPEG XL and Photoshop documents, for the second reader.

In:  the file's bytes
Out: an `Inventory`

Source: ISO/IEC 18181-1 (the codestream's header) and 18181-2 (boxes); Adobe Photoshop File Formats Specification.
"""

from __future__ import annotations

import imagecodecs

from colorize_cli.metadata.audit import photoshop
from colorize_cli.metadata.audit.file_blocks import AuditError, Data, Inventory, Raw
from colorize_cli.metadata.audit.iso_blocks import boxes
from colorize_cli.metadata.audit.stored import unpack
from colorize_cli.metadata.resolution import LEAST

_CODING = frozenset({b"JXL ", b"ftyp", b"jxlc", b"jxlp", b"jxli", b"jxll", b"jbrd", b"free", b"skip"})
_MOST_UNPACKED = 16 << 20
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_EXIF, _XMP, _ICC, _RESOLUTION = 1058, 1060, 1039, 1005


def jxl(data: Data) -> Inventory:
    """Boxes of JPEG XL, compressed or not; a naked codestream has none."""
    found = Inventory("jxl", icc_coded=True)
    if data[:2] == b"\xff\x0a":
        _codestream(data[:64], found)
        return found
    for kind, start, end in boxes(data, 0, len(data)):
        if kind in (b"jxlc", b"jxlp") and found.size is None:
            _codestream(data[start + (4 if kind == b"jxlp" else 0) : end][:64], found)
        elif kind not in _CODING:
            content = bytes(data[start:end])
            if kind == b"brob":
                kind, content = content[:4], content[4:]
                content = _unpacked(content) if kind in (b"Exif", b"xml ") else content
            if kind == b"Exif" and not found.exif:
                found.exif.append(content[4 + int.from_bytes(content[:4], "big") :])
            elif kind == b"xml " and not found.xmp:
                found.xmp.append(content)
            elif kind not in (b"Exif", b"xml "):
                found.raws.append(Raw(f"box {kind.decode('latin-1').strip()}", content))
    return found


def _unpacked(content: bytes) -> bytes:
    try:
        return bytes(imagecodecs.brotli_decode(content, out=_MOST_UNPACKED))
    except (RuntimeError, ValueError):
        raise AuditError("a compressed box of it is damaged, or too large") from None


def _codestream(head: bytes, found: Inventory) -> None:
    """The size as stored, and the orientation, which the codestream itself gives; bits count from the lowest."""
    bits, at = int.from_bytes(head[2:], "little"), 0

    def take(count: int) -> int:
        nonlocal at
        value = bits >> at & (1 << count) - 1
        at += count
        return value

    def side(small: int) -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    height = side(small)
    ratio = take(3)
    width = height * _RATIOS[ratio - 1][0] // _RATIOS[ratio - 1][1] if ratio else side(small)
    found.size, found.turned = (width, height), 1
    if not take(1) and take(1):  # not all is as usual, and there is more
        found.turned = take(3) + 1


def psd(data: Data) -> Inventory:
    """The resources of a Photoshop document."""
    height, width, depth = unpack(">IIH", data, 14)
    found = Inventory("psd", size=(width, height), bits=depth)
    at = 26
    at += 4 + unpack(">I", data, at)[0]  # the palette
    size = unpack(">I", data, at)[0]
    for number, content in photoshop.resources(bytes(data[at + 4 : at + 4 + size])):
        if number == photoshop.IPTC:
            found.iptc.append(content)
        elif number == _EXIF:
            found.exif.append(content.removeprefix(b"Exif\0\0"))
        elif number == _XMP:
            found.xmp.append(content)
        elif number == _ICC:
            found.icc = content
        elif number == _RESOLUTION:
            found.has_resolution = len(content) >= 16 and min(unpack(">IHHI", content, 0)[::3]) >= 65536 * LEAST
        else:
            found.resources.append((number, content))
    return found
