from __future__ import annotations

import cv2
import numpy as np
import pytest

from colorize_cli.errors import ShapeError
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.propagation import propagate
from colorize_cli.guidance.scribbles import levin

SIZE = (96, 128)


def _hints(*known: tuple[int, int, float, float], size: tuple[int, int] = SIZE, side: int = 3) -> HintMap:
    ab, mask = np.zeros((2, *size), np.float32), np.zeros(size, np.float32)
    for y, x, a, b in known:
        ab[:, y : y + side, x : x + side] = np.reshape((a, b), (2, 1, 1))
        mask[y : y + side, x : x + side] = 1
    return HintMap(ab, mask)


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """Light sky over dark ground, some grain, colored by a network without much courage."""
    rng = np.random.default_rng(0)
    lightness = np.full(SIZE, 80, np.float32)
    lightness[48:] = 30
    lightness += rng.normal(0, 0.7, SIZE).astype(np.float32)
    ab = np.zeros((2, *SIZE), np.float32)
    ab[1, :48], ab[1, 48:] = -6, 8
    return lightness, ab


def test_a_hint_is_kept_and_reaches_all_of_its_thing_but_not_what_is_far_and_unlike() -> None:
    lightness, ab = _scene()
    hints = _hints((20, 20, 40, 30))
    found = propagate(lightness, ab, hints)
    own = hints.mask > 0
    assert np.abs(found - hints.ab)[:, own].max() < 1
    change = np.hypot(*(found - ab))
    residual = float(np.hypot(40, 36))
    assert change[5:43, 5:60].mean() > 0.5 * residual  # its own sky, around it
    assert change[5:43, 100:].mean() > 0.25 * residual  # the far end of the same sky
    assert change[60:, 70:].mean() < 1  # the ground, far away


def test_hints_that_agree_reach_further_than_one() -> None:
    lightness, ab = _scene()
    one = propagate(lightness, ab, _hints((8, 8, 20, -6)))
    four = propagate(lightness, ab, _hints((8, 8, 20, -6), (36, 10, 20, -6), (20, 40, 20, -6), (60, 8, 20, 8)))
    assert four[0, 20:40, 110:].mean() > one[0, 20:40, 110:].mean() + 1


def test_every_hint_of_many_is_kept() -> None:
    rng = np.random.default_rng(1)
    lightness = cv2.GaussianBlur(rng.uniform(0, 100, SIZE).astype(np.float32), (0, 0), 4)
    places = [(y, x) for y in range(2, 90, 8) for x in range(2, 120, 8)]
    hints = _hints(*((y, x, *rng.uniform(-40, 40, 2)) for y, x in places))
    found = propagate(lightness, np.zeros((2, *SIZE), np.float32), hints)
    error = np.hypot(*(found - hints.ab))[hints.mask > 0]
    assert np.median(error) < 1 and error.max() < 8


def test_without_hints_nothing_changes() -> None:
    lightness, ab = _scene()
    assert propagate(lightness, ab, _hints()) is ab


def test_it_is_nearer_to_the_truth_than_the_network_and_than_levin_alone() -> None:
    rng = np.random.default_rng(2)
    size = (96, 96)
    things = np.kron(rng.integers(0, 4, (4, 4)), np.ones((24, 24), int))  # four kinds of things, each in many places
    lightness = np.array([25, 45, 65, 85], np.float32)[things] + rng.normal(0, 1, size).astype(np.float32)
    colors = np.array([(30, 20), (-25, 30), (5, -35), (15, 45)], np.float32)
    truth = np.moveaxis(colors[things], -1, 0)
    network = 0.4 * truth
    places = [(12 + 24 * y, 12 + 24 * x) for y, x in ((0, 0), (1, 2), (3, 1), (2, 3))]
    hints = _hints(*((y, x, *truth[:, y, x]) for y, x in places), size=size)

    def error(ab: np.ndarray) -> float:
        return float(np.square(ab - truth).sum(0).mean())

    found = error(propagate(lightness, network, hints))
    assert found < 0.6 * error(network)
    assert found < error(levin(lightness, hints))


def test_a_doubtful_hint_pulls_less() -> None:
    lightness, ab = _scene()
    sure, doubtful = _hints((20, 20, 40, 30)), _hints((20, 20, 40, 30))
    doubtful = HintMap(doubtful.ab, doubtful.mask * np.float32(0.005))
    away = (slice(None), slice(20, 30), slice(60, 80))
    assert (
        np.abs(propagate(lightness, ab, doubtful)[away] - ab[away]).mean()
        < 0.6 * np.abs(propagate(lightness, ab, sure)[away] - ab[away]).mean()
    )


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 64)])
def test_any_size_is_taken(size: tuple[int, int]) -> None:
    hints = HintMap(np.full((2, *size), 20, np.float32), np.ones(size, np.float32))
    found = propagate(np.full(size, 50, np.float32), np.zeros((2, *size), np.float32), hints)
    np.testing.assert_allclose(found, 20, atol=1)


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ShapeError, match="hints of size"):
        propagate(np.zeros((8, 8), np.float32), np.zeros((2, 8, 8), np.float32), _hints())
