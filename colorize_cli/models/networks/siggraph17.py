"""`siggraph17`: a U-Net that takes color hints.

In:  lightness, (N, 1, H, W), [0, 100]; hints, ab (N, 2, H, W) and mask (N, 1, H, W); H, W multiples of 8
Out: ab, (N, 2, H, W), Lab units

Source: Zhang, Zhu, Isola, Geng, Lin, Yu, Efros, Real-Time User-Guided Image Colorization with Learned Deep Priors,
SIGGRAPH 2017. The keys are those of the published weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.winograd import QuickConv

_SCALE = 110  # Lab units that the network calls 1
_CLASSES = 529  # of the auxiliary head: a grid over ab, used in training alone


def _block(inputs: int, outputs: int, depth: int, dilation: int = 1) -> nn.Sequential:
    """`depth` 3x3 convolutions with ReLU, then batch norm."""
    layers: list[nn.Module] = []
    for i in range(depth):
        taken = inputs if i == 0 else outputs
        conv = QuickConv(taken, outputs) if dilation == 1 else nn.Conv2d(taken, outputs, 3, 1, dilation, dilation)
        layers += [conv, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))


def _merge(width: int, depth: int) -> nn.Sequential:
    """What follows the sum of an upsampled map and its shortcut: ReLU, then a block."""
    return nn.Sequential(nn.ReLU(inplace=True), *_block(width, width, depth))


class Siggraph17(Generator):
    """The network of Zhang 2017."""

    takes_hints = True

    def __init__(self) -> None:
        super().__init__()
        self.model1 = _block(4, 64, 2)
        self.model2 = _block(64, 128, 2)
        self.model3 = _block(128, 256, 3)
        self.model4 = _block(256, 512, 3)
        self.model5 = _block(512, 512, 3, dilation=2)
        self.model6 = _block(512, 512, 3, dilation=2)
        self.model7 = _block(512, 512, 3)
        self.model8up = nn.Sequential(nn.ConvTranspose2d(512, 256, 4, 2, 1))
        self.model3short8 = nn.Sequential(QuickConv(256, 256))
        self.model8 = _merge(256, 2)
        self.model9up = nn.Sequential(nn.ConvTranspose2d(256, 128, 4, 2, 1))
        self.model2short9 = nn.Sequential(QuickConv(128, 128))
        self.model9 = _merge(128, 1)
        self.model10up = nn.Sequential(nn.ConvTranspose2d(128, 128, 4, 2, 1))
        self.model1short10 = nn.Sequential(QuickConv(64, 128))
        self.model10 = nn.Sequential(nn.ReLU(inplace=True), QuickConv(128, 128), nn.LeakyReLU(0.2))
        self.model_class = nn.Sequential(nn.Conv2d(256, _CLASSES, 1))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())

    def forward(self, lightness: Tensor, hints: Hints | None = None) -> Tensor:
        """Ab, (N, 2, H, W), Lab units."""
        x = (lightness - 50) / 100
        if hints is None:
            known = torch.zeros_like(x).expand(-1, 3, -1, -1)
        else:
            known = torch.cat((hints.ab / _SCALE * hints.mask, hints.mask), 1)
        full = self.model1(torch.cat((x, known), 1))
        half = self.model2(full[:, :, ::2, ::2])
        quarter = self.model3(half[:, :, ::2, ::2])
        x = self.model4(quarter[:, :, ::2, ::2])
        x = self.model7(self.model6(self.model5(x)))
        x = self.model8(self.model8up(x) + self.model3short8(quarter))
        x = self.model9(self.model9up(x) + self.model2short9(half))
        x = self.model10(self.model10up(x) + self.model1short10(full))
        ab: Tensor = self.model_out(x)
        return ab * _SCALE

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; ab at the input's size; `vividness` does not move it."""
        ab: Tensor = self.forward(lightness, hints)
        return ab.float()
