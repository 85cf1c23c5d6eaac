"""Take places, or all metadata, out of a PNG without decoding it: its coded pictures stay byte for byte.

In:  the bytes of a file, what is to go, and our note
Out: the bytes of the same pictures, animations included, with less around them
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.png import png_file, png_text
from colorize_cli.formats.png.png_file import XMP_KEYWORD, inflate_all
from colorize_cli.metadata import exif, places
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge
from colorize_cli.notes import Loss, Note

_PICTURE = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT", b"tRNS"})
_READ_BY = frozenset(
    {
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"cICP",
        b"mDCv",
        b"cLLi",
        b"mDCV",
        b"cLLI",
        b"iCCP",
        b"pHYs",
        b"sBIT",
        b"bKGD",
        b"hIST",
        b"sPLT",
    }
)
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})


def strip_png(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go; a text that only repeats IPTC, XMP or EXIF with a place in it goes as a whole."""
    out, notes, changed = [png_file.SIGNATURE], list[str](), False
    chunks = list(_png_chunks(data))
    packet, end = (
        png_file.xmp_of(
            (kind, data[at + 8 : at + 8 + size])
            for kind, at, size in chunks
            if kind == b"iTXt" and _is_whole(data, at, size)
        ),
        8,
    )
    block = next(
        (data[at + 8 : at + 8 + size] for kind, at, size in chunks if kind == b"eXIf" and _is_whole(data, at, size)),
        None,
    )
    for kind, at, size in chunks:
        end = at + 12 + size
        if kind not in _PICTURE | _READ_BY and not _is_whole(data, at, size):
            changed = True  # no reader takes it, and nobody knows what it says
            name = kind.decode("latin-1")
            notes.append(Note(f"a chunk of it ({name}) has a wrong checksum and was left out", Loss.metadata))
            continue
        if kind in _PICTURE or kind in _READ_BY and (what == "all" or kind != b"eXIf"):
            if kind == b"IDAT" and (ours := _ours(out, packet, block, what, note)):
                out += ours
            out.append(data[at:end])
            continue
        payload = data[at + 8 : at + 8 + size]
        if what == "all":
            changed = True
        elif kind == b"eXIf":
            clean = exif.without_gps(payload)
            changed = changed or clean != payload
            out.append(png_file.chunk(kind, clean))
        elif kind == b"iTXt" and payload.startswith(XMP_KEYWORD + b"\0"):
            changed = changed or bool(packet) and places.xmp_without(packet or b"") != packet
        elif kind in _TEXTS and (png_text.names_place(kind, payload) or _exif_text_names_place(kind, payload)):
            changed = True
            notes.append(
                Note("a copy of its EXIF, IPTC or XMP, in a text, was left out with the place in it", Loss.metadata)
            )
        else:
            out.append(data[at:end])
    if data[end:].strip(b"\0"):
        changed = changed or what == "all"
        notes.append(Note(f"{len(data) - end:,} bytes after the picture were left out", Loss.bytes_after))
    return Stripped(b"".join(out), True, list(dict.fromkeys(notes))) if changed else Stripped(data, False)


def _is_whole(data: bytes, at: int, size: int) -> bool:
    """Whether a chunk has the checksum that it says."""
    return zlib.crc32(data[at + 4 : at + 8 + size]).to_bytes(4, "big") == data[at + 8 + size : at + 12 + size]


def _ours(out: list[bytes], packet: bytes | None, block: bytes | None, what: Strip, note: Provenance) -> list[bytes]:
    """The chunks that are written anew before the first of the picture's data; none where they are there."""
    if any(part[4:8] == b"iTXt" and part[8:].startswith(XMP_KEYWORD + b"\0") for part in out):
        return []
    if what == "all":
        turned = exif.orientation(block, packet)
        own = [png_file.chunk(b"eXIf", exif.orientation_alone(turned))] if turned > 1 else []
        return [*own, png_file.chunk(*png_file.xmp_chunk(merge(None, note, colored=False)))]
    clean = places.xmp_without(packet) if packet else None
    return [png_file.chunk(*png_file.xmp_chunk(merge(clean or None, note, colored=False)))]


def _exif_text_names_place(kind: bytes, payload: bytes) -> bool:
    """Whether a text holds EXIF, as ImageMagick writes it, with a place in it."""
    keyword, _, rest = payload.partition(b"\0")
    if not keyword.startswith((b"Raw profile type exif", b"Raw profile type APP1")):
        return False
    words = (inflate_all(rest[1:])[0] if kind == b"zTXt" else rest).split(None, 2)
    try:
        block = bytes.fromhex(b"".join(words[2].split()).decode("ascii")).removeprefix(b"Exif\0\0")
    except (IndexError, ValueError):
        return True  # nobody knows what it says
    return exif.without_gps(block) != block


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks: type, where they start, size of the payload."""
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at, size
        if kind == b"IEND":
            return
        at += 12 + size
