"""Soft encoding onto any set of ab bins, by a table over whole ab values.

In:  ab, Lab units
Out: nearest bins and weights, as `models.bins.soft_encode` gives them for its own grid
"""

from __future__ import annotations

import torch
from torch import Tensor

from colorize_cli.color.lab import AB_MAX

_NEIGHBOURS, _SIGMA = 5, 5.0
_SIDE = 2 * AB_MAX + 1


class SoftBins:
    """Nearest bins of every whole ab with Gaussian weights.

    Args:
        bins: centres, (Q, 2), Lab units.
    """

    def __init__(self, bins: Tensor) -> None:
        self.bins = bins.detach().cpu().float()
        axis = torch.arange(-AB_MAX, AB_MAX + 1).float()
        distance = torch.cdist(torch.cartesian_prod(axis, axis), self.bins)
        near, self.index = distance.topk(_NEIGHBOURS, largest=False)
        weight = torch.exp(-(near**2) / (2 * _SIGMA**2)) + 1e-12
        self.weight = weight / weight.sum(1, keepdim=True)

    def encode(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """ab, (N, 2, H, W), to index and weight, (N, 5, H, W) each, the nearest bin first."""
        cell = (ab.round().clamp(-AB_MAX, AB_MAX) + AB_MAX).long()
        flat = cell[:, 0] * _SIDE + cell[:, 1]
        if self.index.device != ab.device:
            self.index, self.weight = self.index.to(ab.device), self.weight.to(ab.device)
        return self.index[flat].movedim(-1, 1), self.weight[flat].movedim(-1, 1)

    def count(self, ab: Tensor) -> Tensor:
        """How often each bin occurs among the colours (n, 2), softly: (Q,)."""
        index, weight = self.encode(ab.T[None, :, :, None])
        return torch.zeros(len(self.bins)).scatter_add_(0, index.flatten(), weight.flatten())

    def prior(self, ab: Tensor) -> Tensor:
        """Probability of each bin among the colours (n, 2), smoothed by a Gaussian over the bins: (Q,)."""
        kernel = torch.exp(-(torch.cdist(self.bins, self.bins) ** 2) / (2 * _SIGMA**2))
        prior = (kernel / kernel.sum(0, keepdim=True)) @ self.count(ab)
        return prior / prior.sum()
