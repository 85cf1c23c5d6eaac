"""Small pictures, a small checkpoint, and deterministic weights."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.mini import Mini

SMALL_MINI = {"widths": [8, 8, 8, 8], "encoder": [0, 0, 0, 0], "decoder": [0, 0, 0]}


def _weights_by_key(network: nn.Module) -> dict[str, Tensor]:
    """Weights that each key's name decides, so that two implementations can be compared without a download."""
    state = {}
    for key, tensor in network.state_dict().items():
        rng = np.random.default_rng(zlib.crc32(key.encode()))
        shape = tuple(tensor.shape)
        if not tensor.dtype.is_floating_point:
            state[key] = tensor.clone()
            continue
        if key.endswith("running_var"):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) <= 1:
            value = rng.normal(1.0 if key.endswith("weight") else 0.0, 0.1, shape)
        else:
            value = rng.normal(0, 1, shape) / np.sqrt(np.prod(shape[1:]) / 2)
        state[key] = torch.from_numpy(np.asarray(value, np.float32))
    return state


def _picture(seed: int, height: int = 40, width: int = 56) -> np.ndarray:
    """A colourful picture with smooth areas and edges, uint8, (H, W, 3)."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _write_picture(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(data.tobytes())


def _save_small_mini(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, Mini(**SMALL_MINI).state_dict(), CheckpointInfo("mini", SMALL_MINI), torch.float32)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three colourful PNG files, one of them in a folder below."""
    folder = tmp_path / "photos"
    for i, name in enumerate(("a.png", "b.png", "below/c.png")):
        _write_picture(folder / name, _picture(i))
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint of a very small network with random weights."""
    return _save_small_mini(tmp_path / "run" / "small.safetensors")


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """Makes a colourful picture from a seed and a size."""
    return _picture


@pytest.fixture
def write_picture() -> Callable[[Path, np.ndarray], None]:
    """Writes a picture to a path."""
    return _write_picture


@pytest.fixture
def save_small_mini() -> Callable[..., Path]:
    """Writes a checkpoint of a very small network with random weights from a seed."""
    return _save_small_mini


@pytest.fixture
def weights_by_key() -> Callable[[nn.Module], dict[str, Tensor]]:
    """Gives any network deterministic weights."""
    return _weights_by_key
