"""`ddcolor`: a ConvNeXt encoder, a pixel decoder, and learned color queries that look at its maps.

In:  lightness, (N, 1, H, W), [0, 100], H and W multiples of 32; the published weights want 512 x 512
Out: ab, (N, 2, H, W), Lab units

Source: Kang, Yang, Ouyang, Ren, Li, Xie, DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders, ICCV
2023. The keys are those of the published weights. This is the network in eval mode, not for training.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.gpu import grey_from_lightness
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.convnext import ConvNeXt
from colorize_cli.models.networks.layers import Shuffle, smooth
from colorize_cli.models.networks.normed import SpectralConv

_ENCODERS = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
}
_WIDTH = 256  # of a query and of the finest features
_HEADS = 8
_LEVELS = 3
_FINEST = 4  # the last pixel shuffle's factor
_PLACES = 512  # worked on at a time in the last layer: what fits a processor's cache


class Up(nn.Module):
    """Upsample, join with the encoder's map of that size, convolve."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.shuf = Shuffle(SpectralConv(inputs, 4 * outputs), 4 * outputs)
        self.bn = nn.BatchNorm2d(skip)
        self.conv = nn.Sequential(
            SpectralConv(outputs + skip, outputs, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, h, w) and (N, skip, 2h, 2w) to (N, outputs, 2h, 2w)."""
        y: Tensor = self.conv(F.relu(torch.cat((self.shuf(x), self.bn(skip)), 1)))
        return y


class SelfAttention(nn.Module):
    """The queries look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)
        self.norm = nn.LayerNorm(_WIDTH)

    def forward(self, x: Tensor, embed: Tensor) -> Tensor:
        """(N, Q, C) to the same."""
        where = x + embed
        y: Tensor = self.norm(x + self.self_attn(where, where, x, need_weights=False)[0])
        return y


