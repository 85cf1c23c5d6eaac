"""Blocks of JPEG 2000, HEIF and AVIF, for the second reader.

In:  the file's bytes
Out: an `Inventory`

Source: ISO/IEC 15444-1 annex I; ISO/IEC 14496-12 and 23008-12 (items and their properties).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from colorize_cli.metadata.audit import photoshop
from colorize_cli.metadata.audit.file_blocks import AuditError, Data, Inventory, Raw
from colorize_cli.metadata.audit.stored import unpack

_EXIF = b"JpgTiffExif->JP2"
_OTHER_EXIF = bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e")
_PHOTOSHOP = bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb")
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = (bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"))
_JP2_CODING = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"jp2i", b"jpch", b"jplh", b"ftbl", b"free"})
_MOST_EXTENTS, _MOST_BYTES = 50_000, 64 << 20
_MOST_LINKS = 400_000  # references between items, and properties of all
_PICTURES = frozenset({b"hvc1", b"av01", b"grid", b"iden", b"iovl", b"jpeg", b"unci", b"avc1", b"j2k1", b"hvt1"})


def boxes(data: Data, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two offsets: type, and from where to where the content stands."""
    at = start
    while at + 8 <= end:
        size, kind = unpack(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= end:
            size, head = unpack(">Q", data, at + 8)[0], 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            return
        yield kind, at + head, at + size
        at += size


def jp2(data: Data) -> Inventory:
    """Boxes of JPEG 2000; a bare codestream has none."""
    found = Inventory("jp2")
    if data[:4] == b"\xff\x4f\xff\x51":
        found.size, found.bits = _codestream(data, 0)
        return found
    for kind, start, end in boxes(data, 0, len(data)):
        content = bytes(data[start:end]) if kind not in _JP2_CODING else b""
        if kind == b"jp2c" and found.size is None:
            found.size, found.bits = _codestream(data, start)
        elif kind == b"jp2h":
            _jp2_header(data, start, end, found)
        elif kind == b"uuid":
            _uuid(content[:16], content[16:], found)
        elif kind == b"xml ":
            found.raws.append(Raw("box xml", content))
        elif kind not in _JP2_CODING:
            found.raws.append(Raw(f"box {kind.decode('latin-1').strip()}", content))
    return found


def _codestream(data: Data, at: int) -> tuple[tuple[int, int], int]:
    right, bottom, left, top = unpack(">IIII", data, at + 8)
    return (right - left, bottom - top), (data[at + 42] & 0x7F) + 1


def _jp2_header(data: Data, start: int, end: int, found: Inventory) -> None:
    for kind, first, last in boxes(data, start, end):
        if kind == b"colr" and data[first] in (2, 3):
            found.icc = found.icc or bytes(data[first + 3 : last])


def _uuid(name: bytes, content: bytes, found: Inventory) -> None:
    if name in (_EXIF, _OTHER_EXIF):
        found.exif.append(content.removeprefix(b"Exif\0\0"))
    elif name == _XMP:
        found.xmp.append(content)
    elif name in _IPTC:
        found.iptc.append(content)
    elif name == _PHOTOSHOP:
        for number, data in photoshop.resources(content):
            if number == photoshop.IPTC:
                found.iptc.append(data)
            else:
                found.resources.append((number, data))
    else:
        found.raws.append(Raw(f"box uuid {name.hex()}", content))


@dataclass
class _Items:
    """What a HEIF file's meta box says of its items."""

    primary: int = 0
    kinds: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)  # type, content type
    hidden: set[int] = field(default_factory=set)
    places: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)  # construction, offset, size
    references: list[tuple[bytes, int, list[int]]] = field(default_factory=list)
    properties: list[tuple[bytes, int, int]] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)
    data: tuple[int, int] = (0, 0)


def heif(data: Data, format: str) -> Inventory:
    """Items of HEIF or AVIF: metadata, and the pictures that stand on their own."""
    found, items = Inventory(format), _Items()
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"meta":
            _meta(data, start + 4, end, items)
        elif kind == b"moov":
            found.frames = 2  # a sequence
    serving = {source for kind, source, _ in items.references if kind in (b"auxl", b"thmb")}
    serving |= {target for kind, _, targets in items.references if kind in (b"dimg", b"base") for target in targets}
    shown = [n for n, (kind, _) in items.kinds.items() if kind in _PICTURES and n not in serving | items.hidden]
    found.pictures = max(len(shown), 1)
    about = dict[int, list[int]]()
    for link, source, targets in items.references:
        if link == b"cdsc":
            about.setdefault(source, targets)
    for number, (kind, content_type) in items.kinds.items():
        if items.primary not in about.get(number, [items.primary]):
            continue  # of another picture
        if kind == b"Exif" and (content := _content(data, items, number)):
            skip = 4 + int.from_bytes(content[:4], "big")
            found.exif.append(content[skip:])
        elif kind == b"mime" and b"rdf+xml" in content_type:
            found.xmp.append(_content(data, items, number))
    _of_primary(data, items, found)
    return found


