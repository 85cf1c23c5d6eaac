"""Color at dissolves and flashes: that of what is seen, soon after, and none of what is gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.spaces import SRGB
from colorize_cli.inference.geometry import reduced_lightness
from colorize_cli.inference.predictor import Request
from colorize_cli.inference.temporal.dissolves import Dissolves
from colorize_cli.inference.temporal.motion import MotionFinder, small_grey
from tests.inference.test_temporal import Frame, Teller, colors, pan, stretches

BEFORE, LONG = 30, 40
DARK, LIGHT = (0.3, 10.0), (0.35, 150.0)  # contrast and brightness of two scenes, to which the network gives two colors


def scene(count: int, seed: int, look: tuple[float, float], still: bool) -> list[NDArray[np.float32]]:
    gain, level = look
    step = 0.0 if still else 1.5
    return [np.asarray(f * np.float32(gain) + level, np.float32) for f in pan(count, seed, 2.0, 0.0, step)]


def dissolved(length: int, still: bool) -> list[Frame]:
    """One scene that fades into another within so many frames."""
    one, two = scene(BEFORE + length, 1, DARK, still), scene(length + LONG, 2, LIGHT, still)
    mixed = [one[BEFORE + n] * (1 - (n + 1) / (length + 1)) + two[n] * ((n + 1) / (length + 1)) for n in range(length)]
    return [np.rint(np.clip(f, 0, 255)).astype(np.uint8) for f in (*one[:BEFORE], *mixed, *two[length:])]


def apart(frames: Sequence[Frame]) -> list[float]:
    """How far each frame's mean color is from what the network says of it alone, Lab units."""
    teller = Teller(0)
    found = colors(stretches(frames, teller))
    planes = [reduced_lightness(f, teller.view(*f.shape), SRGB) for f in frames]
    own = teller.predict([Request(plane) for plane in planes], None)
    return [float(np.abs(ab.mean((1, 2)) - alone.mean((1, 2))).max()) for ab, alone in zip(found, own, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("length", [6, 12, 24])
def test_after_a_dissolve_nothing_of_the_first_scene_s_color_is_left(length: int, still: bool) -> None:
    found = apart(dissolved(length, still))
    assert max(found[: BEFORE - 16]) < 2.5
    after = BEFORE + length
    assert max(found[after + 8 :]) < 1.5, np.round(found, 1)


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_a_flash_leaves_no_color_behind(frames: int) -> None:
    shown = scene(60, 1, DARK, still=False)
    for number in range(30, 30 + frames):
        shown[number] = shown[number] * 0.3 + 175
    found = apart([np.rint(np.clip(f, 0, 255)).astype(np.uint8) for f in shown])
    assert max(found[:26]) < 1.5 and max(found[30 + frames + 6 :]) < 1.5, np.round(found, 1)


def test_what_sees_a_dissolve_comes_back_from_bytes() -> None:
    frames = [small_grey(np.asarray(f / 2.55, np.float32)) for f in dissolved(12, still=True)]
    motions = [MotionFinder().between(a, b) for a, b in zip(frames, frames[1:], strict=False)]
    one = Dissolves()
    one.begin(frames[0])
    for frame, motion in zip(frames[1:32], motions[:31], strict=True):
        assert not one.gone(frame, motion)
    two, told = Dissolves.from_bytes(one.to_bytes()), []
    for frame, motion in zip(frames[32:50], motions[31:49], strict=True):
        told.append((one.gone(frame, motion), two.gone(frame, motion)))
    assert all(a == b for a, b in told) and any(a for a, _ in told)
