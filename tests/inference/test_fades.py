"""Color in fades, blanks and flashes: that of the scene, as far as it is to be seen, and none of a scene before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.spaces import SRGB
from colorize_cli.inference.geometry import reduced_lightness
from colorize_cli.inference.predictor import Request
from colorize_cli.inference.temporal.exposures import Exposure, compared, gain_between
from colorize_cli.inference.temporal.motion import MotionFinder, small_grey
from tests.inference.test_dissolves import DARK, LIGHT, scene
from tests.inference.test_temporal import Frame, Teller, colors, stretches

Scene = list[NDArray[np.float32]]
FULL = (1.0, 0.0)  # contrast and brightness of a scene: as it is
RAMP, FADE = np.linspace(0, 1, 16), 16


def levels(frames: Sequence[NDArray[np.float32]]) -> list[Frame]:
    return [np.asarray(np.rint(np.clip(frame, 0, 255)), np.uint8) for frame in frames]


def faded_in(shown: Scene, black: int) -> Scene:
    """Black frames, then a scene that gets brighter."""
    dark = [frame * np.float32(share) for frame, share in zip(shown[black:], RAMP, strict=False)]
    return [*(frame * 0 for frame in shown[:black]), *dark, *shown[black + FADE :]]


def told(frames: Sequence[Frame]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Mean ab of each frame: as the film gets it, and what the network says of it alone."""
    teller = Teller(0)
    alone = teller.predict([Request(reduced_lightness(f, teller.view(*f.shape), SRGB)) for f in frames], None)
    film = colors(stretches(frames, Teller(0)))
    return [ab.mean((1, 2)) for ab in film], [ab.mean((1, 2)) for ab in alone]