def _meta(data: Data, start: int, end: int, items: _Items) -> None:
    for kind, first, last in boxes(data, start, end):
        version = data[first] if first < last else 0
        if kind == b"pitm":
            items.primary = int.from_bytes(data[first + 4 : first + (6 if version == 0 else 8)], "big")
        elif kind == b"iinf":
            for entry, at, stop in boxes(data, first + (6 if version == 0 else 8), last):
                if entry == b"infe" and data[at] >= 2:
                    wide = data[at] >= 3
                    number = int.from_bytes(data[at + 4 : at + (8 if wide else 6)], "big")
                    rest = bytes(data[at + (10 if wide else 8) : stop])
                    texts = rest[4:].split(b"\0")
                    items.kinds[number] = (rest[:4], texts[1] if len(texts) > 1 else b"")
                    if data[at + 3] & 1:
                        items.hidden.add(number)
        elif kind == b"iloc":
            _locations(data, first, version, items)
        elif kind == b"iref":
            width, seen = ">I" if version else ">H", 0
            for link, at, stop in boxes(data, first + 4, last):
                source = unpack(width, data, at)[0]
                at += struct.calcsize(width)
                count = unpack(">H", data, at)[0]
                form = f">{count}{width[1]}"
                seen += count
                if seen > _MOST_LINKS:
                    raise AuditError("it has more references than any picture needs")
                if at + 2 + struct.calcsize(form) <= stop:
                    items.references.append((link, source, list(unpack(form, data, at + 2))))
        elif kind == b"iprp":
            _properties(data, first, last, items)
        elif kind == b"idat":
            items.data = (first, last)


def _locations(data: Data, at: int, version: int, items: _Items) -> None:
    sizes = data[at + 4] << 8 | data[at + 5]
    offset, length, base, index = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    cursor = at + 6

    def number(size: int) -> int:
        nonlocal cursor
        cursor += size
        return int.from_bytes(data[cursor - size : cursor], "big")

    seen = 0
    for _ in range(number(wide)):
        item, way = number(wide), 0
        if version:
            way = number(2) & 15
        number(2)
        start = number(base)
        extents, parts = list[tuple[int, int, int]](), number(2)
        seen += parts
        if seen > _MOST_EXTENTS:
            raise AuditError("it has more pieces than any picture needs")
        for _ in range(parts):
            number(index)
            place = number(offset)
            extents.append((way, start + place, number(length)))
        items.places[item] = extents


def _properties(data: Data, start: int, end: int, items: _Items) -> None:
    for kind, first, last in boxes(data, start, end):
        if kind == b"ipco":
            items.properties = list(boxes(data, first, last))
        elif kind == b"ipma":
            wide = data[first + 3] & 1
            cursor, width, seen = first + 8, 4 if data[first] else 2, 0
            for _ in range(unpack(">I", data, first + 4)[0]):
                item = int.from_bytes(data[cursor : cursor + width], "big")
                count, cursor = data[cursor + width], cursor + width + 1
                seen += count
                if seen > _MOST_LINKS:
                    raise AuditError("it has more properties than any picture needs")
                step = 2 if wide else 1
                mask = 0x7FFF if wide else 0x7F
                for _ in range(count):
                    number = int.from_bytes(data[cursor : cursor + step], "big") & mask
                    items.owned.setdefault(item, []).append(number)
                    cursor += step


def _content(data: Data, items: _Items, number: int) -> bytes:
    parts, places = list[bytes](), items.places.get(number, [])
    if sum(size or len(data) for _, _, size in places) > min(len(data), _MOST_BYTES):
        raise AuditError("an item of it is said to be larger than the file")
    for way, start, size in places:
        first = start if way == 0 else items.data[0] + start
        parts.append(bytes(data[first : first + size] if size else data[first:]))
    return b"".join(parts)


def _of_primary(data: Data, items: _Items, found: Inventory) -> None:
    if not items.properties or items.primary not in items.owned:
        raise AuditError("it has no primary picture")
    turn, mirror, cropped = 0, 0, False
    for number in items.owned[items.primary]:
        if not 0 < number <= len(items.properties):
            continue
        kind, first, last = items.properties[number - 1]
        if kind == b"ispe":
            found.size = unpack(">II", data, first + 4)
        elif kind == b"pixi" and last > first + 5:
            found.bits = data[first + 5]
        elif kind == b"colr" and data[first : first + 4] in (b"prof", b"rICC"):
            found.icc = bytes(data[first + 4 : last])
        elif kind == b"clap":
            cropped = True  # to a size that is told in fractions
        elif kind == b"irot":
            turn = (turn + (-1 if mirror else 1) * (data[first] & 3)) % 4
        elif kind == b"imir":
            mirror = 1 + (data[first] & 1)
    found.size = None if cropped else found.size
    # By quarter turns to the left, and what mirrors the picture after them: nothing, top to bottom, left to right.
    found.turned = ((1, 8, 3, 6), (4, 5, 2, 7), (2, 7, 4, 5))[mirror][turn]
