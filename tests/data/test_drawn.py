from __future__ import annotations

import numpy as np
import pytest

from colorize_cli.data.drawn import framed, neutral_example, page, surface
from colorize_cli.data.transforms import Augmentation, make_sample


def _photo(size: int) -> np.ndarray:
    lab = np.empty((size, size, 3), np.float32)
    lab[..., 0], lab[..., 1], lab[..., 2] = 50, 30, -20
    return lab


@pytest.mark.parametrize("size", [32, 96, 128])
def test_neutral_examples_have_color_only_where_a_photo_lies(size: int) -> None:
    for seed in range(60):
        lightness, ab = neutral_example(_photo(size), np.random.default_rng(seed))
        assert lightness.shape == (size, size) and ab.shape == (size, size, 2)
        assert lightness.min() >= 0 and lightness.max() <= 100
        colored = np.hypot(ab[..., 0], ab[..., 1]) > 0
        assert np.allclose(ab[colored], (30, -20), atol=1e-3)
        assert not colored.all()


def test_a_frame_is_neutral_and_the_photo_within_keeps_its_color() -> None:
    lightness, ab = framed(_photo(96), np.random.default_rng(3))
    share = (ab[..., 0] > 0).mean()
    assert 0.1 < share < 0.91
    assert np.allclose(lightness[ab[..., 0] > 0], 50, atol=1e-3)


def test_a_page_has_ink_on_paper_and_a_surface_has_none() -> None:
    pages = [np.ptp(page(128, np.random.default_rng(seed))) for seed in range(20)]
    assert np.median(pages) > 30
    plain = [surface(128, np.random.default_rng(seed)) for seed in range(20)]
    assert all(abs(float(one[:64].mean() - one[64:].mean())) < 25 for one in plain)


def test_a_share_of_the_training_samples_is_neutral() -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    how = Augmentation(neutral=0.5, spectral_response=0, tone_curve=0, degradation=0, hints=0)
    grey = [
        (np.hypot(*make_sample(red, 64, how, np.random.default_rng(seed)).ab) < 1).mean() > 0.05 for seed in range(200)
    ]
    assert 70 < sum(grey) < 130


def test_without_neutral_examples_samples_are_what_they_were() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    plain = make_sample(rgb, 32, Augmentation(), np.random.default_rng(5))
    again = make_sample(rgb, 32, Augmentation(neutral=0.0), np.random.default_rng(5))
    assert np.array_equal(plain.lightness, again.lightness) and np.array_equal(plain.hints, again.hints)
