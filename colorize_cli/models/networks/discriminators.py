"""Discriminators: networks that tell whether colors belong to a photo. All see the lightness with the color.

In:  lightness and color stacked, (N, C, H, W), scaled to about [-1, 1]
Out: logits, (N,) or (N, 1, h, w), high for real; of the autoencoder an energy, (N,), low for real
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.errors import UsageError, quoted
from colorize_cli.models.network_arguments import check_arguments
from colorize_cli.models.networks.unet import Norm, norm_layer


def _unit(inputs: int, outputs: int, stride: int, norm: Norm) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 4, stride, 1, bias=norm == "none")]
    if norm != "none":
        layers.append(norm_layer(norm, outputs))
    return [*layers, nn.LeakyReLU(0.2, inplace=True)]


class DcganDiscriminator(nn.Module):
    """Strided convolutions down to 4x4 places, then one number a picture.

    Args:
        channels: of the input.
        size: side of the pictures in pixels; larger or smaller ones are pooled to the last 4x4 places.
        width: channels of the first layer; they double up to 8 times that.
        norm: none in the first layer, as in its paper.

    Source: Radford 2016.
    """

    def __init__(self, channels: int = 3, size: int = 256, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        layers = _unit(channels, width, 2, "none")
        inputs, side = width, size // 2
        while side > 4:
            outputs = min(2 * inputs, 8 * width)
            layers += _unit(inputs, outputs, 2, norm)
            inputs, side = outputs, side // 2
        self.features = nn.Sequential(*layers)
        self.head = nn.Conv2d(inputs, 1, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (N,)."""
        return self.head(F.adaptive_avg_pool2d(self.features(x), 4)).flatten()  # type: ignore[no-any-return]


def strided_layers(receptive: int) -> int:
    """How many stride-2 layers give a PatchGAN that receptive field: 16 -> 1, 34 -> 2, 70 -> 3, 142 -> 4.

    Raises:
        UsageError: no number of layers gives that field.
    """
    field, layers = 7, 0  # the two last layers, 4x4 at stride 1
    while field < receptive:
        field, layers = (field - 1) * 2 + 4, layers + 1
    if field != receptive:
        raise UsageError(f"no PatchGAN has a receptive field of {receptive} pixels", hint="There are 16, 34, 70, 142.")
    return layers


class PatchGan(nn.Module):
    """A logit for every patch of `receptive` pixels a side.

    Source: Isola 2017, appendix 6.1.2.
    """

    def __init__(self, channels: int = 3, receptive: int = 70, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        layers, inputs = _unit(channels, width, 2, "none"), width
        for stride in [2] * (strided_layers(receptive) - 1) + [1]:
            outputs = min(2 * inputs, 8 * width)
            layers += _unit(inputs, outputs, stride, norm)
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (N, 1, h, w)."""
        return self.layers(x)  # type: ignore[no-any-return]


class AutoencoderDiscriminator(nn.Module):
    """An autoencoder whose reconstruction error is the energy: low where it has seen such pictures.

    Source: Zhao 2017 (EBGAN).
    """

    def __init__(self, channels: int = 3, width: int = 64, depth: int = 3, norm: Norm = "batch") -> None:
        super().__init__()
        layers, widths = [], [channels, *(width * 2**i for i in range(depth))]
        for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            layers += _unit(a, b, 2, "none" if i == 0 else norm)
        for a, b in zip(widths[:1:-1], widths[-2::-1], strict=False):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1), norm_layer(norm, b), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[1], channels, 4, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Energy, the mean squared reconstruction error of each picture, (N,)."""
        return ((self.layers(x) - x) ** 2).mean((1, 2, 3))  # type: ignore[no-any-return]


class PoolingClassifier(nn.Module):
    """Convolutions and max pooling, then the probability that the colors are real (here its logit)."""

    def __init__(self, channels: int = 3, width: int = 32, depth: int = 4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(depth):
            inputs = channels if i == 0 else width * 2 ** (i - 1)
            layers += [nn.Conv2d(inputs, width * 2**i, 3, 1, 1), nn.LeakyReLU(0.2, inplace=True), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        deepest = width * 2 ** (depth - 1)
        self.head = nn.Sequential(nn.Linear(deepest, deepest), nn.LeakyReLU(0.2), nn.Linear(deepest, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (N,)."""
        return self.head(self.features(x).mean((2, 3))).flatten()  # type: ignore[no-any-return]

    def probability(self, x: Tensor) -> Tensor:
        """Probability that each picture's colors are real, (N,)."""
        return torch.sigmoid(self.forward(x))


DISCRIMINATORS: Mapping[str, type[nn.Module]] = {
    "dcgan": DcganDiscriminator,
    "patchgan": PatchGan,
    "autoencoder": AutoencoderDiscriminator,
    "pooling": PoolingClassifier,
}


def build_discriminator(name: str, channels: int, size: int, arguments: Mapping[str, Any]) -> nn.Module:
    """Make a discriminator by name.

    Args:
        name: one of `DISCRIMINATORS`.
        channels: lightness and color together.
        size: side of the training pictures; only the depth of the DCGAN discriminator depends on it.
        arguments: the network's other arguments.

    Raises:
        UsageError: no such discriminator, or it takes no such argument.
    """
    if name not in DISCRIMINATORS:
        raise UsageError(f"no discriminator {quoted(name)}", hint=f"There are: {', '.join(sorted(DISCRIMINATORS))}")
    sized = {"size": size} if name == "dcgan" else {}
    check_arguments(DISCRIMINATORS[name], arguments, "discriminator.network_args")
    try:
        return DISCRIMINATORS[name](**{"channels": channels, **sized, **arguments})
    except (TypeError, ValueError, RuntimeError) as error:
        odd = next((one for one in arguments if f"'{one}'" in str(error)), "")
        what = f"takes no argument {quoted(odd)}" if odd else f"cannot be built with {dict(arguments)}"
        raise UsageError(f"discriminator {quoted(name)} {what}") from error
