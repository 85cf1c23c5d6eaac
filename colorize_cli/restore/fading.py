"""Give a faded photo its range of tones back.

In:  lightness as it is coded, (H, W) float32, [0, 1]
Out: the two tones that become black and white; the plane with them

Margins and mounts say nothing of the picture's tones: rows and columns at the rim in which nothing changes are left
out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Tones = tuple[float, float]

_FADED = 0.72  # of the range from black to white: photos that use more are not faded
_CLIPPED = 0.0005  # share of the picture's places that may become black, or white: half of what is promised
_SIDE = 1024  # pixels of the longer side of what is measured
_STILL = 0.02  # of [0, 1]: a row that varies less shows no picture
_MOST_MARGIN = 0.35  # of a side
_BLACK, _WHITE = 0.02, 0.98  # the tones that the darkest and lightest places get
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


def faded_tones(plane: Plane) -> Tones | None:
    """Find the darkest and the lightest tone of a faded photo.

    Args:
        plane: (H, W), [0, 1].

    Returns:
        Both, [0, 1]; None where the photo is not faded.
    """
    step = max(1, max(plane.shape) // _SIDE)
    part = plane[::step, ::step]
    inside = part[picture_part(part)]
    inside = inside if min(inside.shape) >= 16 else part
    low, high = (float(tone) for tone in np.quantile(inside, (_CLIPPED, 1 - _CLIPPED)))
    return (low, high) if _STILL <= high - low <= _FADED else None


def stretched(plane: Plane, tones: Tones) -> Plane:
    """Bring two tones to black and white, and all between them along.

    Args:
        plane: (H, W), [0, 1].
        tones: the darkest and the lightest.

    Returns:
        (H, W), [0, 1]; what lies beyond the tones is cut off.
    """
    low, high = tones
    slope = min((_WHITE - _BLACK) / (high - low), _STEEPEST)
    middle = (low + high) / 2
    target = min(max(middle, slope * (high - low) / 2 + _BLACK), _WHITE - slope * (high - low) / 2)
    return np.asarray(np.clip((plane - np.float32(middle)) * np.float32(slope) + np.float32(target), 0, 1), np.float32)
