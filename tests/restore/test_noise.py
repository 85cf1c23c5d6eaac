"""Noise is measured and taken away; what rises out of it stays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.data.degradations import noisy
from colorize_cli.data.samples import sample_photos
from colorize_cli.restore.noise import denoise, evenness, noise_level, whiteness

Plane = NDArray[np.float32]


def psnr(a: Plane, b: Plane) -> float:
    return float(-10 * np.log10(np.mean(np.square(a - b))))


@pytest.fixture(scope="module")
def grey() -> Plane:
    rgb = dict(sample_photos())["cat"]
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114]) / 255, np.float32)


@pytest.mark.parametrize("level", [5, 15, 30])
def test_the_level_of_noise_on_a_smooth_picture_is_found(level: int):
    ramp = np.tile(np.linspace(0.2, 0.8, 400, dtype=np.float32), (300, 1))
    found = 255 * noise_level(noisy(ramp, level / 255, np.random.default_rng(0)))
    assert found == pytest.approx(level, rel=0.05)


@pytest.mark.parametrize("plane", [np.full((200, 200), 0.5), np.full((8, 200), 0.5), np.ones((200, 200))])
def test_a_picture_without_noise_has_none(plane: NDArray[np.float64]):
    assert noise_level(plane.astype(np.float32)) == 0.0


def test_noise_is_white_and_texture_is_not(grey: Plane):
    assert whiteness(noisy(grey, 15 / 255, np.random.default_rng(0))) < 0.25 < whiteness(grey)


def test_noise_lies_on_all_of_a_photo_and_texture_on_a_part():
    ramp = np.tile(np.linspace(0.2, 0.8, 400, dtype=np.float32), (300, 1))
    grain = np.random.default_rng(0).normal(0, 1, ramp.shape).astype(np.float32)
    assert evenness(ramp + np.float32(0.05) * grain) > 0.85
    growing = np.linspace(0.004, 0.1, 300, dtype=np.float32)[:, None]  # as grass has more of it than sand
    assert evenness(ramp + growing * grain) < 0.75
    assert evenness(np.full((8, 200), 0.5, np.float32)) == 0.0


def test_four_decibels_of_noise_are_taken_away(grey: Plane):
    worse = noisy(grey, 15 / 255, np.random.default_rng(1))
    assert psnr(denoise(worse, noise_level(worse)), grey) - psnr(worse, grey) > 4
    half = denoise(worse, noise_level(worse), 0.5)
    assert psnr(worse, grey) < psnr(half, grey) < psnr(denoise(worse, noise_level(worse)), grey)
    assert denoise(worse, noise_level(worse), 0.0) is worse


def test_an_edge_stays_sharp():
    step = np.where(np.arange(200) < 100, 0.3, 0.7).astype(np.float32)
    found = denoise(noisy(np.tile(step, (200, 1)), 10 / 255, np.random.default_rng(0)), 10 / 255).mean(0)
    assert found[98] < 0.34 and found[101] > 0.66


@pytest.mark.parametrize(("ink", "paper"), [(0.0, 1.0), (0.2, 0.9)])
def test_the_dots_of_a_bilevel_picture_are_no_noise(ink: float, paper: float) -> None:
    rng = np.random.default_rng(0)
    ramp = np.tile(np.linspace(0, 1, 320, dtype=np.float32), (240, 1))
    dots = np.where(rng.random(ramp.shape) < ramp, np.float32(paper), np.float32(ink))
    assert noise_level(dots) == 0.0
    assert noise_level((ramp * 0.6 + 0.2 + 0.06 * rng.standard_normal(ramp.shape)).astype(np.float32)) > 0.05
