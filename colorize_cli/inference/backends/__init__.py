"""A model's networks at work, by ONNX Runtime or by torch.

In:  planes, (N, 1 or 4, H, W) float32: lightness, or lightness, ab and mask
Out: ab, (N, 2, h, w) float32, Lab units; or probabilities, (N, Q, h, w)
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


class Backend(Protocol):
    """Runs a model's networks on a device."""

    @property
    def device(self) -> str:
        """Where they run: `cpu`, `cuda:0` or the like."""

    def colors(self, member: int, vividness: float | None, planes: Plane) -> Plane:
        """What one of them makes of pictures: ab, (N, 2, h, w), Lab units."""

    def palette(self) -> Plane | None:
        """The colors that `probabilities` speaks of, (Q, 2), Lab units; None where the first network gives none."""

    def probabilities(self, planes: Plane) -> Plane:
        """How likely each color of the palette is, by the first network: (N, Q, h, w)."""

    def free(self) -> None:
        """Give back memory that the device keeps for later."""

    def to_cpu(self) -> None:
        """Go on there, in float32."""
