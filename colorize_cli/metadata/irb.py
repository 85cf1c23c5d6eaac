"""Photoshop's image resource blocks, in which JPEG and TIFF hold IPTC.

In:  the blocks as stored, "8BIM..." after one another
Out: the same without thumbnails, which would show the photo without its colors

Source: Adobe Photoshop File Formats Specification, "Image Resource Blocks".
"""

from __future__ import annotations

import struct

_THUMBNAILS = frozenset({1033, 1036})
_EXIF_AND_XMP = frozenset({1058, 1059, 1060})
IPTC = 1028
_MOST = 20_000  # blocks, more than any photo has


def split(resources: bytes) -> list[tuple[int, bytes, bytes]] | None:
    """The blocks as (number, data, the whole block verbatim); None where the structure is damaged, or of too many."""
    blocks, at = list[tuple[int, bytes, bytes]](), 0
    while at + 12 <= len(resources):
        if resources[at : at + 4] not in (b"8BIM", b"8B64", b"MeSa", b"AgHg", b"PHUT", b"DCSR"):
            return None if resources[at:].strip(b"\0") else blocks
        number = struct.unpack_from(">H", resources, at + 4)[0]
        start = at + 6 + ((resources[at + 6] + 2) & ~1)
        if start + 4 > len(resources):
            return None
        size = struct.unpack_from(">I", resources, start)[0]
        end = start + 4 + size
        if end > len(resources):
            return None
        following = min(end + (size & 1), len(resources))
        blocks.append((number, resources[start + 4 : end], resources[at:following]))
        if len(blocks) > _MOST:
            return None
        at = following
    return blocks


def has_thumbnail(resources: bytes) -> bool:
    """Whether they hold a smaller copy of the picture."""
    return any(number in _THUMBNAILS for number, _, _ in split(resources) or ())


def without_thumbnail(resources: bytes) -> bytes:
    """Leave out thumbnails and nested copies of EXIF and XMP, which would contradict the patched ones."""
    blocks = split(resources)
    if blocks is None:
        return resources
    stale = _THUMBNAILS | _EXIF_AND_XMP
    if not any(number in stale for number, _, _ in blocks):
        return resources
    return b"".join(whole for number, _, whole in blocks if number not in stale)


def without(resources: bytes, *numbers: int) -> bytes:
    """Image resources without those of some numbers; unchanged where their structure is damaged."""
    blocks = split(resources)
    return resources if blocks is None else b"".join(whole for number, _, whole in blocks if number not in numbers)


def iptc_of(resources: bytes | None) -> bytes | None:
    """The IPTC-IIM data."""
    blocks = split(resources) if resources else None
    return next((data for number, data, _ in blocks or () if number == IPTC), None)


def with_iptc(iptc: bytes) -> bytes:
    """IPTC-IIM data as the only block."""
    return block(IPTC, iptc)


def block(number: int, data: bytes) -> bytes:
    """One block, without a name."""
    return b"8BIM" + struct.pack(">H", number) + b"\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) & 1)
