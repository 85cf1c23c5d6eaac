"""PNG chunks that speak of samples, for a picture whose samples have become RGB of 8 or 16 bits.

In:  a chunk as the source has it, and the source's kind of picture
Out: the chunk that says the same of the result

Source: PNG Specification, third edition: sBIT, bKGD, sPLT, hIST.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from colorize_cli.formats.png.png_file import PngFile

_GREY, _PALETTE = (0, 4), 3


def is_hdr(code_points: bytes) -> bool:
    """Whether code points (cICP) name one of the two curves of HDR, PQ or HLG."""
    return code_points[1:2] in (b"\x10", b"\x12")


def odd_gamma(chunks: Sequence[tuple[bytes, bytes]]) -> float:
    """The exponent that chunks give for light, such as 1.8; 0 where it is sRGB's, or something else goes before it."""
    found = dict(chunks)
    value = int.from_bytes(found.get(b"gAMA", b"")[:4], "big")
    if not value or b"sRGB" in found or b"cICP" in found or abs(value - 45455) < 2500:
        return 0.0
    return 100_000 / value


def anew(parsed: PngFile, kind: bytes, payload: bytes, depth: int, alpha: bool) -> bytes | None:
    """The payload for a result in RGB; None where it would say nothing, or is damaged.

    Args:
        parsed: the source.
        kind: sBIT or bKGD.
        payload: as the source has it.
        depth: bits per sample of the result, 8 or 16.
        alpha: the result has transparency.
    """
    if kind == b"sBIT":
        return _significant(parsed, payload, depth, alpha)
    return _background(parsed, payload, depth)


def _significant(parsed: PngFile, payload: bytes, depth: int, alpha: bool) -> bytes | None:
    colors = 1 if parsed.color in _GREY else 3
    if len(payload) < colors or not all(0 < bits <= 16 for bits in payload):
        return None
    bits = [min(value, depth) for value in payload[:colors]] * (3 // colors)
    if alpha:
        bits.append(min(payload[colors], depth) if len(payload) > colors else depth)
    return bytes(bits)


def _background(parsed: PngFile, payload: bytes, depth: int) -> bytes | None:
    if parsed.color == _PALETTE:
        palette = parsed.find(b"PLTE") or b""
        at = 3 * payload[0] if payload else len(palette)
        values = list(palette[at : at + 3])
        source = 8
    else:
        count = 1 if parsed.color in _GREY else 3
        if len(payload) < 2 * count:
            return None
        values = [value & (2**parsed.depth - 1) for value in struct.unpack_from(f">{count}H", payload)] * (3 // count)
        source = parsed.depth
    if len(values) != 3:
        return None
    return struct.pack(">3H", *(round(value * (2**depth - 1) / (2**source - 1)) for value in values))
