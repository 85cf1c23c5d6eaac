"""The dots of a print are found and taken out; what repeats itself in a photo is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.data.print_degradations import halftoned
from colorize_cli.data.samples import sample_photos
from colorize_cli.restore.halftone import find_screen, without_screen


def plane_of(name: str) -> NDArray[np.float32]:
    rgb = dict(sample_photos())[name]
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114]) / 255, np.float32)


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(-10 * np.log10(np.mean(np.square(np.clip(a, 0, 1) - b))))


def test_five_decibels_of_dots_are_taken_out():
    gains = []
    for name in ("cat", "astronaut", "coffee"):
        plane = plane_of(name)
        printed = halftoned(plane, np.random.default_rng(0))
        screen = find_screen([printed])
        assert len(screen) >= 2
        gains.append(psnr(without_screen(printed, screen), plane) - psnr(printed, plane))
    assert np.mean(gains) > 5 and min(gains) > 4


@pytest.mark.parametrize("name", ["cat", "astronaut", "coffee", "rocket"])
def test_a_photo_has_no_dots(name: str):
    assert find_screen([plane_of(name)]) == ()


def test_bricks_and_stripes_are_no_screen():
    y, x = np.mgrid[:400, :400]
    bricks = ((y % 12 < 2) | ((x + 10 * (y // 12 % 2)) % 20 < 2)).astype(np.float32)
    stripes = np.asarray(0.5 + 0.4 * np.sin(0.9 * x + 0.4 * y), np.float32)
    assert find_screen([bricks]) == () and find_screen([stripes]) == ()
    assert find_screen([np.full((400, 400), 0.5, np.float32)]) == ()


def test_flat_grey_stays_as_it_is():
    flat = np.full((120, 130), 0.4, np.float32)
    assert np.abs(without_screen(flat, [(0.2, 0.1), (-0.1, 0.2)]) - flat).max() < 1e-4
