"""The box structure of JPEG 2000 files: take it apart, put metadata in.

In:  the bytes of a JP2 file
Out: its XMP, EXIF, IPTC, profile, resolution and other boxes; the bytes with such boxes in front of the pixels

Source: ISO/IEC 15444-1 annex I; XMP Specification Part 3 for the UUID.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from colorize_cli.metadata import irb, places
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.resolution import Resolution

XMP_UUID = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
EXIF_UUID = b"JpgTiffExif->JP2"
_START = b"\xff\x4f\xff\x51"
_OTHER_EXIF_UUID = bytes.fromhex("0537CDAB9D0C4431A72AFA561F2A113E")
IPTC_UUIDS = (bytes.fromhex("33C7A4D2B81D4723A0BAF1A3E097AD38"), bytes.fromhex("09A14E97C0B442E0BEBF36DF6F0CE36F"))
_PHOTOSHOP_UUID = bytes.fromhex("2C4C0100850440B9A03E562148D6DFEB")
GEO_UUID = bytes.fromhex("B14BF8BD083D4B43A5AE8CD7D5A6CE03")
EXIF_UUIDS = (EXIF_UUID, _OTHER_EXIF_UUID)
KNOWN_UUIDS = (XMP_UUID, *EXIF_UUIDS, *IPTC_UUIDS, _PHOTOSHOP_UUID)
# About the coding, and said anew; and those of JPX that name places in the file or put several codestreams together.
_CODING = frozenset({b"jP  ", b"jP\x1a\x1a", b"ftyp", b"rreq", b"jp2h", b"jp2c"})
_OF_SEVERAL = frozenset(
    {b"jpch", b"jplh", b"ftbl", b"flst", b"cref", b"mdat", b"comp", b"copt", b"inst", b"dtbl", b"chck", b"roid"}
)


@dataclass(frozen=True)
class Box:
    """One box: its type, where it starts, where its content starts, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(data: Data, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes between two offsets; stops at the first that does not fit."""
    at, stop = start, len(data) if end is None else end
    while at + 8 <= stop:
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        content = at + 8
        if size == 1 and at + 16 <= stop:
            size, content = struct.unpack(">Q", data[at + 8 : at + 16])[0], at + 16
        finish = stop if size == 0 else at + size
        if finish > stop or finish < content:
            return
        yield Box(kind, at, content, finish)
        at = finish


def uuid_of(data: Data, name: bytes) -> bytes | None:
    """The content of the UUID box of that name."""
    for box in boxes(data):
        if box.kind == b"uuid" and data[box.content : box.content + 16] == name:
            return data[box.content + 16 : box.end]
    return None


def exif_of(data: Data) -> bytes | None:
    """The EXIF block from its TIFF header on."""
    block = uuid_of(data, EXIF_UUID) or uuid_of(data, _OTHER_EXIF_UUID)
    return block.removeprefix(b"Exif\0\0") or None if block else None


def resources_of(data: bytes) -> bytes | None:
    """Photoshop's image resources, and IPTC among them."""
    resources = uuid_of(data, _PHOTOSHOP_UUID) or b""
    iptc = next((found for name in IPTC_UUIDS if (found := uuid_of(data, name))), None)
    return resources + (irb.with_iptc(iptc) if iptc and not irb.iptc_of(resources) else b"") or None


def kept_boxes(data: bytes) -> tuple[tuple[bytes, ...], list[bytes]]:
    """The boxes that go back verbatim (XML, UUID info, GeoJP2, unknown UUIDs), and the types of those that are left."""
    kept, left, gone = list[bytes](), list[bytes](), _CODING | _OF_SEVERAL
    for box in () if codestream(data) == 0 else boxes(data):
        if box.kind == b"uuid" and data[box.content : box.content + 16] in KNOWN_UUIDS:
            continue
        if box.kind not in gone:
            kept.append(box_of(box.kind, data[box.content : box.end]))
        elif box.kind in _OF_SEVERAL:
            left.append(box.kind)
    return tuple(kept), left


def described(box: bytes) -> str:
    """The type of a box, for a note."""
    if box[4:8] == b"uuid":
        return "GeoJP2" if box[8:24] == GEO_UUID else "UUID"
    return box[4:8].decode("latin-1").strip()


def _header(data: bytes) -> Box | None:
    return next((box for box in boxes(data) if box.kind == b"jp2h"), None)


def icc_of(data: bytes) -> bytes | None:
    """The profile of the color specification box."""
    header = _header(data)
    for box in boxes(data, header.content, header.end) if header else ():
        if box.kind == b"colr" and data[box.content] in (2, 3):
            return data[box.content + 3 : box.end]
    return None


def without_profile(data: bytes) -> bytes:
    """The same picture for a decoder that would convert its samples by their profile: it is told that they are sRGB."""
    header = _header(data)
    inside = list(boxes(data, header.content, header.end)) if header else []
    profiles = [box for box in inside if box.kind == b"colr" and data[box.content] in (2, 3)]
    if not profiles:
        return data
    out = bytearray(data)
    for box in profiles:
        out[box.content : box.content + 7] = b"\1\0\0\0\0\0\x10"[: box.end - box.content]
    return bytes(out)


def is_cmyk(data: bytes) -> bool:
    """Whether its colors are inks, as JPX names them."""
    header = _header(data)
    for box in boxes(data, header.content, header.end) if header else ():
        if box.kind == b"colr" and data[box.content] == 1:
            return data[box.content + 3 : box.content + 7] == b"\0\0\0\x0c"
    return False


def resolution_of(data: bytes) -> Resolution | None:
    """The capture resolution, or else the one for display."""
    header = _header(data)
    for outer in boxes(data, header.content, header.end) if header else ():
        if outer.kind == b"res ":
            for box in boxes(data, outer.content, outer.end):
                if box.kind in (b"resc", b"resd") and box.end - box.content >= 10:
                    ny, dy, nx, dx, ey, ex = struct.unpack_from(">HHHHbb", data, box.content)
                    if dx and dy and nx and ny and abs(ex) < 20 and abs(ey) < 20:
                        return Resolution(nx / dx * 10.0**ex * 0.0254, ny / dy * 10.0**ey * 0.0254, "inch")
    return None


def is_reversible(data: bytes) -> bool:
    """Whether the codestream uses the wavelet that loses nothing (5-3)."""
    at = data.find(b"\xff\x52")  # COD: length, style, 4 bytes, then levels, block sizes, style, transform
    return at >= 0 and at + 14 <= len(data) and data[at + 13] == 1


def with_metadata(
    data: bytes,
    xmp: bytes,
    exif: bytes | None,
    icc: bytes | None,
    resolution: Resolution | None,
    resources: bytes | None = None,
    others: Iterable[bytes] = (),
) -> bytes:
    """Put metadata into a file that has none.

    Args:
        data: as the encoder gives it.
        xmp: the packet.
        exif: an EXIF block from its TIFF header on.
        icc: the profile.
        resolution: of the pixels.
        resources: Photoshop's, of which IPTC has a box of its own.
        others: whole boxes.
    """
    header = _header(data)
    if header is None:
        raise ValueError("the JPEG 2000 encoder gave no header")
    inside = b""
    for box in boxes(data, header.content, header.end):
        if box.kind == b"colr" and icc:
            inside += box_of(b"colr", b"\2\0\0" + icc)
        elif box.kind != b"res ":
            inside += data[box.start : box.end]
    if resolution and resolution.unit != "none":
        inside += box_of(b"res ", box_of(b"resc", _resolution(resolution)))
    extra = box_of(b"uuid", XMP_UUID + xmp) + (box_of(b"uuid", EXIF_UUID + exif) if exif else b"")
    if resources and (iptc := irb.iptc_of(resources)):
        extra += box_of(b"uuid", IPTC_UUIDS[0] + iptc)
    if resources and (rest := irb.without(resources, irb.IPTC)):
        extra += box_of(b"uuid", _PHOTOSHOP_UUID + rest)
    return b"".join((data[: header.start], box_of(b"jp2h", inside), extra, *others, data[header.end :]))


def _resolution(resolution: Resolution) -> bytes:
    x, y = (value / 0.0254 for value in resolution.per_inch())
    (nx, ex), (ny, ey) = (_mantissa(value) for value in (x, y))
    return struct.pack(">HHHHbb", ny, 10_000, nx, 10_000, ey, ex)


def _mantissa(value: float) -> tuple[int, int]:
    """A number as n / 10000 times a power of ten, n of four or five digits."""
    power = 0
    while value >= 6.5:
        value, power = value / 10, power + 1
    return max(round(value * 10_000), 1), power


def box_of(kind: bytes, content: bytes) -> bytes:
    """A whole box."""
    return struct.pack(">I4s", len(content) + 8, kind) + content


@dataclass(frozen=True)
class Size:
    """What the codestream's SIZ segment declares."""

    width: int
    height: int
    components: int
    depth: int
    signed: bool


def size_of(data: Data) -> Size | None:
    """The picture's size; None where there is no readable SIZ segment."""
    at = codestream(data)
    head = data[at : at + 44] if at >= 0 else b""
    if len(head) < 44:
        return None
    x1, y1, x0, y0 = struct.unpack_from(">IIII", head, 8)
    components = struct.unpack_from(">H", head, 40)[0]
    if x1 <= x0 or y1 <= y0 or not components:
        return None
    return Size(x1 - x0, y1 - y0, components, (head[42] & 0x7F) + 1, bool(head[42] & 0x80))


def codestream(data: Data) -> int:
    """Where the codestream starts; -1 where there is none."""
    if data[:4] == _START:
        return 0
    last = 0
    for box in boxes(data):
        if box.kind == b"jp2c":
            last = box.start
            break
        last = box.end
    head = data[last : last + 80]  # of a file that was cut, the box does not fit
    found = head.find(_START) if b"jp2c" in head[:8] else -1
    return last + found if found >= 0 else -1


def is_complete(data: bytes) -> bool:
    """Whether the codestream ends with its end marker."""
    at = codestream(data)
    if at == 0:
        return data.rstrip(b"\0\r\n").endswith(b"\xff\xd9")
    for box in boxes(data):
        if box.kind == b"jp2c":
            return data[box.content : box.end].rstrip(b"\0").endswith(b"\xff\xd9")
    return False


def names_place(box: bytes) -> bool:
    """Whether a box says where the photo was taken: GeoJP2, GML, or XML that names a place."""
    if box[4:8] == b"uuid":
        return box[8:24] == GEO_UUID
    if box[4:8] == b"asoc":
        return b"gml" in box.lower()
    return box[4:8] == b"xml " and (b"gml" in box.lower() or places.in_xmp(box[8:]))
