"""Raw accuracy: the share of pixels whose color is off by less than a threshold, for every threshold; and its area.

In:  ab of truths and predictions, (N, 2, H, W), Lab units
Out: per picture a histogram of errors by color bin, and from it the curves, plain and rebalanced (Zhang 2016)
"""

from __future__ import annotations

import torch
from torch import Tensor

from colorize_cli.errors import ShapeError
from colorize_cli.models.bins import rebalancing_weights, srgb_bins, srgb_soft_bins

LAST = 150  # largest threshold, Lab units; the thresholds are the whole numbers from 0
_CELLS = LAST + 2  # an error counts from the first threshold that reaches it; the last cell: beyond them all


def error_histogram(preds_ab: Tensor, target_ab: Tensor) -> Tensor:
    """Count each picture's pixels by the bin of their true color and the first threshold that their error passes.

    Args:
        preds_ab: (N, 2, H, W), Lab units.
        target_ab: the same shape.

    Returns:
        (N, Q, 152), int64; cell t holds errors in (t - 1, t], cell 151 those above 150.

    Raises:
        ShapeError: the shapes differ.
    """
    if preds_ab.shape != target_ab.shape or preds_ab.ndim != 4 or preds_ab.shape[1] != 2:
        raise ShapeError(f"expected two (N, 2, H, W), got {tuple(preds_ab.shape)} and {tuple(target_ab.shape)}")
    error = (preds_ab - target_ab).square().sum(1).sqrt()
    cell = error.ceil().clamp(0, LAST + 1).long()
    bins, _ = srgb_soft_bins().encode(target_ab)
    count, width = len(srgb_bins()), len(srgb_bins()) * _CELLS
    picture = torch.arange(len(cell), device=cell.device)[:, None, None]
    flat = (picture * width + bins[:, 0] * _CELLS + cell).flatten()
    return torch.bincount(flat, minlength=len(cell) * width).view(len(cell), count, _CELLS)


def accuracy_curve(cells: Tensor) -> Tensor:
    """Share of the counts that lie within each threshold: (..., 152) counts or weights to (..., 151), [0, 1]."""
    total = cells.sum(-1, keepdim=True)
    return cells[..., :-1].cumsum(-1) / total


def area_weights() -> Tensor:
    """What a pixel in each cell adds to the area under the curve (trapezoids, divided by 150): (152,), [0, 1]."""
    weights = (LAST + 0.5 - torch.arange(_CELLS, dtype=torch.float64)) / LAST
    weights[0], weights[-1] = 1.0, 0.0
    return weights


def color_weights(counts: Tensor) -> Tensor:
    """Rebalancing weights of the bins, (Q,), from the counts of all truths: the inverse of the smoothed share.

    Source: Zhang 2016, section 3.1: equation 4 without the uniform part.
    """
    return rebalancing_weights(srgb_soft_bins().prior(counts.cpu()).to(counts.device), uniform=0.0).double()
