"""Places of likely damage are measured as wholes; what is found depends neither on which side is up nor on fading."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.data.degradations import scratched
from colorize_cli.restore.damage import DamageFinder, bundled_finder, find_damage
from colorize_cli.restore.damage_parts import parts_of

View = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def test_a_line_and_a_speck_are_measured():
    plane = np.full((120, 200), 0.4, np.float32)
    plane[60, 20:180] = 1
    plane[20:24, 30:34] = 0
    likely = np.where(plane == 0.4, np.float32(0), np.float32(0.9))
    parts = parts_of(plane, likely)
    line, speck = parts.features[parts.labels[60, 100] - 1], parts.features[parts.labels[22, 32] - 1]
    assert len(parts.features) == 2 and parts.labels[0, 0] == 0
    assert np.exp([line[0], speck[0]]) == pytest.approx([160, 16])
    assert np.exp([line[1], speck[1]]) == pytest.approx([160, 4], rel=0.01)
    assert np.exp([line[2], speck[2]]) == pytest.approx([160, 1], rel=0.01)
    assert [line[9], speck[9]] == pytest.approx([0.6, 0.4], abs=0.01) and [line[14], speck[14]] == [1, -1]


def test_a_photo_without_likely_places_has_no_parts():
    parts = parts_of(np.full((40, 50), 0.5, np.float32), np.zeros((40, 50), np.float32))
    assert parts.odds().shape == (0,) and not parts.labels.any()


def worn_ground() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    ground = cv2.GaussianBlur(np.random.default_rng(1).random((160, 240)).astype(np.float32), (0, 0), 5)
    return scratched(ground, np.random.default_rng(3), 0.8, 2.0)


def overlap(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return 2 * float((mask & truth).sum()) / float(mask.sum() + truth.sum())


@pytest.mark.parametrize(
    "view", [lambda p: p[::-1, ::-1], lambda p: p[:, ::-1], lambda p: p.T], ids=["turned", "mirrored", "toppled"]
)
def test_a_small_photo_is_found_damaged_at_the_same_places_whichever_side_is_up(view: View):
    damaged, truth = worn_ground()
    finder = bundled_finder()
    upright, turned = finder.probabilities(damaged), finder.probabilities(np.ascontiguousarray(view(damaged)))
    assert np.abs(view(turned) - upright).max() < 1e-4
    assert overlap(find_damage(damaged, finder)[0], truth) > 0.75


def test_a_large_photo_is_looked_at_from_two_sides_alone():
    class Counted(DamageFinder):
        calls = 0

        def _once(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
            self.calls += 1
            return plane

    finder = Counted.__new__(Counted)
    sides = []
    for height in (600, 1100, 1300):
        plane = np.zeros((height, 1000), np.float32)
        finder.calls = 0
        finder.probabilities(plane)
        sides.append(finder.calls)
    assert sides == [8, 4, 2]


def test_damage_is_found_on_a_faded_photo_as_on_others():
    damaged, truth = worn_ground()
    plain = overlap(find_damage(damaged, bundled_finder())[0], truth)
    faded = overlap(find_damage(0.3 + 0.35 * damaged, bundled_finder())[0], truth)
    assert faded > plain - 0.05


def test_the_grain_of_a_blank_sheet_is_no_damage():
    sheet = np.random.default_rng(2).normal(0.6, 0.01, (200, 300)).astype(np.float32)
    mask, certain = find_damage(sheet, bundled_finder())
    assert mask.mean() < 0.001 and certain == 0


@pytest.mark.slow
def test_damage_is_certain_where_it_lies_on_all_of_a_photo_and_not_in_a_corner():
    damaged, _ = worn_ground()
    large = np.full((480, 720), 0.5, np.float32)
    large[:160, :240] = damaged
    for plane, everywhere in ((np.tile(damaged, (3, 3)), True), (large, False)):
        mask, certain = find_damage(plane, bundled_finder())
        assert mask.any() and (certain > 0.003) == everywhere
