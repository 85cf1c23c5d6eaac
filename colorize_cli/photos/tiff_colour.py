"""What the samples of a TIFF page mean: grey, RGB or CMYK, alpha, and planes beyond.

In:  `Samples` as stored, and the page's tags
Out: uint8 or uint16; fewer than 8 bits become 8, floats and more than 16 become 16
"""

from __future__ import annotations

import numpy as np

from colorize_cli.notes import Loss, Note
from colorize_cli.photos.ifd import Ifd
from colorize_cli.photos.photo import AnyPixels
from colorize_cli.photos.raw import Damaged, Space
from colorize_cli.photos.tiff_segments import Samples


def colour_of(samples: Samples, ifd: Ifd, photometric: int, notes: list[str]) -> tuple[AnyPixels, AnyPixels, Space]:
    """Split samples into colour and the planes beyond, and bring the colour to grey, RGB or CMYK."""
    pixels = samples.pixels
    count = pixels.shape[2]
    wanted = {2: 3, 5: 4, 6: 3, 8: 3, 9: 3, 10: 3}.get(photometric, 1)
    if samples.is_rgb:
        photometric, wanted = 2, 3
    if count < wanted:
        if photometric in (8, 9) and count == 1:  # a Lab file of lightness alone
            photometric, wanted = 1, 1
        else:
            raise Damaged(f"damaged TIFF: {count} samples per pixel, where {wanted} are needed")
    colour, rest = pixels[..., :wanted], pixels[..., wanted:]
    if photometric == 3:
        return _palette(colour[..., 0], ifd, samples.bits), _full(rest, samples.bits), "rgb"
    if photometric in (8, 9, 10):
        return _lab(colour, photometric, samples), _full(rest, samples.bits), "rgb"
    colour, rest = _full(colour, samples.bits, samples.is_float, notes), _full(rest, samples.bits, samples.is_float)
    if photometric == 0:
        colour = np.iinfo(colour.dtype).max - colour
    if photometric == 5:
        eight = colour if colour.dtype == np.uint8 else (colour >> 8).astype(np.uint8)
        rest = rest if rest.dtype == np.uint8 else (rest >> 8).astype(np.uint8)
        return eight, rest, "cmyk"
    if photometric == 6 and not samples.is_rgb:
        return _from_ycbcr(colour), rest, "rgb"
    return (colour[..., 0], rest, "grey") if wanted == 1 else (colour, rest, "rgb")


def _full(values: AnyPixels, bits: int, is_float: bool = False, notes: list[str] | None = None) -> AnyPixels:
    """Stretch samples to the full range of 8 or 16 bits."""
    if not values.size:
        return values.astype(np.uint8 if bits <= 8 else np.uint16)
    if is_float:
        return _from_float(values, notes)
    if values.dtype.kind == "i":
        if values.min() < 0:
            raise Damaged("it holds negative values, so which of them is black is not known")
        values = values.astype(f"u{values.itemsize}")
    if bits in (8, 16):
        return values
    if bits > 16:
        if notes is not None:
            notes.append(Note(f"{bits}-bit samples became 16 bits", Loss.depth))
        return np.asarray((values >> (bits - 16)).astype(np.uint16))
    if bits < 8:
        return np.asarray((values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8))
    return np.asarray((values.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16))


def _from_float(values: AnyPixels, notes: list[str] | None) -> AnyPixels:
    if np.isnan(values).any():
        raise Damaged("it holds values that are not numbers (NaN)")
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low) or not np.isfinite(high):
        raise Damaged("it holds infinite values")
    black, white = 0.0, next((top for top in (1.0, 255.0, 65535.0) if high <= top), high)
    if low < 0:
        black, white = low, high
    if notes is not None:
        notes.append(
            Note(f"floating-point samples became 16 bits, {black:g} as black and {white:g} as white", Loss.depth)
        )
    out = np.empty(values.shape, np.uint16)
    for row in range(len(values)):  # a row at a time: a float64 copy of a large scan would not fit
        out[row] = np.rint((values[row].astype(np.float64) - black) / max(white - black, 1e-12) * 65535)
    return out


def _palette(index: AnyPixels, ifd: Ifd, bits: int) -> AnyPixels:
    table = np.array(ifd.numbers(320), np.uint16)
    if len(table) < 3 * 2**bits:
        raise Damaged("damaged TIFF: its palette is missing or too short")
    colours = table[: 3 * 2**bits].reshape(3, -1).T
    # The specification says 16 bits; many writers put 8-bit values there.
    eight: AnyPixels = (colours if colours.max() < 256 else colours >> 8).astype(np.uint8)
    return eight[index]


def _lab(values: AnyPixels, photometric: int, samples: Samples) -> AnyPixels:
    import cv2

    if samples.is_float:
        raise Damaged("floating-point Lab, which is not known here")
    if samples.bits not in (8, 16):
        raise Damaged(f"Lab of {samples.bits} bits, which is not known here")
    top = float(2**samples.bits - 1)
    unit = 1.0 if samples.bits == 8 else 256.0
    out = np.empty(values.shape, np.uint8 if samples.bits == 8 else np.uint16)
    for start in range(0, len(values), 256):
        strip = np.ascontiguousarray(values[start : start + 256])
        lab = strip.astype(np.float32)
        lab[..., 0] *= 100.0 / top
        if photometric == 8:  # a* and b* are two's complement
            lab[..., 1:] = strip[..., 1:].astype(f"u{strip.itemsize}").view(f"i{strip.itemsize}") / unit
        else:  # ICC: offset by 128
            lab[..., 1:] = lab[..., 1:] / unit - 128.0
        out[start : start + 256] = np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * top)
    return out


def _from_ycbcr(values: AnyPixels) -> AnyPixels:
    """ITU-R BT.601 with full range, as TIFF 6.0's defaults say."""
    top = float(np.iinfo(values.dtype).max)
    y, cb, cr = (values[..., i].astype(np.float32) for i in range(3))
    cb, cr = cb - (top + 1) / 2, cr - (top + 1) / 2
    rgb = np.stack((y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb), axis=-1)
    result: AnyPixels = np.rint(np.clip(rgb, 0, top)).astype(values.dtype)
    return result


def extras_of(rest: AnyPixels, ifd: Ifd) -> tuple[AnyPixels | None, bool, AnyPixels | None]:
    """Alpha, whether colour is multiplied by it, and the planes beyond it."""
    if not rest.shape[2]:
        return None, False, None
    kinds = [int(kind) for kind in ifd.numbers(338)] + [0] * rest.shape[2]
    at = next((i for i in range(rest.shape[2]) if kinds[i] in (1, 2)), None)
    if at is None:
        return None, False, np.ascontiguousarray(rest)
    others = [i for i in range(rest.shape[2]) if i != at]
    return (
        np.ascontiguousarray(rest[..., at]),
        kinds[at] == 1,
        np.ascontiguousarray(rest[..., others]) if others else None,
    )
