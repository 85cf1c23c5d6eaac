from __future__ import annotations

import numpy as np
import pytest
import torch

from colorize_cli.errors import ShapeError
from colorize_cli.evaluation.pixel import ciede2000
from colorize_cli.guidance import scribbles
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.scribbles import (
    attract,
    levin,
    nested_dissection,
    upsample_along_edges,
)
from tests.guidance.scenes import Floats, flag, lab_of, texture

PLACES = ((10, 10), (10, 70), (60, 10), (70, 110), (51, 78))  # of 80 x 120: one in each region of the flag


def delta_e(lightness: Floats, one: Floats, two: Floats) -> Floats:
    labs = (torch.from_numpy(np.concatenate([lightness[None], ab]))[None] for ab in (one, two))
    return np.asarray(ciede2000(*labs)[0])


def flag_hints(ab: Floats, side: int = 5) -> HintMap:
    hints, mask = np.zeros_like(ab), np.zeros(ab.shape[1:], np.float32)
    for y, x in PLACES:
        spot = (slice(y, y + side), slice(x, x + side))
        hints[(slice(None), *spot)], mask[spot] = ab[:, y, x][:, None, None], 1
    return HintMap(hints, mask)


def test_flat_regions_with_one_scribble_each_get_their_colors():
    lightness, ab = lab_of(flag(80, 120))
    error = delta_e(lightness, levin(lightness, flag_hints(ab)), ab)
    assert error.mean() < 0.5
    assert error.max() < 1


def test_grain_does_not_stop_a_scribble():
    lightness, ab = lab_of(flag(80, 120))
    grainy = lightness + np.random.default_rng(0).normal(0, 1.5, lightness.shape).astype(np.float32)
    assert delta_e(lightness, levin(grainy, flag_hints(ab)), ab).mean() < 2


def test_hints_stay_as_they_are_and_no_color_is_made_that_nobody_named():
    lightness = texture(40, 50, 0)
    rng = np.random.default_rng(1)
    mask = (rng.random((40, 50)) < 0.05).astype(np.float32)
    hints = HintMap((rng.normal(0, 40, (2, 40, 50)) * mask).astype(np.float32), mask)
    ab = levin(lightness, hints)
    np.testing.assert_array_equal(ab[:, mask > 0], hints.ab[:, mask > 0])
    for channel, named in zip(ab, hints.ab, strict=True):
        assert named[mask > 0].min() - 1e-3 <= channel.min()
        assert channel.max() <= named[mask > 0].max() + 1e-3


def test_without_hints_all_stays_grey_and_with_hints_everywhere_nothing_is_left_to_do():
    lightness = texture(12, 9, 0)
    empty = HintMap(np.zeros((2, 12, 9), np.float32), np.zeros((12, 9), np.float32))
    np.testing.assert_array_equal(levin(lightness, empty), 0)
    full = HintMap(np.random.default_rng(0).normal(0, 20, (2, 12, 9)).astype(np.float32), np.ones((12, 9), np.float32))
    np.testing.assert_array_equal(levin(lightness, full), full.ab)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2)])
def test_the_smallest_photos(size):
    lightness = np.full(size, 50, np.float32)
    ab, mask = np.zeros((2, *size), np.float32), np.zeros(size, np.float32)
    ab[:, 0, 0], mask[0, 0] = (30, -20), 1
    np.testing.assert_allclose(
        levin(lightness, HintMap(ab, mask)), np.broadcast_to([[[30]], [[-20]]], (2, *size)), atol=1e-3
    )


def test_conflicting_scribbles_share_an_even_region():
    ab, mask = np.zeros((2, 20, 41), np.float32), np.zeros((20, 41), np.float32)
    ab[0, :, 0], ab[0, :, -1] = 40, -40
    mask[:, [0, -1]] = 1
    found = levin(np.full((20, 41), 60, np.float32), HintMap(ab, mask))[0]
    np.testing.assert_allclose(found[10], np.linspace(40, -40, 41), atol=0.1)


def test_hints_of_another_size_are_refused():
    with pytest.raises(ShapeError):
        levin(np.zeros((4, 4), np.float32), HintMap(np.zeros((2, 4, 5), np.float32), np.zeros((4, 5), np.float32)))


def test_upsampled_color_changes_where_the_photo_does():
    full = np.full((64, 64), 30, np.float32)
    full[:, 21:] = 70  # inside a pixel of the small picture
    small = full.reshape(8, 8, 8, 8).mean((1, 3))
    ab = np.zeros((2, 8, 8), np.float32)
    ab[0] = (small - 30) / 40 * 60
    found = upsample_along_edges(ab, small, full, radius=1)
    assert found[0, :, 16:20].max() < 8
    assert found[0, :, 22:].min() > 50
    assert found.min() >= ab.min() - 1e-4
    assert found.max() <= ab.max() + 1e-4


def test_strips_do_not_show(monkeypatch):
    lightness = texture(150, 90, 3)
    small = np.ascontiguousarray(lightness[::3, ::3])
    ab = np.random.default_rng(0).normal(0, 20, (2, *small.shape)).astype(np.float32)
    whole = upsample_along_edges(ab, small, lightness)
    monkeypatch.setattr(scribbles, "_STRIP_PIXELS", 17 * 90)
    np.testing.assert_allclose(upsample_along_edges(ab, small, lightness), whole, atol=2e-3)


def test_even_color_stays_even_whatever_the_texture():
    lightness = texture(60, 80, 5)
    ab = np.broadcast_to(np.array([12, -7], np.float32)[:, None, None], (2, 15, 20))
    found = upsample_along_edges(ab, np.ascontiguousarray(lightness[::4, ::4]), lightness)
    np.testing.assert_allclose(found, np.broadcast_to(ab[:, :1, :1], found.shape), atol=1e-3)


def test_doubtful_colors_follow_sure_neighbours():
    ab, confidence = np.zeros((2, 10, 10), np.float32), np.full((10, 10), 10, np.float32)
    ab[0] = 30
    ab[0, 4, 4], confidence[4, 4] = -60, 1e-3
    assert attract(np.full((10, 10), 50, np.float32), ab, confidence)[0, 4, 4] > 29


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (30, 41), (64, 64)])
def test_an_ordering_names_every_pixel_once(size):
    np.testing.assert_array_equal(np.sort(nested_dissection(*size)), np.arange(size[0] * size[1]))


def test_every_neighbor_counts_diagonal_ones_too() -> None:
    weights = scribbles.affinities(np.full((4, 5), 50, np.float32)).toarray()
    around = {(1 + y) * 5 + 2 + x for y in (-1, 0, 1) for x in (-1, 0, 1)} - {7}
    assert set(np.flatnonzero(weights[7])) == around and (weights[7, sorted(around)] == 1).all()
    assert np.array_equal(weights, weights.T) and np.count_nonzero(weights[0]) == 3


def test_an_even_region_is_tight_against_a_rough_one() -> None:
    """A pair's weight is told by the more even of the two windows: rough cloth lends no color to a wall."""
    plane = np.full((8, 16), 50, np.float32)
    plane[:, 8:] = np.where(np.indices((8, 8)).sum(0) % 2, 20, 80)
    weights = scribbles.affinities(plane).toarray()
    across = [weights[y * 16 + 7, y * 16 + 8] for y in range(1, 7)]
    within = [weights[y * 16 + 12, y * 16 + 13] for y in range(1, 7)]
    assert max(across) < 1e-3, "the wall's variance is that of faint grain: exp(-900 / 1)"
    assert min(within) > 1e-3, "of the cloth, 0.6 * 900: exp(-3600 / 540)"
