"""How much memory a JPEG 2000 decoder takes beside its samples, from the headers alone.

In:  the bytes of a JPEG 2000 file or codestream
Out: bytes; an upper estimate for OpenJPEG 2.5

A picture may be cut into 65,535 tiles of 16,384 components, these into precincts of two pixels and code blocks of
four: a decoder makes a record of some hundred bytes of each before it sees a single coded byte.

Source: ISO/IEC 15444-1 annex A; OpenJPEG's j2k.c, tcd.c and pi.c for the sizes of its records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from colorize_cli.formats.jp2.jp2_file import codestream
from colorize_cli.metadata.ifd import Data

_SIZ, _COD, _COC, _SOT, _SOD, _END = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9
_TILE, _TILE_COMPONENT, _PRECINCT, _BLOCK = 5_800, 1_200, 400, 300  # bytes of a decoder's records
_MOST_PARTS = 100_000


@dataclass(frozen=True)
class _Coding:
    """What a coding-style marker says: levels, exponents of the code block's sides, and of each level's precincts."""

    levels: int
    block: tuple[int, int]
    precincts: tuple[tuple[int, int], ...]
    layers: int = 1


def cost(data: Data) -> int:
    """Bytes that the decoder's records take; 0 where there is no readable header."""
    at = codestream(data)
    if at < 0:
        return 0
    size, codings = None, list[_Coding]()
    for marker, payload in _markers(data, at):
        if marker == _SIZ and size is None and len(payload) >= 36:
            size = struct.unpack_from(">IIIIIIIIH", payload, 2)
        elif marker == _COD and len(payload) >= 10:
            codings.append(_coding(payload[5:], bool(payload[0] & 1), int.from_bytes(payload[2:4])))
        elif marker == _COC and len(payload) >= 7:
            wide = 2 if size is not None and size[8] > 256 else 1
            codings.append(_coding(payload[wide + 1 :], bool(payload[wide] & 1)))
    if size is None:
        return 0
    x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0, components = (int(value) for value in size)
    if not tile_x or not tile_y:
        return 0
    tiles = -(-max(x1 - tile_x0, 0) // tile_x) * -(-max(y1 - tile_y0, 0) // tile_y)
    side_x, side_y = min(tile_x, max(x1 - x0, 0)), min(tile_y, max(y1 - y0, 0))
    records = max((_records(coding, side_x, side_y) for coding in codings), default=0)
    layers = max((coding.layers for coding in codings), default=1)
    most = max((_most_precincts(coding, side_x, side_y) for coding in codings), default=1)
    levels = max((coding.levels for coding in codings), default=0) + 1
    walked = 2 * (layers + 1) * components * levels * most  # which packets of a tile have been seen
    return tiles * (_TILE + components * _TILE_COMPONENT) + components * records + walked


def _markers(data: Data, at: int) -> Iterator[tuple[int, bytes]]:
    """The markers of the main header and of every tile's header, with their payloads."""
    at, parts, after = at + 2, 0, 0
    while at + 4 <= len(data) and parts < _MOST_PARTS:
        marker, length = struct.unpack(">HH", data[at : at + 4])
        if marker == _END or marker < 0xFF00:
            return
        if marker == _SOD:
            if after <= at:
                return  # the last part, which goes on to the end
            at = after
            continue
        if marker == _SOT and at + 12 <= len(data):
            parts += 1
            size = int.from_bytes(data[at + 6 : at + 10])
            after = at + size if size else 0
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _coding(style: bytes, own_precincts: bool, layers: int = 1) -> _Coding:
    levels = min(style[0], 32)
    block = (min((style[1] & 15) + 2, 10), min((style[2] & 15) + 2, 10))
    sizes = style[5 : 6 + levels] if own_precincts else b""
    precincts = [(size & 15, size >> 4) for size in sizes]
    return _Coding(levels, block, (*precincts, *[(15, 15)] * (levels + 1 - len(precincts))), layers)


def _levels(coding: _Coding, width: int, height: int) -> Iterator[tuple[int, int, int]]:
    """For each resolution of a tile's component: its precincts, its bands, and its code blocks, at most."""
    for number, (px, py) in enumerate(coding.precincts):
        shift = coding.levels - number
        w, h = -(-width >> shift) + 1, -(-height >> shift) + 1
        precincts = ((w >> px) + 2) * ((h >> py) + 2)
        inner = 1 if number else 0
        bx, by = min(coding.block[0], max(px - inner, 0)), min(coding.block[1], max(py - inner, 0))
        bands = 3 if number else 1
        blocks = bands * (((w >> inner) >> bx) + 2) * (((h >> inner) >> by) + 2)
        yield precincts, bands, blocks


def _records(coding: _Coding, width: int, height: int) -> int:
    return sum(n * bands * _PRECINCT + blocks * _BLOCK for n, bands, blocks in _levels(coding, width, height))


def _most_precincts(coding: _Coding, width: int, height: int) -> int:
    return max(n for n, _, _ in _levels(coding, width, height))
