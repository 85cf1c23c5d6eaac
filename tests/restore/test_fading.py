"""Faded tones come back; margins are no tones of the picture, and little is cut off."""

from __future__ import annotations

import numpy as np
import pytest

from colorize_cli.restore.fading import faded_tones, outer_tones, picture_part, stretched

RNG = np.random.default_rng(0)
PICTURE = np.clip(RNG.normal(0.5, 0.2, (200, 300)), 0, 1).astype(np.float32)


def test_the_range_of_a_faded_photo_comes_back():
    faded = 0.3 + 0.4 * PICTURE
    tones = faded_tones(faded)
    assert tones == pytest.approx((0.3, 0.7), abs=0.01)
    assert tones is not None
    back = stretched(faded, tones)
    assert back.std() == pytest.approx(PICTURE.std(), rel=0.06)
    assert np.mean(back <= 0) < 0.001 and np.mean(back >= 1) < 0.001


def test_a_photo_with_all_its_tones_is_not_faded():
    assert faded_tones(PICTURE) is None
    assert faded_tones(np.full((50, 50), 0.4, np.float32)) is None


def test_white_margins_do_not_hide_that_a_photo_is_faded():
    mounted = np.ones((280, 380), np.float32)
    mounted[40:240, 30:330] = 0.3 + 0.4 * PICTURE
    assert picture_part(mounted) == (slice(40, 240), slice(30, 330))
    assert faded_tones(mounted) == pytest.approx((0.3, 0.7), abs=0.01)


def test_contrast_is_raised_to_four_times_at_most():
    flat = 0.5 + 0.02 * (PICTURE - 0.5)
    tones = faded_tones(flat) or (0.49, 0.51)
    assert stretched(flat, tones).std() / flat.std() == pytest.approx(4, rel=0.01)


def test_noise_is_no_tone_of_a_faded_photo_and_is_not_cut_off():
    ramp = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (300, 1))
    noisy = np.clip(0.3 + 0.4 * ramp + RNG.normal(0, 0.05, ramp.shape), 0, 1).astype(np.float32)
    tones = faded_tones(noisy, 0.05)
    assert tones == pytest.approx((0.3, 0.7), abs=0.02)
    assert faded_tones(noisy) == pytest.approx((0.165, 0.835), abs=0.03) or faded_tones(noisy) is None
    assert tones is not None
    outer = outer_tones(noisy)
    back = np.round(stretched(noisy, tones, outer) * 255)
    assert np.mean(back == 0) <= 0.001 and np.mean(back == 255) <= 0.001
    assert back[:, 180:220].std() == pytest.approx(stretched(noisy, tones)[:, 180:220].std() * 255, rel=0.05)
    assert np.mean(stretched(noisy, tones) == 0) > 0.01  # as it was without


def test_margins_darker_than_the_picture_are_not_cut_off():
    mounted = np.full((280, 380), 0.25, np.float32)
    mounted[40:240, 30:330] = 0.3 + 0.4 * PICTURE
    tones, outer = faded_tones(mounted), outer_tones(mounted)
    assert tones == pytest.approx((0.3, 0.7), abs=0.01)
    assert tones is not None and outer == pytest.approx((0.25, 0.7), abs=0.01)
    back = np.round(stretched(mounted, tones, outer) * 255)
    assert np.mean(back == 0) < 0.001 and np.mean(back == 255) < 0.001
    assert (np.diff(stretched(np.linspace(0.26, 0.69, 200, dtype=np.float32), tones, outer)) > 0).all()
