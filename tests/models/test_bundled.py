"""The weights in the package are those that were recorded with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

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
    assert verify("mini").state is State.sound
    assert load_model("mini").generator.head.in_channels == 8  # type: ignore[union-attr]
    asset.write_bytes(asset.read_bytes()[:-1] + b"!")
    assert verify("mini").state is State.altered
    with pytest.raises(WeightsError, match="altered"):
        load_model("mini")


def test_the_bundled_weights_are_those_recorded_and_small_enough() -> None:
    spec = catalogue().get("mini")
    assert verify("mini").state is State.sound
    row = status(spec)
    assert row.path is not None
    assert row.path.stat().st_size <= 18_000_000
