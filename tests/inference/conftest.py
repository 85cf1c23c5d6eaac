from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.networks.mini import Mini
from colorize_cli.models.onnx.load_onnx import OnnxModel, load_onnx
from colorize_cli.models.onnx.protobuf import metadata
from colorize_cli.models.registry import Sizes
from tests.fork_server import python

Run = Callable[..., subprocess.CompletedProcess[str]]
SMALL = {"widths": [8, 16, 16, 16], "encoder": [0, 1, 1, 1], "decoder": [1, 1, 1]}


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a very small `mini` with random weights that does give color."""
    torch.manual_seed(0)
    model = Mini(**SMALL)
    torch.nn.init.normal_(model.head.weight, std=2.0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(path, model.state_dict(), CheckpointInfo("mini", {**SMALL, "classes": 0}), torch.float32)
    return path


@pytest.fixture(scope="session")
def tiny_model(tiny_checkpoint: Path) -> Path:
    """The checkpoint, which sees photos at the size that its network was made for."""
    return tiny_checkpoint


@pytest.fixture(scope="session")
def quick_model(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as an ONNX file that sees photos at a quarter of the size: where colors are no matter."""
    graph = load_onnx(str(tiny_checkpoint))
    assert isinstance(graph, OnnxModel)
    contract = replace(graph.contract, spec=replace(graph.spec, sizes=Sizes(64, 32, 64 * 256)))
    path = tmp_path_factory.mktemp("model") / "quick.onnx"
    path.write_bytes(graph.graph + metadata(contract.named("quick").properties()))
    return path


def grey_photo(path: Path, size: tuple[int, int] = (96, 64), seed: int = 0) -> Path:
    """A smooth grey picture, width x height, written in the format of its suffix."""
    rng = np.random.default_rng(seed)
    small = rng.integers(20, 235, (5, 7), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def colorize_words(tiny_model: Path, *arguments: str | Path) -> list[str]:
    """The words of `colorize` with the tiny model."""
    return [*map(str, arguments), "--model", str(tiny_model), "--device", "cpu"]


def command(tiny_model: Path, *arguments: str | Path, anew: bool = False) -> list[str]:
    """The command line of `colorize`; `anew` by a Python that has loaded nothing yet (see `tests.fork_server`)."""
    return [*((sys.executable,) if anew else python()), "-m", "colorize_cli", *colorize_words(tiny_model, *arguments)]


@pytest.fixture
def run(quick_model: Path) -> Run:
    """Run `colorize` in a process of its own with the tiny model; returns it with status, stdout and stderr."""

    def run_it(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}  # type: ignore[dict-item]
        options.setdefault("timeout", 120)
        return subprocess.run(
            command(quick_model, *arguments), capture_output=True, text=True, env=environment, **options
        )  # type: ignore[call-overload]

    return run_it
