"""The content loss: distances between what VGG-19 sees in the predicted and in the true picture.

In:  sRGB, (N, 3, H, W), [0, 1] or a little beyond
Out: a scalar
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from colorize_cli.color.gpu import linear_from_lab, srgb_from_linear
from colorize_cli.errors import UsageError, WeightsError, quoted
from colorize_cli.models.feature_networks import feature_extractors
from colorize_cli.models.networks.resunet18 import IMAGENET_MEAN, IMAGENET_STD
from colorize_cli.models.published import read_state
from colorize_cli.models.weights import fetch
from colorize_cli.training.encoders import OnBytes, told
from colorize_cli.training.losses import RECONSTRUCTION

_PLAN = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256)  # vgg19.features[:18]: convolutions with ReLU; 0 is max pooling


def content_file(choice: str, on_bytes: OnBytes | None = None) -> Path | None:
    """The file of VGG-19's weights, found or pulled before any work begins; None for random features.

    Args:
        choice: "torchvision" for the published ones, "random", or a file.
        on_bytes: told file, bytes here and in all, while it is pulled.

    Raises:
        WeightsError: it is not to be had, or holds another network's.
    """
    if choice == "random":
        return None
    if choice == "torchvision":
        spec = feature_extractors()["vgg19"]
        file = fetch(spec, told(spec.name, on_bytes)).path
    else:
        file = Path(choice).expanduser()
        if not file.is_file():
            raise WeightsError(
                f"no weights at {choice}", hint="Give --content-weights FILE of VGG-19's, torchvision, or random."
            )
    vgg19_state(file)
    return file


def vgg19_state(file: Path) -> dict[str, Tensor]:
    """The first 18 layers' weights out of torchvision's VGG-19.

    Raises:
        WeightsError: the file holds no VGG-19.
    """
    state = read_state(file)
    with torch.device("meta"):
        wanted = vgg19_features().state_dict()
    for key, value in wanted.items():
        there = state.get(f"features.{key}")
        if there is None:
            raise WeightsError(f"{file}: no VGG-19: {quoted(f'features.{key}')} is missing")
        if there.shape != value.shape:
            raise WeightsError(f"{file}: no VGG-19: {quoted(f'features.{key}')} has another shape")
    return {key: state[f"features.{key}"] for key in wanted}


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
            self.features.load_state_dict(vgg19_state(weights))
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None])
        self.requires_grad_(False).eval()

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """Distance of two pictures, sRGB."""
        with torch.no_grad():
            wanted = self.features((target - self.mean) / self.std)
        return self.distance(self.features((preds - self.mean) / self.std), wanted)


def rgb_of(lightness: Tensor, ab: Tensor) -> Tensor:
    """Lab to sRGB that may lie a little outside [0, 1], so that every color has a slope."""
    return srgb_from_linear(linear_from_lab(lightness, ab).clamp(-0.5, 2.0))
