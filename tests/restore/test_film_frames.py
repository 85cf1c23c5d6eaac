"""A black frame around pictures is no damage, nor are marks on it; a dark picture is no frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.restore.film_frames import film_frame, in_frame


def plate() -> NDArray[np.float32]:
    """Three pictures on a black plate on a white table."""
    ground = np.random.default_rng(0).uniform(0.4, 0.8, (400, 200)).astype(np.float32)
    plane = np.ones((400, 200), np.float32)
    plane[8:392, 6:194] = 0.05
    for top in (20, 144, 268):
        plane[top : top + 116, 16:184] = ground[top : top + 116, 16:184]
    return plane


def places(shape: tuple[int, int], *boxes: tuple[slice, slice]) -> NDArray[np.int32]:
    mask = np.zeros(shape, np.uint8)
    for box in boxes:
        mask[box] = 1
    return np.asarray(cv2.connectedComponents(mask)[1], np.int32)


def test_bars_of_a_plate_and_marks_on_its_rim_are_told_from_scratches():
    plane = plate()
    bar, number, scratch, speck = (
        np.s_[138:142, 40:160],
        np.s_[12:16, 150:170],
        np.s_[60:62, 40:160],
        np.s_[300:303, 9:12],
    )
    plane[number] = plane[speck] = 1
    plane[scratch] = 0.05
    labels = places(plane.shape, number, scratch, bar, speck)
    told = in_frame(plane, labels, 4)
    assert [bool(told[labels[box][0, 0] - 1]) for box in (bar, number, scratch, speck)] == [True, True, False, True]


def test_a_torn_frame_is_one():
    plane = plate()
    plane[150:170, 180:] = 1
    frame = film_frame(plane)
    assert frame is not None and frame[140, 100] and frame[300, 188] and not frame[80, 100]


@pytest.mark.parametrize("dark", ["sky", "none", "all"])
def test_a_dark_part_of_a_picture_is_no_frame(dark: str):
    plane = np.full((200, 300), 0.6, np.float32)
    if dark == "sky":
        plane[:90] = 0.02
        plane[:, :12] = 0.02
    if dark == "all":
        assert in_frame(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.int32), 0).shape == (0,)
    assert film_frame(plane) is None
    assert not in_frame(plane, places(plane.shape, np.s_[40:42, 30:200]), 1).any()
