"""Places of likely damage are measured as wholes, and the network's answer does not depend on which side is up."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from colorize_cli.data.degradations import scratched
from colorize_cli.restore.damage import bundled_finder, find_damage
from colorize_cli.restore.damage_parts import parts_of


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


def test_a_photo_turned_by_half_is_found_damaged_at_the_same_places():
    ground = cv2.GaussianBlur(np.random.default_rng(1).random((160, 240)).astype(np.float32), (0, 0), 5)
    damaged, truth = scratched(ground, np.random.default_rng(3), 0.8, 2.0)
    finder = bundled_finder()
    upright, turned = finder.probabilities(damaged), finder.probabilities(np.ascontiguousarray(damaged[::-1, ::-1]))
    assert np.abs(turned[::-1, ::-1] - upright).max() < 1e-4
    mask, _ = find_damage(damaged, finder)
    assert 2 * (mask & truth).sum() > 0.75 * (mask.sum() + truth.sum())
