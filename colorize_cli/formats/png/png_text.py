"""EXIF, XMP and IPTC of a PNG: in chunks of their own, or in texts as ImageMagick writes them.

In:  the chunks of a PNG
Out: `PngAround`: each block once, and the chunks that are none of them

Source: PNG Specification, third edition, for eXIf; XMP Specification Part 3; ImageMagick and exiftool for
"Raw profile type ...".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from colorize_cli.formats.png import png_file
from colorize_cli.metadata import irb, places

_RAW = b"Raw profile type "
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_Chunk = tuple[bytes, bytes]


@dataclass(frozen=True)
class PngAround:
    """What stands around a PNG's pixels.

    Attributes:
        exif: an EXIF block from its TIFF header on.
        xmp: the packet.
        resources: Photoshop's image resources, which hold IPTC.
        rest: the chunks that are none of these, in order.
    """

    exif: bytes | None
    xmp: bytes | None
    resources: bytes | None
    rest: tuple[_Chunk, ...]


def around(chunks: Iterable[_Chunk]) -> PngAround:
    """Find the blocks; what cannot be read stays among the chunks, and so does a second block of a kind."""
    chunks = tuple(chunks)
    exif = next((payload.removeprefix(_EXIF) for kind, payload in chunks if kind == b"eXIf" and payload), None)
    xmp = png_file.xmp_of(chunks)
    resources, rest, first = None, list[_Chunk](), xmp is not None
    for kind, payload in chunks:
        if kind == b"eXIf":
            continue
        if kind == b"iTXt" and first and png_file.xmp_of([(kind, payload)]) == xmp:
            first = False
            continue
        raw = _raw_profile(payload) if kind in (b"zTXt", b"tEXt") and payload.startswith(_RAW) else None
        if raw is not None and raw.startswith(_EXIF):
            exif = exif or raw.removeprefix(_EXIF)
        elif raw is not None and xmp is None and (raw.startswith(_XMP) or payload.startswith(_RAW + b"xmp\0")):
            xmp = raw.removeprefix(_XMP)
        elif raw is not None and resources is None and (found := _resources(raw)):
            resources = found
        else:
            rest.append((kind, payload))
    return PngAround(exif, xmp, resources, tuple(rest))


def _resources(raw: bytes) -> bytes | None:
    """Image resources from a raw profile that holds them, or bare IPTC."""
    if raw.startswith(b"\x1c"):
        return irb.with_iptc(raw)
    return raw if irb.split(raw) else None


def _raw_profile(payload: bytes) -> bytes | None:
    """What stands in a text as ImageMagick writes it: a name, a length and hexadecimal digits."""
    _, _, rest = payload.partition(b"\0")
    text = png_file.inflate_all(rest[1:])[0] if rest[:1] == b"\0" else rest
    words = text.split(None, 2)
    if len(words) < 3:
        return None
    try:
        return bytes.fromhex(b"".join(words[2].split()).decode("ascii"))
    except ValueError:
        return None


def names_place(kind: bytes, payload: bytes) -> bool:
    """Whether a text holds another program's copy of IPTC or XMP in which a place is named."""
    keyword, _, rest = payload.partition(b"\0")
    if places.is_place(keyword.rpartition(b":")[2].decode("latin-1")):  # "exif:GPSLatitude", as ImageMagick has it
        return True
    if not keyword.startswith(b"Raw profile type "):
        return False
    text = png_file.inflate_all(rest[1:])[0] if kind == b"zTXt" else rest
    lines = text.strip().split(b"\n")
    try:
        data = bytes.fromhex(b"".join(lines[2:]).decode("ascii"))
    except ValueError:
        return False
    iptc = irb.iptc_of(data) or data
    packet = data.removeprefix(_XMP)
    return (
        packet.lstrip().startswith(b"<")
        and places.in_xmp(packet)
        or iptc[:1] == b"\x1c"
        and places.iptc_without(iptc) != iptc
    )
