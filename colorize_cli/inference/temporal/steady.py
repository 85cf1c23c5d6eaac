"""Color that holds still: what a network says of some frames of a shot, carried to all of them along the motion.

In:  a stretch of one shot: the motion between its frames; ab of its key frames, (2, h, w), Lab units
Out: ab of each frame, (2, h, w)

Forward in time, each place keeps the mean of what was said of it so far: carried along, weighed by how far the motion
can be believed, and mixed with each key frame's, as much as that counts. The same is done backward, and both are joined
by their weights. At the start of a stretch that goes on with a shot the backward mean fades in, so that nothing jumps
there. Frames that fade to black get the scene's colors with less chroma: see `exposures`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.inference.temporal.exposures import Exposure, Exposures
from colorize_cli.inference.temporal.motion import Motion, at_size, moved

Plane = NDArray[np.float32]

KEY_EVERY = 4  # frames from one key frame to the next
AT_FIRST = 2  # likewise where a shot begins: a few of them are more or less colorful than all are, by chance
COVERED = 0.85  # share of the picture that must have been carried along; else the frame is a key frame, too
_CARRIED = 0.3  # weight from which a place has been
_MOST = 4.0  # frames that a mean weighs as much as at most: what moves slowly out of date goes
_FADE = 0.97  # of the weight, each frame
_FADE_IN = 16  # frames
_MOST_LIFT = 1.25
_GAIN = (0.8, 1.25)  # by how much a key frame's chroma is brought to the shot's mean, at most


@dataclass(frozen=True)
class Carried:
    """What the next stretch of a shot is told of the one before.

    Attributes:
        ab: the forward mean at its last frame, (2, h, w).
        weight: of each place, (h, w).
        chroma: mean chroma of the shot's key frames so far, Lab units.
        keys: how many they were, each by how much it counts.
        lift: factor on the chroma at its last frame.
        meant: how its frames are meant to be exposed.
    """

    ab: Plane
    weight: Plane
    chroma: float
    keys: float
    lift: float
    meant: Exposure

    def to_bytes(self) -> bytes:
        """As a segment's file keeps it."""
        file = io.BytesIO()
        shot = (self.chroma, self.keys, self.lift, self.meant.gain, self.meant.contrast, self.meant.frames)
        np.savez(file, ab=self.ab, weight=self.weight, shot=np.array(shot))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Carried:
        """The way back."""
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            chroma, keys, lift, gain, contrast, frames = found["shot"].tolist()
            meant = Exposure(gain, contrast, int(frames))
            return cls(found["ab"], found["weight"], chroma, keys, lift, meant)


class KeyFrames:
    """Says which frames of a stretch the network is asked for, one after the other; its last one is, too."""

    def __init__(self) -> None:
        self._since, self._covered = 0, np.ones((), np.float32)

    def next(self, motion: Motion | None, begins: bool = False) -> bool:
        """Whether the next frame is one.

        Args:
            motion: to it from the frame before; None begins a shot.
            begins: the stretch begins a shot.
        """
        self._since += 1
        thin = motion is None
        if motion is not None:
            before = np.broadcast_to(self._covered, motion.sure.shape).astype(np.float32)
            self._covered = np.clip(np.asarray(moved(before, motion.back)), 0, 1) * motion.sure
            thin = float((self._covered > _CARRIED).mean()) < COVERED
        if thin or self._since >= (AT_FIRST if begins else KEY_EVERY):
            self._since, self._covered = 0, np.ones((), np.float32)
            return True
        return False


def steady(
    motions: Sequence[Motion], keys: Mapping[int, Plane], seen: Exposures, before: Carried | None
) -> tuple[list[Plane], Carried]:
    """Carry key frames' colors to all frames of a stretch.

    Args:
        motions: to each frame from the one before; one less than frames where the stretch begins a shot.
        keys: ab of key frames by their number, (2, h, w).
        seen: how much is to be seen in each frame.
        before: what was known at the end of the stretch before; None where this one begins a shot.

    Returns:
        ab of each frame, (2, h, w); what the next stretch of the shot is told.
    """
    count = len(seen.scales)
    evened, chroma, told = _evened(keys, seen.votes, before)
    size = next(iter(evened.values())).shape[1:]
    backs = [(at_size(m.back, size), _shrunk(m.sure, size)) for m in motions]
    forths = [(at_size(m.forth, size), _shrunk(m.sure_before, size)) for m in motions]
    shift = 0 if before is not None else 1
    state = _Mean(size) if before is None else _Mean(size, before.ab, before.weight)
    forward = list[tuple[Plane, Plane]]()
    for number in range(count):
        if number >= shift:
            state.carry(*backs[number - shift])
        if number in evened:
            state.add(evened[number], seen.votes[number])
        forward.append((state.ab, state.weight))
    ended = (state.ab, state.weight)
    state, done = _Mean(size), list[Plane]()
    for number in reversed(range(count)):
        if number < count - 1:
            state.carry(*forths[number + 1 - shift])
        fade = 1.0 if before is None else min(1.0, number / _FADE_IN)
        done.append(_joined(forward.pop(), (state.ab, state.weight * np.float32(fade))))
        if number in evened:
            state.add(evened[number], seen.votes[number])
    lifted, lift = _lifted(done[::-1], keys, seen, before)
    return lifted, Carried(*ended, chroma, told, lift, seen.meant)


