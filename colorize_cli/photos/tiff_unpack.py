"""Unpack LZW and PackBits strips, which have no checksum, and notice by their length where they are damaged.

In:  a coded strip or tile, and how long it is when it is whole
Out: its bytes; or why not

Source: TIFF 6.0, sections 9 and 13.
"""

from __future__ import annotations

import copy

import imagecodecs
import tifffile

LZW, PACKBITS = 5, 32773
_BEYOND = 4096  # bytes that a damaged strip may be longer; how much longer does not matter
_PADDING = 8  # bytes that writers may add to fill up a word


def unpacked(coded: bytes, compression: int, row_bytes: int, rows: int, full_rows: int) -> bytes | bytearray:
    """The bytes of a strip or tile.

    Args:
        coded: as the file has it.
        compression: LZW or PackBits.
        row_bytes: of one row.
        rows: that the picture has of it.
        full_rows: of a strip that is not the last; some writers fill the last one up.

    Raises:
        ValueError: its code has no meaning, or it is shorter or longer than it should be.
    """
    name, decode = ("LZW", imagecodecs.lzw_decode) if compression == LZW else ("PackBits", imagecodecs.packbits_decode)
    full = row_bytes * full_rows
    try:
        raw: bytes | bytearray = decode(coded, out=full + _BEYOND)
    except (RuntimeError, ValueError) as error:  # imagecodecs' own are of the first kind
        if "TOO_SMALL" in str(error):
            raise ValueError(f"its {name} code goes on beyond the end of a strip") from None
        raise ValueError(f"its {name} code has no meaning") from None
    wanted = row_bytes * rows
    if len(raw) < wanted:
        raise ValueError(f"its {name} code ends too early ({len(raw):,} of {wanted:,} bytes)")
    beyond = min(len(raw) - size for size in (wanted, full) if len(raw) >= size)
    if (len(raw) - wanted) % row_bytes and (beyond > _PADDING or any(raw[len(raw) - beyond :])):
        raise ValueError(f"its {name} code goes on beyond the end of a strip")
    return raw[:wanted]


def plain_twin(page: tifffile.TiffPage) -> tifffile.TiffPage:
    """The same page as if its strips were not compressed, for what comes after unpacking: bits, bytes, differences."""
    twin: tifffile.TiffPage | None = page.__dict__.get("_plain_twin")
    if twin is None:
        twin = copy.copy(page)
        twin.__dict__.pop("decode", None)  # a cached function that knows the compression
        twin.compression, twin.fillorder = tifffile.COMPRESSION.NONE, tifffile.FILLORDER.MSB2LSB
        page.__dict__["_plain_twin"] = twin
    return twin
