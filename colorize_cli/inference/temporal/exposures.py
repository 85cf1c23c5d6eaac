"""How much is to be seen in each frame of a shot: fades, flashes and black frames tell little of a scene's colors.

In:  frames' L* as the network sees it, (h, w), [0, 100]
Out: by what each frame has less chroma than its scene, and how much counts what the network says of it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BRIGHT = 95  # percentile of L* that is a frame's brightness
_DIM = 0.5  # of the shot's brightness, below which chroma is less, too
_LEAST_VOTE = 0.003
_LEAST = (30.0, 3.0)  # brightness and contrast of a scene, L*: what has less is black, or a blank
_REMEMBERED = 48  # frames of earlier stretches, at most, that say what is meant


@dataclass(frozen=True)
class Exposure:
    """A frame's, or the one that a shot is meant to have.

    Attributes:
        bright: L* of its bright places.
        contrast: standard deviation of its L*.
        frames: that it is of.
    """

    bright: float
    contrast: float
    frames: int = 1

    @classmethod
    def of(cls, lightness: Floats) -> Exposure:
        """A frame's."""
        return cls(float(np.percentile(lightness[::2, ::2], _BRIGHT)), float(lightness.std()))


@dataclass(frozen=True)
class Exposures:
    """Those of a stretch.

    Attributes:
        scales: of each frame, the factor on its chroma, [0, 1]: what fades to black has less of it, as it is darker.
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
    known = [*frames, *([before] if before else [])]
    bright, contrast, spans = np.array([(frame.bright, frame.contrast, frame.frames) for frame in known]).T
    weights = np.square(contrast) * spans
    usual = [max(least, _middle(values, weights)) for values, least in zip((bright, contrast), _LEAST, strict=True)]
    meant = Exposure(usual[0], usual[1], min(_REMEMBERED, int(spans.sum())))
    bright, contrast = bright[: len(frames)], contrast[: len(frames)]
    shares = [np.clip(values / usual, 0, 1) for values, usual in ((bright, meant.bright), (contrast, meant.contrast))]
    votes = np.maximum(np.square(shares[0] * shares[1]), _LEAST_VOTE)
    scales = np.clip(shares[0] / _DIM, 0, 1)
    return Exposures(scales.astype(np.float32), votes.astype(np.float32), meant)


def _middle(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The median, by weight."""
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(summed, summed[-1] / 2))])
