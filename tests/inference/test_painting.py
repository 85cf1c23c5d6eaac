"""How finely color follows a photo's edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorize_cli.color.gpu_merge import DeviceMerger
from colorize_cli.color.pixels import ab_of, lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.inference.painting import Guided, Painter, along_edges, guide_size


def test_ordinary_photos_are_guided_by_what_the_network_saw() -> None:
    """No more of the photo is read: it would cost more than it shows."""
    assert guide_size((3000, 4000), (256, 340)) == (256, 340)


def test_giant_scans_are_guided_more_finely_and_small_photos_by_themselves() -> None:
    assert guide_size((8000, 12000), (256, 384)) == (1000, 1500)
    assert min(guide_size((60000, 50000), (308, 256))) == 2048
    assert guide_size((100, 150), (256, 384)) == (100, 150)


def test_color_of_a_giant_scan_ends_at_its_edge() -> None:
    grey = np.full((6400, 6400), 150, np.uint8)
    grey[:, 3300:] = 80  # within a place of the network's grid, 100 pixels wide
    lightness = lightness_of(np.ascontiguousarray(grey[12::25, 12::25]))
    ab = np.zeros((2, 64, 64), np.float32)
    ab[0, :, :33], ab[0, :, 33:] = -30, 40
    fine = along_edges(ab, lightness, grey, (6400, 6400), SRGB)
    assert fine.shape == (2, 800, 800)
    row = fine[0, 400]
    assert np.abs(row[:411] + 30).max() < 8 and np.abs(row[414:] - 40).max() < 8, "3300 / 8 is 412.5; the step is 70"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_rows_painted_on_a_device_are_the_rows_painted_here(dtype: type[np.uint8] | type[np.uint16]) -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, np.iinfo(dtype).max, (60, 50), dtype=dtype, endpoint=True)
    ab = rng.uniform(-30, 30, (2, 6, 5)).astype(np.float32)
    here, there = (Painter(ab, (60, 50), SRGB, 1.2, gpu) for gpu in (None, torch.device("cpu")))
    a, b = (np.concatenate([one.paint(top, grey[top : top + 20]) for top in (0, 20, 40)]) for one in (here, there))
    assert np.abs(a.astype(int) - b).max() <= np.iinfo(dtype).max // 255


def test_rows_that_do_not_fit_a_device_are_painted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(DeviceMerger, "strip", full)
    grey, ab = np.full((8, 8), 120, np.uint8), np.full((2, 2, 2), 20, np.float32)
    there = Painter(ab, (8, 8), SRGB, 1.0, torch.device("cpu")).paint(0, grey)
    assert np.array_equal(there, Painter(ab, (8, 8), SRGB, 1.0).paint(0, grey))


@pytest.mark.parametrize("saturation", [0.5, 1.5])
def test_a_tile_is_that_part_of_its_rows_whatever_the_saturation(saturation: float) -> None:
    rng = np.random.default_rng(2)
    grey = rng.integers(60, 190, (90, 70), np.uint8)
    ab = rng.uniform(-15, 15, (2, 30, 24)).astype(np.float32)
    guided = Guided(ab, lightness_of(np.ascontiguousarray(grey[::3, ::3])))
    for colors in (guided, ab):
        painter = Painter(colors, grey.shape, SRGB, saturation)
        rows = painter.paint(30, grey[30:60])
        np.testing.assert_array_equal(painter.paint_tile(30, 20, grey[30:60, 20:50]), rows[:, 20:50])
        plain = Painter(colors, grey.shape, SRGB, 1.0).paint(30, grey[30:60])
        chroma = [float(np.hypot(*ab_of(np.ascontiguousarray(pixels))).mean()) for pixels in (rows, plain)]
        assert chroma[0] / chroma[1] == pytest.approx(saturation, rel=0.1)
