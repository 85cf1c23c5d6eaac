"""`mini`, the bundled network: a residual encoder and decoder that give each place a probability over ab bins.

In:  lightness, (N, 1, H, W), [0, 100]; hints, ab (N, 2, H, W) and mask (N, 1, H, W); H, W multiples of 32
Out: logits over the ab bins, (N, Q, H/4, W/4); from them ab, (N, 2, H/4, W/4), Lab units
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from colorize_cli.color.lab import AB_MAX
from colorize_cli.errors import UsageError, quoted
from colorize_cli.models.generator import Hints
from colorize_cli.models.networks.binned import Binned
from colorize_cli.models.networks.layers import ConvNorm, GlobalContext, Residual, decode_maps
from colorize_cli.models.vividness import MOST_VIVID, SAFEST, VIVIDNESS


class Mini(Binned):
    """Residual encoder-decoder with a global context, classifying ab at a quarter of the input's size.

    Args:
        widths: channels at 1/4, 1/8, 1/16 and 1/32 of the input's size.
        encoder: residual blocks at each of these sizes on the way down.
        decoder: residual blocks at 1/16, 1/8 and 1/4 on the way up.
        classes: outputs of the auxiliary class head, 0 for none; it trains the encoder and is not exported.
        vividness, safest, most_vivid: see `Binned`.
        upsampling: of features in the decoder, "nearest" or "bilinear"; nearest shows its squares, 32 pixels of the
            network's input wide, in skies and walls.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 384),
        encoder: Sequence[int] = (0, 1, 2, 2),
        decoder: Sequence[int] = (1, 1, 1),
        classes: int = 0,
        vividness: float = VIVIDNESS,
        safest: Sequence[float] = SAFEST,
        most_vivid: Sequence[float] = MOST_VIVID,
        upsampling: Literal["nearest", "bilinear"] = "nearest",
    ) -> None:
        super().__init__(vividness, safest, most_vivid)
        if upsampling not in ("nearest", "bilinear"):
            raise UsageError(f"mini has no upsampling {quoted(upsampling)}", hint="There are: nearest, bilinear.")
        self.upsampling, self.takes_hints = upsampling, True
        self.stem = nn.Sequential(ConvNorm(4, widths[0] // 2, 3, 2), ConvNorm(widths[0] // 2, widths[0], 3, 2))
        self.encoder = nn.ModuleList()
        for i, (width, depth) in enumerate(zip(widths, encoder, strict=True)):
            down = [] if i == 0 else [ConvNorm(widths[i - 1], width, 3, 2)]
            self.encoder.append(nn.Sequential(*down, *(Residual(width) for _ in range(depth))))
        self.context = GlobalContext(widths[-1], widths[-1] // 2)
        self.project, self.skip, self.decoder = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i, depth in zip((2, 1, 0), decoder, strict=True):
            self.project.append(ConvNorm(widths[i + 1], widths[i], 1, act=False))
            self.skip.append(ConvNorm(widths[i], widths[i], 1, act=False))
            self.decoder.append(nn.Sequential(*(Residual(widths[i]) for _ in range(depth))))
        self.head = nn.Conv2d(widths[0], len(self.bins), 1)
        self.classifier = nn.Linear(widths[-1], classes) if classes else None

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Stacked input (N, 4, H, W) to decoder features (N, C, H/4, W/4) and the deepest map (N, C', H/32, W/32)."""
        x = self.stem(x)
        maps: list[Tensor] = []
        for stage in self.encoder:
            x = stage(x)
            maps.append(x)
        deepest = self.context(x)
        return decode_maps(deepest, maps[-2::-1], self.project, self.skip, self.decoder, self.upsampling), deepest

    def forward(self, lightness: Tensor, hints: Hints | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits over the bins, (N, Q, H/4, W/4), and over the classes, (N, K), if the network has that head."""
        centred = lightness / 50 - 1
        if hints is None:
            known = torch.zeros_like(centred).expand(-1, 3, -1, -1)
        else:
            known = torch.cat((hints.ab * hints.mask / AB_MAX, hints.mask), 1)
        x, deepest = self.features(torch.cat((centred, known), 1))
        classes = None if self.classifier is None else self.classifier(deepest.mean((2, 3)))
        return self.head(x), classes
