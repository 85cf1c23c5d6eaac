"""`liteunet`: an EfficientNet-Lite that looks, and a decoder like `mini`'s that paints; the teacher of `mini`.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 32
Out: logits over the ab bins, (N, Q, H/4, W/4); from them ab, (N, 2, H/4, W/4), Lab units
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from colorize_cli.models.binned import Binned
from colorize_cli.models.blocks import ConvNorm, GlobalContext, Residual, climb
from colorize_cli.models.efficientnet import EfficientNetLite
from colorize_cli.models.generator import Hints


class LiteUnet(Binned):
    """Encoder with ImageNet's knowledge, classifying ab at a quarter of the input's size.

    Args:
        size: of EfficientNet-Lite, 0, 1 or 2.
        drop_path: see `EfficientNetLite`.
        top: channels of the context at 1/32 of the input's size.
        widths: channels of the decoder at 1/16, 1/8 and 1/4.
    """

    def __init__(
        self, size: int = 2, drop_path: float = 0.0, top: int = 384, widths: Sequence[int] = (256, 128, 64)
    ) -> None:
        super().__init__()
        self.encoder = EfficientNetLite(size, drop_path)
        _, *laterals, _, widest = self.encoder.widths
        self.top = ConvNorm(widest, top, 1)
        self.context = GlobalContext(top, top // 2)
        above = (top, *widths)
        self.project = nn.ModuleList(ConvNorm(a, b, 1, act=False) for a, b in zip(above, widths, strict=False))
        self.skip = nn.ModuleList(ConvNorm(a, b, 1, act=False) for a, b in zip(laterals[::-1], widths, strict=True))
        self.decoder = nn.ModuleList(nn.Sequential(Residual(width)) for width in widths)
        self.head = nn.Conv2d(widths[-1], len(self.bins), 1)

    def forward(self, lightness: Tensor, hints: Hints | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits over the bins, (N, Q, H/4, W/4); no classes. Hints have no effect."""
        _, *laterals, _, widest = self.encoder(lightness)
        x = self.context(self.top(widest))
        x = climb(x, laterals[::-1], self.project, self.skip, self.decoder, "bilinear")
        return self.head(x), None
