"""A film's frames in stretches of one shot each, with the color that they are given.

In:  frames' pixels as they come; the network
Out: `Stretch`es of at most `LONGEST` frames; `ShotState`, from which the next stretch goes on, also in another run

Memory is that of one stretch at the size at which the network sees it, however long the film is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import SRGB
from colorize_cli.color.tint import Kind, own_color
from colorize_cli.inference.geometry import reduced_lightness
from colorize_cli.inference.option_values import OnColor
from colorize_cli.inference.predictor import Predictor, Request
from colorize_cli.inference.temporal.calm_lightness import CalmLightness
from colorize_cli.inference.temporal.cuts import Cuts
from colorize_cli.inference.temporal.dissolves import Dissolves
from colorize_cli.inference.temporal.exposures import Exposure, compared, gain_between
from colorize_cli.inference.temporal.motion import Grey, Motion, MotionFinder, small_grey
from colorize_cli.inference.temporal.steady import Carried, KeyFrames, steady

Plane = NDArray[np.float32]

LONGEST = 96  # frames of a stretch
_AT_ONCE = 16  # key frames that the network is asked for
_FLAT = 2.0  # levels of spread: a frame of one tone says nothing of whether a shot has color


@dataclass(frozen=True)
class Shown:
    """One frame as it is looked at.

    Attributes:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        time: when it is shown, in units of the film's time base.
        turn: quarter turns, counter-clockwise, by which a player shows it.
    """

    pixels: NDArray[Any]
    time: int
    turn: int


@dataclass(frozen=True)
class Stretch:
    """Frames of one shot that follow each other.

    Attributes:
        times: when each is shown.
        colors: ab of each, (2, h, w), Lab units; empty where the shot is left as it is, since it has color.
        calm: L* of each as the network sees it, without the grain, half precision; likewise.
        keeps: regions of it have color of their own, which stays.
        begins: it begins a shot.
        last: nothing comes after it.
        state: what the next one has to know.
    """

    times: tuple[int, ...]
    colors: tuple[Plane, ...]
    calm: tuple[NDArray[np.float16], ...]
    keeps: bool
    begins: bool
    last: bool
    state: ShotState


@dataclass(frozen=True)
class ShotState:
    """What is known at the end of a stretch.

    Attributes:
        grey: its last frame, small.
        usual: how much neighbors differed of late.
        gone: by what it is seen that the scene becomes another.
        calm: the lightness there, without the grain.
        carried: colors and weights there; None where the shot is left as it is.
        keeps: regions of the shot keep their color.
    """

    grey: Grey
    usual: tuple[float, ...]
    gone: Dissolves
    calm: CalmLightness
    carried: Carried | None
    keeps: bool

    def to_bytes(self) -> bytes:
        """As a segment's file keeps it."""
        file = io.BytesIO()
        carried = b"" if self.carried is None else self.carried.to_bytes()
        parts = {"gone": self.gone.to_bytes(), "calm": self.calm.to_bytes(), "carried": carried}
        planes = [np.frombuffer(data, np.uint8) for data in parts.values()]
        usual, keeps = np.array(self.usual), np.array(self.keeps)
        np.savez(file, self.grey, usual, keeps, *planes)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> ShotState:
        """The way back."""
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            grey, usual, keeps, gone, calm, own = (found[f"arr_{n}"] for n in range(6))
            carried = Carried.from_bytes(own.tobytes()) if own.size else None
            looked = CalmLightness.from_bytes(calm.tobytes())
            return cls(grey, tuple(usual.tolist()), Dissolves.from_bytes(gone.tobytes()), looked, carried, bool(keeps))


@dataclass
class _Seen:
    """A frame that waits for its stretch to end.

    Attributes:
        time, turn: as of `Shown`.
        kind: of its color; None where that was not looked at.
        exposure: how much is to be seen in it.
        calm: L* as the network sees it, but without the grain, half precision.
        lightness: with it; None where the network is not asked.
    """

    time: int
    turn: int
    kind: Kind | None
    exposure: Exposure
    calm: NDArray[np.float16]
    lightness: NDArray[np.float16] | None


