"""Faded tones come back; margins are no tones of the picture, and little is cut off."""

from __future__ import annotations

import numpy as np
import pytest

from colorize_cli.restore.fading import faded_tones, picture_part, stretched

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
