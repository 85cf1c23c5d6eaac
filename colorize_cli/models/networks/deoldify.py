"""`deoldify`: a ResNet encoder in a U-Net with pixel shuffles and one layer of self-attention.

In:  lightness, (N, 1, H, W), [0, 100], H and W multiples of 16; the published weights want squares
Out: ab, (N, 2, H, W), Lab units, of the colors that the network paints; the lightness that it paints is dropped

Source: Antic, DeOldify, 2018 to 2020 (the generators "artistic", "stable" and "video"). The keys are those of the
published weights. This is the network in eval mode, not for training.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.gpu import grey_from_lightness, split
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.layers import Shuffle
from colorize_cli.models.networks.normed import SpectralConv, WeightNormConv

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
_REACH = 3.0  # the output lies in [-3, 3], normalised like the input
_HOOKS = {2: 64, 4: 1, 5: 2, 6: 4}  # encoder layers whose maps the decoder sees; channels in units of layer 4's


def _conv(inputs: int, outputs: int, attention: bool = False) -> nn.Sequential:
    """3x3 convolution, ReLU, batch norm; and self-attention."""
    layers: list[nn.Module] = [SpectralConv(inputs, outputs, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([Attention(outputs)] if attention else []))


class Attention(nn.Module):
    """Every place looks at every place (Zhang 2018, self-attention GAN)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = SpectralConv(width, width // 8, flat=True)
        self.key = SpectralConv(width, width // 8, flat=True)
        self.value = SpectralConv(width, width, flat=True)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        source, target, value = (part(x).flatten(2).transpose(1, 2) for part in (self.query, self.key, self.value))
        # Published layers normalise over the first map's places: there the keys' places ask, the queries' answer.
        seen = F.scaled_dot_product_attention(target, source, value, scale=1.0)
        return x + self.gamma * seen.transpose(1, 2).reshape(x.shape)


class Up(nn.Module):
    """Upsample and join with the encoder's map of that size."""

    def __init__(self, inputs: int, skip: int, up: int) -> None:
        super().__init__()
        self.shuf = Shuffle(SpectralConv(inputs, 4 * up), 4 * up)
        self.bn = nn.BatchNorm2d(skip)

    def joined(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, h, w) and (N, skip, H, W) to (N, up + skip, H, W)."""
        x = self.shuf(x)
        # an odd map was halved upwards; a graph for any size always says so
        if torch.onnx.is_in_onnx_export() or x.shape[-2:] != skip.shape[-2:]:
            x = F.interpolate(x, skip.shape[-2:], mode="nearest")
        return F.relu(torch.cat((x, self.bn(skip)), 1))


class DeepUp(Up):
    """The block of "artistic": two convolutions."""

    def __init__(self, inputs: int, skip: int, last: bool, attention: bool, factor: float) -> None:
        super().__init__(inputs, skip, inputs // 2)
        joined = inputs // 2 + skip
        self.width = int((joined // 2 if last else joined) * factor)
        self.conv1 = _conv(joined, self.width)
        self.conv2 = _conv(self.width, self.width, attention)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, h, w) and (N, skip, H, W) to (N, width, H, W)."""
        y: Tensor = self.conv2(self.conv1(self.joined(x, skip)))
        return y


class WideUp(Up):
    """The block of "stable" and "video": one convolution, of the same width at every size but the last."""

    def __init__(self, inputs: int, skip: int, last: bool, attention: bool, factor: float) -> None:
        self.width = int(256 * factor) // (2 if last else 1)
        super().__init__(inputs, skip, self.width)
        self.conv = _conv(self.width + skip, self.width, attention)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, h, w) and (N, skip, H, W) to (N, width, H, W)."""
        y: Tensor = self.conv(self.joined(x, skip))
        return y


class ResidualEnd(nn.Module):
    """Two 3x3 convolutions with ReLU beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(SpectralConv(width, width, 3, bias=True), nn.ReLU(inplace=True)) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return x + self.layers[1](self.layers[0](x))  # type: ignore[no-any-return]


class DeOldify(Generator):
    """The generators of DeOldify.

    Args:
        decoder: `deep` ("artistic": ResNet-34) or `wide` ("stable", "video": ResNet-101).
    """

    def __init__(self, decoder: Literal["deep", "wide"] = "deep") -> None:
        super().__init__()
        deep = decoder == "deep"
        from torchvision.models import resnet34, resnet101  # loads for seconds

        resnet, unit, factor = (resnet34, 64, 1.5) if deep else (resnet101, 256, 2.0)
        encoder = nn.Sequential(*list(resnet(weights=None).children())[:-2])
        width = 8 * unit
        block = DeepUp if deep else WideUp
        blocks: list[DeepUp | WideUp] = []
        above = width
        for i, (layer, scale) in enumerate(reversed(_HOOKS.items())):
            skip = scale if layer == 2 else scale * unit
            blocks.append(block(above, skip, last=i == len(_HOOKS) - 1, attention=i == 1, factor=factor))
            above = blocks[-1].width
        end = above + 3
        self.layers = nn.ModuleList(
            (
                encoder,
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Sequential(_conv(width, 2 * width), _conv(2 * width, width)),
                *blocks,
                Shuffle(WeightNormConv(above, 4 * above), 4 * above, norm=False),
                nn.Identity(),  # where the picture itself is joined
                ResidualEnd(end),
                nn.Sequential(SpectralConv(end, 3, bias=True)),
            )
        )

    def before_sigmoid(self, normalised: Tensor) -> Tensor:
        """Grey picture, (N, 3, H, W), normalised by ImageNet's mean and deviation, to (N, 3, H, W), any real number."""
        maps, x = [], normalised
        for i, layer in enumerate(cast(nn.Sequential, self.layers[0])):
            x = layer(x)
            if i in _HOOKS:
                maps.append(x)
        x = self.layers[3](F.relu(self.layers[1](x)))
        for up, skip in zip(self.layers[4:8], reversed(maps), strict=True):
            x = up(x, skip)
        x = torch.cat((self.layers[8](x), normalised), 1)
        y: Tensor = self.layers[11](self.layers[10](x))
        return y

    def forward(self, normalised: Tensor) -> Tensor:
        """Grey picture to color picture, both (N, 3, H, W), normalised by ImageNet's mean and deviation."""
        return torch.sigmoid(self.before_sigmoid(normalised).float()) * 2 * _REACH - _REACH

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; ab at the input's size; neither hints nor `vividness` move it."""
        grey = grey_from_lightness(lightness)
        mean, std = (grey.new_tensor(value).reshape(1, 3, 1, 1) for value in (_MEAN, _STD))
        painted: Tensor = self.forward((grey - mean) / std)
        with torch.autocast(painted.device.type, enabled=False):  # a color needs more than bf16's three digits
            return split((painted * std + mean).clamp(0, 1))[1]
