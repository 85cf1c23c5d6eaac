"""The content loss: distances between what VGG-19 sees in the predicted and in the true picture.

In:  sRGB, (N, 3, H, W), [0, 1] or a little beyond
Out: a scalar
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from colorize_cli.color.gpu import linear_from_lab, srgb_from_linear
from colorize_cli.errors import UsageError, WeightsError, in_words, quoted
from colorize_cli.models.checks import check_file, check_tensors
from colorize_cli.models.networks.resunet18 import IMAGENET_MEAN, IMAGENET_STD
from colorize_cli.training.losses import RECONSTRUCTION

_PLAN = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256)  # vgg19.features[:18]: convolutions with ReLU; 0 is max pooling
VGG19_FILE = "vgg19-dcbb9e9d.pth"
_SOURCE = "https://download.pytorch.org/models/"


def torchvision_file(name: str) -> Path:
    """Where torchvision keeps published weights of that name."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def published_weights(choice: str, name: str, option: str) -> Path:
    """The file that holds published weights, checked before any work begins.

    Args:
        choice: "torchvision" for torchvision's own place, or a file.
        name: torchvision's file name; it ends with the first digits of the file's SHA-256.
        option: how the user names another file, for the message.

    Raises:
        WeightsError: the file is not there, or torchvision's is not what its name promises.
    """
    published = choice == "torchvision"
    file = torchvision_file(name) if published else Path(choice)
    if not file.is_file():
        what = (
            f"this recipe needs ImageNet weights, and {name} is not at {file}" if published else f"no weights at {file}"
        )
        raise WeightsError(what, hint=f"Get {_SOURCE}{name}, or give {option}.")
    if published:
        with file.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if not digest.startswith(name.rpartition("-")[2].removesuffix(".pth")):
            raise WeightsError(f"{file} is altered or cut short", hint=f"Get {_SOURCE}{name} again.")
    return file


def read_published(file: Path) -> dict[str, Tensor]:
    """Read a state dict without running code from the file.

    Raises:
        WeightsError: it is none.
    """
    check_file(file)
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is no state dict
        raise WeightsError(f"cannot read the weights {file}: {in_words(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{file} holds no state dict")
    check_tensors(state, file)
    return state


def vgg19_features() -> nn.Sequential:
    """The first 18 layers of VGG-19, which end with the ReLU behind conv3_4, with random weights (He's)."""
    layers: list[nn.Module] = []
    inputs = 3
    for width in _PLAN:
        if width == 0:
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers += [nn.Conv2d(inputs, width, 3, 1, 1), nn.ReLU(inplace=True)]
        inputs = width
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers)


class ContentLoss(nn.Module):
    """Distance between VGG-19's activations at the 18th layer.

    Args:
        distance: "l1", "l2" (mean squared) or "rmse".
        weights: a state dict of torchvision's VGG-19, or None for random features.
        seed: of the random features.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, distance: str = "l2", weights: Path | None = None, seed: int = 0) -> None:
        super().__init__()
        if distance not in ("l1", "l2", "rmse"):
            raise UsageError(f"no content distance {quoted(distance)}", hint="There are: l1, l2, rmse.")
        self.distance: Callable[[Tensor, Tensor], Tensor] = RECONSTRUCTION[distance]
        with torch.random.fork_rng(devices=[]):  # the rest of the run draws the same numbers with or without it
            torch.manual_seed(seed)
            self.features = vgg19_features()
        if weights is not None:
            state = read_published(weights)
            wanted = {f"features.{key}": key for key in self.features.state_dict()}
            if missing := sorted(set(wanted) - set(state)):
                raise WeightsError(f"{weights}: no VGG-19: {quoted(missing[0])} is missing")
            self.features.load_state_dict({wanted[key]: state[key] for key in wanted})
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None])
        self.requires_grad_(False).eval()

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """Distance of two pictures, sRGB."""
        with torch.no_grad():
            wanted = self.features((target - self.mean) / self.std)
        return self.distance(self.features((preds - self.mean) / self.std), wanted)


def rgb_of(lightness: Tensor, ab: Tensor) -> Tensor:
    """Lab to sRGB that may lie a little outside [0, 1], so that every colour has a slope."""
    return srgb_from_linear(linear_from_lab(lightness, ab).clamp(-0.5, 2.0))
