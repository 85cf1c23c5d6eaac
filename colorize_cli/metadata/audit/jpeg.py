"""Blocks of a JPEG, and of the pictures behind its first, for the second reader.

In:  the file's bytes
Out: an `Inventory`

Source: ITU-T T.81; JFIF 1.02; XMP Specification Part 3; ICC.1 annex B.4; CIPA DC-007.
"""

from __future__ import annotations

import struct

from colorize_cli.metadata.audit import photoshop
from colorize_cli.metadata.audit.file_blocks import AuditError, Data, Inventory, Raw
from colorize_cli.metadata.audit.stored import unpack

_EXIF, _XMP, _MORE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
# What tells how the pixels are coded, or points into the file: every writer says it anew.
_CODING = ((0xE0, b"JFIF\0"), (0xE0, b"JFXX\0"), (0xEE, b"Adobe"), (0xE2, b"MPF\0"), (0xEC, b"Ducky"))
_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read(data: Data) -> Inventory:
    """The first picture's blocks; those of the others are under `further`."""
    found, index, _ = _picture(data, 0)
    for size, start in index[1:]:
        if data[start : start + 3] != b"\xff\xd8\xff":
            continue
        try:
            found.further.append(_picture(data[start : start + size], 0)[0])
        except (AuditError, struct.error):
            found.faults.append("a picture behind the first is damaged")
    found.pictures = max(len(index), 1)
    return found


def _picture(data: Data, at: int) -> tuple[Inventory, list[tuple[int, int]], int]:
    """One picture's blocks, what its index names (size, offset), and where its scans start."""
    found, index, exif, irb = Inventory("jpeg"), list[tuple[int, int]](), list[bytes](), list[bytes]()
    icc, more = dict[int, bytes](), dict[bytes, dict[int, bytes]]()
    at, following = at + 2, 0  # where the EXIF that was found last ends
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # a length was wrong: readers go on at the next marker
            at = data.find(b"\xff", at)
            if at < 0:
                raise AuditError("its segments do not lead to its picture")
            continue
        marker = data[at + 1]
        if marker == 0xFF or marker <= 0x01 or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (0xDA, 0xD9):
            break
        size = unpack(">H", data, at + 2)[0]
        payload = bytes(data[at + 4 : at + 2 + size])
        if marker in _FRAMES and len(payload) >= 6:
            found.bits, found.size = payload[0], (unpack(">HH", payload, 1)[::-1])
        elif marker == 0xFE:
            found.comments.append(payload)
        elif marker == 0xE0 and payload.startswith(b"JFIF\0") and len(payload) >= 12:
            found.has_resolution = payload[7] in (1, 2) and payload[8:10] != b"\0\0"
        elif marker == 0xE1 and payload.startswith(_EXIF):
            if exif and following == at and payload[6:10] not in (b"II*\0", b"MM\0*"):
                exif[-1] += payload[len(_EXIF) :]  # what one segment does not hold goes on in the next
            else:
                exif.append(payload[len(_EXIF) :])
            following = at + 2 + size
        elif marker == 0xE1 and payload.startswith(_XMP):
            found.xmp.append(payload[len(_XMP) :])
        elif marker == 0xE1 and payload.startswith(_MORE):
            part = payload[len(_MORE) :]
            more.setdefault(part[:32], {})[int.from_bytes(part[36:40], "big")] = part[40:]
        elif marker == 0xE2 and payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
            icc[payload[12]] = payload[14:]
        elif marker == 0xED and payload.startswith(b"Photoshop 3.0\0"):
            irb.append(payload[14:])
        elif marker == 0xE2 and payload.startswith(b"MPF\0"):
            index = index or _index(payload[4:], at + 8)
        elif 0xE0 <= marker <= 0xEF and not any(
            marker == kind and payload.startswith(start) for kind, start in _CODING
        ):
            name = "ISO 21496 gain map" if payload.startswith(_GAIN_MAP) else f"segment APP{marker - 0xE0}"
            found.raws.append(Raw(name, payload))
        at += 2 + size
    found.xmp += [b"".join(parts[place] for place in sorted(parts)) for parts in more.values()]
    found.icc = b"".join(icc[number] for number in sorted(icc)) or None
    found.exif = exif
    for number, content in photoshop.resources(b"".join(irb)):
        if number == photoshop.IPTC:
            found.iptc.append(content)
        else:
            found.resources.append((number, content))
    return found, index, at


def _index(block: bytes, base: int) -> list[tuple[int, int]]:
    """Size and offset of each picture that a Multi-Picture index names."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return []
    try:
        first = unpack(f"{order}I", block, 4)[0]
        for entry in range(unpack(f"{order}H", block, first)[0]):
            code, _, size, where = unpack(f"{order}HHII", block, first + 2 + 12 * entry)
            if code == 0xB002:
                rows = (unpack(f"{order}III", block, where + 16 * i) for i in range(min(size // 16, 100)))
                return [(length, base + place if place else 0) for _, length, place in rows]
    except struct.error:
        pass
    return []
