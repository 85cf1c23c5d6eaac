"""Read the provenance note of a written file, fast: no pixel is decoded.

In:  a path
Out: a `Provenance`, or None where the file has none
"""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

from colorize_cli.photos import jpeg_file, png_file
from colorize_cli.photos.ifd import FileData, TagError, walk
from colorize_cli.photos.photo import PhotoFormat
from colorize_cli.photos.provenance import NAMESPACE, Provenance, parse
from colorize_cli.photos.sniff import sniff
from colorize_cli.photos.tiff_pictures import is_reduced

_MARK = NAMESPACE.encode()
_HEAD = 1 << 18


def read_provenance(path: Path) -> Provenance | None:
    """The note that a file carries; None where it has none, cannot be read, or is no picture."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(number, "rb") as file:
            head = file.read(_HEAD)
            if sniff(head[:64]) is PhotoFormat.tiff:
                # A thumbnail may stand before the first page, which has the note.
                tag = next(ifd for ifd in walk(FileData(file)) if not is_reduced(ifd)).find(700)
                return parse(tag.value) if tag else None
            found = _find(head)
            # A large EXIF block, or a format that keeps its metadata at the end.
            return found if found is not None else _find(head + file.read())
    except (OSError, ValueError, MemoryError, TagError, struct.error, StopIteration):
        return None


def _find(data: bytes) -> Provenance | None:
    format = sniff(data[:64])
    try:
        if format is PhotoFormat.jpeg:
            parsed = jpeg_file.parse(data, headers_only=True)
            packets = [*parsed.payloads(jpeg_file.APP1, jpeg_file.XMP), *parsed.payloads(jpeg_file.COM, b"")]
            return next((note for packet in packets if (note := parse(packet))), None)
        if format is PhotoFormat.png:
            return parse(png_file.xmp_of(png_file.parse(data, headers_only=True).chunks))
    except (ValueError, struct.error, IndexError):
        return None
    if format is not None and (at := data.find(_MARK)) >= 0:
        start = max(data.rfind(b"<?xpacket begin", 0, at), data.rfind(b"<x:xmpmeta", 0, at), at - 65536, 0)
        end = data.find(b"</rdf:RDF>", at)
        packet = data[start : end if end >= 0 else at + 65536]
        return parse(packet.replace(b"\n# ", b"\n")) if format is PhotoFormat.ppm else parse(packet)
    return None
