"""ConvNeXt, the encoder of DDColor.

In:  a picture, (N, 3, H, W), normalised; H, W multiples of 32
Out: maps at 1/4, 1/8, 1/16 and 1/32 of its size, normalised over their channels

Source: Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, A ConvNet for the 2020s, CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_EPSILON = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (N, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        y: Tensor = super().forward(x.permute(0, 2, 3, 1))
        return y.permute(0, 3, 1, 2)


class Block(nn.Module):
    """7x7 convolution of each channel, then two layers that mix the channels, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))
        self.dwconv = nn.Conv2d(width, width, 7, 1, 3, groups=width)
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        y: Tensor = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.pwconv2(F.gelu(self.pwconv1(y))) * self.gamma
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """The encoder, with a norm for the map of every stage.

    Args:
        depths: blocks of the four stages.
        widths: their channels.
    """

    def __init__(self, depths: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0]))
        halve = (nn.Sequential(ChannelNorm(a), nn.Conv2d(a, b, 2, 2)) for a, b in zip(widths, widths[1:], strict=False))
        self.downsample_layers = nn.ModuleList((stem, *halve))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth))) for depth, width in zip(depths, widths, strict=True)
        )
        self.norm0, self.norm1, self.norm2, self.norm3 = (ChannelNorm(width) for width in widths)
        self.norm = nn.LayerNorm(widths[-1], eps=_EPSILON)  # of the pooled features; published, and not used here

    def forward(self, x: Tensor) -> list[Tensor]:
        """The four maps, finest first."""
        maps: list[Tensor] = []
        norms = (self.norm0, self.norm1, self.norm2, self.norm3)
        for down, stage, norm in zip(self.downsample_layers, self.stages, norms, strict=True):
            x = stage(down(x))
            maps.append(norm(x))
        return maps
