from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from colorize_cli.training.config import TrainConfig
from colorize_cli.training.loop import Result, RunSettings, Watcher, train
from colorize_cli.training.recipes import config_from
from tests.data.pictures import write_folder

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a cache and settings of its own."""
    for name in ("COLORIZE_CACHE", "COLORIZE_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 24 small colorful photos."""
    return write_folder(tmp_path / "photos", 24)


def tiny(**changes: object) -> TrainConfig:
    """A run of seconds: a small U-Net on pictures of 16 pixels, 3 epochs of 5 batches of 4."""
    table: dict[str, object] = {
        "recipe": "tiny",
        "generator": "unet",
        "generator_args": {"channels": 2, "width": 4, "depth": 3},
        "terms": [{"loss": "l1"}],
        "epochs": 3,
        "stages": [{"until": 1.0, "size": 16, "batch": 4}],
        "augmentation": {
            "fit": "square",
            "spectral_response": 0.0,
            "tone_curve": 0.0,
            "degradation": 0.0,
            "hints": 0.0,
        },
        "short_side": 24,
        "val": 0.1,
        "val_size": 16,
        "workers": 0,
        "lr": 2e-3,
        "sheet": 2,
    }
    return config_from({**table, **changes})


@pytest.fixture
def run(photos: Path) -> Run:
    """Train on the small photos."""

    def start(out: Path, config: TrainConfig, watcher: Watcher | None = None, **job: object) -> Result:
        return train(RunSettings(config, (str(photos),), out, device="cpu", **job), watcher or Watcher())  # type: ignore[arg-type]

    return start
