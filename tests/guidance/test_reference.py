from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sparse

from colorize_cli.errors import ShapeError
from colorize_cli.guidance.coherence import coherent_labels, energy
from colorize_cli.guidance.descriptors import describe, jittered_grid, local_sd, principal_components
from colorize_cli.guidance.multimodal import charpiat, distributions, reference_hints
from colorize_cli.guidance.reference import Reference, match_lightness, nearest_references, reduced_size, welsh
from tests.guidance.scenes import Floats, texture


def landscape(h: int, w: int, seed: int, horizon: float = 0.5) -> tuple[Floats, Floats]:
    """A smooth bright sky over a rough dark meadow: lightness, and ab blue above, green below."""
    rng = np.random.default_rng(seed)
    line = int(h * horizon)
    lightness = np.full((h, w), 80, np.float32) + np.linspace(0, 6, w, dtype=np.float32)
    lightness[line:] = 40 + rng.normal(0, 8, (h - line, w))
    ab = np.empty((2, h, w), np.float32)
    ab[:, :line] = np.array([-6, -30])[:, None, None]
    ab[:, line:] = np.array([-30, 35])[:, None, None]
    return lightness.astype(np.float32), ab


@pytest.mark.parametrize("method", [welsh, charpiat])
def test_sky_and_meadow_get_the_colors_of_another_sky_and_meadow(method):
    lightness, truth = landscape(60, 80, 1, 0.3)
    reference = Reference(*landscape(70, 64, 2, 0.6))
    ab = method(lightness, [reference])
    assert ab.shape == truth.shape
    assert ab.dtype == np.float32
    error = np.sqrt(((ab - truth) ** 2).sum(0))
    assert (error < 10).mean() > 0.9
    np.testing.assert_array_equal(ab, method(lightness, [reference]))


@pytest.mark.parametrize("method", [welsh, charpiat])
def test_exposure_does_not_matter(method):
    lightness, truth = landscape(40, 60, 1)
    dark = Reference(landscape(40, 60, 2)[0] * 0.6, truth)
    assert (np.sqrt(((method(lightness, [dark]) - truth) ** 2).sum(0)) < 12).mean() > 0.85


@pytest.mark.parametrize("method", [welsh, charpiat])
def test_a_grey_reference_gives_grey_and_the_smallest_photos_pass(method):
    grey = Reference(texture(30, 30, 0), np.zeros((2, 30, 30), np.float32))
    np.testing.assert_allclose(method(texture(20, 30, 1), [grey]), 0, atol=1e-3)
    one = np.full((1, 1), 50, np.float32)
    assert method(one, [grey]).shape == (2, 1, 1)
    assert method(texture(20, 30, 1), [Reference(one, np.full((2, 1, 1), 9, np.float32))]) == pytest.approx(9, abs=0.1)


def test_a_coherent_choice_has_fewer_specks():
    rng = np.random.default_rng(0)
    lightness, truth = landscape(40, 60, 1)
    noisy = Reference(*landscape(40, 60, 2))
    swapped = rng.random((40, 60)) < 0.3  # a reference in which the same look has two colors
    ab = np.where(swapped, -truth, truth).astype(np.float32)

    def steps(coherence: float) -> float:
        found = charpiat(lightness, [Reference(noisy.lightness, ab)], coherence=coherence)
        return float(np.abs(np.diff(found, axis=2)).mean())

    assert steps(6) < 0.6 * steps(0)


def test_distributions_know_both_colors_of_one_look():
    lightness, _ = landscape(40, 60, 1)
    ab = np.zeros((2, 40, 60), np.float32)
    ab[0] = np.where(np.random.default_rng(0).random((40, 60)) < 0.5, 40, -40)
    found = distributions(lightness, [Reference(lightness, ab)])
    np.testing.assert_allclose(found.probability.sum(1), 1, atol=1e-3)
    both = [found.probability[:, found.palette[:, 0] == side].sum(1).mean() for side in (40, -40)]
    assert min(both) > 0.3


def test_hints_from_a_reference_are_few_and_right():
    lightness, truth = landscape(96, 128, 1)
    hints = reference_hints(lightness, [Reference(*landscape(96, 128, 2))], count=40, surest=0.5)
    assert hints.mask.shape == lightness.shape
    assert 10 <= hints.count <= 30
    known = hints.mask > 0
    assert np.median(np.abs(hints.ab - truth)[:, known]) < 6
    np.testing.assert_array_equal(hints.ab[:, ~known], 0)


