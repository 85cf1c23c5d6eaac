"""Where a film's shots begin.

In:  neighbors' lightness at a small size, and the motion between them
Out: whether there is a cut between the two
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from colorize_cli.inference.temporal.motion import Grey, Motion

_NONE = 0.25  # share of the picture whose motion can be believed, below which there is a cut: scenes share 0.02 to 0.15
_SOME = 0.75  # below it there is one if its tones are others, too; fast pans with grain have 0.4
_MORE = 1.2  # as much as in the frames before, neighbors differ at least on a cut, motion taken out: a blank has none
_APART = 8.0  # levels, where much of the picture's motion can be believed
_TIMES = 2.5  # as much as in the frames before
_OTHER = 0.35  # share of the histogram that is another's: with that, little motion that fits is chance
_REMEMBERED = 12
_BINS = 32


class Cuts:
    """Says where shots begin; it remembers how much neighbors differed of late, so that grain makes no cut.

    Args:
        usual: what an earlier one remembered.
    """

    def __init__(self, usual: Iterable[float] = ()) -> None:
        self._usual: deque[float] = deque(usual, maxlen=_REMEMBERED)

    @property
    def usual(self) -> tuple[float, ...]:
        """What it remembers."""
        return tuple(self._usual)

    def between(self, earlier: Grey, later: Grey, motion: Motion) -> bool:
        """Whether a shot ends with one frame and another begins with the next."""
        usual = float(np.median(self._usual)) if self._usual else 2.0
        sure = float(motion.sure.mean())
        if sure < _NONE:
            cut = motion.residual > _MORE * usual + 1
        else:
            apart = motion.residual > max(_APART, _TIMES * usual)
            cut = apart and sure < _SOME and _other_tones(earlier, later) > _OTHER
        if cut:
            self._usual.clear()
        else:
            self._usual.append(motion.residual)
        return cut


def _other_tones(earlier: Grey, later: Grey) -> float:
    """Share of one histogram, [0, 1], that is not in the other."""
    one, two = (np.histogram(plane, _BINS, (0, 256))[0] / plane.size for plane in (earlier, later))
    return float(np.abs(one - two).sum() / 2)
