"""What training asks of networks that give each place a probability over colors.

In:  colors of training photos; the truth of a batch; what `forward` gave
Out: shares of the classes; classes of the truth with their weights; logits
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from colorize_cli.models.bins import SoftBins


@runtime_checkable
class Classifier(Protocol):
    """A generator that classifies colors."""

    def count_classes(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """Take from the training photos what the classes stand for, and how frequent each is.

        Args:
            lightness: (n, 1), [0, 100].
            ab: (n, 2), Lab units.

        Returns:
            The share of each class, (Q,).
        """

    def set_rebalancing(self, weights: Tensor) -> None:
        """Learn which weights (Q,) the loss uses."""

    def encode(self, lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
        """The truth, (N, 1, H, W) and (N, 2, H, W), as classes, (N, k, H, W), int64, and weights that sum to one."""

    def logits_of(self, output: Any) -> tuple[Tensor, Tensor | None]:
        """Of what `forward` gave: logits over the colors, (N, Q, h, w), and over the labels, (N, K) or None."""


class OverBins:
    """`Classifier` for networks whose classes are bins of ab."""

    bins: Tensor
    _soft: SoftBins | None = None

    def count_classes(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """See `Classifier.count_classes`; the bins stay as they are."""
        self._soft = SoftBins(self.bins)
        return self._soft.prior(self._soft.count(ab))

    def set_rebalancing(self, weights: Tensor) -> None:
        """See `Classifier.set_rebalancing`; nothing is done with them."""

    def encode(self, lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
        """See `Classifier.encode`: the five nearest bins."""
        if self._soft is None:
            self._soft = SoftBins(self.bins)
        return self._soft.encode(ab)

    def logits_of(self, output: Any) -> tuple[Tensor, Tensor | None]:
        """See `Classifier.logits_of`."""
        return (output, None) if isinstance(output, torch.Tensor) else output
