"""The block structure of GIF files: find what stands around their pictures.

In:  the bytes of a GIF
Out: its XMP, its comments, its profile, its IPTC

Source: GIF89a Specification; XMP Specification Part 3, "GIF"; ICC.1 for the application extension.
"""

from __future__ import annotations

from dataclasses import dataclass

from colorize_cli.formats.decoded import MOST_PARTS, Damaged
from colorize_cli.metadata import irb

XMP, _ICC, RESOURCES, IPTC = b"XMP DataXMP", b"ICCRGBG1012", b"MGK8BIM0000", b"MGKIPTC0000"
_OF_ANIMATIONS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
SHOWN = _OF_ANIMATIONS | {_ICC}  # without these a picture does not look as it does
# So that a reader that knows nothing of XMP, and takes its characters for lengths, comes to the end all the same.
XMP_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"


@dataclass(frozen=True)
class GifAround:
    """What stands around a GIF's pictures.

    Attributes:
        xmp: the packet.
        comments: in order.
        icc: the profile.
        resources: Photoshop's image resources, and IPTC among them, as ImageMagick writes them.
        others: names of further extensions, but for those of animations; plain texts are drawn as pictures.
    """

    xmp: bytes | None = None
    comments: tuple[bytes, ...] = ()
    icc: bytes | None = None
    resources: bytes | None = None
    others: tuple[str, ...] = ()


def around(data: bytes) -> GifAround:
    """Walk through the blocks, as far as they go; no picture is decoded.

    Raises:
        Damaged: there are more than any picture has.
    """
    xmp, comments, icc, resources, others = None, list[bytes](), None, b"", list[str]()
    at, seen = 13 + _table(data[10] if len(data) > 10 else 0), 0
    while at + 2 <= len(data):
        kind = data[at]
        seen += kind == 0x21 and data[at + 1] not in (0xF9, 0x01)
        if seen > MOST_PARTS:
            raise Damaged(f"damaged GIF: it has more than {MOST_PARTS:,} extensions, more than any picture has")
        if kind == 0x2C and at + 10 <= len(data):
            at = sub_blocks(data, at + 11 + _table(data[at + 9]))[1]
        elif kind == 0x21:
            label, start = data[at + 1], at + 2
            name = data[start + 1 : start + 12] if label == 0xFF else b""
            first = start + 1 + data[start] if label in (0xFF, 0x01) and start < len(data) else start
            parts, at = sub_blocks(data, first)
            if label == 0xFE:
                comments.append(b"".join(parts))
            elif name == XMP and xmp is None:
                whole = data[first:at]
                xmp = whole[: -len(XMP_TRAILER)] if whole.endswith(XMP_TRAILER) else b"".join(parts)
            elif name == _ICC and icc is None:
                icc = b"".join(parts)
            elif name == RESOURCES:
                resources += b"".join(parts)
            elif name == IPTC:
                resources += irb.with_iptc(b"".join(parts))
            elif label == 0x01:
                others.append("plain text")
            elif label == 0xFF and name not in _OF_ANIMATIONS:
                others.append(name.decode("latin-1").strip("\0 "))
        else:
            break
    return GifAround(
        xmp or None, tuple(comment for comment in comments if comment), icc or None, resources or None, tuple(others)
    )


def _table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def sub_blocks(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The sub-blocks from an offset on, and the offset after the one that ends them."""
    parts = list[bytes]()
    while at < len(data) and (size := data[at]):
        parts.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return parts, at + 1
