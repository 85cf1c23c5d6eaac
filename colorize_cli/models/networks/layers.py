"""Pieces that more than one network is made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch norm, and ReLU unless `act` is off."""

    NORMED = (("0", "1"),)  # convolution and norm; see `normed.fold_batch_norms`

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, act: bool = True) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if act:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity; the second starts at zero, so the block starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvNorm(width, width)
        self.second = ConvNorm(width, width, act=False)
        nn.init.zeros_(self.second[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return F.relu(x + self.second(self.first(x)))


class GlobalContext(nn.Module):
    """Tell every place what the whole picture is: the mean over places, through a small network, added everywhere."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width, hidden)
        self.expand = nn.Linear(hidden, width)
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        context = self.expand(F.relu(self.squeeze(x.mean((2, 3)))))
        out: Tensor = x + context[:, :, None, None]
        return out


def decode_maps(
    x: Tensor,
    laterals: Sequence[Tensor],
    project: nn.ModuleList,
    skip: nn.ModuleList,
    stages: nn.ModuleList,
    upsampling: str,
) -> Tensor:
    """A decoder's way up: narrow and double x, add what the encoder saw at that size, and work on both.

    Args:
        x: the deepest map, (N, C, h, w).
        laterals: the encoder's maps, each twice as large as the one before.
        project: for each of them, what narrows x.
        skip: what fits the map.
        stages: what works on their sum.
        upsampling: "nearest" or "bilinear".
    """
    for narrow, fit, stage, lateral in zip(project, skip, stages, laterals, strict=True):
        x = F.interpolate(narrow(x), scale_factor=2.0, mode=upsampling)
        x = stage(F.relu(x + fit(lateral)))
    return x


def smooth(x: Tensor) -> Tensor:
    """Mean of each 2x2 window that ends at the pixel, edges replicated: takes the grid of a pixel shuffle away."""
    return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, 1)


class Shuffle(nn.Module):
    """Upsample by a 1x1 convolution, ReLU and a pixel shuffle, and smooth.

    Args:
        conv: makes `factor` ** 2 channels for each output channel.
        channels: how many it makes.
        factor: how much larger the output is.
        norm: batch norm after the convolution.
    """

    def __init__(self, conv: nn.Module, channels: int, factor: int = 2, norm: bool = True) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv, *([nn.BatchNorm2d(channels)] if norm else []))
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels / factor ** 2, factor H, factor W)."""
        return smooth(F.pixel_shuffle(F.relu(self.conv(x)), self.factor))
