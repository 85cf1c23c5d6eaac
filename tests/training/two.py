"""Trains a small U-Net without batch statistics and writes each step's losses: `two.py PHOTOS OUT BATCH`."""

import json
import os
import sys
from pathlib import Path

from colorize_cli.training.loop import RunSettings, Watcher, train
from tests.training.conftest import tiny


def main(photos: str, out: str, batch: int) -> None:
    config = tiny(
        generator_args={"channels": 2, "width": 4, "depth": 3, "norm": "none", "dropout": 0.0},
        discriminator={
            "kind": "gan",
            "network": "patchgan",
            "network_args": {"receptive": 16, "width": 4, "norm": "none"},
        },
        stages=[{"until": 1.0, "size": 16, "batch": batch}],
        epochs=0,
        steps=20,
        ema=0.9,
        clip=1.0,
    )
    losses: list[dict[str, float]] = []
    watcher = Watcher(on_step=lambda progress: losses.append(progress.losses))
    train(RunSettings(config, (photos,), Path(out), device="cpu"), watcher)
    if os.environ.get("RANK", "0") == "0":
        (Path(out) / "losses.json").write_text(json.dumps(losses))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
