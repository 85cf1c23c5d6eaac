"""The colors that a classifying network chooses from: a grid over ab, kept where sRGB has a color.

In:  ab, Lab units
Out: bin numbers with soft weights (Zhang 2016, section 2), and rebalancing weights from counts
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from colorize_cli.color.gpu import split
from colorize_cli.color.lab import AB_MAX

GRID = 10  # Lab units between neighbouring bins; the grid spans [-AB_MAX, AB_MAX] on both axes


@lru_cache
def srgb_bins(grid: int = GRID) -> Tensor:
    """Centres of the bins that hold at least one 8-bit sRGB color (of every fourth level): (Q, 2), Lab units."""
    with torch.device("cpu"):  # they are kept: never on "meta", where a network may be built
        levels = torch.linspace(0, 1, 65, dtype=torch.float64)
        cube = torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(3, 1, 1, -1).transpose(0, 1)
        _, ab = split(cube)
        cells: Tensor = torch.unique(torch.round(ab[0, :, 0].T / grid), dim=0)
        return (cells * grid).float()


class SoftBins:
    """Shares colors among their nearest bins, by a table over every whole ab.

    Args:
        bins: centers, (Q, 2), Lab units.
        neighbors: how many bins share a color; 1 gives it to the nearest.
        sigma: width of the Gaussian that shares it, Lab units.

    Source: Zhang 2016, section 2.2.
    """

    def __init__(self, bins: Tensor, neighbors: int = 5, sigma: float = 5.0) -> None:
        self.bins, self.sigma = bins.detach().cpu().float(), sigma
        axis = torch.arange(-AB_MAX, AB_MAX + 1, dtype=torch.float64)
        distance = torch.cdist(torch.cartesian_prod(axis, axis), self.bins.double()).square()
        order = torch.arange(len(self.bins), dtype=torch.float64)  # of two at the same distance the first is nearer
        _, self.index = (distance.round(decimals=4) * 1024 + order).topk(min(neighbors, len(bins)), largest=False)
        weight = torch.exp(-distance.gather(1, self.index) / (2 * sigma**2)).float() + 1e-12
        self.weight = weight / weight.sum(1, keepdim=True)

    def encode(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Encode colors as weights on their nearest bins.

        Args:
            ab: (N, 2, H, W), Lab units; beyond AB_MAX it is clipped.

        Returns:
            index, (N, neighbors, H, W), int64, the nearest first; weight, the same shape, float32, summing to one.
        """
        cell = (ab.round().clamp(-AB_MAX, AB_MAX) + AB_MAX).long()
        flat = cell[:, 0] * (2 * AB_MAX + 1) + cell[:, 1]
        if self.index.device != ab.device:
            self.index, self.weight = self.index.to(ab.device), self.weight.to(ab.device)
        return self.index[flat].movedim(-1, 1), self.weight[flat].movedim(-1, 1)

    def count(self, ab: Tensor) -> Tensor:
        """How often each bin occurs among the colors (n, 2), softly: (Q,)."""
        index, weight = self.encode(ab.T[None, :, :, None])
        return torch.zeros(len(self.bins)).scatter_add_(0, index.flatten(), weight.flatten())

    def prior(self, counts: Tensor) -> Tensor:
        """Probability of each bin, from counts (Q,), smoothed by a Gaussian of `sigma` over the bins: (Q,)."""
        kernel = torch.exp(-(torch.cdist(self.bins, self.bins) ** 2) / (2 * self.sigma**2))
        prior = (kernel / kernel.sum(0, keepdim=True)) @ (counts.float() / counts.sum())
        return prior / prior.sum()


@lru_cache
def srgb_soft_bins() -> SoftBins:
    """The soft encoding onto the bins of sRGB."""
    return SoftBins(srgb_bins())


def rebalancing_weights(prior: Tensor, uniform: float = 0.5, power: float = 1.0) -> Tensor:
    """Weights that lift rare colors: (1 / ((1 - uniform) p + uniform / Q)) ** power, mean 1 under `prior`, (Q,).

    A color whose share is 0 where `uniform` is 0, which no picture has, weighs nothing; none weighs infinitely much.

    Source: Zhang 2016, equation 4; `power` 0.5 is its square root.
    """
    mixed = (1 - uniform) * prior.double() + uniform / len(prior)
    weight = torch.where(mixed > 0, mixed.clamp(min=1e-45) ** -power, 0.0)
    weight = weight / (weight * prior).sum()
    return weight.clamp(max=torch.finfo(prior.dtype).max).to(prior.dtype)
