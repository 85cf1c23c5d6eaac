"""Find the black frame around pictures on film and plates: what lies in it is no damage of a picture.

In:  lightness as it is coded, (H, W) float32, [0, 1]
Out: where the frame is; which connected places are part of it
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

_BLACK = 0.2  # of [0, 1]: what is darker may be a frame
_BAR = 0.4  # of a side: how long the pieces of a frame are, which may be torn
_BAND, _AROUND = 0.08, 0.75  # of a side: how near it a frame lies, and along how much of it
_RIM = 0.06  # of a side: how near the photo's rim what is light in the frame lies
_INSIDE = 0.5  # share of a place, or of what is around it, that is frame


def film_frame(plane: Plane) -> Mask | None:
    """Where a black frame is that goes around a picture, or around several; None where there is none.

    Args:
        plane: (H, W), [0, 1].
    """
    height, width = plane.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats((plane < _BLACK).astype(np.uint8), connectivity=8)
    bars = (stats[:, cv2.CC_STAT_WIDTH] >= _BAR * width) | (stats[:, cv2.CC_STAT_HEIGHT] >= _BAR * height)
    down, right = (max(1, int(_BAND * side)) for side in plane.shape)
    outer = labels.copy()
    outer[down:-down, right:-right] = 0  # a long scratch is within
    bars[np.setdiff1d(np.arange(len(bars)), outer)] = False
    bars[0] = False
    frame = bars[labels]
    return np.asarray(frame) if _goes_around(frame) else None


def _goes_around(frame: Mask) -> bool:
    """Whether it lies along all four sides."""
    down, right = (max(1, int(_BAND * side)) for side in frame.shape)
    bands = (frame[:down].any(0), frame[-down:].any(0), frame[:, :right].any(1), frame[:, -right:].any(1))
    return min(float(band.mean()) for band in bands) >= _AROUND


def in_frame(plane: Plane, labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Which places are bars of a frame, or marks on it: rims of perforations, numbers, its outer edge.

    Args:
        plane: (H, W), [0, 1].
        labels: (H, W), each place's number, from 1 on; 0 for none.
        count: of the places.

    Returns:
        (count,)
    """
    frame = film_frame(plane)
    if frame is None or not count:
        return np.zeros(count, bool)
    height, width = plane.shape
    kernel = np.ones((5, 5), np.uint8)
    beside = cv2.dilate(frame.astype(np.uint8), kernel) > 0
    at = np.flatnonzero(labels)
    of = labels.ravel()[at] - 1
    area = np.bincount(of, minlength=count)
    share, near = (np.bincount(of, one.ravel()[at], count) / area for one in (frame, beside))
    rows, columns = np.divmod(at, width)
    rim = np.minimum(np.minimum(rows, height - 1 - rows) / height, np.minimum(columns, width - 1 - columns) / width)
    outside = np.bincount(of, rim < _RIM, count) / area > _INSIDE
    return (share > _INSIDE) | ((near > _INSIDE) & outside)
