"""`liteunet`: EfficientNet-Lite with ImageNet weights as encoder, and a residual decoder; the network of `mini`.

In:  lightness, (N, 1, H, W), [0, 100]; hints, ab (N, 2, H, W) and mask (N, 1, H, W); H, W multiples of 32
Out: logits over the ab bins, (N, Q, H/4, W/4); from them ab, (N, 2, H/4, W/4), Lab units
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.lab import AB_MAX
from colorize_cli.models.generator import Hints
from colorize_cli.models.networks.binned import Binned
from colorize_cli.models.networks.efficientnet import EfficientNetLite
from colorize_cli.models.networks.layers import ConvNorm, GlobalContext, Residual
from colorize_cli.models.networks.lite_plan import STEM
from colorize_cli.models.vividness import MOST_VIVID, SAFEST, VIVIDNESS

_LEAST_SHARE = 1e-4  # of a square that is known: below it the mean of its known ab is not asked for


def pooled_hints(known: Tensor, factor: int) -> Tensor:
    """Hints at 1/`factor` of their size.

    Args:
        known: ab * mask / AB_MAX and mask, (N, 3, H, W).
        factor: side of the squares, pixels.

    Returns:
        Mean of the known ab in each square, and the root of the share that is known, (N, 3, H/factor, W/factor).
    """
    means = F.avg_pool2d(known, factor)
    share = means[:, 2:]
    return torch.cat((means[:, :2] / share.clamp_min(_LEAST_SHARE), share.sqrt()), 1)


class LiteUnet(Binned):
    """Encoder with ImageNet weights, classifying ab at a quarter of the input's size.

    Hints enter the stem and each level of the decoder by convolutions without bias, which start at zero: without hints
    the network gives what one without these weights gives.

    Args:
        size: of EfficientNet-Lite, 0, 1 or 2.
        drop_path: see `EfficientNetLite`.
        top: channels of the context at 1/32 of the input's size.
        widths: channels of the decoder at 1/16, 1/8 and 1/4.
        hints: whether the network has weights for hints.
        vividness, safest, most_vivid: see `Binned`.
    """

    def __init__(
        self,
        size: int = 2,
        drop_path: float = 0.0,
        top: int = 384,
        widths: Sequence[int] = (256, 128, 64),
        hints: bool = True,
        vividness: float = VIVIDNESS,
        safest: Sequence[float] = SAFEST,
        most_vivid: Sequence[float] = MOST_VIVID,
    ) -> None:
        super().__init__(vividness, safest, most_vivid)
        self.takes_hints = hints
        self.encoder = EfficientNetLite(size, drop_path)
        _, *laterals, _, widest = self.encoder.widths
        self.top = ConvNorm(widest, top, 1)
        self.context = GlobalContext(top, top // 2)
        above = (top, *widths)
        self.project = nn.ModuleList(ConvNorm(a, b, 1, act=False) for a, b in zip(above, widths, strict=False))
        self.skip = nn.ModuleList(ConvNorm(a, b, 1, act=False) for a, b in zip(laterals[::-1], widths, strict=True))
        self.decoder = nn.ModuleList(nn.Sequential(Residual(width)) for width in widths)
        self.head = nn.Conv2d(widths[-1], len(self.bins), 1)
        if hints:
            self.hint_stem = nn.Conv2d(3, STEM, 3, 2, bias=False)
            self.hint_top = nn.Conv2d(3, top, 1, bias=False)
            self.hint_skip = nn.ModuleList(nn.Conv2d(3, width, 3, 1, 1, bias=False) for width in widths)
            for conv in (self.hint_stem, self.hint_top, *self.hint_skip):
                nn.init.zeros_(conv.weight)

    def forward(self, lightness: Tensor, hints: Hints | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits over the bins, (N, Q, H/4, W/4); no classes."""
        known = None
        if hints is not None and self.takes_hints:
            known = torch.cat((hints.ab * hints.mask / AB_MAX, hints.mask), 1)
        stem = None if known is None else self.hint_stem(F.pad(known, (0, 1, 0, 1)))
        _, *laterals, _, widest = self.encoder(lightness, stem)
        x = self.top(widest)
        if known is not None:
            x = x + self.hint_top(pooled_hints(known, 32))
        x = self.context(x)
        for i, lateral in enumerate(reversed(laterals)):
            up = F.interpolate(self.project[i](x), scale_factor=2.0, mode="bilinear")
            up = up + self.skip[i](lateral)
            if known is not None:
                up = up + self.hint_skip[i](pooled_hints(known, 16 >> i))
            x = self.decoder[i](F.relu(up))
        return self.head(x), None
