"""How much is to be seen in each frame of a shot: fades, flashes and black frames tell little of a scene's colors.

In:  frames' lightness, and the motion between them
Out: by what each frame has less chroma than its scene, and how much counts what the network says of it

How bright a frame was exposed is told by what moved from the frame before: a pan from a window into a room is no fade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colorize_cli.inference.temporal.motion import Grey, Motion, moved

Floats = NDArray[np.float32]

_DIM = 0.5  # of the shot's exposure, below which chroma is less, too
_FLAT = 0.5  # of the shot's contrast, below which a frame tells less
_WHITE = 0.25  # more exposed than the shot is, a frame without contrast fades to white
_LEAST_VOTE = 0.003
_LEAST_CONTRAST = 3.0  # of a scene, L*: what has less is a blank
_SURE, _KNOWN = 0.5, 0.1  # of the motion; share of the picture of which it must be, else all is compared
_NEIGHBORS = 4  # frames on each side by which a lamp's flicker is told from a fade
_BLACK = 0.5  # levels that are added to what is compared
_REMEMBERED = 48  # frames of earlier stretches, at most, that say what is meant


@dataclass(frozen=True)
class Exposure:
    """A frame's, or the one that a shot is meant to have.

    Attributes:
        gain: a frame's brightness by that of the frame before; the meant one by that of the last frame so far.
        contrast: standard deviation of L*.
        frames: that it is of.
    """

    gain: float
    contrast: float
    frames: int = 1


def gain_between(earlier: Grey, later: Grey, motion: Motion) -> float:
    """How much brighter the later of two neighbors was exposed, small as motion is looked for."""
    known = motion.sure > _SURE
    if known.mean() < _KNOWN:
        known = np.ones_like(known)
    before = np.asarray(moved(earlier, motion.back))[known]
    return (float(later[known].mean()) + _BLACK) / (float(before.mean()) + _BLACK)


@dataclass(frozen=True)
class Exposures:
    """Those of a stretch.

    Attributes:
        scales: of each frame, the factor on its chroma, [0, 1]: what fades to black or white has less of it.
        votes: of each frame, how much counts what is said of it, (0, 1].
        meant: the shot's.
    """

    scales: Floats
    votes: Floats
    meant: Exposure


def compared(frames: Sequence[Exposure], before: Exposure | None = None) -> Exposures:
    """Compare a stretch's frames with what its shot is meant to be: as most frames are in which much is to be seen.

    Args:
        frames: of the stretch.
        before: what the shot was meant to be so far.
    """
    gains = np.asarray(np.cumprod([frame.gain for frame in frames]), np.float64)
    contrast = np.array([frame.contrast for frame in frames])
    known = [*frames, *([before] if before else [])]
    weights = np.array([frame.contrast**2 * frame.frames for frame in known])
    gain = _middle(np.array([*gains, *([before.gain] if before else [])]), weights)
    usual = max(_LEAST_CONTRAST, _middle(np.array([frame.contrast for frame in known]), weights))
    exposed = _steady(gains) / gain
    shares, seen = np.clip(exposed, 0, 1), np.clip(contrast / (_FLAT * usual), 0, 1)
    white = np.clip((exposed - 1) / _WHITE, 0, 1)
    votes = np.maximum(shares**4 * np.square(seen * (1 - white)), _LEAST_VOTE)
    scales = np.clip(shares / _DIM, 0, 1) * (1 - white * (1 - seen))
    counted = min(_REMEMBERED, sum(frame.frames for frame in known))
    meant = Exposure(float(gain / max(gains[-1], 1e-3)), usual, counted)
    return Exposures(scales.astype(np.float32), votes.astype(np.float32), meant)


def _steady(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without a lamp's flicker: the medians of neighbors, which leave what only rises or falls as it is."""
    span = min(_NEIGHBORS, (len(gains) - 1) // 2)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(gains, span, mode="edge"), 2 * span + 1)
    return np.asarray(np.median(around, 1))


def _middle(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The median, by weight."""
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(summed, summed[-1] / 2))])
