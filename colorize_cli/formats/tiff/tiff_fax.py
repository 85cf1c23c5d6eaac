"""Decode the strips of fax TIFFs (Group 3, Group 4 and their relatives) by libtiff, which sees damage in them.

In:  a coded strip or tile, and how it is coded
Out: bits as stored, (rows, W), uint8, 0 or 1; or why not

Source: ITU-T T.4 and T.6; TIFF 6.0, sections 10 and 11.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

FAX = frozenset({2, 3, 4, 32771})  # modified Huffman, Group 3, Group 4, modified Huffman in words
_LONG, _SHORT = 4, 3


@dataclass(frozen=True)
class FaxCoding:
    """How the strips of a page are coded.

    Attributes:
        compression: TIFF's number, one of `FAX`.
        options: T4Options of Group 3, else T6Options.
        fill_order: 2 where the lowest bit of a byte comes first.
    """

    compression: int
    options: int = 0
    fill_order: int = 1


def decode_fax(
    strips: Sequence[bytes], width: int, rows: int, coding: FaxCoding, rows_per_strip: int | None = None
) -> NDArray[np.uint8]:
    """Decode a tile, or strips that follow one another: many at once take a fraction of the time of one by one.

    Args:
        strips: as the file has them.
        width: of the rows.
        rows: of all strips together.
        coding: how they are coded.
        rows_per_strip: of all but the last; None where there is one.

    Raises:
        ValueError: a code word has no meaning, or a line or the strip ends too early or too late.
    """
    import pyvips  # its libraries take a while to load, and few files are faxes

    pyvips.cache_set_max(0)  # buffers are told apart by their places in memory, which are used again
    try:
        image = pyvips.Image.tiffload_buffer(
            _as_file(strips, width, rows, coding, rows_per_strip or rows), fail_on="warning"
        )
        pixels = np.frombuffer(image.write_to_memory(), np.uint8)
    except pyvips.Error as error:
        raise ValueError(_reason(str(error.detail or error))) from None
    if pixels.size != width * rows:
        raise ValueError("it is not of the size that is declared")
    return np.bitwise_and(pixels.reshape(rows, width), np.uint8(1))


def _reason(said: str) -> str:
    """The first of libtiff's messages, such as "Bad code word at line 5 of strip 0 (x 127)", without the strip."""
    lines = [line.partition(": ")[2] or line for line in said.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    first = first.partition(" of strip ")[0].removeprefix("Fax3Decode1D: ").removeprefix("Fax4Decode: ")
    return f"fax code: {first[:1].lower()}{first[1:80]}" if first else "its fax code cannot be read"


def _as_file(strips: Sequence[bytes], width: int, rows: int, coding: FaxCoding, rows_per_strip: int) -> bytes:
    """A TIFF that holds these strips alone, and calls 0 black: libtiff gives the bits as they are."""
    sizes = [len(strip) for strip in strips]
    places = list(accumulate(sizes, initial=8))
    at = places[-1] + (places[-1] & 1)
    tags = [
        (256, _LONG, [width]),
        (257, _LONG, [rows]),
        (258, _SHORT, [1]),
        (259, _SHORT, [coding.compression]),
        (262, _SHORT, [1]),
        (266, _SHORT, [coding.fill_order]),
        (273, _LONG, places[:-1]),
        (277, _SHORT, [1]),
        (278, _LONG, [rows_per_strip]),
        (279, _LONG, sizes),
    ]
    if coding.compression in (3, 4):
        tags.append((292 if coding.compression == 3 else 293, _LONG, [coding.options]))
    beyond, entries, far = at + 2 + 12 * len(tags) + 4, b"", b""
    for code, kind, values in tags:
        raw = struct.pack(f"<{len(values)}I", *values)
        if len(raw) > 4:
            raw, far = struct.pack("<I", beyond + len(far)), far + raw
        entries += struct.pack("<HHI", code, kind, len(values)) + raw
    body = b"".join(strips).ljust(at - 8, b"\0")
    return b"".join((b"II*\0", struct.pack("<I", at), body, struct.pack("<H", len(tags)), entries, bytes(4), far))
