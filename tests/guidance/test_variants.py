from __future__ import annotations

import cv2
import numpy as np
import pytest

from colorize_cli.errors import ShapeError
from colorize_cli.guidance.regions import regions
from colorize_cli.guidance.variants import objects, variant_hints
from colorize_cli.models.bins import srgb_bins
from tests.guidance.scenes import Floats

BINS = srgb_bins().numpy()
RED, BLUE, GREEN, GREY = (50, 30), (10, -50), (-40, 30), (0, 0)


def bump(*colors: tuple[tuple[int, int], float]) -> Floats:
    total = sum(p * np.exp(-((BINS - np.array(c)) ** 2).sum(1) / (2 * 7**2)) for c, p in colors)
    return np.asarray(total / total.sum(), np.float32)


def scene(h: int = 48, w: int = 64) -> tuple[Floats, Floats, Floats]:
    """A car, red, blue or green, before a wall that is surely grey: probabilities, lightness, the car's place."""
    car = np.zeros((h, w), np.uint8)
    cv2.rectangle(car, (w // 4, h // 3), (3 * w // 4, 5 * h // 6), 1, -1)
    lightness = np.where(car, 45, 75).astype(np.float32)
    probabilities = np.where(
        car, bump((RED, 0.5), (BLUE, 0.3), (GREEN, 0.2))[:, None, None], bump((GREY, 1.0))[:, None, None]
    )
    return probabilities.astype(np.float32), lightness, car > 0


def color_of(hints_ab: Floats, where: Floats) -> Floats:
    return np.asarray(hints_ab[:, where].mean(1))


def test_the_first_variant_is_the_plain_result():
    probabilities, lightness, _ = scene()
    assert variant_hints(probabilities, BINS, lightness, seed=1, index=0).count == 0


def test_a_whole_object_takes_one_color_and_sure_things_stay():
    probabilities, lightness, car = scene()
    seen = []
    for index in (1, 2, 3):
        hints = variant_hints(probabilities, BINS, lightness, seed=7, index=index)
        on_car, on_wall = car & (hints.mask > 0), ~car & (hints.mask > 0)
        assert on_car.any()
        assert on_wall.any()
        assert hints.ab[:, on_car].std(1).max() < 1e-3  # one color, not noise
        assert np.abs(hints.ab[:, on_wall]).max() < 3
        seen.append(color_of(hints.ab, on_car))
    apart = [np.linalg.norm(seen[i] - seen[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert min(apart) > 15


def test_variants_repeat_by_seed_and_differ_between_seeds():
    probabilities, lightness, _ = scene()
    of = {seed: [variant_hints(probabilities, BINS, lightness, seed, i).ab for i in range(1, 4)] for seed in range(6)}
    again = variant_hints(probabilities, BINS, lightness, 3, 2).ab
    np.testing.assert_array_equal(of[3][1], again)
    assert len({of[seed][0].tobytes() for seed in of}) > 1


def test_variety_decides_how_unlikely_a_color_may_be():
    probabilities, lightness, car = scene()
    counts = []
    for variety in (0.0, 0.25, 1.0):
        (choice,) = (c for c in objects(probabilities, BINS, lightness, variety) if (c.where & car).sum() > 100)
        counts.append(len(choice.colors))
        assert choice.weights.sum() == pytest.approx(1, abs=1e-5)
    assert counts[0] == 1
    assert counts[0] < counts[1] < counts[2]


def test_two_cars_alike_are_one_object():
    probabilities, lightness, car = scene()
    two = [np.concatenate([plane, plane], -1) for plane in (probabilities, lightness, car)]
    big = [c for c in objects(two[0], BINS, two[1]) if (c.where & two[2]).any()]
    assert (big[0].where & two[2]).sum() > 0.9 * two[2].sum() or (big[1].where & two[2]).sum() > 0.9 * two[2].sum()


def test_regions_are_the_even_parts_numbered_in_reading_order():
    plane = np.zeros((30, 40, 1), np.float32)
    plane[:, 20:] = 50
    plane[20:, :10] = 90
    found = regions(plane, sigma=0.01)
    assert found.max() == 2
    for part in (found[:20, :20], found[:, 20:], found[20:, :10]):
        assert part.min() == part.max()
    assert (found[0, 0], found[0, 39], found[29, 0]) == (0, 1, 2)
    assert regions(np.zeros((1, 1, 2), np.float32)).tolist() == [[0]]


def test_probabilities_of_another_size_are_refused():
    probabilities, lightness, _ = scene()
    with pytest.raises(ShapeError):
        variant_hints(probabilities, BINS, lightness[:, 1:], 0, 1)


def test_things_of_one_likelihood_but_another_tone_are_two_objects() -> None:
    """A black and a white coat may take other colors; two white ones, far apart, take the same."""
    lightness = np.full((40, 96), 50, np.float32)
    for left, tone in ((4, 85), (36, 20), (68, 85)):
        lightness[8:32, left : left + 24] = tone
    bins = np.array([[40, 20], [-30, 10], [0, 0]], np.float32)
    probabilities = np.empty((3, 40, 96), np.float32)
    probabilities[:] = np.reshape((0.02, 0.02, 0.96), (3, 1, 1))
    coats = lightness != 50
    probabilities[:, coats] = np.reshape((0.5, 0.45, 0.05), (3, 1))
    found = [choice.where for choice in objects(probabilities, bins, lightness)]
    white = next(where for where in found if where[20, 16])
    assert white[20, 80] and not white[20, 48] and not white[2, 2]
    assert next(where for where in found if where[20, 48])[coats].mean() == pytest.approx(1 / 3, abs=0.02)
