"""How a film's picture moves from one frame to the next, and how far that can be believed.

In:  two frames' lightness at a small size, uint8
Out: dense optical flow both ways, pixels; confidence, [0, 1]

Source: Kroeger and others 2016, Fast Optical Flow using Dense Inverse Search, as OpenCV has it; the check forth and
back is Sundaram, Brox and Keutzer's, 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Grey = NDArray[np.uint8]

SHORT_SIDE = 128  # pixels at which motion is looked for: color is known no finer than that
_SMALLEST = 32  # below it DIS finds nothing
_TURN_BACK = (0.01, 0.5)  # of the squared motion, and squared pixels: how far forth and back may be apart
_LIKE = 24.0  # levels by which a place may differ from where it came from, lighting and grain left out


@dataclass(frozen=True)
class Motion:
    """From one frame to the next.

    Attributes:
        back: for each place of the later frame, where it was in the earlier one, (h, w, 2), pixels.
        forth: for each place of the earlier frame, where it is in the later one.
        sure: of the later frame's places, [0, 1]: whether `back` can be believed.
        sure_before: of the earlier frame's.
        residual: mean difference of what moved, levels of 255, lighting left out.
    """

    back: Plane
    forth: Plane
    sure: Plane
    sure_before: Plane
    residual: float


def small_grey(lightness: Plane) -> Grey:
    """Lightness, (H, W), [0, 100], as motion is looked for in it."""
    height, width = lightness.shape
    scale = min(1.0, SHORT_SIDE / min(height, width))
    size = (max(_SMALLEST, round(width * scale)), max(_SMALLEST, round(height * scale)))
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(np.rint(np.clip(small * 2.55, 0, 255)), np.uint8)


class MotionFinder:
    """Finds motion; one for each thread."""

    def __init__(self) -> None:
        self._dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def between(self, earlier: Grey, later: Grey) -> Motion:
        """The motion between two neighbors, of one size."""
        one, two = _even(earlier, later)
        forth = np.asarray(self._dis.calc(one, two, None), np.float32)
        back = np.asarray(self._dis.calc(two, one, None), np.float32)
        unlike = cv2.absdiff(two, np.asarray(moved(one, back)))
        unlike_before = cv2.absdiff(one, np.asarray(moved(two, forth)))
        return Motion(
            back,
            forth,
            _sure(back, forth, unlike),
            _sure(forth, back, unlike_before),
            float(unlike.mean()),
        )


def moved(plane: NDArray[Any], flow: Plane) -> NDArray[Any]:
    """A plane, (h, w) or (h, w, C), as it looks where each place takes what lies at its place plus `flow`."""
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32) + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    way = cv2.INTER_LINEAR if plane.dtype == np.uint8 else cv2.INTER_CUBIC
    return np.asarray(cv2.remap(plane, x, y, way, borderMode=cv2.BORDER_REPLICATE))


def at_size(flow: Plane, size: tuple[int, int]) -> Plane:
    """A flow for planes of another size, (h, w)."""
    height, width = flow.shape[:2]
    small = cv2.resize(flow, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small * np.array((size[1] / width, size[0] / height), np.float32))


def _even(earlier: Grey, later: Grey) -> tuple[Grey, Grey]:
    """Both with the same mean and spread: a flickering lamp moves nothing."""
    (m1, s1), (m2, s2) = ((float(p.mean()), float(p.std())) for p in (earlier, later))
    gain = 1.0 if min(s1, s2) < 2 else min(1.5, max(0.67, s1 / s2))
    if abs(m1 - m2) < 0.5 and abs(gain - 1) < 0.01:
        return earlier, later
    return earlier, np.rint(np.clip((later - m2) * gain + m1, 0, 255)).astype(np.uint8)


def _sure(flow: Plane, other: Plane, unlike: NDArray[Any]) -> Plane:
    there = moved(other, flow)
    apart = np.square(flow + there).sum(2)
    long = np.square(flow).sum(2) + np.square(there).sum(2)
    sure = np.exp(-apart / (2 * (_TURN_BACK[0] * long + _TURN_BACK[1])))
    smooth = cv2.blur(unlike.astype(np.float32), (5, 5))
    sure *= np.exp(-0.5 * np.square(smooth / _LIKE))
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    to = (x + flow[..., 0], y + flow[..., 1])
    inside = (to[0] >= -1) & (to[0] <= width) & (to[1] >= -1) & (to[1] <= height)
    return np.asarray(sure * inside, np.float32)
