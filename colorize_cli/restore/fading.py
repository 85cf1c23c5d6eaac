"""Give a faded photo its range of tones back.

In:  lightness as it is coded, (H, W) float32, [0, 1]
Out: the two tones that become black and white; the plane with them

Margins and mounts say nothing of the picture's tones: rows and columns at the rim in which nothing changes are left
out. Nor does noise: the tones are those beneath it, and what it adds at either end is pressed together, not cut off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import reduced
from colorize_cli.restore.noise import denoise

Plane = NDArray[np.float32]
Tones = tuple[float, float]

FADED = 0.72  # of the range from black to white: photos that use more are not faded
_CLIPPED = 0.0005  # share of the picture's places that may become black, or white: half of what is promised
_SIDE = 1024  # pixels of the longer side of what is measured
_REAL = 0.5  # share of a photo's range of tones that is left without its noise; where less is, it is texture
_STILL = 0.02  # of [0, 1]: a row that varies less shows no picture
_MOST_MARGIN = 0.35  # of a side
_BLACK, _WHITE = 0.02, 0.98  # the tones that the darkest and lightest places get
_LAST = 0.006  # of [0, 1]: what is noise beyond them stays so far from either end
_STEEPEST = 4.0  # factor on contrast: beyond, grain and JPEG's blocks are what is seen


def _margin(variation: NDArray[np.float32]) -> int:
    most = int(len(variation) * _MOST_MARGIN)
    picture = np.flatnonzero(variation[:most] > _STILL)
    return int(picture[0]) if len(picture) else 0


def picture_part(plane: Plane) -> tuple[slice, slice]:
    """Leave out margins in which nothing changes.

    Args:
        plane: (H, W), [0, 1].

    Returns:
        Rows and columns of the picture within; all of them where there are no margins.
    """
    rows, columns = plane.std(1), plane.std(0)
    top, bottom = _margin(rows), len(rows) - _margin(rows[::-1])
    left, right = _margin(columns), len(columns) - _margin(columns[::-1])
    return slice(top, bottom), slice(left, right)


def thinned(plane: Plane) -> Plane:
    """Some of the places of a photo, about `_SIDE` a side, each as it is."""
    step = max(1, max(plane.shape) // _SIDE)
    return plane[::step, ::step]


def outer_tones(plane: Plane) -> Tones:
    """The tones that all but 0.05 % of a photo's places at either end lie between, margins and noise and all.

    Args:
        plane: (H, W), [0, 1].
    """
    low, high = np.quantile(thinned(plane), (_CLIPPED, 1 - _CLIPPED))
    return float(low), float(high)


def _inner_tones(plane: Plane) -> Tones:
    """The same of the picture within its margins."""
    part = plane[picture_part(plane)]
    return outer_tones(part if min(part.shape) >= 16 else plane)


def faded_tones(plane: Plane, noise: float = 0.0, most: float = FADED) -> Tones | None:
    """Find the darkest and the lightest tone of a faded photo.

    Args:
        plane: (H, W), [0, 1].
        noise: its noise's standard deviation, [0, 1].
        most: range of tones up to which a photo is faded.

    Returns:
        Both, [0, 1]; None where the photo is not faded.
    """
    low, high = _inner_tones(thinned(plane))
    if noise > 0:  # averages have less of it
        small = reduced(plane, _SIDE)
        beneath = _inner_tones(denoise(small, noise * max(small.shape) / max(plane.shape)))
        if beneath[1] - beneath[0] > _REAL * (high - low):
            low, high = beneath
    return (low, high) if _STILL <= high - low <= most else None


def stretched(plane: Plane, tones: Tones, outer: Tones | None = None) -> Plane:
    """Bring two tones to black and white, and all between them along.

    Args:
        plane: (H, W) or (H, W, n), [0, 1].
        tones: the darkest and the lightest.
        outer: what lies between these and the tones is pressed together, so that it is not cut off.

    Returns:
        The same shape, [0, 1]; what lies beyond is cut off.
    """
    low, high = tones
    slope = min((_WHITE - _BLACK) / (high - low), _STEEPEST)
    middle = (low + high) / 2
    target = min(max(middle, slope * (high - low) / 2 + _BLACK), _WHITE - slope * (high - low) / 2)
    out = plane * np.float32(slope) + np.float32(target - middle * slope)
    if outer is not None:
        half = slope * (high - low) / 2
        dark, light = target - half, target + half  # what the tones become
        toe = min(slope, (dark - min(_LAST, outer[0])) / max(low - outer[0], 1e-6))
        shoulder = min(slope, (max(1 - _LAST, outer[1]) - light) / max(outer[1] - high, 1e-6))
        if toe < slope:
            np.maximum(out, plane * np.float32(toe) + np.float32(dark - low * toe), out=out)
        if shoulder < slope:
            np.minimum(out, plane * np.float32(shoulder) + np.float32(light - high * shoulder), out=out)
    return np.asarray(np.clip(out, 0, 1), np.float32)
