"""A small network that finds dust and scratches: a U-Net over a photo's lightness.

In:  lightness, (N, 1, H, W), [0, 100]; H and W multiples of 16
Out: logits of damage, (N, 1, H, W)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.errors import UsageError
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.layers import ConvNorm, Residual

WIDTHS = (24, 32, 48, 64)


class DamageNet(Generator):
    """Four scales, of which the finest has half the photo's sides: there, four neighbours are four channels.

    Args:
        widths: channels of each scale, the finest first.
        blocks: residual blocks of each scale, on the way up. A new block changes nothing at first: a network that has
            learned can be given more of them.
    """

    multiple = 16

    def __init__(self, widths: Sequence[int] = WIDTHS, blocks: Sequence[int] = (0, 0, 0, 0)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.down_a = nn.Sequential(ConvNorm(4, a), ConvNorm(a, a))
        self.down_b = nn.Sequential(ConvNorm(a, b, stride=2), ConvNorm(b, b))
        self.down_c = nn.Sequential(ConvNorm(b, c, stride=2), ConvNorm(c, c))
        self.down_d = nn.Sequential(ConvNorm(c, d, stride=2), ConvNorm(d, d), ConvNorm(d, d))
        self.up_c, self.up_b = ConvNorm(d + c, c), ConvNorm(c + b, b)
        self.up_a = nn.Sequential(ConvNorm(b + a, a), ConvNorm(a, a))
        self.more = nn.ModuleList(
            nn.Sequential(*(Residual(width) for _ in range(count))) for width, count in zip(widths, blocks, strict=True)
        )
        self.head = nn.Conv2d(a, 4, 1)

    def forward(self, lightness: Tensor) -> Tensor:
        """Logits of damage, (N, 1, H, W)."""
        a: Tensor = self.down_a(F.pixel_unshuffle(lightness / 100 - 0.5, 2))
        b: Tensor = self.down_b(a)
        c: Tensor = self.down_c(b)
        more_a, more_b, more_c, more_d = self.more
        c = more_c(self.up_c(_beside(more_d(self.down_d(c)), c)))
        b = more_b(self.up_b(_beside(c, b)))
        return F.pixel_shuffle(self.head(more_a(self.up_a(_beside(b, a)))), 2)

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """It has no colors to give.

        Raises:
            UsageError: always.
        """
        raise UsageError("this network finds dust and scratches, and colors nothing", hint="It is for --restore.")


def _beside(coarse: Tensor, fine: Tensor) -> Tensor:
    return torch.cat((F.interpolate(coarse, scale_factor=2.0, mode="nearest"), fine), 1)