class Shots:
    """Gives a film's frames color, stretch by stretch.

    Args:
        predictor: the network.
        on_color: what becomes of shots that have color of their own.
        vividness: as `Predictor.predict` takes it.
        on_frame: called after each frame that was looked at; it may raise to stop.
    """

    def __init__(
        self,
        predictor: Predictor,
        on_color: OnColor,
        vividness: float | None,
        on_frame: Callable[[], None] = lambda: None,
    ) -> None:
        self.predictor, self.on_color, self.vividness, self.on_frame = predictor, on_color, vividness, on_frame
        self._finder = MotionFinder()

    def stretches(self, frames: Iterable[Shown], state: ShotState | None = None) -> Iterator[Stretch]:
        """All stretches of a film.

        Args:
            frames: from its start; or from the end of the stretch that `state` is of.
            state: what was known there.
        """
        cuts, dissolves = Cuts(state.usual if state else ()), state.gone.kept() if state else Dissolves()
        grey, seen, motions, begins = state.grey if state else None, list[_Seen](), list[Motion](), state is None
        calm, keys, is_key = state.calm if state else None, KeyFrames(), True
        for frame in frames:
            lightness, kind = self._looked_at(frame)
            small = small_grey(lightness)
            motion = None if grey is None or grey.shape != small.shape else self._finder.between(grey, small)
            gone = dissolves.kept()
            cut = motion is None or grey is None or cuts.between(grey, small, motion)
            cut = cut or motion is not None and dissolves.gone(small, motion)
            if cut:
                dissolves.begin(small)
            if seen and (cut or len(seen) >= LONGEST):
                assert grey is not None and calm is not None
                calm = calm.rounded()
                stretch = self._colored(seen, motions, begins, state, (grey, cuts.usual, gone, calm), last=False)
                yield stretch
                state, seen, motions, begins, keys = stretch.state, [], [], cut, KeyFrames()
            elif not seen:
                begins = begins or cut
            first = begins and not seen
            if motion is not None and not first:
                motions.append(motion)
            if seen and not is_key:
                seen[-1].lightness = None
            is_key = keys.next(None if first else motion, begins)
            if calm is None or motion is None or cut or calm.lightness.shape != lightness.shape:
                calm = CalmLightness(lightness)
            else:
                calm = calm.followed_by(lightness, motion)
            gain = 1.0 if motion is None or grey is None or first else gain_between(grey, small, motion)
            exposure = Exposure(gain, float(lightness.std()))
            grey, planes = small, (plane.astype(np.float16) for plane in (calm.lightness, lightness))
            seen.append(_Seen(frame.time, frame.turn, kind, exposure, *planes))
            self.on_frame()
        if seen and grey is not None and calm is not None:
            yield self._colored(seen, motions, begins, state, (grey, cuts.usual, dissolves, calm), last=True)

    def _looked_at(self, frame: Shown) -> tuple[Plane, Kind | None]:
        """A frame's L* as the network sees it, and the kind of its color."""
        pixels = frame.pixels
        height, width = pixels.shape[:2]
        lightness = reduced_lightness(pixels, self.predictor.view(height, width), SRGB)
        kind = None
        if self.on_color is not OnColor.recolor and float(lightness.std()) > _FLAT:
            kind = own_color(pixels).kind
        return lightness, kind

    def _colored(
        self,
        seen: list[_Seen],
        motions: list[Motion],
        begins: bool,
        state: ShotState | None,
        end: tuple[Grey, tuple[float, ...], Dissolves, CalmLightness],
        last: bool,
    ) -> Stretch:
        times = tuple(frame.time for frame in seen)
        if begins or state is None:
            kinds = [frame.kind for frame in seen if frame.kind is not None]
            leaves = kinds.count(Kind.colored) * 2 > len(kinds)
            keeps = not leaves and Kind.regions in kinds and self.on_color is OnColor.keep_regions
            before = None
        else:
            leaves, keeps, before = state.carried is None, state.keeps, state.carried
        if leaves:
            return Stretch(times, (), (), False, begins, last, ShotState(*end, None, False))
        exposures = compared([frame.exposure for frame in seen], before.meant if before else None)
        colors, carried = steady(motions, self._told(seen), exposures, before)
        calm = tuple(frame.calm for frame in seen)
        return Stretch(times, tuple(colors), calm, keeps, begins, last, ShotState(*end, carried, keeps))

    def _told(self, seen: list[_Seen]) -> dict[int, Plane]:
        """What the network says of key frames, by their numbers; few are asked for at once, however many there are."""
        keys, told = [k for k, frame in enumerate(seen) if frame.lightness is not None], dict[int, Plane]()
        for start in range(0, len(keys), _AT_ONCE):
            some = [seen[k] for k in keys[start : start + _AT_ONCE]]
            planes = [np.rot90(np.asarray(frame.lightness, np.float32), frame.turn) for frame in some]
            answers = self.predictor.predict([Request(np.ascontiguousarray(p)) for p in planes], self.vividness)
            for key, frame, ab in zip(keys[start:], some, answers, strict=False):
                told[key] = np.ascontiguousarray(np.rot90(ab, -frame.turn, (1, 2)))
        return told
