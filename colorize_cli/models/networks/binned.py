"""What networks share that give each place a probability over the ab bins of sRGB.

In:  logits over the bins, (N, Q, h, w), trained with rebalancing weights
Out: ab, (N, 2, h, w), Lab units; or probabilities, the weights divided out
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from colorize_cli.models.bins import srgb_bins
from colorize_cli.models.classifier import OverBins
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.vividness import MOST_VIVID, SAFEST, VIVIDNESS, Reading


class Binned(OverBins, Generator):
    """A generator that classifies ab.

    Args:
        vividness: default of `colorize`.
        safest, most_vivid: exponent and temperature of `decode` at vividness 0 and at 1.
    """

    bins: Tensor
    log_weights: Tensor
    multiple = 32
    classifies = True

    def __init__(
        self,
        vividness: float = VIVIDNESS,
        safest: Sequence[float] = SAFEST,
        most_vivid: Sequence[float] = MOST_VIVID,
    ) -> None:
        super().__init__()
        self.vividness, self.safest, self.most_vivid = vividness, safest, most_vivid
        self.register_buffer("bins", srgb_bins().clone())  # loading writes into it
        self.register_buffer("log_weights", torch.zeros(len(srgb_bins())))

    @abstractmethod
    def forward(self, lightness: Tensor, hints: Hints | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits over the bins, (N, Q, h, w), and over the classes, (N, K), if the network has that head."""

    def set_rebalancing(self, weights: Tensor) -> None:
        """Remember the rebalancing weights (Q,) that the loss uses, so that decoding can divide by them."""
        self.log_weights.copy_(weights.log())

    def likely(self, logits: Tensor, exponent: float | Tensor, temperature: float | Tensor) -> Tensor:
        """Probabilities, the weights ** `exponent` divided out, sharpened by `temperature`: (N, h, w, Q)."""
        # bins last: as the convolution leaves them where channels are, so nothing is moved before the softmax
        scores = logits.permute(0, 2, 3, 1).float() - exponent * self.log_weights
        return (scores / temperature).softmax(3)

    def decode(self, logits: Tensor, exponent: float, temperature: float) -> Tensor:
        """Annealed mean of the bins, (N, 2, h, w), Lab units.

        Source: Zhang 2016, equation 5; the division is Bayes' rule for classes that were weighted in training.
        """
        with torch.autocast(logits.device.type, enabled=False):  # in half precision the mean of 261 bins shows steps
            return (self.likely(logits, exponent, temperature) @ self.bins).permute(0, 3, 1, 2)

    @property
    def reading(self) -> Reading:
        """See `Generator.reading`."""
        (cautious, mild), (bold, sharp) = self.safest, self.most_vivid
        return Reading(self.vividness, (cautious, mild), (bold, sharp))

    def read(
        self, lightness: Tensor, hints: Hints | None, exponent: Tensor, temperature: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `Generator.read`."""
        likely = self.likely(self.forward(lightness, hints)[0], exponent, temperature)
        return (likely @ self.bins).permute(0, 3, 1, 2), likely

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; ab at the logits' size."""
        return self.decode(self.forward(lightness, hints)[0], *self.reading.at(vividness))

    @property
    def palette(self) -> Tensor:
        """See `Generator.palette`."""
        return self.bins

    def probabilities(self, lightness: Tensor, hints: Hints | None = None) -> Tensor:
        """See `Generator.probabilities`; at the logits' size, the rebalancing weights divided out."""
        scores = self.forward(lightness, hints)[0].float() - self.log_weights[:, None, None]
        return scores.softmax(1)
