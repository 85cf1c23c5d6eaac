"""Decode the netpbm family: PBM, PGM and PPM, plain and raw, 8 and 16 bits.

In:  the bytes of a file that starts with P1 to P6
Out: `DecodedPhoto`; its comments are kept

Pillow reads 16-bit PPM as 8 bits without a word, hence this. Source: the netpbm format pages (pbm.5, pgm.5, ppm.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from colorize_cli.formats.decoded import MOST_PARTS, Damaged, DecodedPage, DecodedPhoto, left_over
from colorize_cli.formats.photo import AnyPixels, Metadata, PageMetadata
from colorize_cli.notes import Loss, Note

_TOKEN = re.compile(rb"(?:\s++|#[^\r\n]*+[\r\n])*+(\d+)")  # possessive: nothing of a million blanks is kept
_LINE_END, _SPACE = re.compile(rb"[\r\n]"), re.compile(rb"\s")
_NO_BITS = bytes(byte for byte in range(256) if byte not in b"01")
_PIECE, _LONGEST = 1 << 20, 4000  # bytes of a plain file's text at once; of one of its numbers
_COMMENT = re.compile(rb"#[ \t]?([^\r\n]*)")


def header(data: bytes) -> tuple[int, int, int, int, int]:
    """Read the header.

    Returns:
        The kind 1 to 6, width, height, the highest value, and where the samples start.

    Raises:
        Damaged: there is none.
    """
    kind, at, values = data[1] - 48, 2, list[int]()
    for _ in range(2 if kind in (1, 4) else 3):
        found = _TOKEN.match(data, at)
        if found is None or len(found[1]) > 10:
            raise Damaged("damaged PPM: its header is cut short")
        values.append(int(found[1]))
        at = found.end()
    top = values[2] if len(values) > 2 else 1
    if not values[0] or not values[1] or not 0 < top < 65536:
        raise Damaged(f"damaged PPM: its header declares {values[0]:,} x {values[1]:,} pixels up to {top:,}")
    return kind, values[0], values[1], top, at + 1


def decode_ppm(data: bytes, salvage: bool) -> DecodedPhoto:
    """Decode a PBM, PGM or PPM.

    Raises:
        Damaged: it is damaged, or cut short and `salvage` is not given.
    """
    kind, width, height, top, start = header(data)
    channels = 3 if kind in (3, 6) else 1
    values, wanted = _samples(data[start:], kind, width, height, top), width * height * channels
    notes: tuple[str, ...] = ()
    if len(values) < wanted:
        if not salvage or not len(values):
            raise Damaged("truncated PPM: its end is missing", salvageable=bool(len(values)))
        notes = (
            Note(f"salvaged: {len(values) / wanted:.0%} of the picture was there, the rest is black", Loss.salvage),
        )
        values = np.concatenate((values, np.zeros(wanted - len(values), values.dtype)))
    elif kind > 3:
        line = (width + 7) // 8 if kind == 4 else width * channels * (2 if top > 255 else 1)
        notes = tuple(left_over(data, start + line * height))
    pixels = values[:wanted].reshape((height, width) if channels == 1 else (height, width, 3))
    if int(pixels.max(initial=0)) > top:
        raise Damaged("damaged PPM: its samples exceed the highest value that it declares")
    comments = tuple(islice((m[1] for m in _COMMENT.finditer(data[:start]) if m[1].strip()), MOST_PARTS + 1))
    if len(comments) > MOST_PARTS:
        raise Damaged(f"damaged PPM: it has more than {MOST_PARTS:,} comments, more than any picture has")
    page = DecodedPage(
        _full(pixels, top), "grey" if channels == 1 else "rgb", metadata=PageMetadata(depth=top.bit_length())
    )
    return DecodedPhoto((page,), Metadata(comments=comments), notes)


def _samples(body: bytes, kind: int, width: int, height: int, top: int) -> AnyPixels:
    if kind == 4:
        stride = (width + 7) // 8
        rows = np.frombuffer(body, np.uint8, min(len(body) // stride, height) * stride).reshape(-1, stride)
        return np.asarray(1 - np.unpackbits(rows, axis=1)[:, :width]).ravel()
    if kind in (5, 6):
        wide = np.dtype(">u2") if top > 255 else np.dtype(np.uint8)
        count = min(len(body) // wide.itemsize, width * height * (3 if kind == 6 else 1))
        return np.frombuffer(body, wide, count)
    if kind == 1:
        digits = np.frombuffer(_without_comments(body).translate(None, _NO_BITS), np.uint8)
        return np.asarray(49 - digits)
    values = list[NDArray[np.uint32]]()
    left = width * height * (3 if kind == 3 else 1)
    try:
        for piece in _pieces(_without_comments(body)):
            words = piece.split(None, left)[:left]
            values.append(np.array([min(int(word), 65536) for word in words], np.uint32))
            left -= len(words)
            if not left:
                break
    except ValueError:
        raise Damaged("damaged PPM: its samples are not all numbers") from None
    return np.concatenate(values) if values else np.zeros(0, np.uint32)


def _without_comments(body: bytes) -> bytes:
    if b"#" not in body:
        return body
    kept, at = bytearray(), 0
    while (start := body.find(b"#", at)) >= 0:
        kept += body[at:start]
        end = _LINE_END.search(body, start)
        at = end.start() if end else len(body)
    return bytes(kept + body[at:])


def _pieces(body: bytes) -> Iterator[bytes]:
    """The body in pieces that end between two words: as a whole its words would take thirty times its size.

    Raises:
        ValueError: it has a word that no number is as long as.
    """
    at = 0
    while at < len(body):
        end = at + _PIECE
        if end < len(body):
            gap = _SPACE.search(body, end, end + _LONGEST)
            if gap is None:
                raise ValueError("a word without end")
            end = gap.start()
        yield body[at:end]
        at = end


def _full(values: AnyPixels, top: int) -> AnyPixels:
    """Stretch values up to `top` to the full range of 8 or 16 bits."""
    full, kind = (255, np.uint8) if top < 256 else (65535, np.uint16)
    if top == full:
        return np.ascontiguousarray(values.astype(kind))
    table = ((np.arange(top + 1, dtype=np.uint32) * full + top // 2) // top).astype(kind)
    result: AnyPixels = np.empty(values.shape, kind)
    for top_row in range(0, len(values), 256):  # an index takes eight bytes
        result[top_row : top_row + 256] = table[values[top_row : top_row + 256]]
    return result
