"""The pretrained networks that some metrics look through: which file, where from, where it lies. Nothing is downloaded.

In:  `NeededFile`
Out: its checked state dict; or an error that says what to fetch
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from colorize_cli.errors import WeightsError, in_words
from colorize_cli.models.checkpoint import sha256_of
from colorize_cli.models.checks import check_file, check_tensors


@dataclass(frozen=True)
class NeededFile:
    """A published file of weights.

    Attributes:
        name: as it is published, and as it lies in torch's folder of checkpoints.
        url: where from.
        sha256: the prefix that its authors put into its name.
    """

    name: str
    url: str
    sha256: str


ALEXNET = NeededFile(
    "alexnet-owt-7be5be79.pth", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79"
)
VGG16 = NeededFile("vgg16-397923af.pth", "https://download.pytorch.org/models/vgg16-397923af.pth", "397923af")
INCEPTION = NeededFile(
    "weights-inception-2015-12-05-6726825d.pth",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    "6726825d",
)


def checkpoints_folder() -> Path:
    """Where torch and torchvision keep pretrained weights; `TORCH_HOME` moves it."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def read_weights(needed: NeededFile, metric: str) -> dict[str, Tensor]:
    """Read a published state dict; the file cannot run code.

    Raises:
        WeightsError: it is not here, altered, or unreadable.
    """
    path = checkpoints_folder() / needed.name
    if not path.is_file():
        raise WeightsError(
            f"{metric} needs the file {needed.name}",
            hint=f"Download {needed.url} to {path}",
        )
    if not sha256_of(path).startswith(needed.sha256):
        raise WeightsError(f"{path} is altered or cut short", hint=f"Download it again: {needed.url}")
    return _load(path)


def lpips_heads() -> dict[str, Tensor]:
    """The weights of LPIPS v0.1 on AlexNet's layers, which torchmetrics carries.

    Raises:
        WeightsError: torchmetrics came without them.
    """
    try:
        with as_file(files("torchmetrics.functional.image") / "lpips_models" / "alex.pth") as path:
            return _load(path)
    except (OSError, ModuleNotFoundError) as error:
        raise WeightsError("lpips needs torchmetrics' own weights", hint="pip install torchmetrics") from error


def _load(path: Path) -> dict[str, Tensor]:
    check_file(path)
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError) as error:
        raise WeightsError(f"cannot read {path}: {in_words(error)}", hint="Download it again.") from error
    check_tensors(state, path)
    return state
