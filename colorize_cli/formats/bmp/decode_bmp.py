"""Decode BMP: 1 to 32 bits a pixel, palettes, bit fields, run lengths, OS/2's kinds, bare DIBs.

In:  the bytes of a BMP
Out: `DecodedPhoto`; 8 bits, or 16 where a bit field has more than 8

Source: Microsoft, "Bitmap Compression"; OS/2 2.0 Toolkit for 24-bit run lengths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from colorize_cli.formats.bmp import bmp_file
from colorize_cli.formats.bmp.bmp_header import BmpHeader, read_header, with_file_header
from colorize_cli.formats.bmp.run_lengths import decode_runs
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, left_over
from colorize_cli.formats.jpeg.jpeg_format import Jpeg
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, Metadata, PageMetadata
from colorize_cli.formats.png.png_format import Png
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

_PACKETS = (b"<?xpacket", b"<x:xmpmeta", b"<rdf:RDF")  # XMP, which readers find by scanning
_CUT = "truncated BMP: its end is missing"


def decode_bmp(data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
    """Decode a BMP.

    Raises:
        Damaged: it is damaged or cut short, and `salvage` is not given or does not help.
        Unsupported: it is of a kind that is not read.
        TooManyPixels: its header declares more than the limits allow.
    """
    data = with_file_header(data)
    header = read_header(data)
    if header.coding in ("jpeg", "png"):
        coded = data[header.offset :]
        return (Png() if header.coding == "png" else Jpeg()).decode(coded, limits, salvage)
    notes = list[str]()
    pixels, alpha = _pixels(data, header, salvage, notes)
    profile, missing = bmp_file.profile_of(data)
    if missing:
        how = "stands in another file, which is not read," if missing == "linked" else "is damaged"
        notes.append(Note(f"its color profile {how} and was left out", Loss.profile))
    end = header.offset + header.line * header.height
    if header.coding == "plain" and profile is None and not data[end:].lstrip().startswith(_PACKETS):
        notes += left_over(data, end)
    x, y = header.per_metre
    page = DecodedPage(
        pixels=pixels,
        space="grey" if pixels.ndim == 2 else "rgb",
        alpha=alpha,
        icc=profile,
        metadata=PageMetadata(resolution=Resolution(x * 0.0254, y * 0.0254) if x and y else None, depth=header.depth),
    )
    return DecodedPhoto((page,), Metadata(), tuple(notes))


def _pixels(data: bytes, header: BmpHeader, salvage: bool, notes: list[str]) -> tuple[AnyPixels, AnyPixels | None]:
    body = data[header.offset :] if header.offset else b""
    if header.coding != "plain":
        found, whole = decode_runs(body, header.width, header.height, header.coding)
        missing = 0 if whole else 1
    else:
        found, missing = _rows(body, header)
        end = header.offset + header.line * header.height
        if len(data) < end == int.from_bytes(data[2:6], "little"):  # it says that it is longer: something is lost
            missing = max(missing, 1)
    if missing:
        if not salvage:
            raise Damaged(
                _CUT if header.coding == "plain" else "damaged BMP: its run lengths end too early or too late",
                salvageable=True,
            )
        what = (
            f"{missing:,} of {header.height:,} rows are missing"
            if header.coding == "plain"
            else "part of it is damaged"
        )
        notes.append(Note(f"salvaged: {what}", Loss.salvage))
    if not header.from_above:
        found = found[::-1]
    if header.bits <= 8:
        return _colored(found, header), None
    if header.bits == 24:
        return np.ascontiguousarray(found[..., ::-1]), None
    return _fields(found, header)


def _rows(body: bytes, header: BmpHeader) -> tuple[AnyPixels, int]:
    """Samples as stored, (H, W) of indices or whole pixels, or (H, W, 3); and how many rows are missing."""
    needed = header.line * (header.height - 1) + (header.width * header.bits + 7) // 8
    missing = 0 if len(body) >= needed else header.height - len(body) // header.line
    if missing == header.height:
        raise Damaged(_CUT)
    raw = np.frombuffer(body[: header.line * header.height].ljust(header.line * header.height, b"\0"), np.uint8)
    rows = raw.reshape(header.height, header.line)
    width, bits = header.width, header.bits
    if missing:
        rows = rows.copy()
        rows[header.height - missing :] = 0
    if bits == 24:
        return rows[:, : 3 * width].reshape(header.height, width, 3), missing
    if bits in (16, 32):
        return rows.view(f"<u{bits // 8}")[:, :width], missing
    if bits == 8:
        return rows[:, :width], missing
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    indices = (rows[..., None] >> shifts) & np.uint8(2**bits - 1)
    return indices.reshape(header.height, -1)[:, :width], missing


def _colored(indices: AnyPixels, header: BmpHeader) -> NDArray[np.uint8]:
    """Colors of the indices; one beyond the palette is black."""
    table = np.zeros((256, 3), np.uint8)
    if header.palette:
        table[: len(header.palette)] = header.palette
    if (table[:, :1] == table[:, 1:]).all():
        return np.ascontiguousarray(table[:, 0][indices])
    return table[indices]


def _fields(values: AnyPixels, header: BmpHeader) -> tuple[AnyPixels, AnyPixels | None]:
    """Red, green, blue, and alpha where it hides something, of pixels that are whole numbers."""
    deep = header.depth > 8
    out = np.empty((*values.shape, 4 if header.has_alpha else 3), np.uint16 if deep else np.uint8)
    top = 65535 if deep else 255
    for i, mask in enumerate(header.masks[: out.shape[2]]):
        most = mask >> ((mask & -mask).bit_length() - 1) if mask else 0
        for start in range(0, len(values), 256):  # in strips: 64-bit copies of a large picture would not fit
            part = values[start : start + 256].astype(np.uint64) & np.uint64(mask)
            part >>= np.uint64((mask & -mask).bit_length() - 1 if mask else 0)
            out[start : start + 256, :, i] = (part * np.uint64(top) + np.uint64(most // 2)) // np.uint64(max(most, 1))
    if not header.has_alpha:
        return out, None
    alpha = np.ascontiguousarray(out[..., 3])
    # some writers set a mask and leave the plane empty
    return np.ascontiguousarray(out[..., :3]), alpha if alpha.any() else None
