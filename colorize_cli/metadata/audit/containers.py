"""Read what a file holds around its pixels: the second reader's way in.

In:  a path
Out: an `Inventory`; none where the format has no second reader
"""

from __future__ import annotations

import struct
from pathlib import Path

from colorize_cli.metadata.audit import chunks, gif, iso_blocks, jpeg, newer, photoshop, tags
from colorize_cli.metadata.audit.file_blocks import AuditError, Data, Inventory
from colorize_cli.metadata.audit.stored import Stored

_XMP, _IPTC, _PHOTOSHOP, _ICC, _SUBFILE, _BITS = 700, 33723, 34377, 34675, 254, 258

_READERS = {
    "jpeg": jpeg.read,
    "jp2": iso_blocks.jp2,
    "png": chunks.png,
    "webp": chunks.webp,
    "gif": gif.read,
    "bmp": chunks.bmp,
    "ppm": chunks.ppm,
    "jxl": newer.jxl,
    "psd": newer.psd,
}


def inventory(path: Path) -> Inventory | None:
    """What a file holds.

    Raises:
        AuditError: its structure cannot be followed.
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        data = Stored(file)
        if not len(data):
            raise AuditError("it is empty")
        try:
            return _read(data)
        except (struct.error, IndexError, ValueError) as error:
            if isinstance(error, AuditError):
                raise
            raise AuditError(f"its structure is damaged ({error})") from None


def sniff(head: bytes) -> str | None:
    """The format that a file starts as; None for one that has no second reader."""
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[4:8] == b"jP  " or head[:4] == b"\xff\x4f\xff\x51":
        return "jp2"
    if head[4:8] == b"JXL " or head[:2] == b"\xff\x0a":
        return "jxl"
    if head[:4] == b"8BPS":
        return "psd"
    if head[4:8] == b"ftyp":
        return "avif" if b"avif" in head[8:64] or b"avis" in head[8:64] else "heic"
    if head[:2] == b"BM":
        return "bmp"
    return "ppm" if head[:1] == b"P" and head[1:2] in b"123456" else None


def _read(data: Data) -> Inventory | None:
    format = sniff(data[:64])
    if format == "tiff":
        return _tiff(data)
    if format in ("heic", "avif"):
        return iso_blocks.heif(data, format)
    return _READERS[format](data) if format in _READERS else None


def _tiff(data: Data) -> Inventory:
    """The first page's blocks; those of the other pages are under `further`. Reduced copies are no pages."""
    pages = list(enumerate(tags.directories(data)))
    pages = [(place, page) for place, page in pages if not page.number(_SUBFILE) & 5 and page.number(255) != 2]
    if not pages:
        raise AuditError("it has no page")
    read = [_page(page) for _, page in pages]
    first = read[0]
    first.pictures, first.further, first.place = len(read), read[1:], pages[0][0]
    return first


def _page(page: tags.Directory) -> Inventory:
    found = Inventory("tiff", size=(page.number(256), page.number(257)), bits=page.number(_BITS, 1), tiff=page)
    for code, into in ((_XMP, found.xmp), (_IPTC, found.iptc)):
        if content := page.data(code):
            into.append(content)
    found.icc = page.data(_ICC) or None
    for number, content in photoshop.resources(page.data(_PHOTOSHOP)):
        if number == photoshop.IPTC:
            found.iptc.append(content)
        else:
            found.resources.append((number, content))
    return found
