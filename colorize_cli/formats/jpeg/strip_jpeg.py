"""Take places, or all metadata, out of a JPEG without decoding it: its coded pictures stay byte for byte.

In:  the bytes of a JPEG, what is to go, and our note
Out: the bytes of the same pictures with less around them; what was left out besides

Orientation, profile, resolution and how the colors are coded stay: without them the picture would look different.
"""

from __future__ import annotations

import struct

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.jpeg import jpeg_file, mpf, multi_jpeg
from colorize_cli.formats.jpeg.jpeg_file import APP0, APP1, APP2, APP13, APP14, COM
from colorize_cli.formats.jpeg.xmp_segments import noted
from colorize_cli.metadata import exif, extended, places
from colorize_cli.metadata.auxiliary import without_motion
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance

# What says how the pixels are to be read, and where the other pictures stand.
_TABLES = -1  # stands for the marker of what is no application segment
_KEPT = (
    (APP0, b"JFIF\0"),
    (APP14, b"Adobe"),
    (APP2, jpeg_file.ICC),
    (APP2, jpeg_file.MPF),
    (APP2, multi_jpeg.ISO_GAIN_MAP),
    (_TABLES, b""),
)
Segments = list[tuple[int, bytes]]


def strip_jpeg(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go.

    Raises:
        JpegError: its structure cannot be followed.
    """
    parsed = jpeg_file.parse(data)
    following = multi_jpeg.following(data, parsed)
    kept = [item for item in following if what == "gps" or item.kind == "photo"]
    rest = data[parsed.end :]
    for item in following:
        rest = rest.replace(item.data, b"", 1)
    rest = rest.strip(b"\0\xff\r\n ")
    first, changed = _picture(data[: parsed.end], what, note, with_video=not rest)
    others = [_picture(item.data, what, None) for item in kept]
    gone = tuple(item for item in following if item not in kept)
    changed = changed or any(again for _, again in others) or bool(gone) or _tells_a_place(rest, what)
    if not changed:
        return Stripped(data, changed=False)
    notes = multi_jpeg.left_out(data[: parsed.end] + rest + b"".join(item.data for item in gone), parsed, gone)
    if not kept:
        return Stripped(_without_index(first), changed, notes)
    if gone or len(kept) < len(mpf.entries(data)) - 1:
        own = [multi_jpeg.first_of_several(parsed, 0), *(multi_jpeg.further(item.data, 0, None) for item in kept)]
        marks = [mpf.entries(data)[0].attribute, *(item.attribute for item in kept)]
        pictures = [_without_index(picture) for picture in (first, *(picture for picture, _ in others))]
        whole = mpf.joined(pictures, marks, [(item.order, item.tags) for item in own])
    else:
        whole = mpf.relocated([first, *(picture for picture, _ in others)])
    return Stripped(whole, changed, notes)


def _tells_a_place(rest: bytes, what: Strip) -> bool:
    """Whether what stands behind the pictures has to go: videos say where they were taken."""
    return bool(rest) if what == "all" else places.in_video(rest)


def _picture(data: bytes, what: Strip, note: Provenance | None, with_video: bool = True) -> tuple[bytes, bool]:
    """One picture with less around it, and whether anything went."""
    segments, scan = _segments(data)
    blocks, packet, pieces, iptc = _blocks(segments)
    if what == "all":
        left = [item for item in segments if any(item[0] == k and item[1].startswith(s) for k, s in _KEPT)]
        changed = len(left) < len(segments)
        turned = exif.orientation(blocks[0] if blocks else None, packet)
        own = [exif.orientation_alone(turned)] if turned > 1 else []
        return _assembled(left, own, _noted(None, (), note), b"", data[scan:]), changed
    clean = [exif.without_gps(block) for block in blocks]
    new, new_pieces = extended.changed(packet, pieces, places.xmp_without)
    if new_pieces and extended.joined(new, new_pieces) is None:
        new_pieces = ()  # nobody knows what it says
    new = without_motion(new) if new and not with_video else new
    new_iptc = places.resources_without(iptc) if iptc else b""
    before = without_motion(packet) if packet and not with_video else packet
    changed = (clean, new, new_pieces, new_iptc) != (blocks, before, pieces, iptc)
    left = [(kind, load) for kind, load in segments if not _is_block(kind, load)]
    return _assembled(left, clean, _noted(new, new_pieces, note), new_iptc, data[scan:]), changed


def _segments(data: bytes) -> tuple[Segments, int]:
    """Application segments and comments before the first scan; and where it starts.

    Tables and frames may stand between: they are moved behind the last of these segments, in their order.

    Raises:
        JpegError: the segments do not lead to a scan.
    """
    found, tables, at = list[tuple[int, bytes]](), list[bytes](), 2
    while at + 4 <= len(data) and data[at + 1] != 0xDA:
        if data[at + 1] == 0xFF:
            at += 1
            continue
        size = struct.unpack_from(">H", data, at + 2)[0]
        marker, payload = data[at + 1], data[at + 4 : at + 2 + size]
        if data[at] != 0xFF or len(payload) != size - 2 or not (0xC0 <= marker <= 0xCF or 0xDB <= marker <= 0xFE):
            raise jpeg_file.JpegError("its segments do not follow one another")  # what else is there, nobody knows
        if 0xE0 <= marker <= 0xEF or marker == COM:
            found.append((marker, payload))
        else:
            tables.append(data[at : at + 2 + size])
        at += 2 + size
    found.append((_TABLES, b"".join(tables)))
    return found, at


def _blocks(segments: Segments) -> tuple[list[bytes], bytes | None, tuple[bytes, ...], bytes]:
    """EXIF blocks, the XMP packet, the pieces of its extension, Photoshop's resources."""
    blocks, joins = list[bytes](), False
    for kind, load in segments:
        is_exif = kind == APP1 and load.startswith(jpeg_file.EXIF)
        block = load[len(jpeg_file.EXIF) :]
        if is_exif and joins and block[:4] not in (b"II*\0", b"MM\0*"):
            blocks[-1] += block  # what one segment does not hold goes on in the next
        elif is_exif:
            blocks.append(block)
        joins = is_exif
    packets = [load[len(jpeg_file.XMP) :] for kind, load in segments if kind == APP1 and load.startswith(jpeg_file.XMP)]
    more = jpeg_file.XMP_EXTENDED
    pieces = tuple(load[len(more) :] for kind, load in segments if kind == APP1 and load.startswith(more))
    mark = jpeg_file.PHOTOSHOP
    iptc = b"".join(load[len(mark) :] for kind, load in segments if kind == APP13 and load.startswith(mark))
    return blocks, packets[0] if packets else None, pieces, iptc


def _is_block(kind: int, load: bytes) -> bool:
    """Whether a segment belongs to one of the blocks that are written anew."""
    marks = (
        (APP1, jpeg_file.EXIF),
        (APP1, jpeg_file.XMP),
        (APP1, jpeg_file.XMP_EXTENDED),
        (APP13, jpeg_file.PHOTOSHOP),
    )
    return any(kind == k and load.startswith(start) for k, start in marks)


def _noted(packet: bytes | None, pieces: tuple[bytes, ...], note: Provenance | None) -> Segments:
    """The segments of XMP, with our note where there is one."""
    if note is None:
        main = [(APP1, jpeg_file.XMP + packet)] if packet else []
        return [*main, *((APP1, jpeg_file.XMP_EXTENDED + piece) for piece in pieces)]
    return noted(packet, pieces, note, colored=False)


def _assembled(left: Segments, blocks: list[bytes], xmp: Segments, iptc: bytes, rest: bytes) -> bytes:
    """A picture of its segments: JFIF, EXIF, XMP, Photoshop, the others as they stood, tables, scans."""
    jfif = [item for item in left if item[0] == APP0 and item[1].startswith(b"JFIF\0")][:1]
    tables = b"".join(load for kind, load in left if kind == _TABLES)
    room = jpeg_file.MAX_PAYLOAD - len(jpeg_file.EXIF)
    own = [block[i : i + room] for block in blocks for i in range(0, len(block), room)]
    segments = [
        *jfif,
        *((APP1, jpeg_file.EXIF + part) for part in own),
        *xmp,
        *(jpeg_file.photoshop_segments(iptc) if iptc else ()),
        *(item for item in left if item[0] != _TABLES and item not in jfif),
    ]
    head = b"".join(b"\xff" + bytes((kind,)) + struct.pack(">H", len(load) + 2) + load for kind, load in segments)
    return b"\xff\xd8" + head + tables + rest


def _without_index(data: bytes) -> bytes:
    """A picture without the segment that says where others stand."""
    segments, scan = _segments(data)
    left = [(kind, load) for kind, load in segments if not (kind == APP2 and load.startswith(jpeg_file.MPF))]
    head = b"".join(
        b"\xff" + bytes((kind,)) + struct.pack(">H", len(load) + 2) + load if kind >= 0 else load for kind, load in left
    )
    return b"\xff\xd8" + head + data[scan:]
