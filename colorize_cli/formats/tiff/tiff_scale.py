"""Bring the samples of a TIFF to the full range of 8 or 16 bits, whatever numbers they are.

In:  samples as stored: 1 to 64 bits, signed, unsigned or floating-point; the page's tags
Out: uint8 or uint16, and a note where black and white had to be chosen

Unsigned samples of at most 16 bits are stretched by their depth. Of others, black and white are what the file names
(SMinSampleValue and SMaxSampleValue); else 0 and the least usual top (1, 255, 65535, that of the type) whose upper
seven eighths the values reach; else their own least and greatest.
"""

from __future__ import annotations

import numpy as np

from colorize_cli.formats.decoded import Damaged
from colorize_cli.formats.photo import AnyPixels
from colorize_cli.metadata.ifd import Ifd
from colorize_cli.notes import Loss, Note

_S_MIN, _S_MAX, _NO_DATA = 340, 341, 42113
_TOPS = (1.0, 255.0, 65535.0)


def full_range(
    values: AnyPixels, bits: int, is_float: bool = False, ifd: Ifd | None = None, notes: list[str] | None = None
) -> AnyPixels:
    """Stretch samples to 8 or 16 bits.

    Args:
        values: (H, W, samples), of one page.
        bits: significant ones of a sample.
        is_float: they are floating-point numbers.
        ifd: tags that may name black and white.
        notes: what was chosen is added here.

    Raises:
        Damaged: some of them are no numbers, or infinite.
    """
    if not values.size:
        return values.astype(np.uint8 if bits <= 8 else np.uint16)
    if is_float or values.dtype.kind == "i" or bits > 16:
        return _between(values, bits, is_float, ifd, notes)
    if bits in (8, 16):
        return values
    if bits < 8:
        return np.asarray((values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8))
    return np.asarray((values.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16))


def _between(values: AnyPixels, bits: int, is_float: bool, ifd: Ifd | None, notes: list[str] | None) -> AnyPixels:
    """Stretch what lies between black and white; what lies beyond is cut off."""
    nothing = _no_data(ifd) if ifd else None
    known = values if nothing is None else values[values != nothing]
    known = known if known.size else values
    if is_float and np.isnan(known).any():
        raise Damaged("it holds values that are not numbers (NaN)")
    low, high = float(known.min()), float(known.max())
    if not np.isfinite(low) or not np.isfinite(high):
        raise Damaged("it holds infinite values")
    black, white = _named(ifd, low, high) or _chosen(low, high, bits, is_float, values.dtype.kind == "i")
    small = bits <= 8 and not is_float
    top, kind = (255, np.uint8) if small else (65535, np.uint16)
    if not (is_float or values.dtype.kind == "i") and (black, white) == (0, 2.0**bits - 1):
        if notes is not None:
            notes.append(Note(f"{bits}-bit samples became 16 bits", Loss.depth))
        return np.asarray((values >> (bits - 16)).astype(np.uint16))
    if notes is not None:
        what = "floating-point samples" if is_float else f"{bits}-bit {'signed ' * (values.dtype.kind == 'i')}samples"
        became = "were stretched" if bits <= 16 and not is_float else "became 16 bits"
        said = f"{what} {became}, {black:.10g} as black and {white:.10g} as white"
        notes.append(Note(said, None if bits <= 16 and not is_float else Loss.depth))
    out = np.empty(values.shape, kind)
    scale = top / (white - black) if white > black else 0.0
    for row in range(len(values)):  # a row at a time: a float64 copy of a large page would not fit
        line = values[row].astype(np.float64)
        if nothing is not None:
            line[values[row] == nothing] = black
        out[row] = np.rint(np.clip((line - black) * scale, 0, top))
    return out


def _named(ifd: Ifd | None, low: float, high: float) -> tuple[float, float] | None:
    """Black and white as the file names them, if the values lie between them, all in all."""
    if ifd is None or not ifd.numbers(_S_MIN) or not ifd.numbers(_S_MAX):
        return None
    black, white = (pick(float(v) for v in ifd.numbers(code)) for pick, code in ((min, _S_MIN), (max, _S_MAX)))
    if not np.isfinite((black, white)).all() or black >= white or high <= black or low >= white:
        return None
    return black, white


def _chosen(low: float, high: float, bits: int, is_float: bool, is_signed: bool) -> tuple[float, float]:
    whole = 2.0 ** (bits - 1 if is_signed else bits) - 1
    if low < 0:
        spans_all = not is_float and low <= -whole / 2 and high >= whole / 2
        return (-whole - 1, whole) if spans_all else (low, high)
    tops = _TOPS if is_float else (*(top for top in _TOPS[1:] if top < whole), whole)
    usual = next((top for top in tops if top / 8 < high <= top), None)
    if usual is not None:
        return 0.0, usual
    return (low if low > high / 2 and high > low else 0.0), high or 1.0


def _no_data(ifd: Ifd) -> float | None:
    """The value that stands for nothing, as GDAL writes it."""
    tag = ifd.find(_NO_DATA)
    try:
        return float(tag.value.rstrip(b"\0 ").decode("ascii")) if tag else None
    except ValueError:
        return None
