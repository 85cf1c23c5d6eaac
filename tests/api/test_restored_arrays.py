"""Restoration from Python, as a user would import it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from colorize_cli import Colorizer, Repair, RestoreOptions


def test_a_file_is_mended_and_colored(tmp_path: Path):
    rng = np.random.default_rng(0)
    ramp = np.tile(np.linspace(60, 190, 128), (96, 1))
    cv2.imwrite(str(tmp_path / "a.png"), np.clip(ramp + rng.normal(0, 12, ramp.shape), 0, 255).astype(np.uint8))
    options = RestoreOptions(repairs=frozenset({Repair.noise}))
    outcome = Colorizer("mini", device="cpu").file(tmp_path / "a.png", tmp_path / "b.png", restore=options)
    assert any("took away noise" in note for note in outcome.notes)
    result = cv2.cvtColor(cv2.imread(str(tmp_path / "b.png")), cv2.COLOR_BGR2LAB)[..., 0]
    assert result.std(0).mean() < 5
