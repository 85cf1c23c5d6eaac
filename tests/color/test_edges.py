"""Color ends where the lightness does, and nothing is made up where it does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.edges import follow_edges
from colorize_cli.errors import ShapeError

Floats = NDArray[np.float32]

_GREEN, _RED = (-35.0, 35.0), (45.0, 25.0)  # ab


def _disc(size: int, inside: float, outside: float) -> Floats:
    """A plane with a disc in its middle, smooth over one pixel."""
    fine = np.full((4 * size, 4 * size), outside, np.float32)
    cv2.circle(fine, (2 * size, 2 * size), round(1.3 * size), inside, -1)
    return _area(fine, size)


def _area(plane: Floats, size: int) -> Floats:
    return np.asarray(cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def _red_disc_on_green(size: int) -> tuple[Floats, Floats]:
    """L*, (size, size), and ab, (2, size, size)."""
    return _disc(size, 35, 60), np.stack([_disc(size, r, g) for r, g in zip(_RED, _GREEN, strict=True)])


def _bicubic(ab: Floats, size: int) -> Floats:
    return np.stack([cv2.resize(plane, (size, size), interpolation=cv2.INTER_CUBIC) for plane in ab])


@pytest.mark.parametrize("size", [256, 1024])
def test_color_of_a_disc_ends_at_its_edge(size: int) -> None:
    """Within a tenth of a place of the coarse grid; enlarged smoothly it runs over by half a place."""
    lightness, truth = _red_disc_on_green(size)
    coarse = np.stack([_area(plane, 64) for plane in truth])

    def run_over(ab: Floats) -> float:
        """Mean width of the rim in which a is more than a quarter wrong, in places of the coarse grid."""
        wrong = np.abs(ab[0] - truth[0]) > 0.25 * (_RED[0] - _GREEN[0])
        circumference = 2 * np.pi * 0.325 * size
        return float(wrong.sum() / circumference / (size / 64))

    assert run_over(_bicubic(coarse, size)) > 0.4, "the test can fail"
    assert run_over(follow_edges(coarse, lightness)) < 0.1


def test_the_mean_color_of_each_place_stays() -> None:
    rng = np.random.default_rng(0)
    ab = rng.normal(0, 20, (2, 12, 17)).astype(np.float32)
    lightness = rng.uniform(0, 100, (48, 68)).astype(np.float32)
    fine = follow_edges(ab, lightness)
    means = np.stack([cv2.resize(plane, (17, 12), interpolation=cv2.INTER_AREA) for plane in fine])
    smooth = np.stack([cv2.resize(plane, (68, 48), interpolation=cv2.INTER_CUBIC) for plane in ab])
    smooth_means = np.stack([cv2.resize(plane, (17, 12), interpolation=cv2.INTER_AREA) for plane in smooth])
    assert np.abs(means - ab).mean() < 0.5 * np.abs(smooth_means - ab).mean()


@pytest.mark.parametrize("shape", [(48, 68), (49, 67), (200, 71), (400, 600)])
def test_even_color_stays_even_whatever_the_lightness(shape: tuple[int, int]) -> None:
    lightness = np.random.default_rng(1).uniform(0, 100, shape).astype(np.float32)
    ab = np.broadcast_to(np.array([12.5, -30], np.float32)[:, None, None], (2, 12, 17))
    fine = follow_edges(ab, lightness)
    assert fine.shape == (2, *shape)
    np.testing.assert_allclose(fine, np.broadcast_to(ab[:, :1, :1], fine.shape), atol=2e-3)


def test_flat_grey_shows_no_steps() -> None:
    """Where the lightness says nothing, color changes as smoothly as the coarse color does."""
    ab = np.stack([np.tile(np.linspace(-20, 20, 16, dtype=np.float32), (16, 1))] * 2)
    fine = follow_edges(ab, np.full((128, 128), 50, np.float32))
    steps = np.diff(fine[0, :, 16:-16], axis=1)
    assert steps.min() > 0 and steps.max() < 2.5 * steps.mean()


def test_color_as_fine_as_the_lightness_is_left_alone() -> None:
    ab = np.random.default_rng(2).normal(0, 20, (2, 20, 30)).astype(np.float32)
    assert follow_edges(ab, np.full((20, 40), 50, np.float32)) is ab


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError):
        follow_edges(np.zeros((3, 4, 4), np.float32), np.zeros((8, 8), np.float32))


def test_a_highlight_brings_no_color_that_its_surroundings_lack() -> None:
    """The line from dark green to lighter red would give what is brighter still a color that is nowhere near."""
    lightness = np.full((128, 128), 30, np.float32)
    lightness[:, 64:] = 50
    ab = np.zeros((2, 16, 16), np.float32)
    ab[0, :, :8], ab[0, :, 8:] = -20, 30
    plain = follow_edges(ab, lightness)[0]
    lightness[60:62, 66:68] = 100  # a glint, seen at full size alone
    fine = follow_edges(ab, lightness)[0]
    assert np.abs(plain[62, [40, 90]] - (-20, 30)).max() < 2
    assert fine.min() > -25 and fine.max() < 35
