"""YCbCr in TIFF without JPEG: take its data units apart, and bring it to RGB.

In:  strips or tiles, decompressed; the page's tags
Out: full planes of Y, Cb and Cr; RGB

A chroma sample covers a block of pixels and is repeated over it, as libtiff does.

Source: TIFF 6.0, section 21.
"""

from __future__ import annotations

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import TIFF

from colorize_cli.formats.photo import AnyPixels
from colorize_cli.metadata.ifd import Ifd

_COEFFICIENTS, _SUBSAMPLING, _REFERENCE = 529, 530, 532
_FACTORS = frozenset({1, 2, 4})
_WHOLE = frozenset(
    {6, 7, 33003, 33004, 33005, 34712, 33007, 34892, 34934, 22610, 50001, 50002, 52546}
)  # their own color


def apart(values: AnyPixels, rows: int, columns: int, across: int, down: int) -> AnyPixels:
    """The samples of a strip or tile, chroma repeated.

    Args:
        values: data units, flat: for each block its Y from left to right and top to bottom, then Cb, then Cr.
        rows: of the strip or tile.
        columns: of the strip or tile.
        across: pixels of a block.
        down: pixels of a block.

    Returns:
        (rows, columns, 3).

    Raises:
        ValueError: there are too few values.
    """
    wide, high, unit = -(-columns // across), -(-rows // down), across * down + 2
    if values.size < wide * high * unit:
        raise ValueError("a strip or tile ends too early")
    units = values[: wide * high * unit].reshape(high, wide, unit)
    luma = units[..., :-2].reshape(high, wide, down, across).swapaxes(1, 2).reshape(high * down, wide * across)
    chroma = (repeated(units[..., i], rows, columns, across, down) for i in (-2, -1))
    return np.dstack((luma[:rows, :columns], *chroma))


def repeated(plane: AnyPixels, rows: int, columns: int, across: int, down: int) -> AnyPixels:
    """A chroma plane at the size of luma's."""
    return np.repeat(np.repeat(plane, down, axis=0), across, axis=1)[:rows, :columns]


def to_rgb(values: AnyPixels, ifd: Ifd) -> AnyPixels:
    """Bring (H, W, 3) of Y, Cb and Cr to RGB by the page's coefficients and its reference black and white."""
    top = float(np.iinfo(values.dtype).max)
    red, green, blue = _coefficients(ifd)
    black, scale = _reference(ifd, top)
    out = np.empty(values.shape, values.dtype)
    for start in range(0, len(values), 256):
        strip = (values[start : start + 256].astype(np.float32) - black) * scale
        y, cb, cr = (strip[..., i] for i in range(3))
        r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
        g = (y - red * r - blue * b) / green
        out[start : start + 256] = np.rint(np.clip(np.stack((r, g, b), axis=-1), 0, top))
    return out


def _coefficients(ifd: Ifd) -> tuple[float, float, float]:
    """Shares of red, green and blue in luma; ITU-R BT.601's where the file's are missing or make no sense."""
    given = [float(value) for value in ifd.numbers(_COEFFICIENTS)]
    if len(given) == 3 and all(0 < value < 1 for value in given) and abs(sum(given) - 1) < 0.05:
        return given[0], given[1], given[2]
    return 0.299, 0.587, 0.114


def _reference(ifd: Ifd, top: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is taken off each sample, and what it is then multiplied by: full range, and chroma around the middle."""
    middle = (top + 1) / 2
    given = [float(value) for value in ifd.numbers(_REFERENCE)]
    if len(given) != 6 or not all(np.isfinite(given)) or any(given[i] == given[i + 1] for i in (0, 2, 4)):
        given = [0, top, middle, top, middle, top]
    black = np.array(given[0::2], np.float32)
    ranges = np.array([top, middle - 1, middle - 1], np.float32)
    return black, ranges / (np.array(given[1::2], np.float32) - black)


def subsampling(page: tifffile.TiffPage) -> tuple[int, int] | None:
    """Pixels across and down that share a chroma sample, of a page whose data units have to be taken apart here.

    Returns:
        None for other pages: no YCbCr, or coded by something that gives whole pictures. (0, 0) where the file does not
        say; TIFF 6.0 then means (2, 2), but not all writers do.

    Raises:
        ValueError: it names factors that TIFF has not.
    """
    if int(page.photometric) != 6 or int(page.compression) in _WHOLE or page.samplesperpixel != 3:
        return None
    tag = page.tags.get(_SUBSAMPLING)
    if tag is None:
        return 0, 0
    found = tuple(tag.value) if isinstance(tag.value, tuple) else (tag.value, tag.value)
    if len(found) != 2 or not set(found) <= _FACTORS:
        raise ValueError(f"its chroma subsampling is {found}, which TIFF has not")
    return None if found == (1, 1) else found


def decode_units(
    page: tifffile.TiffPage, coded: bytes, number: int, factors: tuple[int, int]
) -> tuple[AnyPixels, tuple[int, int, int, int, int]]:
    """A strip or tile of a page with fewer chroma samples, and where it lies (plane, depth, row, column, sample).

    Raises:
        ValueError: it is damaged, or of a kind that is not read.
    """
    where, rows, columns = _place(page, number)
    if page.bitspersample not in (8, 16) or int(page.predictor) != 1:
        raise ValueError(f"YCbCr of {page.bitspersample} bits, predictor {int(page.predictor)}, is not read here")
    across, down = factors if factors[0] else (2, 2)
    separate = int(page.planarconfig) == 2
    if int(page.fillorder) == 2:
        coded = bytes(imagecodecs.bitorder_decode(coded))
    most = (rows + down) * (columns + across) * (1 if separate else 3) * page.bitspersample // 8
    raw: bytes | bytearray = (
        coded if int(page.compression) == 1 else TIFF.DECOMPRESSORS[int(page.compression)](coded, out=most)
    )
    size = page.bitspersample // 8
    values = np.frombuffer(raw, f"{page.parent.byteorder}u{size}", len(raw) // size).astype(f"u{size}")
    if not factors[0] and values.size >= rows * columns * (1 if separate else 3):
        across = down = 1
    if not separate:
        return apart(values, rows, columns, across, down)[None], where
    if where[0] == 0:
        across = down = 1
    wide, high = -(-columns // across), -(-rows // down)
    if values.size < wide * high:
        raise ValueError("a strip or tile ends too early")
    plane = values[: wide * high].reshape(high, wide)
    return repeated(plane, rows, columns, across, down)[None, ..., None], where


def _place(page: tifffile.TiffPage, number: int) -> tuple[tuple[int, int, int, int, int], int, int]:
    if page.is_tiled:
        wide, high = -(-page.imagewidth // page.tilewidth), -(-page.imagelength // page.tilelength)
        plane, rest = divmod(number, wide * high)
        row, column = divmod(rest, wide)
        return (plane, 0, row * page.tilelength, column * page.tilewidth, 0), page.tilelength, page.tilewidth
    step = min(max(page.rowsperstrip, 1), page.imagelength)
    plane, row = divmod(number, -(-page.imagelength // step))
    return (plane, 0, row * step, 0, 0), min(step, page.imagelength - row * step), page.imagewidth
