"""The colours that a classifying network chooses from: a grid over ab, kept where sRGB has a colour.

In:  ab, Lab units
Out: bin numbers with soft weights (Zhang 2016, section 2), and rebalancing weights from counts
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.color.gpu import split
from colorize_cli.color.lab import AB_MAX

GRID = 10  # Lab units between neighbouring bins; the grid spans [-AB_MAX, AB_MAX] on both axes


@lru_cache
def srgb_bins(grid: int = GRID) -> Tensor:
    """Centres of the bins that hold at least one 8-bit sRGB colour (of every fourth level): (Q, 2), Lab units."""
    levels = torch.linspace(0, 1, 65, dtype=torch.float64)
    cube = torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(3, 1, 1, -1).transpose(0, 1)
    _, ab = split(cube)
    cells: Tensor = torch.unique(torch.round(ab[0, :, 0].T / grid), dim=0)
    return (cells * grid).float()


@lru_cache
def soft_table(
    neighbours: int = 5, sigma: float = 5.0, grid: int = GRID
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Nearest bins and Gaussian weights of every whole ab, as a table.

    Returns:
        index, (2 AB_MAX + 1, 2 AB_MAX + 1, neighbours), int16, first axis a + AB_MAX, second b + AB_MAX, nearest first;
        weight, the same shape, float32, summing to one.
    """
    axis = np.arange(-AB_MAX, AB_MAX + 1, dtype=np.float32)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    bins = srgb_bins(grid).numpy()
    distance = ((points[:, None] - bins[None]) ** 2).sum(-1)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :neighbours]
    weight = np.exp(-np.take_along_axis(distance, nearest, 1) / (2 * sigma**2)) + 1e-12
    weight /= weight.sum(1, keepdims=True)
    side = len(axis)
    return nearest.reshape(side, side, -1).astype(np.int16), weight.reshape(side, side, -1).astype(np.float32)


def soft_encode(ab: Tensor, neighbours: int = 5, sigma: float = 5.0) -> tuple[Tensor, Tensor]:
    """Encode colours as weights on their nearest bins.

    Args:
        ab: (N, 2, H, W), Lab units; beyond AB_MAX it is clipped.
        neighbours: how many bins share a colour.
        sigma: width of the Gaussian that shares it, Lab units.

    Returns:
        index, (N, neighbours, H, W), int64; weight, (N, neighbours, H, W), float32, summing to one.
    """
    table_index, table_weight = soft_table(neighbours, sigma)
    cell = (ab.round().clamp(-AB_MAX, AB_MAX) + AB_MAX).long()
    flat = cell[:, 0] * (2 * AB_MAX + 1) + cell[:, 1]
    index = torch.from_numpy(table_index.reshape(-1, neighbours)).to(ab.device)[flat].long()
    weight = torch.from_numpy(table_weight.reshape(-1, neighbours)).to(ab.device)[flat]
    return index.movedim(-1, 1), weight.movedim(-1, 1)


def smooth_prior(counts: Tensor, sigma: float = 5.0, grid: int = GRID) -> Tensor:
    """Probability of each bin, from counts (Q,), smoothed by a Gaussian of `sigma` Lab units over the bins in use."""
    bins = srgb_bins(grid)
    kernel = torch.exp(-(torch.cdist(bins, bins) ** 2) / (2 * sigma**2))
    kernel = kernel / kernel.sum(0, keepdim=True)
    prior = kernel @ (counts.float() / counts.sum())
    return prior / prior.sum()


def rebalancing_weights(prior: Tensor, uniform: float = 0.5, power: float = 1.0) -> Tensor:
    """Weights that lift rare colours: (1 / ((1 - uniform) p + uniform / Q)) ** power, mean 1 under `prior`, (Q,).

    Source: Zhang 2016, equation 4; `power` 0.5 is its square root.
    """
    weight = ((1 - uniform) * prior + uniform / len(prior)) ** -power
    return weight / (weight * prior).sum()
