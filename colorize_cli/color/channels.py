"""Read a photo's lightness, and give the photo colour without changing it.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16; ab, (2, h, w) float32, Lab units, of any smaller size
Out: L, (H, W) float32, [0, 100]; coloured pixels, (H, W, 3), the dtype of the pixels

The work goes in strips that stay in the processor's cache, so no float plane of the whole photo is ever made. The
functions may be called from several threads at once and start none, as long as OpenCV's own are set to one.

Why the promise holds: a colour is reached at the pixel's own L*, inside the gamut, and only the rounding to levels
follows. Half a level off in every channel moves Y by half of sum(w_i T'(c_i)), which is at most that of half a grey
level, because the slope T' of a transfer curve is a concave function of its value and the weights sum to one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color import tables
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.upsample import Enlarger
from colorize_cli.errors import ShapeError

Pixels = NDArray[Any]  # uint8 or uint16
Floats = NDArray[np.float32]

_STRIP_PIXELS = 1 << 16  # a quarter of a megabyte for each float plane of a strip
BLACK = 0.02  # L*; 16-bit greys below it stay grey
_LEMON = 223  # no grey below this has a hue whose colours leave the gamut and come back


def lightness_of(pixels: Pixels, space: RgbSpace = SRGB) -> Floats:
    """L* of every pixel.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        space: what the pixels mean.

    Returns:
        (H, W) float32, [0, 100]; of 8-bit RGB, within 0.01.

    Raises:
        ShapeError: the pixels are neither grey nor RGB, or of another dtype.
    """
    _check_pixels(pixels)
    if pixels.ndim == 2:
        return _grey_lookup(pixels, tables.grey_lightness(space, _maximum(pixels)))
    out = np.empty(pixels.shape[:2], np.float32)
    for rows in _strips(*pixels.shape[:2]):
        out[rows] = _rgb_lightness(pixels[rows], space)
    return out


def merge(pixels: Pixels, ab: Floats, space: RgbSpace = SRGB, saturation: float = 1.0) -> Pixels:
    """Give a photo the colours of `ab`; its lightness stays.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16; of RGB, only the lightness is used.
        ab: CIE a* and b*, (2, h, w) float32, of any smaller size; enlarged bicubically.
        space: what the pixels mean; the result is in the same space.
        saturation: factor on the chroma.

    Returns:
        (H, W, 3), the dtype of `pixels`. |dL*| is at most 0.5 (8 bits), or one 16-bit grey step. Colours outside the
        gamut lose chroma at constant L* and hue.

    Raises:
        ShapeError: `pixels` is no picture of 8 or 16 bits, or `ab` is not (2, h, w).
    """
    _check_pixels(pixels)
    if ab.ndim != 3 or ab.shape[0] != 2 or not ab.size:
        raise ShapeError(f"expected ab of shape (2, h, w), got {ab.shape}")
    height, width = pixels.shape[:2]
    enlarger = Enlarger(ab * np.float32(saturation), (height, width))
    out = np.empty((height, width, 3), pixels.dtype)
    patches = _Patches()
    for rows in _strips(height, width):
        _merge_into(out[rows], pixels[rows], enlarger.rows(rows.start, rows.stop), space, patches)
    patches.finish()
    return out


def merge_strip(pixels: Pixels, ab: Floats, space: RgbSpace = SRGB) -> Pixels:
    """`merge` for rows whose colour has the full size already: `ab` is (2, H, W) for pixels of (H, W).

    Raises:
        ShapeError: `pixels` is no picture of 8 or 16 bits, or `ab` is of another size.
    """
    _check_pixels(pixels)
    if ab.shape != (2, *pixels.shape[:2]):
        raise ShapeError(f"expected ab of shape {(2, *pixels.shape[:2])}, got {ab.shape}")
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    patches = _Patches()
    for rows in _strips(*pixels.shape[:2]):
        _merge_into(out[rows], pixels[rows], np.array(ab[:, rows], np.float32), space, patches)
    patches.finish()
    return out


def _check_pixels(pixels: Pixels) -> None:
    if pixels.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ShapeError(f"expected pixels of 8 or 16 bits, got {pixels.dtype}")
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] == 3):
        raise ShapeError(f"expected pixels of shape (H, W) or (H, W, 3), got {pixels.shape}")


def _maximum(pixels: Pixels) -> int:
    return int(np.iinfo(pixels.dtype).max)


def _strips(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _STRIP_PIXELS // max(width, 1))
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def _grey_lookup(grey: Pixels, table: Floats) -> Floats:
    if grey.dtype == np.uint8 and grey.size:
        return np.asarray(cv2.LUT(grey, table), np.float32).reshape(grey.shape)
    return np.take(table, grey)


def _rgb_lightness(strip: Pixels, space: RgbSpace) -> Floats:
    linear = tables.linear_tables(space, _maximum(strip))
    weights = space.xyz_from_rgb[1]
    y = np.zeros(strip.shape[:2], np.float32)
    for i in range(3):
        y += np.take(linear[i], strip[..., i]) * np.float32(weights[i])
    if strip.dtype == np.uint8:
        return np.take(tables.root_lightness(), _root_index(y))
    return np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * np.float32(24389 / 27)).astype(np.float32)


def _root_index(linear: Floats) -> NDArray[np.uint16]:
    """Where linear light of at most about 1 stands in a table over its square root; negative light is black."""
    root = np.sqrt(np.maximum(linear, np.float32(0)))
    root *= np.float32(tables.ROOTS)
    root += np.float32(0.5)
    return np.minimum(root, np.float32(tables.ROOTS)).astype(np.uint16)


def _merge_into(out: Pixels, strip: Pixels, ab: Floats, space: RgbSpace, patches: _Patches) -> None:
    """Colour one strip; `ab` is (2, rows, W) and is used up."""
    if strip.dtype == np.uint8 and space is SRGB:
        grey = grey_plane(strip)
        if grey is not None:
            _merge_grey(out, grey, ab, patches)
            return
    _merge_exactly(out, strip, ab, space)


def grey_plane(pixels: Pixels) -> Pixels | None:
    """Grey pixels, (H, W): as they are, or of a grey photo that was saved as RGB; None where the channels differ."""
    if pixels.ndim == 2:
        return pixels
    red = pixels[..., 0]
    # most photos that are not grey show it in a few rows
    if all((red[rows] == pixels[rows, :, i]).all() for i in (1, 2) for rows in (slice(0, None, 64), slice(None))):
        return np.ascontiguousarray(red)
    return None


def _merge_exactly(out: Pixels, strip: Pixels, ab: Floats, space: RgbSpace) -> None:
    """Any space and depth: Lab to linear RGB, the few colours outside the gamut searched for, curves by table."""
    maximum = _maximum(strip)
    grey_table = tables.grey_lightness(space, maximum)
    lightness = _grey_lookup(strip, grey_table) if strip.ndim == 2 else _rgb_lightness(strip, space)
    f = (lightness + np.float32(16)) * np.float32(1 / 116)
    y = tables.xyz_from_f(f)
    a, b = ab
    matrix = space.rgb_from_xyz.astype(np.float32)
    linear = tables.linear_rgb(f, y, a, b, matrix)
    outside = ~tables.inside(linear, y)
    if outside.any():
        f, y, a, b = f[outside], y[outside], a[outside], b[outside]
        scale = tables.chroma_scale(f, y, a, b, matrix)
        for channel, value in zip(linear, tables.linear_rgb(f, y, a * scale, b * scale, matrix), strict=True):
            channel[outside] = value
    for i, table in enumerate(tables.encoding_tables(space, maximum)):
        if maximum == 255:
            out[..., i] = np.take(table, _root_index(linear[i]))
        else:
            root = np.sqrt(np.clip(linear[i], 0, 1)) * np.float32(tables.ROOTS)
            index = root.astype(np.intp)
            low = np.take(table, index)
            out[..., i] = np.rint(low + (np.take(table, index + 1) - low) * (root - index)).astype(out.dtype)
    if maximum > 255:
        # A 16-bit step of a dark grey is finer than float32 near L* + 16; no colour can be seen there.
        black = lightness < BLACK
        for i, curve in enumerate(space.curves):
            out[..., i][black] = np.rint(curve.encode(lightness[black] * (27 / 24389)) * maximum)


def _lemon(grey: Pixels, a: Floats, b: Floats) -> NDArray[np.bool_]:
    """Bright yellows of hue 94 to 111 degrees: red leaves the gamut there and may come back."""
    lemon: NDArray[np.bool_] = grey > _LEMON
    if lemon.any():
        lemon &= b > 20
    if lemon.any():
        lemon &= (a < np.float32(-0.06) * b) & (a > np.float32(-0.4) * b)
    return lemon


def _excess(grey: Pixels, a: Floats, b: Floats) -> Floats:
    """|a| + |b| as a multiple of what sRGB shows at that grey and hue; not a number where the table cannot tell."""
    reach = np.abs(a)
    reach += np.abs(b)
    reach += np.float32(1e-6)
    # The position around the grey axis, [-2, 2], in steps of the table; no angle is needed.
    place = np.divide(a, reach)
    np.subtract(np.float32(1), place, out=place)
    np.copysign(place, b, out=place)
    place *= np.float32(tables.HUES / 4)
    place += np.float32(tables.HUES / 2)
    whole = np.floor(place)
    place -= whole
    column = whole.astype(np.int32)
    column += np.multiply(grey, tables.HUES + 1, dtype=np.int32)
    limits = tables.srgb_inverse_limits()
    low = np.take(limits, column, mode="clip")
    column += 1
    excess = np.take(limits, column, mode="clip")
    excess -= low
    excess *= place
    excess += low
    excess *= reach
    return excess


def _merge_grey(out: Pixels, grey: Pixels, ab: Floats, patches: _Patches) -> None:
    """8-bit grey to 8-bit sRGB: the gamut's edge by table, the rest by OpenCV's Lab, single pixels by search."""
    a, b = ab
    excess = _excess(grey, a, b)
    hard = np.isnan(excess)
    hard |= _lemon(grey, a, b)
    kept = ab[:, hard]
    np.fmax(excess, np.float32(1), out=excess)
    ab /= excess
    lab = cv2.merge([_grey_lookup(grey, tables.grey_lightness(SRGB, 255)), a, b])
    cv2.cvtColor(lab, cv2.COLOR_Lab2RGB, dst=lab)
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
        if self._count > _STRIP_PIXELS // 4 or len(self._waiting) > 64:
            self.finish()

    def finish(self) -> None:
        if not self._waiting:
            return
        grey = np.concatenate([patch[2] for patch in self._waiting])
        colour = np.empty((1, grey.size, 3), np.uint8)
        ab = np.concatenate([patch[3] for patch in self._waiting], 1)
        _merge_exactly(colour, grey[None], ab[:, None], SRGB)
        start = 0
        for out, where, strip, _ in self._waiting:
            out[where] = colour[0, start : start + strip.size]
            start += strip.size
        self._waiting, self._count = [], 0