class CrossAttention(nn.Module):
    """The queries look at the places of a map."""

    def __init__(self) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)
        self.norm = nn.LayerNorm(_WIDTH)

    def forward(self, x: Tensor, embed: Tensor, seen: Tensor, project: nn.Conv2d, level: Tensor) -> Tensor:
        """(N, Q, C), and a map, (N, C', h, w), with its projection to C channels and its level's code, to (N, Q, C).

        Projecting the map, and that to keys and values, is one matrix. What is the same at every place changes no
        key's share, and passes through to the values' mean, so only the position codes are added to the keys.
        """
        attention = self.multihead_attn
        (to_q, to_k, to_v), (q_bias, _, v_bias) = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
        assert project.bias is not None
        both = torch.cat((to_k, to_v)) @ project.weight.flatten(1)
        k_and_v = seen.permute(0, 2, 3, 1) @ both.t()
        k, v = k_and_v[..., :_WIDTH], k_and_v[..., _WIDTH:]
        by_y, by_x = (sine_code(length, seen) for length in seen.shape[2:])
        k = k.add_((by_y @ to_k[:, : _WIDTH // 2].t())[:, None]).add_(by_x @ to_k[:, _WIDTH // 2 :].t())
        q = F.linear(x + embed, to_q, q_bias)
        q, k, v = (part.reshape(x.shape[0], -1, _HEADS, _WIDTH // _HEADS).transpose(1, 2) for part in (q, k, v))
        found = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        everywhere = F.linear(project.bias + level, to_v, v_bias)
        y: Tensor = self.norm(x + attention.out_proj(found + everywhere))
        return y


class FeedForward(nn.Module):
    """Each query by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(_WIDTH, 2048), nn.Linear(2048, _WIDTH)
        self.norm = nn.LayerNorm(_WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Q, C) to the same."""
        y: Tensor = self.norm(x + self.linear2(F.relu(self.linear1(x))))
        return y


class Mlp(nn.Module):
    """Three layers that turn a query into the weights of the features."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(_WIDTH, _WIDTH) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, Q, C) to the same."""
        return self.layers[2](F.relu(self.layers[1](F.relu(self.layers[0](x)))))  # type: ignore[no-any-return]


def sine_code(length: int, like: Tensor) -> Tensor:
    """Sine codes of the places along an axis: (length, C / 2). A place's code is y's, then x's.

    Source: Carion 2020 (DETR), appendix A.4, with places scaled to (0, 2 pi].
    """
    half = _WIDTH // 2
    frequency = 10000 ** (-2 * torch.div(torch.arange(half, device=like.device), 2, rounding_mode="floor") / half)
    place = torch.arange(1, length + 1, device=like.device) / (length + 1e-6) * 2 * math.pi
    angle = place[:, None] * frequency
    return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), 2).flatten(1).to(like)


class ColorDecoder(nn.Module):
    """Learned queries attend to three maps in turn; each becomes a color's map over the finest features."""

    def __init__(self, queries: int, layers: int, inputs: tuple[int, ...]) -> None:
        super().__init__()
        self.query_feat = nn.Embedding(queries, _WIDTH)
        self.query_embed = nn.Embedding(queries, _WIDTH)
        self.level_embed = nn.Embedding(_LEVELS, _WIDTH)
        self.input_proj = nn.ModuleList(nn.Conv2d(channels, _WIDTH, 1) for channels in inputs)
        self.transformer_self_attention_layers = nn.ModuleList(SelfAttention() for _ in range(layers))
        self.transformer_cross_attention_layers = nn.ModuleList(CrossAttention() for _ in range(layers))
        self.transformer_ffn_layers = nn.ModuleList(FeedForward() for _ in range(layers))
        self.decoder_norm = nn.LayerNorm(_WIDTH)
        self.color_embed = Mlp()

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps, coarsest first, to the queries' weights over the features' channels, (N, Q, C)."""
        x = self.query_feat.weight.expand(maps[0].shape[0], -1, -1)
        embed = self.query_embed.weight
        for i, (cross, own, feed) in enumerate(
            zip(
                self.transformer_cross_attention_layers,
                self.transformer_self_attention_layers,
                self.transformer_ffn_layers,
                strict=True,
            )
        ):
            which = i % _LEVELS
            x = cross(x, embed, maps[which], self.input_proj[which], self.level_embed.weight[which])
            x = feed(own(x, embed))
        y: Tensor = self.color_embed(self.decoder_norm(x))
        return y


class Decoder(nn.Module):
    """The pixel decoder, and the color decoder beside it."""

    def __init__(self, widths: tuple[int, ...], queries: int, layers: int) -> None:
        super().__init__()
        outputs = (2 * _WIDTH, 2 * _WIDTH, _WIDTH)
        inputs = (widths[-1], *outputs[:-1])
        self.layers = nn.ModuleList(
            Up(above, skip, out) for above, skip, out in zip(inputs, widths[-2::-1], outputs, strict=True)
        )
        finest = _WIDTH * _FINEST**2
        self.last_shuf = Shuffle(SpectralConv(_WIDTH, finest, bias=True), finest, _FINEST, norm=False)
        self.color_decoder = ColorDecoder(queries, layers, outputs)

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Encoder maps to the finest map, (N, C, H/4, W/4), and the queries' weights, (N, Q, C)."""
        x, decoded = maps[-1], []
        for up, skip in zip(self.layers, maps[-2::-1], strict=True):
            x = up(x, skip)
            decoded.append(x)
        return x, self.color_decoder(decoded)

    def mixed(self, finest: Tensor, weights: Tensor) -> Tensor:
        """Features of the last shuffle, weighed, before they are shuffled.

        Args:
            finest: (N, C, h, w).
            weights: of the features for each output, (N, 2, C).

        Returns:
            (N, 2 * 16, h, w), in the order that a pixel shuffle takes.
        """
        conv: SpectralConv = self.last_shuf.conv[0]  # type: ignore[assignment]
        assert conv.bias is not None
        n, _, height, width = finest.shape
        kernel, least = conv.weight_now().flatten(1), -conv.bias[:, None]
        # relu(x + b) = max(x, -b) + b, and what the last b comes to is the same everywhere
        rest = weights @ conv.bias.view(_WIDTH, -1)
        if torch.onnx.is_in_onnx_export():  # a graph has no loops: all places at once
            some = torch.maximum(kernel @ finest.flatten(2), least).reshape(n, _WIDTH, -1)
            whole = (weights @ some).reshape(n, 2 * _FINEST**2, -1) + rest.flatten(1)[..., None]
            return whole.reshape(n, -1, height, width)
        mixed = finest.new_empty(n, 2 * _FINEST**2, height * width)
        for one, places, weight in zip(mixed, finest.flatten(2), weights, strict=True):
            for start in range(0, height * width, _PLACES):  # 4096 numbers a place: never all of them at once
                some = kernel @ places[:, start : start + _PLACES]
                some = torch.maximum(some, least).view(_WIDTH, -1)
                one[:, start : start + _PLACES] = (weight @ some).view(2 * _FINEST**2, -1)
        return (mixed + rest.flatten(1)[..., None]).view(n, -1, height, width)


class DDColor(Generator):
    """The network of Kang 2023.

    Args:
        size: of the encoder.
        queries: how many colors are learned.
        layers: rounds of attention.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, size: Literal["tiny", "large"] = "large", queries: int = 100, layers: int = 9) -> None:
        super().__init__()
        depths, widths = _ENCODERS[size]
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1))
        self.encoder = nn.ModuleDict({"arch": ConvNeXt(depths, widths)})
        self.decoder = Decoder(widths, queries, layers)
        self.refine_net = nn.Sequential(nn.Sequential(SpectralConv(queries + 3, 2, bias=True)))

    def forward(self, grey: Tensor) -> Tensor:
        """Grey sRGB, (N, 3, H, W), [0, 1], to ab, (N, 2, H, W), Lab units.

        Weighing the features by the queries, mixing the queries' maps into ab, the shuffle and the smoothing are all
        linear. So ab is mixed first, from features at a quarter of the size: the same numbers (but for rounding)
        without ever holding a map for each query, or 256 features, at the full size.
        """
        x = (grey - self.mean) / self.std
        finest, queries = self.decoder(self.encoder["arch"](x))
        refine: SpectralConv = self.refine_net[0][0]  # type: ignore[index]
        mix = refine.weight().flatten(1)
        ab = self.decoder.mixed(finest, mix[:, : queries.shape[1]] @ queries)
        direct = torch.einsum("oc,nchw->nohw", mix[:, queries.shape[1] :], x)
        bias = 0 if refine.bias is None else refine.bias[:, None, None]
        return smooth(F.pixel_shuffle(ab, _FINEST)) + direct + bias

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; ab at the input's size; neither hints nor `vividness` move it."""
        ab: Tensor = self.forward(grey_from_lightness(lightness).expand(-1, 3, -1, -1))
        return ab.float()
