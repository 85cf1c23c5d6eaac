"""Training objectives as pure functions on tensors; each gives a scalar."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from colorize_cli.color.bins import soft_encode


def rebalanced_cross_entropy(logits: Tensor, ab: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy with soft-encoded colours, each place weighted by the rarity of its nearest bin.

    Args:
        logits: (N, Q, h, w).
        ab: the truth, (N, 2, H, W), Lab units, H and W multiples of h and w; averaged down to them.
        weights: rebalancing weights, (Q,).

    Source: Zhang 2016, equations 2 to 4.
    """
    ab = F.adaptive_avg_pool2d(ab, logits.shape[-2:])
    index, soft = soft_encode(ab)
    scores = logits.float().log_softmax(1).gather(1, index)
    weight = weights[index[:, 0]]
    return -((scores * soft).sum(1) * weight).mean()


def label_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy over the samples whose label is known (not -1); 0 where none is. (N, K) and (N,)."""
    total = F.cross_entropy(logits.float(), label, ignore_index=-1, label_smoothing=0.1, reduction="sum")
    return total / len(label)
