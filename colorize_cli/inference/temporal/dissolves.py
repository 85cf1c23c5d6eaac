"""Where a shot has become another without a cut: a dissolve, a wipe.

In:  neighbors' lightness at a small size, and the motion between them
Out: whether what is seen now is another scene than a moment ago

From one frame to the next a dissolve changes little, and its motion seems to be believable. So what was seen some
frames ago is carried along the motion: within a shot it stays like what is seen, however a lamp flickers.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from colorize_cli.inference.temporal.motion import Grey, Motion, moved

Plane = NDArray[np.float32]

_EVERY = 8  # frames from one that is carried along to the next
_CARRIED = 5  # of them at once
_YOUNGEST = 4  # frames that the oldest one is carried, at least, before it tells anything
_KNOWN = 0.3  # of its place, whether it is still in the picture and its motion is believed
_LEAST = 0.3  # share of such places, below which it tells nothing
_ALIKE = 0.75  # correlation: within shots it is 0.8 to 1, with grain, lamps and people, too
_FLAT = 6.0  # levels of spread: a scene of one tone is like none


class Dissolves:
    """Says where a scene has gone.

    Args:
        carried: of an earlier one, by which it goes on.
    """

    def __init__(self, carried: Sequence[tuple[int, Plane, Plane]] = ()) -> None:
        self._carried = list(carried)  # age, levels, and how well each place is known

    def kept(self) -> Dissolves:
        """As it is now; this one goes on."""
        return Dissolves(self._carried)

    def begin(self, grey: Grey) -> None:
        """A shot begins."""
        self._carried = [(0, np.asarray(grey, np.float32), np.ones(grey.shape, np.float32))]

    def gone(self, grey: Grey, motion: Motion) -> bool:
        """Whether the next frame is another scene.

        Args:
            grey: of the next frame.
            motion: to it.
        """
        if not self._carried:
            self.begin(grey)
            return False
        self._carried = [
            (age + 1, np.asarray(moved(plane, motion.back)), np.clip(moved(known, motion.back), 0, 1) * motion.sure)
            for age, plane, known in self._carried
        ]
        age, oldest, known = self._carried[0]
        gone = age >= _YOUNGEST and _unlike(oldest, np.asarray(grey, np.float32), known > _KNOWN)
        if self._carried[-1][0] >= _EVERY:
            fresh = (0, np.asarray(grey, np.float32), np.ones(grey.shape, np.float32))
            self._carried = [*self._carried, fresh][-_CARRIED:]
        return gone

    def to_bytes(self) -> bytes:
        """As a segment's file keeps it."""
        file = io.BytesIO()
        ages = np.array([age for age, _, _ in self._carried])
        planes, knowns = ([item[k] for item in self._carried] for k in (1, 2))
        np.savez(file, ages=ages, planes=np.array(planes, np.float32), knowns=np.array(knowns, np.float32))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Dissolves:
        """The way back."""
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            return cls(list(zip(found["ages"].tolist(), found["planes"], found["knowns"], strict=True)))


def _unlike(one: Plane, two: Plane, known: NDArray[np.bool_]) -> bool:
    if known.mean() < _LEAST:
        return False
    one, two = one[known] - one[known].mean(), two[known] - two[known].mean()
    spread = float(np.sqrt((one * one).mean() * (two * two).mean()))
    return spread > _FLAT**2 and float((one * two).mean()) < _ALIKE * spread
