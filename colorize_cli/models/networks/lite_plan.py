"""How EfficientNet-Lite is built, in numbers; torch's network and the ONNX graph both follow it.

In:  a size: 0, 1 or 2
Out: the plan of each of its blocks

Source: Tan and Le 2019, without squeeze-and-excite and with ReLU6, as its Lite variants have it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from colorize_cli.errors import UsageError

STEM, WIDEST = 32, 1280
MIDDLE, SPREAD = 127.0, 128.0  # of the 8-bit input
EPSILON = 1e-3  # of its batch norms

# kernel, stride, expansion, channels, repeats of each stage; the first and last stage are not scaled in depth
_STAGES = (
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1),
)  # fmt: skip
_SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2))  # width and depth of Lite0, Lite1 and Lite2


class BlockPlan(NamedTuple):
    """An inverted residual: channels that come in and go out, kernel, stride, and how many times wider it is inside."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    expansion: int

    @property
    def skips(self) -> bool:
        """Whether what comes in is added to what goes out."""
        return self.stride == 1 and self.inputs == self.outputs


def block_plans(size: int) -> list[BlockPlan]:
    """The blocks of EfficientNet-Lite.

    Raises:
        UsageError: no such size.
    """
    if size not in range(len(_SCALES)):
        raise UsageError(f"no EfficientNet-Lite{size}", hint="There are: 0, 1, 2.")
    width, depth = _SCALES[size]
    plans = list[BlockPlan]()
    inputs = STEM
    for i, (kernel, stride, expansion, channels, repeats) in enumerate(_STAGES):
        outputs = _width(channels, width)
        count = repeats if i in (0, len(_STAGES) - 1) else math.ceil(repeats * depth)
        for j in range(count):
            plans.append(BlockPlan(inputs, outputs, kernel, stride if j == 0 else 1, expansion))
            inputs = outputs
    return plans


def last_of_each_size(plans: list[BlockPlan]) -> list[int]:
    """The blocks whose maps a decoder sees: the last before each stride, and the last of all."""
    return [i - 1 for i, plan in enumerate(plans) if plan.stride == 2] + [len(plans) - 1]


def _width(channels: int, scale: float) -> int:
    """Channels times a scale, to a multiple of 8 that is at most a tenth too small."""
    wanted = channels * scale
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded
