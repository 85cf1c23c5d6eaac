"""Give a photo color without changing its lightness.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16; ab, (2, h, w) float32, Lab units, of any smaller size
Out: colored pixels, (H, W, 3), the dtype of the pixels

The work goes in strips that stay in the processor's cache, so no float plane of the whole photo is ever made. The
functions may be called from several threads at once and start none, as long as OpenCV's own are set to one.

Why the promise holds: a color is reached at the pixel's own L*, inside the gamut, and only the rounding to levels
follows. Half a level off in every channel moves Y by half of sum(w_i T'(c_i)), which is at most that of half a grey
level, because the slope T' of a transfer curve is a concave function of its value and the weights sum to one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color import gamut, tables
from colorize_cli.color.lab import KAPPA, Floats, f_from_lightness, srgb_from_lab
from colorize_cli.color.pixels import (
    STRIP_PIXELS,
    Pixels,
    check_pixels,
    grey_lightness,
    grey_plane,
    maximum_of,
    rgb_lightness,
    root_index,
    strips,
)
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.upsample import Enlarger
from colorize_cli.errors import ShapeError

BLACK = 0.02  # L*; 16-bit greys below it stay grey
_YELLOW = 223  # no grey below this has a hue whose colors leave the gamut and come back


def merge(
    pixels: Pixels, ab: Floats, space: RgbSpace = SRGB, saturation: float = 1.0, rounded: bool = True
) -> Pixels | Floats:
    """Give a photo the colors of `ab`; its lightness stays.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16; of RGB, only the lightness is used.
        ab: CIE a* and b*, (2, h, w) float32, of any smaller size; enlarged bicubically.
        space: what the pixels mean; the result is in the same space.
        saturation: factor on the chroma.
        rounded: to the levels of `pixels`; else the result is for what has levels of its own, as a film's planes do.

    Returns:
        (H, W, 3), the dtype of `pixels`, or float32, [0, 1]. |dL*| is at most 0.5 (8 bits), or one 16-bit grey step.
        Colors outside the gamut lose chroma at constant L* and hue.

    Raises:
        ShapeError: `pixels` is no picture of 8 or 16 bits, or `ab` is not (2, h, w).
    """
    check_pixels(pixels)
    if ab.ndim != 3 or ab.shape[0] != 2 or not ab.size:
        raise ShapeError(f"expected ab of shape (2, h, w), got {ab.shape}")
    height, width = pixels.shape[:2]
    enlarger = Enlarger(ab * np.float32(saturation), (height, width))
    out = np.empty((height, width, 3), pixels.dtype if rounded else np.float32)
    patches = _Patches()
    for rows in strips(height, width):
        _merge_into(out[rows], pixels[rows], enlarger.rows(rows.start, rows.stop), space, patches)
    patches.finish()
    return out


def merge_strip(pixels: Pixels, ab: Floats, space: RgbSpace = SRGB) -> Pixels:
    """`merge` for rows whose color has the full size already: `ab` is (2, H, W) for pixels of (H, W).

    Raises:
        ShapeError: `pixels` is no picture of 8 or 16 bits, or `ab` is of another size.
    """
    check_pixels(pixels)
    if ab.shape != (2, *pixels.shape[:2]):
        raise ShapeError(f"expected ab of shape {(2, *pixels.shape[:2])}, got {ab.shape}")
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    patches = _Patches()
    for rows in strips(*pixels.shape[:2]):
        _merge_into(out[rows], pixels[rows], np.array(ab[:, rows], np.float32), space, patches)
    patches.finish()
    return out


def _merge_into(out: Pixels, strip: Pixels, ab: Floats, space: RgbSpace, patches: _Patches) -> None:
    """Color one strip; `ab` is (2, rows, W) and is used up."""
    if strip.dtype == np.uint8 and space is SRGB:
        grey = grey_plane(strip)
        if grey is not None:
            _merge_grey(out, grey, ab, patches)
            return
    _merge_exactly(out, strip, ab, space)


def _merge_exactly(out: Pixels, strip: Pixels, ab: Floats, space: RgbSpace) -> None:
    """Any space and depth: Lab to linear RGB, the few colors outside the gamut searched for, curves by table."""
    floats = out.dtype == np.float32
    maximum = 65535 if floats else maximum_of(strip)
    lightness = grey_lightness(strip, space) if strip.ndim == 2 else rgb_lightness(strip, space)
    linear = gamut.linear_inside(f_from_lightness(lightness), ab[0], ab[1], space.rgb_from_xyz.astype(np.float32))
    for i, table in enumerate(tables.encoding_tables(space, maximum)):
        if maximum == 255:
            out[..., i] = np.take(table, root_index(linear[i]))
        else:
            root = np.sqrt(np.clip(linear[i], 0, 1)) * np.float32(tables.ROOTS)
            index = root.astype(np.intp)
            low = np.take(table, index)
            level = low + (np.take(table, index + 1) - low) * (root - index)
            out[..., i] = level / maximum if floats else np.rint(level).astype(out.dtype)
    if maximum > 255:
        # A 16-bit step of a dark grey is finer than float32 near L* + 16; no color can be seen there.
        black = lightness < BLACK
        for i, curve in enumerate(space.curves):
            level = curve.encode(lightness[black] * (1 / KAPPA))
            out[..., i][black] = level if floats else np.rint(level * maximum)


def _yellow(grey: Pixels, a: Floats, b: Floats) -> NDArray[np.bool_]:
    """Bright yellows of hue 94 to 111 degrees: red leaves the gamut there and may come back."""
    yellow: NDArray[np.bool_] = grey > _YELLOW
    if yellow.any():
        yellow &= b > 20
    if yellow.any():
        yellow &= (a < np.float32(-0.06) * b) & (a > np.float32(-0.4) * b)
    return yellow


def _excess(grey: Pixels, a: Floats, b: Floats) -> Floats:
    """|a| + |b| as a multiple of what sRGB shows at that grey and hue; not a number where the table cannot tell."""
    reach = np.abs(a)
    reach += np.abs(b)
    reach += np.float32(1e-6)
    # The position around the grey axis, [-2, 2], in steps of the table; no angle is needed.
    place = np.divide(a, reach)
    np.subtract(np.float32(1), place, out=place)
    np.copysign(place, b, out=place)
    place *= np.float32(gamut.HUES / 4)
    place += np.float32(gamut.HUES / 2)
    whole = np.floor(place)
    place -= whole
    column = whole.astype(np.int32)
    column += np.multiply(grey, gamut.HUES + 1, dtype=np.int32)
    limits = gamut.srgb_inverse_limits()
    low = np.take(limits, column, mode="clip")
    column += 1
    excess = np.take(limits, column, mode="clip")
    excess -= low
    excess *= place
    excess += low
    excess *= reach
    return excess


def _merge_grey(out: Pixels, grey: Pixels, ab: Floats, patches: _Patches) -> None:
    """8-bit grey to sRGB: the gamut's edge by table, the rest by OpenCV's Lab, single pixels by search."""
    a, b = ab
    excess = _excess(grey, a, b)
    hard = np.isnan(excess)
    hard |= _yellow(grey, a, b)
    kept = ab[:, hard]
    np.fmax(excess, np.float32(1), out=excess)
    ab /= excess
    lab = np.asarray(cv2.merge([grey_lightness(grey, SRGB), a, b]), np.float32)
    srgb_from_lab(lab, lab)
    if out.dtype == np.float32:
        out[...] = lab
    else:
        width = 3 * grey.shape[1]
        cv2.convertScaleAbs(lab.reshape(-1, width), dst=out.reshape(-1, width), alpha=255)
    if kept.size:
        patches.add(out, hard, grey[hard], kept)


class _Patches:
    """Pixels of several strips that are searched one by one, gathered since numpy is slow on few."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Pixels, NDArray[np.bool_], Pixels, Floats]] = []
        self._count = 0

    def add(self, out: Pixels, where: NDArray[np.bool_], grey: Pixels, ab: Floats) -> None:
        self._waiting.append((out, where, grey, ab))
        self._count += grey.size
        if self._count > STRIP_PIXELS // 4 or len(self._waiting) > 64:
            self.finish()

    def finish(self) -> None:
        if not self._waiting:
            return
        grey = np.concatenate([patch[2] for patch in self._waiting])
        color = np.empty((1, grey.size, 3), self._waiting[0][0].dtype)
        ab = np.concatenate([patch[3] for patch in self._waiting], 1)
        _merge_exactly(color, grey[None], ab[:, None], SRGB)
        start = 0
        for out, where, strip, _ in self._waiting:
            out[where] = color[0, start : start + strip.size]
            start += strip.size
        self._waiting, self._count = [], 0
