"""`colorunet`: a U-Net on YUV that picks, at every place, one of the 32 most frequent colors.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 16 (others are padded by `colorize`)
Out: logits over the palette, (N, K, H, W); from them ab, (N, 2, H, W), Lab units
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from colorize_cli.color.gpu import grey_from_lightness, linear_from_lab, split, srgb_from_linear
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.unet import pad_to_multiple
from colorize_cli.models.vividness import Reading

# ITU-R BT.601: luma's weights, and the scale of (B - Y) and (R - Y)
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
_U_SCALE, _V_SCALE = 0.492, 0.877
CELL = 0.08  # side of the cells in which colors are counted, of UV's reach of about 0.44 and 0.62
_SAFEST, _MOST_VIVID = 1.0, 0.2  # softmax temperatures


def yuv_from_lab(lightness: Tensor, ab: Tensor) -> Tensor:
    """Lab, (N, 1, H, W) and (N, 2, H, W), to YUV of the sRGB picture, (N, 3, H, W), Y in [0, 1]."""
    red, green, blue = srgb_from_linear(linear_from_lab(lightness, ab)).clamp(0, 1).unbind(1)
    luma = _RED * red + _GREEN * green + _BLUE * blue
    return torch.stack((luma, _U_SCALE * (blue - luma), _V_SCALE * (red - luma)), 1)


def ab_from_yuv(luma: Tensor, uv: Tensor) -> Tensor:
    """YUV, (N, 1, H, W) and (N, 2, H, W), to ab, (N, 2, H, W), Lab units, of the nearest sRGB color."""
    blue, red = luma[:, 0] + uv[:, 0] / _U_SCALE, luma[:, 0] + uv[:, 1] / _V_SCALE
    green = (luma[:, 0] - _RED * red - _BLUE * blue) / _GREEN
    return split(torch.stack((red, green, blue), 1).clamp(0, 1))[1]


def most_frequent_colors(uv: Tensor, count: int, cell: float = CELL) -> tuple[Tensor, Tensor]:
    """The colors that a palette is made of.

    Args:
        uv: samples, (n, 2).
        count: how many colors.
        cell: side of the cells whose samples are counted.

    Returns:
        The mean color of each of the `count` fullest cells, fullest first, (count, 2), and the share of all samples
        whose nearest color it is, (count,). With fewer cells in use the last color is repeated with share 0.
    """
    keys, inverse, counts = torch.unique(torch.round(uv / cell).long(), dim=0, return_inverse=True, return_counts=True)
    fullest = counts.argsort(descending=True, stable=True)[:count]
    sums = torch.zeros(len(keys), 2, dtype=uv.dtype).index_add_(0, inverse, uv)
    palette = (sums / counts[:, None])[fullest]
    share = torch.bincount(torch.cdist(uv, palette).argmin(1), minlength=len(palette)) / len(uv)
    missing = count - len(palette)
    return torch.cat((palette, palette[-1:].expand(missing, -1))), torch.cat((share, torch.zeros(missing)))


class _Double(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for start in (inputs, outputs):
            layers += [nn.Conv2d(start, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        super().__init__(*layers)


class ColorUnet(Generator):
    """U-Net with two convolutions at each size and max pooling; a softmax over a palette of UV colors.

    Args:
        widths: channels at each size.
        colors: size of the palette; `set_palette` fills it.
        temperature: of the softmax at decoding; low picks, high blends.

    Source: Billaut, de Rochemonteix, Thibault 2018.
    """

    uv_palette: Tensor
    share: Tensor
    classifies = True

    def __init__(
        self, widths: Sequence[int] = (32, 64, 128, 256, 512), colors: int = 32, temperature: float = 0.6
    ) -> None:
        super().__init__()
        self.temperature, self.multiple = temperature, 2 ** (len(widths) - 1)
        self.register_buffer("uv_palette", torch.zeros(colors, 2))
        self.register_buffer("share", torch.full((colors,), 1 / colors))
        self.encoder = nn.ModuleList(_Double(a, b) for a, b in zip((1, *widths), widths, strict=False))
        self.pool = nn.MaxPool2d(2)
        self.up, self.decoder = nn.ModuleList(), nn.ModuleList()
        for deep, shallow in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.up.append(nn.ConvTranspose2d(deep, shallow, 2, 2))
            self.decoder.append(_Double(2 * shallow, shallow))
        self.head = nn.Conv2d(widths[0], colors, 1)

    def set_palette(self, palette: Tensor, share: Tensor) -> None:
        """Take the colors, (K, 2), UV, and how frequent each is in training, (K,)."""
        self.uv_palette.copy_(palette)
        self.share.copy_(share)

    def count_classes(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """See `Classifier.count_classes`: the palette is the most frequent colors."""
        uv = yuv_from_lab(lightness[:, :, None, None], ab[:, :, None, None])[:, 1:, 0, 0]
        palette, share = most_frequent_colors(uv, len(self.uv_palette))
        self.set_palette(palette, share)
        return share

    def set_rebalancing(self, weights: Tensor) -> None:
        """See `Classifier.set_rebalancing`; nothing is done with them."""

    def encode(self, lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
        """See `Classifier.encode`: the nearest color of the palette alone."""
        index = self.classes(lightness, ab)[:, None]
        return index, torch.ones_like(index, dtype=torch.float32)

    def logits_of(self, output: Tensor) -> tuple[Tensor, None]:
        """See `Classifier.logits_of`."""
        return output, None

    def classes(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """Number of the nearest palette color at each place: (N, 1, H, W) and (N, 2, H, W) to (N, H, W), int64."""
        uv = yuv_from_lab(lightness, ab)[:, 1:].permute(0, 2, 3, 1)
        return torch.cdist(uv.reshape(-1, 2), self.uv_palette.to(uv)).argmin(1).view(uv.shape[:3])

    def forward(self, lightness: Tensor) -> Tensor:
        """Logits over the palette, (N, K, H, W)."""
        x = grey_from_lightness(lightness) * 2 - 1
        maps: list[Tensor] = []
        for i, stage in enumerate(self.encoder):
            x = stage(x if i == 0 else self.pool(x))
            maps.append(x)
        maps.pop()
        for up, stage in zip(self.up, self.decoder, strict=True):
            x = stage(torch.cat((up(x), maps.pop()), 1))
        return self.head(x)  # type: ignore[no-any-return]

    def decode(self, logits: Tensor, lightness: Tensor, temperature: float | Tensor) -> Tensor:
        """Blend the palette by the sharpened probabilities and read it at the photo's luma: ab, (N, 2, H, W)."""
        uv = torch.einsum("nkhw,kc->nchw", (logits.float() / temperature).softmax(1), self.uv_palette)
        return ab_from_yuv(grey_from_lightness(lightness), uv)

    @property
    def reading(self) -> Reading:
        """See `Generator.reading`: a temperature; it has no weights to divide out."""
        usual = (_SAFEST - self.temperature) / (_SAFEST - _MOST_VIVID)
        return Reading(usual, (0.0, _SAFEST), (0.0, _MOST_VIVID), posterior=(0.0, 1.0))

    def read(
        self, lightness: Tensor, hints: Hints | None, exponent: Tensor, temperature: Tensor
    ) -> tuple[Tensor, None]:
        """See `Generator.read`; its palette is of UV, so there are no probabilities to tell."""
        height, width = lightness.shape[-2:]
        padded = pad_to_multiple(lightness, self.multiple)
        return self.decode(self.forward(padded), padded, temperature)[:, :, :height, :width], None

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; hints have no effect, vividness sets the temperature."""
        _, temperature = self.reading.at(vividness)
        height, width = lightness.shape[-2:]
        padded = pad_to_multiple(lightness, self.multiple)
        return self.decode(self.forward(padded), padded, temperature)[:, :, :height, :width]