def _chroma(ab: Plane) -> float:
    return float(np.hypot(ab[0], ab[1]).mean())


def _colorful(ab: Plane) -> float:
    """How colorful a frame is, Lab units: Hasler and Suesstrunk's measure, 2003, of ab."""
    return float(np.hypot(ab[0].std(), ab[1].std()) + 0.3 * np.hypot(ab[0].mean(), ab[1].mean()))


def _lifted(
    colors: list[Plane], keys: Mapping[int, Plane], seen: Exposures, before: Carried | None
) -> tuple[list[Plane], float]:
    """Frames as colorful as the key frames were: means are less so than what they are of. Also the last's factor."""
    numbers = sorted(keys)
    spans = np.bincount(_nearest(numbers, len(colors)), minlength=len(keys)) * seen.votes[numbers]
    keyed = float(np.average([_colorful(keys[number]) for number in numbers], weights=spans))
    meant = float(np.average([_colorful(ab) for ab in colors], weights=seen.votes))
    lift = max(1.0, min(_MOST_LIFT, keyed / max(meant, 0.1)))
    steps = np.linspace(lift if before is None else before.lift, lift, len(colors) + 1, dtype=np.float32)[1:]
    for ab, step in zip(colors, steps * seen.scales, strict=True):
        ab *= step  # in place: there are many
    return colors, lift


def _nearest(numbers: Sequence[int], count: int) -> NDArray[np.intp]:
    """For each of so many frames, which of the numbered ones is nearest."""
    apart = np.abs(np.subtract.outer(np.arange(count), np.asarray(numbers)))
    return np.asarray(apart.argmin(1))


def _evened(keys: Mapping[int, Plane], votes: Plane, before: Carried | None) -> tuple[dict[int, Plane], float, float]:
    """Key frames with their chroma brought half-way to the shot's mean, that mean, and of how many frames it is."""
    own = {number: _chroma(ab) for number, ab in keys.items()}
    told = float(sum(votes[number] for number in keys)) + (before.keys if before else 0.0)
    summed = sum(float(votes[number]) * chroma for number, chroma in own.items())
    chroma = (summed + (before.chroma * before.keys if before else 0.0)) / told
    low, high = _GAIN
    gains = {number: min(high, max(low, (chroma / max(value, 0.1)) ** 0.5)) for number, value in own.items()}
    # the strong ones lose more than the weak ones gain
    back = summed / max(sum(float(votes[number]) * gains[number] * own[number] for number in own), 0.1 * told)
    gains = {number: gain * back for number, gain in gains.items()}
    return {number: np.asarray(ab * np.float32(gains[number]), np.float32) for number, ab in keys.items()}, chroma, told


class _Mean:
    """The mean of what was said of each place, with its weight in frames."""

    def __init__(self, size: tuple[int, ...], ab: Plane | None = None, weight: Plane | None = None) -> None:
        self.ab = np.zeros((2, *size), np.float32) if ab is None else ab
        self.weight = np.zeros(size, np.float32) if weight is None else weight

    def carry(self, flow: Plane, sure: Plane) -> None:
        """Go on to the next frame."""
        self.ab = np.ascontiguousarray(np.asarray(moved(self.ab.transpose(1, 2, 0), flow)).transpose(2, 0, 1))
        weight = np.clip(np.asarray(moved(self.weight, flow)), 0, _MOST)
        self.weight = np.asarray(weight * sure * np.float32(_FADE), np.float32)

    def add(self, ab: Plane, vote: float) -> None:
        """Mix with what the network says of this frame, which counts that much."""
        whole = self.weight + np.float32(vote)
        self.ab = np.asarray((self.ab * self.weight + ab * np.float32(vote)) / whole, np.float32)
        self.weight = np.minimum(whole, np.float32(_MOST))


def _joined(one: tuple[Plane, Plane], other: tuple[Plane, Plane]) -> Plane:
    """The mean of two by their weights; places that neither knows take their color from those around."""
    weight = one[1] + other[1]
    total = one[0] * one[1] + other[0] * other[1]
    ab = total / np.maximum(weight, 1e-3)
    known, around = np.clip(weight / _CARRIED, 0, 1), 1.0
    while known.min() < 0.95 and around < max(weight.shape):
        around *= 2
        spread = cv2.GaussianBlur(weight, (0, 0), around, borderType=cv2.BORDER_REPLICATE)
        colors = np.stack([cv2.GaussianBlur(p, (0, 0), around, borderType=cv2.BORDER_REPLICATE) for p in total])
        fresh = np.clip(spread / _CARRIED, 0, 1)
        ab = ab * known + colors / np.maximum(spread, 1e-3) * (1 - known)
        known = np.maximum(known, fresh)
    return np.asarray(ab, np.float32)


def _shrunk(plane: Plane, size: tuple[int, ...]) -> Plane:
    return np.asarray(cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32)
