"""The weights in the package are those that were recorded with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from colorize_cli.color.gpu import split
from colorize_cli.data.drawn import page
from colorize_cli.data.samples import sample_photos
from colorize_cli.errors import WeightsError
from colorize_cli.models import weights
from colorize_cli.models.bundle import bundle
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.inventory import State, status, verify
from colorize_cli.models.load import load_model


def test_changing_the_bundled_weights_and_their_recorded_hash_is_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "ASSETS", tmp_path)
    arguments = {"size": 0, "top": 8, "widths": [8, 8, 8]}
    network = catalogue().get("liteunet").build(**arguments)
    info = CheckpointInfo("liteunet", arguments)
    save_checkpoint(tmp_path / "trained.safetensors", network.state_dict(), info, torch.float32)
    asset = bundle(tmp_path / "trained.safetensors")
    assert verify("mini").state is State.valid
    assert load_model("mini").generator.head.in_channels == 8  # type: ignore[union-attr]
    asset.write_bytes(asset.read_bytes()[:-1] + b"!")
    assert verify("mini").state is State.corrupt
    with pytest.raises(WeightsError, match="corrupt"):
        load_model("mini")


def test_the_bundled_weights_are_those_recorded_and_small_enough() -> None:
    spec = catalogue().get("mini")
    assert verify("mini").state is State.valid
    row = status(spec)
    assert row.path is not None
    assert row.path.stat().st_size <= 18_000_000


def _chroma(lightness: np.ndarray) -> float:
    with torch.inference_mode():
        ab = load_model("mini").generator.colorize(torch.from_numpy(lightness.astype(np.float32))[None, None])  # type: ignore[union-attr]
    return float(ab.norm(dim=1).mean())


def test_blank_pictures_and_lines_of_print_stay_neutral() -> None:
    assert all(_chroma(np.full((256, 256), level)) < 3 for level in (0, 40, 100))
    paper = np.full((256, 256), 92.0)
    paper[20:-20:8, 20:-20] = 20
    assert _chroma(paper) < 3


@pytest.mark.slow
def test_blank_pictures_of_every_level_and_pages_of_text_stay_neutral() -> None:
    assert all(_chroma(np.full((256, 384), level)) < 3 for level in (0, 10, 25, 40, 55, 70, 85, 100))
    rng = np.random.default_rng(99)
    assert np.mean([_chroma(np.clip(page(256, rng), 0, 100)) for _ in range(6)]) < 4


@pytest.mark.slow
def test_the_slider_is_monotone_in_color_on_photos() -> None:
    network = load_model("mini").generator
    for name, rgb in sample_photos():
        lightness = split(torch.from_numpy(rgb[:256, :256].copy()).permute(2, 0, 1)[None].float() / 255)[0]
        with torch.inference_mode():
            chroma = [float(network.colorize(lightness, None, v / 4).norm(dim=1).mean()) for v in range(5)]  # type: ignore[union-attr]
        assert chroma == sorted(chroma), name
        assert chroma[-1] > 1.5 * chroma[0], name
