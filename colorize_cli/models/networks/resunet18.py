"""`resunet18`: a ResNet-18 that looks, and transposed convolutions that paint, joined at every size.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 32 (others are padded by `colorize`)
Out: ab, (N, 2, H, W), [-110, 110]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from colorize_cli.color.gpu import grey_from_lightness
from colorize_cli.color.lab import AB_MAX
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.unet import pad_to_multiple

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Up(nn.Module):
    """Double a map by a transposed convolution, and mix the encoder's map of that size in.

    Args:
        inputs, skip, outputs: channels of the map, of the encoder's (0 for none), and of what comes out.
    """

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.mix = nn.Sequential(
            nn.Conv2d(outputs + skip, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """(N, inputs, h, w) and (N, skip, 2h, 2w) to (N, outputs, 2h, 2w)."""
        x = torch.relu(self.norm(self.up(x)))
        return self.mix(x if skip is None else torch.cat((x, skip), 1))  # type: ignore[no-any-return]


class ImageNetUnet(Generator):
    """A U-Net whose encoder is a classifier of ImageNet: grey photos come to it as they came to the classifier.

    The encoder's keys are torchvision's under `encoder.`, so that its ImageNet weights load as they are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def seen(self, lightness: Tensor) -> Tensor:
        """What the encoder sees: grey in three equal channels, as ImageNet's grey photos, (N, 3, H, W)."""
        return (grey_from_lightness(lightness) - self.mean) / self.std

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; hints and vividness have no effect."""
        height, width = lightness.shape[-2:]
        ab: Tensor = self(pad_to_multiple(lightness, self.multiple))
        return ab[:, :, :height, :width]


class ResUnet18(ImageNetUnet):
    """torchvision's ResNet-18 without its classifier, under a decoder with skips; sigmoid, stretched to ab."""

    multiple = 32

    def __init__(self) -> None:
        from torchvision.models import resnet18  # loads for seconds

        super().__init__()
        encoder = resnet18(weights=None)
        del encoder.fc, encoder.avgpool
        self.encoder = encoder
        self.decoder = nn.ModuleList(
            Up(*widths) for widths in ((512, 256, 256), (256, 128, 128), (128, 64, 64), (64, 64, 64), (64, 0, 32))
        )
        self.head = nn.Conv2d(32, 2, 3, 1, 1)

    def forward(self, lightness: Tensor) -> Tensor:
        """ab, (N, 2, H, W), Lab units."""
        encoder = self.encoder
        first = torch.relu(encoder.bn1(encoder.conv1(self.seen(lightness))))
        maps = [first]
        x = encoder.maxpool(first)
        for stage in (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4):
            x = stage(x)
            maps.append(x)
        x = maps.pop()
        for up in self.decoder:
            x = up(x, maps.pop() if maps else None)
        return (torch.sigmoid(self.head(x)) * 2 - 1) * AB_MAX
