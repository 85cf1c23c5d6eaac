"""How finely colour follows a photo's edges."""

from __future__ import annotations

import numpy as np

from colorize_cli.color.channels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.inference.painting import along_edges, guide_size


def test_ordinary_photos_are_guided_by_what_the_network_saw() -> None:
    """No more of the photo is read: it would cost more than it shows."""
    assert guide_size((3000, 4000), (256, 340)) == (256, 340)


def test_giant_scans_are_guided_more_finely_and_small_photos_by_themselves() -> None:
    assert guide_size((8000, 12000), (256, 384)) == (1000, 1500)
    assert min(guide_size((60000, 50000), (308, 256))) == 2048
    assert guide_size((100, 150), (256, 384)) == (100, 150)


def test_colour_of_a_giant_scan_ends_at_its_edge() -> None:
    grey = np.full((6400, 6400), 150, np.uint8)
    grey[:, 3300:] = 80  # within a place of the network's grid, 100 pixels wide
    lightness = lightness_of(np.ascontiguousarray(grey[12::25, 12::25]))
    ab = np.zeros((2, 64, 64), np.float32)
    ab[0, :, :33], ab[0, :, 33:] = -30, 40
    fine = along_edges(ab, lightness, grey, SRGB)
    assert fine.shape == (2, 800, 800)
    row = fine[0, 400]
    assert np.abs(row[:411] + 30).max() < 8 and np.abs(row[414:] - 40).max() < 8, "3300 / 8 is 412.5; the step is 70"
