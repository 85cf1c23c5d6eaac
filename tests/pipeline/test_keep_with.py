"""Kept regions together with everything else that decides the colors: each option leaves them as they are."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from colorize_cli.color.keep import Kept
from colorize_cli.color.pixels import ab_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.color.tint import Kind, own_color
from colorize_cli.inference.option_values import Method
from colorize_cli.inference.painting import Painter
from colorize_cli.pipeline.outcome import Status
from tests.pipeline.test_own_colors import colorize, mounted, saved


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return saved(tmp_path / "in" / "x.png", mounted()[0])


def _hints(tmp_path: Path) -> Path:
    """Green all over: on the print, on the stamp and on the mount."""
    points = [{"x": x, "y": y, "color": "#2f7d32", "radius": 9} for x in range(15, 520, 70) for y in range(15, 420, 60)]
    path = tmp_path / "hints" / "x.hints.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"unit": "pixel", "points": points}))
    return path.parent


def _reference(tmp_path: Path) -> Path:
    y, x = np.mgrid[:200, :260]
    pixels = np.dstack([60 + x // 2, 200 - y // 2, 120 + (x + y) // 5]).astype(np.uint8)
    return saved(tmp_path / "reference.png", pixels)


@pytest.mark.parametrize(
    "name",
    [
        "hints",
        "levin",
        pytest.param("reference", marks=pytest.mark.slow),
        "variants",
        "consistent",
        "saturation",
        "vividness",
    ],
)
@pytest.mark.parametrize(
    "stream_from", [pytest.param(64_000_000, marks=pytest.mark.slow), 1000], ids=["whole", "strips"]
)
def test_regions_stay_and_the_print_is_colored(
    name: str, stream_from: int, tiny_model: Path, tmp_path: Path, photo: Path
) -> None:
    options: dict[str, object] = {
        "hints": lambda: {"hints": _hints(tmp_path)},
        "levin": lambda: {"hints": _hints(tmp_path), "method": Method.levin},
        "reference": lambda: {"reference": _reference(tmp_path)},
        "variants": lambda: {"variants": 2},
        "consistent": lambda: {"consistent": True},
        "saturation": lambda: {"saturation": 1.6},
        "vividness": lambda: {"vividness": 1.0},
    }[name]()
    report = colorize(tiny_model, photo, tmp_path / "out", stream_from=stream_from, **options)
    assert report.counts == {Status.done: 1}, report.failures
    before, after = (np.asarray(Image.open(path)) for path in (photo, tmp_path / "out" / "x.png"))
    where = mounted()[1]
    np.testing.assert_array_equal(after[where], before[where])
    inside = cv2.dilate(where.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert np.hypot(*ab_of(np.ascontiguousarray(after)))[inside].mean() > 2
    if name == "variants":
        sheet = ab_of(np.asarray(Image.open(tmp_path / "out" / "x.variants.jpg").convert("RGB")))
        off = np.hypot(*(sheet - np.median(ab_of(before)[:, where], 1)[:, None, None]))
        height, width = off.shape
        cells = [off[: height // 2, : width // 2], off[: height // 2, width // 2 :], off[height // 2 :, : width // 2]]
        for cell in cells:  # before, 1 and 2: each has its mount
            assert (cell < 4).mean() > 0.2


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_device_keeps_them_as_this_machine_does(depth: type) -> None:
    pixels, where = mounted()
    own = own_color(pixels)
    assert own.kind is Kind.regions
    deep = pixels.astype(depth) * depth(257 if depth is np.uint16 else 1)
    size = (deep.shape[0], deep.shape[1])
    ab = np.random.default_rng(0).uniform(-30, 30, (2, 9, 11)).astype(np.float32)
    results = []
    for gpu in (None, torch.device("cpu")):
        painter = Painter(ab, size, SRGB, 1.0, gpu, kept=Kept.of(own))
        whole = painter.paint(0, deep)
        strips = np.concatenate([painter.paint(top, deep[top : top + 61]) for top in range(0, size[0], 61)])
        for out in (whole, strips):
            np.testing.assert_array_equal(out[where], deep[where])
        results += [whole, strips]
    for out in results[1:]:
        assert np.abs(results[0].astype(int) - out).max() <= 2 * np.iinfo(depth).max // 255
