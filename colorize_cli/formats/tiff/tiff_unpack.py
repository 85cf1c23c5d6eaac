"""Unpack LZW and PackBits strips, which have no checksum, and notice by their length where they are damaged.

In:  a coded strip or tile, and how long it is when it is whole
Out: its bytes; or why not

Source: TIFF 6.0, sections 9 and 13.
"""

from __future__ import annotations

import copy

import imagecodecs
import tifffile

from colorize_cli.formats.png.png_file import inflate

LZW, PACKBITS = 5, 32773
DEFLATE = frozenset({8, 32946})
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


def partly(coded: bytes, compression: int, size: int) -> bytes:
    """What comes before the damage in a strip or tile, filled up with zeros; b"" where that is nothing.

    Args:
        coded: as the file has it.
        compression: LZW, PackBits or deflate.
        size: of the whole.
    """
    if compression in DEFLATE:
        found, _ = inflate(coded, size)
        return found.ljust(size, b"\0") if found else b""
    if compression == PACKBITS:
        found = _packed_bits(coded, size)
        return found.ljust(size, b"\0") if found else b""
    good, bad, found = 0, len(coded) + 1, b""
    while bad - good > 1:  # any beginning of whole code decodes
        middle = (good + bad) // 2
        try:
            found = bytes(imagecodecs.lzw_decode(coded[:middle], out=size + _BEYOND))
            good = middle
        except (RuntimeError, ValueError):
            bad = middle
    return found[:size].ljust(size, b"\0") if found else b""


def _packed_bits(coded: bytes, size: int) -> bytes:
    """What PackBits gives, up to the size; its last run may be cut."""
    out, at = bytearray(), 0
    while at + 1 < len(coded) and len(out) < size:
        count = coded[at]
        if count < 128:
            out += coded[at + 1 : at + 2 + count]
            at += 2 + count
        elif count > 128:
            out += coded[at + 1 : at + 2] * (257 - count)
            at += 2
        else:
            at += 1
    return bytes(out[:size])


def plain_copy(page: tifffile.TiffPage) -> tifffile.TiffPage:
    """The same page as if its strips were not compressed, for what comes after unpacking: bits, bytes, differences."""
    plain: tifffile.TiffPage | None = page.__dict__.get("_plain_copy")
    if plain is None:
        plain = copy.copy(page)
        for known in ("decode", "hash"):  # a cached function that knows the compression, and its key
            plain.__dict__.pop(known, None)
        plain.compression, plain.fillorder = tifffile.COMPRESSION.NONE, tifffile.FILLORDER.MSB2LSB
        page.__dict__["_plain_copy"] = plain
    return plain