def test_the_reference_with_the_same_tones_is_the_nearest():
    sky = Reference(*landscape(40, 60, 1))
    blobs = Reference(texture(50, 50, 1), np.zeros((2, 50, 50), np.float32))
    assert nearest_references(landscape(60, 40, 5)[0] * 0.8, [blobs, sky], 1) == (sky,)
    assert nearest_references(texture(64, 64, 2), [sky, blobs], 2) == (blobs, sky)


def test_a_labelling_is_as_good_as_the_best_of_all():
    rng = np.random.default_rng(0)
    index = np.arange(6).reshape(2, 3)
    starts = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    ends = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    apart = np.abs(np.arange(3)[:, None] - np.arange(3)).astype(np.float32)
    for _ in range(10):
        weights = rng.random(len(starts))
        edges = sparse.csr_array((np.tile(weights, 2), (np.r_[starts, ends], np.r_[ends, starts])), shape=(6, 6))
        cost = rng.random((6, 3)).astype(np.float32) * 2
        least = min(energy(np.array(labels), cost, apart, edges) for labels in itertools.product(range(3), repeat=6))
        assert energy(coherent_labels(cost, apart, edges), cost, apart, edges) <= least * 1.05 + 1e-2


def test_lightness_takes_the_mean_and_spread_of_another():
    plane, other = texture(20, 20, 0), texture(30, 10, 1) * 0.5 + 3
    matched = match_lightness(plane, other)
    assert matched.mean() == pytest.approx(other.mean(), abs=1e-3)
    assert matched.std() == pytest.approx(other.std(), abs=1e-3)
    np.testing.assert_allclose(match_lightness(np.full((4, 4), 9, np.float32), other), other.mean(), rtol=1e-5)


def test_descriptors_tell_patterns_apart_and_forget_nothing_but_what_is_far():
    plane = texture(48, 48, 0)
    described = describe(plane)
    moved = describe(np.roll(plane, (5, 7), (0, 1)))
    np.testing.assert_allclose(described[20:22, 20:22], moved[25:27, 27:29], atol=0.2)
    flat = describe(np.full((9, 9), 40, np.float32))
    np.testing.assert_allclose(flat, np.broadcast_to(flat[0, 0], flat.shape), atol=1e-5)
    assert local_sd(np.full((5, 5), 99.9, np.float32)).max() < 1e-3
    projection = principal_components(described.reshape(-1, described.shape[-1]), 8)
    np.testing.assert_allclose(projection.axes.T @ projection.axes, np.eye(8), atol=1e-5)


def test_a_jittered_grid_spreads():
    rng = np.random.default_rng(0)
    at = jittered_grid((60, 100), 240, rng)
    assert abs(len(at) - 240) < 15
    quarter, _, _ = np.histogram2d(at // 100, at % 100, bins=(2, 2), range=((0, 60), (0, 100)))
    assert quarter.min() > 50
    assert jittered_grid((1, 1), 240, rng).tolist() == [0]


def test_a_reduced_photo_keeps_its_aspect():
    assert reduced_size(3000, 4000, 1_000_000) == (866, 1154)
    assert reduced_size(10, 20, 1_000_000) == (10, 20)
    assert reduced_size(1, 10_000, 100) == (1, 1000)
    with pytest.raises(ShapeError):
        Reference(np.zeros((3, 3), np.float32), np.zeros((2, 3, 4), np.float32))


def test_roughness_tells_what_lightness_does_not() -> None:
    """A wall and a meadow of one mean lightness: each takes the color of what is as even or as rough."""

    def scene(seed: int) -> tuple[Floats, Floats]:
        lightness = np.full((48, 64), 55, np.float32)
        lightness[:, 32:] += np.random.default_rng(seed).normal(0, 12, (48, 32)).astype(np.float32)
        ab = np.zeros((2, 48, 64), np.float32)
        ab[1, :, :32], ab[0, :, 32:] = -30, -40
        return lightness, ab

    lightness, truth = scene(1)
    found = welsh(lightness, [Reference(*scene(2))])
    right = np.hypot(*(found - truth)) < 1
    assert right[:, 4:26].mean() > 0.95 and right[:, 38:60].mean() > 0.9
