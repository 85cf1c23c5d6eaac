"""Where a shot has become another without a cut: a dissolve, a wipe.

In:  neighbors' lightness at a small size, and the motion between them
Out: whether what is seen now is another scene than a moment ago

From one frame to the next a dissolve changes little, and its motion seems to be believable. So what was seen some
frames ago is carried along the motion: within a shot it stays like what is seen, however a lamp flickers. Black frames
and blanks, to which and from which no motion can be found, are passed over.
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
_YOUNGEST = 4  # frames that one is carried, at least, before it tells anything
_KNOWN = 0.3  # of its place, whether it is still in the picture and its motion is believed
_LEAST = 0.3  # share of such places, below which it tells nothing
_ALIKE = 0.75  # correlation: within shots it is 0.8 to 1, with grain, lamps and people, too
_BLANK = 2.0  # levels of spread, below which nothing is to be seen
_FLAT = 6.0  # levels of spread: a scene of one tone is like none


class Dissolves:
    """Says where a scene has gone.

    Args:
        carried: of an earlier one, by which it goes on.
        blank: likewise: its last frame was one.
    """

    def __init__(self, carried: Sequence[tuple[int, Plane, Plane]] = (), blank: bool = False) -> None:
        self._carried = list(carried)  # age, levels, and how well each place is known
        self._blank = blank

    def kept(self) -> Dissolves:
        """As it is now; this one goes on."""
        return Dissolves(self._carried, self._blank)

    def begin(self, grey: Grey) -> None:
        """A shot begins."""
        self._carried = [(0, np.asarray(grey, np.float32), np.ones(grey.shape, np.float32))]
        self._blank = bool(grey.std() < _BLANK)

    def gone(self, grey: Grey, motion: Motion) -> bool:
        """Whether the next frame is another scene.

        Args:
            grey: of the next frame.
            motion: to it.
        """
        if not self._carried:
            self.begin(grey)
            return False
        blank = bool(grey.std() < _BLANK)
        stays, self._blank = blank or self._blank, blank
        self._carried = [self._onward(*item, None if stays else motion) for item in self._carried]
        now = np.asarray(grey, np.float32)
        told = (_alike(plane, now, known > _KNOWN) for age, plane, known in self._carried if age >= _YOUNGEST)
        alike = next((value for value in told if value is not None), 1.0)  # of the oldest that can still be compared
        if self._carried[-1][0] >= _EVERY and not blank:
            fresh = (0, np.asarray(grey, np.float32), np.ones(grey.shape, np.float32))
            self._carried = [*self._carried, fresh][-_CARRIED:]
        return alike < _ALIKE

    @staticmethod
    def _onward(age: int, plane: Plane, known: Plane, motion: Motion | None) -> tuple[int, Plane, Plane]:
        if motion is None:
            return age + 1, plane, known
        known = np.clip(np.asarray(moved(known, motion.back)), 0, 1) * motion.sure
        return age + 1, np.asarray(moved(plane, motion.back)), np.asarray(known, np.float32)

    def to_bytes(self) -> bytes:
        """As a segment's file keeps it."""
        file = io.BytesIO()
        ages = np.array([age for age, _, _ in self._carried])
        planes = np.array([plane for _, plane, _ in self._carried], np.float32)
        knowns = np.array([known for _, _, known in self._carried], np.float32)
        np.savez(file, ages=ages, planes=planes, knowns=knowns, blank=np.array(self._blank))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Dissolves:
        """The way back."""
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            carried = zip(found["ages"].tolist(), found["planes"], found["knowns"], strict=True)
            return cls(list(carried), bool(found["blank"]))


def _alike(one: Plane, two: Plane, known: NDArray[np.bool_]) -> float | None:
    """The correlation of two pictures; None where too little of them is known, or to be seen."""
    if known.mean() < _LEAST:
        return None
    one, two = one[known] - one[known].mean(), two[known] - two[known].mean()
    spread = float(np.sqrt((one * one).mean() * (two * two).mean()))
    return float((one * two).mean()) / spread if spread > _FLAT**2 else None
