"""Where shots begin, and which frames of them the network is asked for."""

from __future__ import annotations

import numpy as np

from colorize_cli.inference.temporal.cuts import Cuts
from colorize_cli.inference.temporal.motion import Motion
from colorize_cli.inference.temporal.steady import AT_FIRST, KEY_EVERY, KeyFrames

SIZE = (24, 32)


def motion(sure: float, residual: float = 1.0) -> Motion:
    still, share = np.zeros((*SIZE, 2), np.float32), np.full(SIZE, sure, np.float32)
    return Motion(still, still, share, share, residual)


def keys(*motions: Motion | None, begins: bool = False) -> list[int]:
    """Which frames are asked for, by the motion to each."""
    found = KeyFrames()
    return [number for number, motion in enumerate(motions) if found.next(motion, begins)]


def test_the_first_frame_of_a_shot_is_asked_for_and_some_after_it() -> None:
    assert keys(None, *[motion(1.0)] * (2 * KEY_EVERY + 1)) == [0, KEY_EVERY, 2 * KEY_EVERY]
    assert keys(*[motion(1.0)] * (KEY_EVERY + 1)) == [KEY_EVERY - 1]


def test_more_frames_are_asked_for_where_a_shot_begins_so_that_their_mean_is_that_of_all() -> None:
    assert AT_FIRST < KEY_EVERY
    assert keys(None, *[motion(1.0)] * (2 * AT_FIRST + 1), begins=True) == [0, AT_FIRST, 2 * AT_FIRST]


def test_frames_whose_motion_cannot_be_followed_are_asked_for() -> None:
    assert keys(None, motion(0.0), motion(1.0)) == [0, 1]


def test_after_a_cut_neighbors_are_compared_with_the_new_shot_alone() -> None:
    dark, light = np.full(SIZE, 20, np.uint8), np.full(SIZE, 220, np.uint8)
    cuts = Cuts()
    for _ in range(3):
        assert not cuts.between(dark, dark, motion(1.0, 2.0))
    assert cuts.usual == (2.0, 2.0, 2.0)
    assert cuts.between(dark, light, motion(0.0, 90.0))
    assert cuts.usual == ()
    assert not cuts.between(light, light, motion(1.0, 3.0))
    assert cuts.usual == (3.0,)
