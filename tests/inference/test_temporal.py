"""Color that holds still within a shot, and does not go over a cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.inference.geometry import View
from colorize_cli.inference.option_values import OnColor
from colorize_cli.inference.predictor import Request
from colorize_cli.inference.temporal.motion import MotionFinder, moved
from colorize_cli.inference.temporal.shots import LONGEST, Shots, ShotState, Shown, Stretch

Frame = NDArray[np.uint8]
HEIGHT, WIDTH = 96, 128


def scene(seed: int) -> NDArray[np.float32]:
    """A wide picture with detail, levels."""
    chance = np.random.default_rng(seed)
    small = chance.uniform(40, 215, (8, 30)).astype(np.float32)
    wide = cv2.resize(small, (900, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(
        np.clip(wide + 8 * cv2.GaussianBlur(chance.normal(0, 3, wide.shape), (0, 0), 1.5), 0, 255), np.float32
    )


def pan(count: int, seed: int, grain: float = 5.0, flicker: float = 0.05, step: float = 1.5) -> Iterator[Frame]:
    """A window that moves over a scene, with grain and a lamp that flickers."""
    chance, wide = np.random.default_rng(seed + 100), scene(seed)
    for number in range(count):
        at = np.array([[1, 0, number * step], [0, 1, number * step / 4]])
        frame = cv2.warpAffine(wide, at, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        frame = frame * (1 + flicker * chance.normal()) + chance.normal(0, grain or 1e-6, frame.shape)
        yield np.rint(np.clip(frame, 0, 255)).astype(np.uint8)


class Teller:
    """A network that gives each picture one color by what it shows, with an error that is new each time."""

    def __init__(self, error: float = 6.0) -> None:
        self.error, self.chance, self.asked = error, np.random.default_rng(0), 0

    def view(self, height: int, width: int) -> View:
        return View(height, width, height, width)

    def predict(self, asked: Sequence[Request], vividness: float | None) -> list[NDArray[np.float32]]:
        self.asked += len(asked)
        return [self._color(request.lightness) for request in asked]

    def _color(self, lightness: NDArray[np.float32]) -> NDArray[np.float32]:
        warm = np.tanh((lightness - 50) / 15)
        wrong = cv2.resize(self.chance.normal(0, self.error, (3, 4, 2)).astype(np.float32), lightness.shape[::-1])
        return np.asarray(np.stack((20 + 10 * warm, 15 * warm)) + wrong.transpose(2, 0, 1), np.float32)


def stretches(frames: Sequence[Frame], teller: Any, state: ShotState | None = None, begin: int = 0) -> list[Stretch]:
    shown = [Shown(frame, number, 0) for number, frame in enumerate(frames)][begin:]
    return list(Shots(teller, OnColor.recolor, None).stretches(shown, state))


def colors(found: Sequence[Stretch]) -> list[NDArray[np.float32]]:
    return [ab for stretch in found for ab in stretch.colors]


def flicker(told: Sequence[NDArray[np.float32]], step: float = 1.5) -> list[float]:
    """Mean difference of each frame from the one before, moved onto it, Lab units."""
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32) + np.array((step, step / 4), np.float32)
    edge = 4
    apart = [
        np.abs(moved(one.transpose(1, 2, 0), flow) - two.transpose(1, 2, 0))
        for one, two in zip(told, told[1:], strict=False)
    ]
    return [float(difference[:-edge, :-edge].mean()) for difference in apart]


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_picture_moved_by_nothing_is_itself_and_by_two_columns_shifted(kind: type):
    plane = np.random.default_rng(0).integers(0, 255, (40, 50)).astype(kind)
    still = np.zeros((40, 50, 2), np.float32)
    np.testing.assert_array_equal(moved(plane, still), plane)
    right = still + np.array((2, 0), np.float32)
    np.testing.assert_allclose(moved(plane, right)[:, :-2], plane[:, 2:], atol=1e-4)


def test_motion_is_found_and_believed_in_spite_of_grain_and_a_flickering_lamp():
    one, two = pan(2, 0, step=3.0)
    motion = MotionFinder().between(one, two)
    inner = (slice(8, -8), slice(8, -8))
    assert (
        abs(np.median(motion.back[inner][..., 0]) + -3.0) < 0.3
        or abs(np.median(motion.back[inner][..., 0]) + 3.0) < 0.3
    )
    assert motion.sure[inner].mean() > 0.7
    assert motion.residual < 8


@pytest.mark.parametrize("step", [0.0, 1.5, 4.0])
def test_a_pan_with_grain_and_flicker_is_one_shot(step: float):
    found = stretches(list(pan(40, 1, step=step)), Teller())
    assert [(stretch.times[0], stretch.begins) for stretch in found] == [(0, True)]


@pytest.mark.parametrize(("one", "two"), [(1, 2), (3, 4), (5, 6), (7, 8)])
def test_a_cut_is_found_at_its_frame(one: int, two: int):
    found = stretches([*pan(21, one), *pan(17, two)], Teller())
    assert [(stretch.times[0], stretch.begins) for stretch in found] == [(0, True), (21, True)]


def test_neither_a_flash_nor_a_fade_to_black_is_a_cut():
    frames = [np.asarray(frame, np.float32) for frame in pan(40, 1, grain=2.0)]
    frames[10] = np.clip(frames[10] * 1.6, 0, 255)
    faded = [frame * max(0.0, 1 - max(0, number - 24) / 12) for number, frame in enumerate(frames)]
    found = stretches([np.asarray(frame, np.uint8) for frame in faded], Teller())
    assert [stretch.times[0] for stretch in found if stretch.times[0] < 33] == [0]


@pytest.mark.parametrize("grain", [15.0, 25.0])
def test_a_cut_is_found_in_heavy_grain_and_grain_alone_is_none(grain: float):
    found = stretches([*pan(20, 1, grain=grain), *pan(20, 2, grain=grain)], Teller())
    assert [stretch.times[0] for stretch in found] == [0, 20]


def test_color_flickers_at_most_half_as_much_as_frame_by_frame():
    frames, teller = list(pan(40, 1)), Teller()
    film = colors(stretches(frames, teller))
    each = Teller()
    apart = each.predict([Request(np.asarray(f, np.float32) / 2.55) for f in frames], None)
    assert len(film) == 40
    assert np.mean(flicker(film)) < 0.5 * np.mean(flicker(apart))
    assert teller.asked <= 21  # the network is asked for key frames alone, every other one where a shot begins
    chroma = [float(np.mean([np.hypot(*ab).mean() for ab in side])) for side in (film, apart)]
    assert 0.95 < chroma[0] / chroma[1] < 1.1


@pytest.mark.slow
def test_a_shot_that_is_longer_than_a_stretch_has_no_jump_in_it():
    frames = list(pan(2 * LONGEST + 20, 1, step=1.0))
    found = stretches(frames, Teller())
    assert [stretch.begins for stretch in found] == [True, False, False]
    jumps = flicker(colors(found), step=1.0)
    seams = [jumps[found[0].times[-1]], jumps[found[1].times[-1]]]
    assert max(seams) < 2.5 * np.median(jumps)


@pytest.mark.slow
def test_a_run_that_goes_on_from_a_stretch_gives_the_same_colors():
    frames = list(pan(LONGEST + 30, 1, step=1.0))
    whole = stretches(frames, Teller(0))
    state = ShotState.from_bytes(whole[0].state.to_bytes())
    rest = stretches(frames, Teller(0), state, LONGEST)
    np.testing.assert_array_equal(np.stack(colors(rest)), np.stack(colors(whole[1:])))


def test_color_does_not_go_over_a_cut():
    dark = [np.asarray(frame // 4, np.uint8) for frame in pan(20, 1, flicker=0)]
    light = [np.asarray(160 + frame // 4, np.uint8) for frame in pan(20, 2, flicker=0)]
    film = colors(stretches([*dark, *light], Teller(0)))
    planes = [cv2.cvtColor(np.dstack([f] * 3) / np.float32(255), cv2.COLOR_RGB2LAB)[..., 0] for f in (*dark, *light)]
    own = Teller(0).predict([Request(np.asarray(plane)) for plane in planes], None)
    for number in (18, 19, 20, 21):
        assert np.abs(film[number].mean((1, 2)) - own[number].mean((1, 2))).max() < 1.0, number
