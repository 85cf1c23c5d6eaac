"""EfficientNet-Lite: a small ImageNet classifier, as an encoder.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 32
Out: feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of its size, and the last one widened to 1280 channels

Keys are those of the published PyTorch files (`_blocks.0._depthwise_conv.weight`), so that these load as they are.
Source: Tan and Le 2019, without squeeze-and-excite and with ReLU6, as its Lite variants have it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.lab import grey_from_lightness
from colorize_cli.errors import UsageError

# kernel, stride, expansion, channels, repeats of each stage; the first and last stage are not scaled in depth
_STAGES = (
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1),
)  # fmt: skip
_SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2))  # width and depth of Lite0, Lite1 and Lite2
STEM, WIDEST = 32, 1280
_MIDDLE, _SPREAD = 127.0, 128.0  # of the 8-bit input


def _width(channels: int, scale: float) -> int:
    """Channels times a scale, to a multiple of 8 that is at most a tenth too small."""
    wanted = channels * scale
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


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
        inputs, outputs, kernel, stride: of the block.
        expansion: how many times wider it is inside.
        drop_path: share of the samples in training that skip it.
    """

    NORMED = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, drop_path: float) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands, self.drop_path = expansion > 1, drop_path
        if self.expands:
            self._expand_conv, self._bn0 = _Conv(inputs, inner, 1), _norm(inner)
        self._depthwise_conv, self._bn1 = _Conv(inner, inner, kernel, stride, groups=inner), _norm(inner)
        self._project_conv, self._bn2 = _Conv(inner, outputs, 1), _norm(outputs)
        self.skips = stride == 1 and inputs == outputs

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

    NORMED = (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))

    def __init__(self, size: int = 2, drop_path: float = 0.0) -> None:
        super().__init__()
        if size not in range(len(_SCALES)):
            raise UsageError(f"no EfficientNet-Lite{size}", hint="There are: 0, 1, 2.")
        width, depth = _SCALES[size]
        self._conv_stem, self._bn0 = _Conv(3, STEM, 3, 2), _norm(STEM)
        plans: list[tuple[int, int, int, int, int]] = []
        inputs = STEM
        for i, (kernel, stride, expansion, channels, repeats) in enumerate(_STAGES):
            outputs = _width(channels, width)
            count = repeats if i in (0, len(_STAGES) - 1) else math.ceil(repeats * depth)
            for j in range(count):
                plans.append((inputs, outputs, kernel, stride if j == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(
            _Block(*plan, drop_path=drop_path * i / len(plans)) for i, plan in enumerate(plans)
        )
        self.last = [i - 1 for i, plan in enumerate(plans) if plan[3] == 2] + [len(plans) - 1]
        self.widths = [plans[i][1] for i in self.last] + [WIDEST]
        self._conv_head, self._bn1 = _Conv(inputs, WIDEST, 1), _norm(WIDEST)

    def forward(self, lightness: Tensor, stem: Tensor | None = None) -> list[Tensor]:
        """Maps of `widths` channels: at 1/2, 1/4, 1/8, 1/16, 1/32 of the input's size and, widened, at 1/32.

        Args:
            lightness: (N, 1, H, W), [0, 100].
            stem: what is added to the stem convolution's output before its norm, (N, 32, H/2, W/2), or nothing.
        """
        grey = (grey_from_lightness(lightness) * 255 - _MIDDLE) / _SPREAD
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
