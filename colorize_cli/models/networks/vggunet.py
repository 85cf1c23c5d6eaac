"""`vggunet`: VGG-16's convolutions, and transposed convolutions back up, joined at every size.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 16 (others are padded by `colorize`)
Out: ab, (N, 2, H, W), [-110, 110]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from colorize_cli.color.lab import AB_MAX
from colorize_cli.models.networks.resunet18 import ImageNetUnet, Up


class _Encoder(nn.Module):
    """VGG-16 without its classifier and its last pooling; the keys are torchvision's."""

    def __init__(self) -> None:
        from torchvision.models import vgg16  # loads for seconds

        super().__init__()
        self.features = vgg16(weights=None).features[:-1]

    def forward(self, x: Tensor) -> list[Tensor]:
        """The map before each pooling and the last one: 64, 128, 256, 512, 512 channels, each half as large."""
        maps = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
            x = layer(x)
        return [*maps, x]


class VggUnet(ImageNetUnet):
    """VGG-16 as the encoder of a U-Net, which one paper names as future work (Petre 2020, section 5)."""

    multiple = 16

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Encoder()
        self.decoder = nn.ModuleList(
            Up(*widths) for widths in ((512, 512, 256), (256, 256, 128), (128, 128, 64), (64, 64, 32))
        )
        self.head = nn.Conv2d(32, 2, 1)

    def forward(self, lightness: Tensor) -> Tensor:
        """ab, (N, 2, H, W), Lab units."""
        maps = self.encoder(self.seen(lightness))
        x = maps.pop()
        for up in self.decoder:
            x = up(x, maps.pop())
        return torch.tanh(self.head(x)) * AB_MAX
