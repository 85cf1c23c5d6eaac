"""What every generator answers to: lightness and hints in, ab out.

In:  lightness, (N, 1, H, W), [0, 100]; hints, ab and mask at the same size; how vivid to be
Out: ab, (N, 2, h, w), Lab units, at the network's own output size (h <= H, w <= W, same aspect)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from colorize_cli.errors import ShapeError
from colorize_cli.models.vividness import Reading


@dataclass(frozen=True)
class Hints:
    """Places whose color somebody knows.

    Attributes:
        ab: (N, 2, H, W), Lab units, zero where there is no hint.
        mask: (N, 1, H, W), [0, 1], how far the place is known.
    """

    ab: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        n, h, w = self.ab.shape[0], *self.ab.shape[-2:]
        if self.ab.shape != (n, 2, h, w) or self.mask.shape != (n, 1, h, w):
            raise ShapeError(
                f"hints of shapes {tuple(self.ab.shape)} and {tuple(self.mask.shape)} do not fit each other"
            )


class Generator(nn.Module, ABC):
    """A network that gives a grey photo its colors.

    `forward` is the network as its paper has it, and what training works on; `colorize` is the one contract that
    inference uses, whatever the network takes and gives.
    """

    takes_hints: bool = False  # whether `forward` has a second argument, hints
    channels: int = 2  # color channels that `forward` gives: 2 for ab, 3 for Lab
    multiple: int = 1  # what the sides of its pictures are multiples of, pixels
    classifies: bool = False  # whether `forward` gives logits over colors, which `Classifier` explains

    @abstractmethod
    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """Predict color.

        Args:
            lightness: CIE L*, (N, 1, H, W), [0, 100]; H and W multiples of what the model's spec says.
            hints: known colors at the same size, or none; ignored by networks whose spec takes no hints.
            vividness: 0 (the safest mean color) to 1 (the most vivid); None is the network's own default.

        Returns:
            ab, (N, 2, h, w), Lab units.
        """

    @property
    def reading(self) -> Reading | None:
        """What vividness means to it; None where it means nothing."""
        return None

    def read(
        self, lightness: Tensor, hints: Hints | None, exponent: Tensor, temperature: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """`colorize` with exponent and temperature as `reading` gives them, in the form that is exported.

        Returns:
            ab, (N, 2, h, w), Lab units; and the probabilities that it is the mean of, (N, h, w, Q), or None.
        """
        return self.colorize(lightness, hints), None

    @property
    def palette(self) -> Tensor | None:
        """Centres of the ab bins that `probabilities` speaks of, (Q, 2), Lab units; None where it gives None."""
        return None

    def probabilities(self, lightness: Tensor, hints: Hints | None = None) -> Tensor | None:
        """How likely each color is: the posterior over `palette`, not sharpened, for networks that have one.

        Args:
            lightness: as `colorize` takes it.
            hints: as `colorize` takes them.

        Returns:
            (N, Q, h, w), summing to one over Q; None from networks that give one color only.
        """
        return None
