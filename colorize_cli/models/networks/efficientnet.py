"""EfficientNet-Lite: a small ImageNet classifier, as an encoder.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 32
Out: feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of its size, and the last one widened to 1280 channels

Keys are those of the published PyTorch files (`_blocks.0._depthwise_conv.weight`), so that these load as they are.
Source: Tan and Le 2019, without squeeze-and-excite and with ReLU6, as its Lite variants have it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.gpu import grey_from_lightness
from colorize_cli.models.networks.lite_plan import (
    EPSILON,
    MIDDLE,
    SPREAD,
    STEM,
    WIDEST,
    BlockPlan,
    block_plans,
    last_of_each_size,
)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.01)


class _Conv(nn.Conv2d):
    """Convolution without bias, padded so that an even size is halved by a stride of 2: less before than behind."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        around = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, around, groups=groups, bias=False)
        missing = kernel - 2
        self.pads = (missing // 2, missing - missing // 2) * 2 if stride == 2 else (0, 0, 0, 0)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        return super().forward(F.pad(x, self.pads) if any(self.pads) else x)


class _Block(nn.Module):
    """Inverted residual: widen, look at each channel's neighbourhood, narrow.

    Args:
        plan: of the block.
        drop_path: share of the samples in training that skip it.
    """

    NORMED = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))

    def __init__(self, plan: BlockPlan, drop_path: float) -> None:
        super().__init__()
        inputs, outputs, kernel, stride, expansion = plan
        inner = inputs * expansion
        self.expands, self.drop_path = expansion > 1, drop_path
        if self.expands:
            self._expand_conv, self._bn0 = _Conv(inputs, inner, 1), _norm(inner)
        self._depthwise_conv, self._bn1 = _Conv(inner, inner, kernel, stride, groups=inner), _norm(inner)
        self._project_conv, self._bn2 = _Conv(inner, outputs, 1), _norm(outputs)
        self.skips = plan.skips

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        if not self.skips:
            return y  # type: ignore[no-any-return]
        if self.training and self.drop_path:
            kept = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.drop_path
            y = y * (kept / (1 - self.drop_path)).to(y.dtype)
        return x + y  # type: ignore[no-any-return]


class EfficientNetLite(nn.Module):
    """Encoder of EfficientNet-Lite.

    Args:
        size: 0, 1 or 2.
        drop_path: share of the samples in training that skip the last block; earlier blocks less, in proportion.

    Raises:
        UsageError: no such size.
    """

    NORMED = (("_conv_head", "_bn1"),)  # not the stem: what hints say is added between its convolution and its norm

    def __init__(self, size: int = 2, drop_path: float = 0.0) -> None:
        super().__init__()
        plans = block_plans(size)
        self._conv_stem, self._bn0 = _Conv(3, STEM, 3, 2), _norm(STEM)
        self._blocks = nn.ModuleList(_Block(plan, drop_path * i / len(plans)) for i, plan in enumerate(plans))
        self.last = last_of_each_size(plans)
        self.widths = [plans[i].outputs for i in self.last] + [WIDEST]
        self._conv_head, self._bn1 = _Conv(plans[-1].outputs, WIDEST, 1), _norm(WIDEST)

    def forward(self, lightness: Tensor, stem: Tensor | None = None) -> list[Tensor]:
        """Maps of `widths` channels: at 1/2, 1/4, 1/8, 1/16, 1/32 of the input's size and, widened, at 1/32.

        Args:
            lightness: (N, 1, H, W), [0, 100].
            stem: what is added to the stem convolution's output before its norm, (N, 32, H/2, W/2), or nothing.
        """
        grey = (grey_from_lightness(lightness) * 255 - MIDDLE) / SPREAD
        return self.maps(grey.expand(-1, 3, -1, -1), stem)

    def maps(self, x: Tensor, stem: Tensor | None = None) -> list[Tensor]:
        """The same of three channels that are scaled to about [-1, 1]."""
        x = self._conv_stem(x)
        x = F.relu6(self._bn0(x if stem is None else x + stem))
        found: list[Tensor] = []
        for i, block in enumerate(self._blocks):
            x = block(x)
            if i in self.last:
                found.append(x)
        found.append(F.relu6(self._bn1(self._conv_head(x))))
        return found
