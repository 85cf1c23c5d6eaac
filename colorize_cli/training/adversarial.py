"""The discriminator's side of adversarial training.

In:  lightness and color, true and predicted, scaled to [-1, 1]
Out: what the discriminator pays, what the generator pays
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from colorize_cli.models.networks.discriminators import build_discriminator
from colorize_cli.training.config import DiscriminatorConfig
from colorize_cli.training.losses import (
    DiscriminatorLosses,
    ebgan_discriminator,
    ebgan_generator,
    gan_discriminator,
    gan_generator,
    gan_generator_minimax,
    lsgan_discriminator,
    lsgan_generator,
    wgan_discriminator,
    wgan_generator,
)


def see(lightness: Tensor, color: Tensor) -> Tensor:
    """What a discriminator is shown: lightness, [0, 100], beside scaled color, (N, 1 + C, H, W)."""
    return torch.cat((lightness / 50 - 1, color), 1)


class Discriminator:
    """A discriminator with its objective.

    Args:
        how: kind, network and numbers.
        colors: channels of color it sees beside the lightness.
        size: side of the training pictures, pixels.
    """

    def __init__(self, how: DiscriminatorConfig, colors: int, size: int) -> None:
        self.how = how
        self.network: nn.Module = build_discriminator(how.network, colors + 1, size, how.network_args)

    def losses(self, real: Tensor, fake: Tensor) -> DiscriminatorLosses:
        """The discriminator's loss on true and predicted pictures; the generator gets no gradient from it."""
        answers = self.network(real), self.network(fake.detach())
        if self.how.kind == "gan":
            return gan_discriminator(*answers, self.how.smoothing)
        if self.how.kind == "lsgan":
            return lsgan_discriminator(*answers)
        if self.how.kind == "ebgan":
            return ebgan_discriminator(*answers, self.how.margin)
        return wgan_discriminator(*answers)

    def fooled(self, fake: Tensor) -> Tensor:
        """The generator's adversarial loss, before its weight."""
        if self.how.kind == "gan" and self.how.generator_loss == "minimax":
            return gan_generator_minimax(self.network(fake))
        losses = {"gan": gan_generator, "lsgan": lsgan_generator, "ebgan": ebgan_generator, "wgan": wgan_generator}
        return losses[self.how.kind](self.network(fake))

    @torch.no_grad()
    def limit_weights(self) -> None:
        """Keep every weight of a wgan's discriminator within +- clip, so that its slope is bounded."""
        if self.how.kind == "wgan":
            for parameter in self.network.parameters():
                parameter.clamp_(-self.how.clip, self.how.clip)
