"""What the samples of a TIFF page mean: grey, RGB or CMYK, alpha, and planes beyond.

In:  `Samples` as stored, and the page's tags
Out: uint8 or uint16; fewer than 8 bits become 8, floats and more than 16 become 16
"""

from __future__ import annotations

import numpy as np

from colorize_cli.color.lab import srgb_from_lab
from colorize_cli.errors import counted
from colorize_cli.formats.decoded import Damaged, Space, Unsupported
from colorize_cli.formats.photo import AnyPixels
from colorize_cli.formats.tiff.tiff_scale import full_range
from colorize_cli.formats.tiff.tiff_segments import Samples
from colorize_cli.formats.tiff.tiff_ycbcr import to_rgb
from colorize_cli.metadata.ifd import Ifd


def color_of(samples: Samples, ifd: Ifd, photometric: int, notes: list[str]) -> tuple[AnyPixels, AnyPixels, Space]:
    """Split samples into color and the planes beyond, and bring the color to grey, RGB or CMYK."""
    pixels = samples.pixels
    count = pixels.shape[2]
    wanted = {2: 3, 5: 4, 6: 3, 8: 3, 9: 3, 10: 3}.get(photometric, 1)
    if samples.is_rgb:
        photometric, wanted = 2, 3
    if count < wanted:
        if photometric in (8, 9) and count == 1:  # a Lab file of lightness alone
            photometric, wanted = 1, 1
        else:
            raise Damaged(f"damaged TIFF: {counted(count, 'sample')} per pixel, where {wanted} are needed")
    color, rest = pixels[..., :wanted], pixels[..., wanted:]
    if photometric == 3:
        return _palette(color[..., 0], ifd, samples.bits), full_range(rest, samples.bits), "rgb"
    if photometric in (8, 9, 10):
        return _lab(color, photometric, samples), full_range(rest, samples.bits), "rgb"
    color = full_range(color, samples.bits, samples.is_float, ifd, notes)
    rest = full_range(rest, samples.bits, samples.is_float)
    if photometric == 0:
        color = np.iinfo(color.dtype).max - color
    if photometric == 5:
        return color, rest, "cmyk"
    if photometric == 6 and not samples.is_rgb:
        return to_rgb(color, ifd), rest, "rgb"
    return (color[..., 0], rest, "grey") if wanted == 1 else (color, rest, "rgb")


def _palette(index: AnyPixels, ifd: Ifd, bits: int) -> AnyPixels:
    table = np.array(ifd.numbers(320), np.uint16)
    if len(table) < 3 * 2**bits:
        raise Damaged("damaged TIFF: its palette is missing or too short")
    colors = table[: 3 * 2**bits].reshape(3, -1).T
    # The specification says 16 bits; many writers put 8-bit values there.
    eight: AnyPixels = (colors if colors.max() < 256 else colors >> 8).astype(np.uint8)
    return eight[index]


def _lab(values: AnyPixels, photometric: int, samples: Samples) -> AnyPixels:
    if samples.is_float:
        raise Unsupported("unsupported TIFF: floating-point Lab")
    if samples.bits not in (8, 16):
        raise Unsupported(f"unsupported TIFF: Lab of {samples.bits} bits")
    return lab_to_rgb(values, samples.bits, signed=photometric == 8)


def lab_to_rgb(values: AnyPixels, bits: int, signed: bool) -> AnyPixels:
    """Bring CIE Lab, D65, to sRGB.

    Args:
        values: (H, W, 3), of 8 or 16 bits, which L* fills.
        bits: 8 or 16.
        signed: a* and b* are in two's complement, as CIELab has them in TIFF; else offset by 128, as ICC has them.
    """
    top = float(2**bits - 1)
    unit = 1.0 if bits == 8 else 256.0
    out = np.empty(values.shape, np.uint8 if bits == 8 else np.uint16)
    for start in range(0, len(values), 256):
        strip = np.ascontiguousarray(values[start : start + 256])
        lab = strip.astype(np.float32)
        lab[..., 0] *= 100.0 / top
        if signed:
            lab[..., 1:] = strip[..., 1:].astype(f"u{strip.itemsize}").view(f"i{strip.itemsize}") / unit
        else:
            lab[..., 1:] = lab[..., 1:] / unit - 128.0
        out[start : start + 256] = np.rint(np.clip(srgb_from_lab(lab), 0, 1) * top)
    return out


def extras_of(rest: AnyPixels, ifd: Ifd) -> tuple[AnyPixels | None, bool, AnyPixels | None]:
    """Alpha, whether color is multiplied by it, and the planes beyond it."""
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
