"""Put a checkpoint into the package and record its hash: `python -m colorize_cli.models.bundle FILE [mini|restore]`.

In:  a checkpoint that `colorize train` exported
Out: `assets/NAME.safetensors` in float16 and `assets/NAME.json` with its SHA-256 and what its header says
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from colorize_cli.models import weights
from colorize_cli.models.checkpoint import read_info, read_tensors, save_checkpoint, sha256_of


def bundle(checkpoint: Path, name: str = "mini") -> Path:
    """Copy a checkpoint's weights, as float16, into the package's assets under a name; returns the asset's path.

    Raises:
        WeightsError: it is no checkpoint of this program.
    """
    info = read_info(checkpoint)
    asset = weights.ASSETS / f"{name}.safetensors"
    save_checkpoint(asset, read_tensors(checkpoint), info, torch.float16)
    record = {"file": asset.name, "bytes": asset.stat().st_size, "sha256": sha256_of(asset), **vars(info)}
    asset.with_suffix(".json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return asset


if __name__ == "__main__":
    bundle(Path(sys.argv[1]), *sys.argv[2:])