def apart(frames: Sequence[Frame]) -> list[float]:
    """How far both are from each other, Lab units."""
    return [float(np.abs(one - two).max()) for one, two in zip(*told(frames), strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("look", [DARK, LIGHT, FULL])
def test_what_is_said_of_dark_frames_of_a_fade_is_not_carried_to_bright_ones(look: tuple[float, float]) -> None:
    shown = scene(60, 1, look, still=False)
    assert max(apart(levels(faded_in(shown, 8)))[8 + FADE :]) < 1.5
    back = [frame.copy() for frame in reversed(faded_in(list(reversed(shown)), 8))]
    assert max(apart(levels(back))[: 60 - 8 - FADE]) < 1.5


def test_a_frame_that_fades_to_black_has_less_chroma_the_darker_it_is() -> None:
    film, _ = told(levels(faded_in(scene(60, 1, FULL, still=False), 8)))
    chroma = [float(np.hypot(*ab)) for ab in film]
    assert max(chroma[:8]) < 0.5
    faded = chroma[8 : 8 + FADE]
    assert all(two >= one - 0.3 for one, two in zip(faded, faded[1:], strict=False))
    assert faded[5] < 0.8 * chroma[40] and faded[12] > 0.9 * chroma[40]


@pytest.mark.slow
@pytest.mark.parametrize("look", [DARK, FULL])
def test_a_frame_that_fades_to_white_has_less_chroma_the_whiter_it_is(look: tuple[float, float]) -> None:
    shown = scene(60, 1, look, still=False)
    white = [frame * (1 - share) + 255 * share for frame, share in zip(shown[30:], RAMP, strict=False)]
    film, alone = told(levels([*shown[:30], *white, *(frame * 0 + 255 for frame in shown[46:])]))
    assert max(float(np.abs(a - b).max()) for a, b in zip(film[:30], alone[:30], strict=True)) < 1.5
    chroma = [float(np.hypot(*ab)) for ab in film]
    assert max(chroma[46:]) < 0.5 and chroma[43] < 0.5 * chroma[10]


@pytest.mark.parametrize("black", [1, 3, 12])
def test_no_color_goes_through_black_into_another_scene(black: int) -> None:
    one, two = scene(30, 1, DARK, still=False), scene(40 + black, 2, LIGHT, still=False)
    out = [frame * np.float32(share) for frame, share in zip(one[20:], np.linspace(1, 0, 10), strict=False)]
    dark = [frame * 0 for frame in two[:black]]
    grown = [frame * np.float32(share) for frame, share in zip(two[black:], np.linspace(0.1, 1, 10), strict=False)]
    film, alone = told(levels([*one[:20], *out, *dark, *grown, *two[black + 10 :]]))
    assert max(float(np.abs(a - b).max()) for a, b in zip(film[:20], alone[:20], strict=True)) < 1.5
    begins = 30 + black
    after = [float(np.abs(a - b).max()) for a, b in zip(film[begins + 10 :], alone[begins + 10 :], strict=True)]
    assert max(after) < 1.5
    warm = alone[-1] / np.hypot(*alone[-1])  # the second scene's hue, also where it is dark still
    for ab in film[begins + 1 : begins + 10]:
        assert float(ab @ warm) > 0.95 * float(np.hypot(*ab))


@pytest.mark.parametrize("look", [DARK, LIGHT, FULL])
@pytest.mark.parametrize("level", [0.0, 255.0])
@pytest.mark.parametrize("frames", [1, 3])
def test_black_and_white_frames_leave_nothing_behind(look: tuple[float, float], level: float, frames: int) -> None:
    shown = scene(50, 1, look, still=False)
    for number in range(24, 24 + frames):
        shown[number] = shown[number] * 0 + np.float32(level)
    found = apart(levels(shown))
    assert max([*found[:24], *found[24 + frames :]]) < 1.5, np.round(found, 1)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_films_of_a_few_frames_and_shots_of_one_have_their_own_colors(count: int) -> None:
    one, two = scene(5, 1, DARK, still=False), scene(5, 2, LIGHT, still=False)
    assert max(apart(levels(one[:count]))) < 1.5
    mixed = [frame for pair in zip(one[:count], two[:count], strict=True) for frame in pair]
    assert [stretch.times for stretch in stretches(levels(mixed), Teller(0))] == [(n,) for n in range(2 * count)]
    assert max(apart(levels(mixed))) < 0.5


def test_what_a_shot_is_meant_to_be_is_what_most_of_its_frames_are_that_show_anything() -> None:
    black, grown, usual = Exposure(1.0, 0.1), Exposure(50.0, 20.0), Exposure(1.0, 20.0)
    found = compared([*[black] * 60, grown, *[usual] * 9, Exposure(1.5, 4.0), Exposure(1 / 1.5, 20.0)])
    assert found.meant.gain == pytest.approx(1.0) and found.meant.contrast == 20.0
    assert found.scales[0] < 0.05 and found.votes[0] < 0.01 and found.votes[70] < 0.2
    assert found.scales[60] == found.votes[60] == 1
    later = compared([Exposure(0.02, 0.1), *[black] * 20], found.meant)
    assert later.meant.gain == pytest.approx(50.0) and later.votes.max() < 0.01 and later.scales.max() < 0.05


def test_a_pan_from_a_window_into_a_dark_room_is_no_fade() -> None:
    bright, dark = scene(60, 1, LIGHT, still=True)[0], scene(60, 2, DARK, still=True)[0]
    share = np.linspace(0, 1, 40)[None, :].repeat(bright.shape[0], 0)
    seam = np.hstack([bright[:, -40:] * (1 - share) + dark[:, :40] * share])
    wide = np.hstack([bright[:, :-40], seam, dark[:, 40:]]).astype(np.float32)
    frames = levels([wide[:, 2 * n : 2 * n + 100] for n in range(58)])
    teller = Teller(0)
    greys = [small_grey(reduced_lightness(f, teller.view(*f.shape), SRGB)) for f in frames]
    finder = MotionFinder()
    gains = [gain_between(a, b, finder.between(a, b)) for a, b in zip(greys, greys[1:], strict=False)]
    assert greys[-1].mean() < 0.3 * greys[0].mean()
    assert float(np.prod(gains)) > 0.65
