"""Brush strokes of a side-car: what they color, what is refused, how they follow a photo that is cropped; palettes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage.color import lab2rgb

from colorize_cli.errors import HintError
from colorize_cli.guidance.hint_points import parse_points
from colorize_cli.guidance.hints import hint_map
from colorize_cli.guidance.likely import likely_colors, srgb_of_ab
from colorize_cli.guidance.moved_hints import moved

PLACE = Path("a.hints.json")
RED = "#ff0000"


def test_a_stroke_colors_all_along_its_path_and_nothing_else() -> None:
    stroke = {"path": [[10, 10], [50, 10], [50, 30]], "color": RED, "radius": 2}
    sidecar = parse_points({"strokes": [stroke]}, PLACE)
    hints = hint_map([sidecar], (40, 60), (40, 60))
    assert hints.mask[10, 10:50].min() == 1
    assert hints.mask[10:30, 50].min() == 1
    assert hints.mask[20, 10:45].max() == 0
    assert hints.mask[16:, :45].max() == 0
    np.testing.assert_allclose(hints.ab[:, 10, 30], [80.1, 67.2], atol=0.3)  # CIE Lab of sRGB red


def test_a_stroke_in_fractions_is_that_in_pixels() -> None:
    pixels = {"strokes": [{"path": [[6, 10], [48, 30]], "color": RED, "radius": 4}]}
    shares = {"unit": "fraction", "strokes": [{"path": [[0.1, 0.25], [0.8, 0.75]], "color": RED, "radius": 0.1}]}
    maps = [hint_map([parse_points(said, PLACE)], (40, 60), (40, 60)) for said in (pixels, shares)]
    np.testing.assert_array_equal(maps[0].mask, maps[1].mask)


@pytest.mark.parametrize(
    ("stroke", "said"),
    [
        ({"color": RED}, "strokes[0].path: is missing"),
        ({"path": [], "color": RED}, "strokes[0].path: expected a list of [x, y]"),
        ({"path": [[1]], "color": RED}, "strokes[0].path[0]: expected [x, y], got [1]"),
        ({"path": [[1, 2], [3, "4"]], "color": RED}, "strokes[0].path[1]: expected a number, got '4'"),
        ({"path": [[1, 2]]}, "strokes[0].color: is missing"),
        ({"path": [[1, 2]], "color": RED, "radius": -1}, "strokes[0].radius: expected 0 or more, got -1"),
        ({"path": [[1, 2]], "color": RED, "width": 3}, "strokes[0].width: no such field"),
        (7, "strokes[0]: expected an object, got 7"),
    ],
)
def test_what_is_no_stroke_is_named(stroke: Any, said: str) -> None:
    with pytest.raises(HintError) as caught:
        parse_points({"strokes": [stroke]}, PLACE)
    assert f"a.hints.json: {said}" in str(caught.value)


def test_a_stroke_that_leaves_the_photo_is_refused() -> None:
    sidecar = parse_points({"strokes": [{"path": [[5, 5], [99, 5]], "color": RED}]}, PLACE)
    with pytest.raises(HintError, match=r"strokes\[0\]\.path\[1\].*outside the photo"):
        hint_map([sidecar], (40, 60), (40, 60))


def test_a_cropped_photo_keeps_the_part_of_a_stroke_that_lies_on_it() -> None:
    sidecar = parse_points({"strokes": [{"path": [[0, 20], [60, 20]], "color": RED, "radius": 1}]}, PLACE)
    kept = moved(sidecar, (40, 60), (20, 30), lambda x, y: (x - 10, y - 5), lambda layer: layer)
    whole = hint_map([kept], (20, 30), (20, 30)).mask
    assert whole[15, 1:29].min() == 1
    assert whole[:12].max() == 0
    away = moved(sidecar, (40, 60), (20, 30), lambda x, y: (x, y - 25), lambda layer: layer)
    assert away.points == ()


def test_a_palette_is_sorted_sums_to_what_is_likely_there_and_its_colors_are_apart() -> None:
    bins = np.array([[60, 40], [58, 44], [-50, 40], [0, 0]], np.float32)
    chances = np.zeros((4, 6, 8), np.float32)
    chances[:, :, :4] = np.array([0.3, 0.3, 0.1, 0.3])[:, None, None]
    chances[3, :, 4:] = 1
    left = likely_colors(chances, bins, (0.1, 0.5), 50)
    assert [round(color.share, 5) for color in left] == [0.6, 0.3, 0.1]
    np.testing.assert_allclose(left[0].ab, (59, 42), atol=1e-4)
    right = likely_colors(chances, bins, (0.95, 0.5), 50, most=1)
    assert (right[0].ab, round(right[0].share, 5)) == ((0.0, 0.0), 1.0)
    assert max(right[0].rgb) - min(right[0].rgb) <= 1


def test_a_color_is_shown_at_the_lightness_of_its_place() -> None:
    expected = np.round(lab2rgb(np.array([[[50.0, 30.0, 20.0]]]))[0, 0] * 255)
    np.testing.assert_allclose(srgb_of_ab(np.array([30.0, 20.0]), 50), expected, atol=1)
