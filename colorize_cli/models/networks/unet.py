"""`unet`: strided convolutions down, transposed convolutions up, the mirrored map joined in at every depth.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 2 ** depth (others are padded by `colorize`)
Out: Lab, (N, 3, H, W), or ab, (N, 2, H, W), Lab units
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.lab import AB_MAX
from colorize_cli.models.generator import Generator, Hints

Norm = Literal["batch", "instance", "none"]
_DROPPED = 3  # decoder units, deepest first, whose dropout is the network's noise


def norm_layer(kind: Norm, width: int) -> nn.Module:
    """A normalisation layer for `width` channels; "none" lets a picture's result depend on that picture alone."""
    if kind == "batch":
        return nn.BatchNorm2d(width)
    return nn.InstanceNorm2d(width, affine=True) if kind == "instance" else nn.Identity()


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Extend (N, C, H, W) to the right and below to multiples, by repeating the rim."""
    height, width = x.shape[-2:]
    # replicate, not zero: a black rim would be read as a frame
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


class _Down(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 4, 2, 1, bias=norm == "none"),
            norm_layer(norm, outputs),
            nn.LeakyReLU(0.2, inplace=True),
        )


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, skip: int, norm: Norm, dropout: float) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
        self.norm = norm_layer(norm, outputs + skip)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mirrored: Tensor) -> Tensor:
        joined: Tensor = self.norm(torch.cat((self.up(x), mirrored), 1))
        return self.dropout(F.relu(joined))  # type: ignore[no-any-return]


class Unet(Generator):
    """U-Net of `depth` units each way; map i of the encoder joins unit `depth - i` of the decoder, map 0 is the input.

    Args:
        channels: 3 for Lab, of which L counts in training only; 2 for ab.
        width: channels of the first unit; they double at each, up to `widest`; 0 for no limit.
        depth: units each way.
        dropout: share dropped in the three deepest decoder units, in training only.
        norm: how activations are normalised.

    Source: Nazeri 2018, section 3; Isola 2017.
    """

    def __init__(
        self,
        channels: Literal[2, 3] = 3,
        width: int = 64,
        depth: int = 7,
        widest: int = 512,
        dropout: float = 0.5,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        if channels not in (2, 3) or width < 1 or depth < 1 or widest < 0 or not 0 <= dropout < 1:
            raise ValueError("a U-Net has 2 or 3 channels, at least one unit of at least one channel, dropout below 1")
        self.channels, self.multiple = channels, 2**depth
        widths = [1, *(min(width * 2**i, widest or width * 2**i) for i in range(depth))]
        self.encoder = nn.ModuleList(_Down(a, b, norm) for a, b in zip(widths, widths[1:], strict=False))
        self.decoder = nn.ModuleList()
        inputs = widths[-1]
        for unit, level in enumerate(range(depth - 1, -1, -1)):
            outputs = max(widths[level], width)
            self.decoder.append(_Up(inputs, outputs, widths[level], norm, dropout if unit < _DROPPED else 0.0))
            inputs = outputs + widths[level]
        self.head = nn.Conv2d(inputs, channels, 1)

    def forward(self, lightness: Tensor) -> Tensor:
        """Lab or ab in Lab units, (N, 3 or 2, H, W); L in [0, 100], ab in [-110, 110]."""
        x = lightness / 50 - 1
        maps = [x]
        for down in self.encoder:
            x = down(x)
            maps.append(x)
        maps.pop()
        for up in self.decoder:
            x = up(x, maps.pop())
        x = torch.tanh(self.head(x))
        if self.channels == 2:
            return x * AB_MAX
        return torch.cat(((x[:, :1] + 1) * 50, x[:, 1:] * AB_MAX), 1)

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; hints and vividness have no effect."""
        height, width = lightness.shape[-2:]
        return self.forward(pad_to_multiple(lightness, self.multiple))[:, -2:, :height, :width]
