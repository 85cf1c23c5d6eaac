"""A shot's lightness without its grain: the mean of each place along the motion.

In:  L* of one frame after the other, as the network sees it, (h, w); the motion between them
Out: L* of each frame, (h, w): sharp, at that frame's exposure, with what changes by chance left out

The edges that color follows are looked for in it: in the frame itself grain would tint each pixel anew.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.inference.temporal.motion import Motion, at_size, moved

Plane = NDArray[np.float32]

_MOST = 6.0  # frames that the mean weighs as much as at most
_SURE = 0.5  # of the motion, for places by which exposures are compared
_LEAST = 0.02  # share of such places, below which they are not
_APART = 1.0  # L*, by which places differ from what was moved to them, at least, where that is another thing
_TIMES = 2.0  # as much as most places differ
_EVERY = 3  # rows and columns
_FLAT = 4.0  # variance of L*, squared units, below which nothing tells the contrast
_GAINS = (0.5, 2.0)


@dataclass(frozen=True)
class CalmLightness:
    """One frame's.

    Attributes:
        lightness: L*, (h, w), [0, 100].
        weight: of its places, frames, at the size of the motion; None where a shot begins.
    """

    lightness: Plane
    weight: Plane | None = None

    def followed_by(self, lightness: Plane, motion: Motion) -> CalmLightness:
        """The next frame's.

        Args:
            lightness: L* of that frame, of the same size.
            motion: from the one frame to the next.
        """
        size = (lightness.shape[0], lightness.shape[1])
        kept = np.ones_like(motion.sure) if self.weight is None else np.asarray(moved(self.weight, motion.back))
        weight = np.clip(kept, 0, _MOST) * motion.sure
        mean = _exposed(np.asarray(moved(self.lightness, at_size(motion.back, size))), lightness, motion.sure)
        mean -= lightness
        apart = np.abs(cv2.blur(mean, (3, 3)))  # grain is little in it; edges that were not moved quite right are
        usual = max(_APART, _TIMES * float(np.median(apart[::_EVERY, ::_EVERY])))
        mean *= cv2.resize(weight / (weight + 1), size[::-1], interpolation=cv2.INTER_LINEAR)
        mean *= np.exp(-0.5 * np.square(apart / usual))
        mean += lightness
        return CalmLightness(mean, np.asarray(weight + 1, np.float32))

    def to_bytes(self) -> bytes:
        """As a segment's file keeps it: at half precision."""
        file = io.BytesIO()
        weight = np.zeros((0, 0), np.float32) if self.weight is None else self.weight
        np.savez(file, lightness=self.lightness.astype(np.float16), weight=weight)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> CalmLightness:
        """The way back."""
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            weight = found["weight"]
            return cls(np.asarray(found["lightness"], np.float32), weight if weight.size else None)

    def rounded(self) -> CalmLightness:
        """As it comes back from a file: a run that goes on there does what one does that was not stopped."""
        return CalmLightness.from_bytes(self.to_bytes())


def _exposed(before: Plane, now: Plane, sure: Plane) -> Plane:
    """What was before, as bright and with as much contrast as what is now: a lamp that flickers makes no edges."""
    some = (slice(None, None, _EVERY), slice(None, None, _EVERY))
    one, two = before[some], now[some]
    known = cv2.resize(sure, one.shape[::-1], interpolation=cv2.INTER_NEAREST) > _SURE
    if known.mean() < _LEAST:
        return before
    one, two = one[known], two[known]
    means, spread = (float(one.mean()), float(two.mean())), float(one.var())
    # by what both have in common: grain, which only one of them has, adds to the other's variance alone
    gain = float(((one - means[0]) * (two - means[1])).mean()) / spread if spread > _FLAT else 1.0
    low, high = _GAINS
    gain = min(high, max(low, gain))
    before -= np.float32(means[0])
    before *= np.float32(gain)
    before += np.float32(means[1])
    return before
