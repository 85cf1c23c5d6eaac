"""3x3 convolutions with a quarter of the multiplications, for networks at work on a CPU.

In:  (N, C, H, W) float32, and a kernel of 3x3 of stride 1
Out: what the convolution with a zero rim of one gives, (N, outputs, H, W), but for rounding (about 1e-5 of the largest)

Tiles of 4x4 places are made from 6x6 inputs by 36 multiplications for each pair of channels, where the plain way takes
144. Source: Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016: F(4x4, 3x3).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_TILES = 256  # worked on at a time: what they are spread to should stay in the processor's last cache
_FEWEST = 32  # channels; below, the sums cost more than the multiplications saved
_LARGEST = 1 << 19  # pairs of channels: a kernel of 75 megabytes
_KERNEL = (
    torch.tensor([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64) / 24
)


def spread_kernel(weight: Tensor) -> Tensor:
    """A kernel, (outputs, C, 3, 3), as `convolve` takes it: (36, C, outputs)."""
    g = _KERNEL.to(weight.device)
    spread = torch.einsum("ik,ockl,jl->ijco", g, weight.double(), g)
    return spread.flatten(0, 1).to(weight.dtype).contiguous()


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether this way is the faster: on a CPU, in float32, when nothing is learned, where the kernel stays small."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or weight.shape[2:] != (3, 3):
        return False
    fits = weight.shape[1] >= _FEWEST and weight.shape[0] * weight.shape[1] <= _LARGEST
    return fits and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def convolve(x: Tensor, spread: Tensor) -> Tensor:
    """Convolve (N, C, H, W) with a kernel from `spread_kernel`: (N, outputs, H, W), channels last in memory."""
    n, channels, height, width = x.shape
    rows, columns, outputs = -(-height // 4), -(-width // 4), spread.shape[2]
    rimmed = x.new_zeros(n, 4 * rows + 2, 4 * columns + 2, channels)
    rimmed[:, 1 : height + 1, 1 : width + 1] = x.permute(0, 2, 3, 1)
    out = x.new_empty(n, 4 * rows, 4 * columns, outputs)
    step = max(1, _TILES // (n * columns))
    for top in range(0, rows, step):
        end = min(top + step, rows)
        strip = rimmed[:, 4 * top : 4 * end + 2]
        tiles = x.new_empty(6, 6, n, end - top, columns, channels)
        lines = x.new_empty(6, n, end - top, 4 * columns + 2, channels)
        _spread([strip[:, k : k + 4 * (end - top) - 3 : 4] for k in range(6)], lines)
        for line, row in zip(lines, tiles, strict=True):
            _spread([line[:, :, k : k + 4 * columns - 3 : 4] for k in range(6)], row)
        product = torch.bmm(tiles.view(36, -1, channels), spread).view(6, 6, n, end - top, columns, outputs)
        part = out[:, 4 * top : 4 * end].view(n, end - top, 4, columns, 4, outputs)
        for i, line in enumerate(_gathered(product)):
            for j, places in enumerate(_gathered(line)):
                part[:, :, i, :, j] = places
    return out[:, :height, :width].permute(0, 3, 1, 2)


class SpreadKernel:
    """A kernel as `convolve` takes it, made when it is first needed, and again when the weight has changed."""

    def __init__(self) -> None:
        self._of: tuple[Tensor, int] | None = None
        self._spread: Tensor | None = None

    def __call__(self, weight: Tensor) -> Tensor:
        """See `spread_kernel`."""
        version = 0 if weight.is_inference() else weight._version
        if self._spread is None or self._of is None or self._of[0] is not weight or self._of[1] != version:
            self._spread, self._of = spread_kernel(weight.detach()), (weight, version)
        return self._spread


class QuickConv(nn.Conv2d):
    """A 3x3 convolution that keeps the size, stored as any other, and quicker on a CPU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, 1, 1)
        self._spread = SpreadKernel()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, outputs, H, W)."""
        if self.bias is None or not suits(x, self.weight):
            return super().forward(x)
        return convolve(x, self._spread(self.weight)).add_(self.bias[:, None, None])


def _spread(r: Sequence[Tensor], out: Tensor) -> None:
    """Six neighbours to the six sums that are multiplied."""
    even, odd = r[4] - r[2], r[3] - r[1]
    torch.add(even, r[0] - r[2], alpha=4, out=out[0])
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.sub(r[5] - r[3], odd, alpha=4, out=out[5])
    torch.sub(r[4], r[2], alpha=4, out=even)
    torch.sub(r[3], r[1], alpha=4, out=odd)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])


def _gathered(m: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Six products, (6, ...), to the four results."""
    near, turned = m[1] + m[2], m[1] - m[2]
    far, bent = m[3] + m[4], m[3] - m[4]
    return (
        (m[0] + near).add_(far),
        turned.add(bent, alpha=2),
        near.add_(far, alpha=4),
        turned.add_(bent, alpha=8).add_(m[5]),
    )
