"""Colour that is added never changes the lightness."""

from __future__ import annotations

import numpy as np

from colorize_cli.color.channels import merge


def test_no_colour_gives_every_grey_back() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (merge(grey, np.zeros((2, 3, 5), np.float32)) == grey[..., None]).all()
