"""Colors that a space cannot show lose chroma, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import torch
from skimage.color import rgb2lab

from colorize_cli.color.gpu import chroma_scale, linear_from_lab, split
from tests.recombined import recombine


def _random_lab(seed: int, count: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    lightness = torch.rand((1, 1, 1, count), generator=generator, dtype=torch.float64) * 100
    ab = (torch.rand((1, 2, 1, count), generator=generator, dtype=torch.float64) - 0.5) * 300
    return lightness, ab


def test_every_corner_and_inner_color_of_srgb_comes_back() -> None:
    levels = torch.linspace(0, 1, 9, dtype=torch.float64)
    cube = torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(1, 3, 1, -1)
    torch.testing.assert_close(recombine(*split(cube)), cube, atol=1e-5, rtol=0)


def test_lightness_and_hue_stay_when_chroma_must_go() -> None:
    lightness, ab = _random_lab(0)
    rgb = recombine(lightness, ab)
    lab = rgb2lab(rgb[0, :, 0].T.numpy()[None])[0]  # an independent library, with its own constants
    assert np.abs(lab[:, 0] - lightness.flatten().numpy()).max() < 0.02
    own_lightness, own_ab = split(rgb)
    torch.testing.assert_close(own_lightness, lightness, atol=1e-4, rtol=0)
    turned = torch.atan2(own_ab[:, 1], own_ab[:, 0]) - torch.atan2(ab[:, 1], ab[:, 0])
    turned = torch.rad2deg((turned + math.pi) % (2 * math.pi) - math.pi).abs()
    chroma = own_ab.norm(dim=1)
    assert (chroma > 5).sum() > 2000
    assert turned[chroma > 5].max() < 0.5
    assert (chroma <= ab.norm(dim=1) + 1e-3).all()


def test_no_more_chroma_is_lost_than_the_gamut_asks() -> None:
    lightness, ab = _random_lab(1)
    scale = chroma_scale(lightness, ab)
    lost = scale < 1
    assert lost.any() and not lost.all()
    wider = linear_from_lab(lightness, ab * scale * 1.002)
    outside = ((wider < 0) | (wider > 1)).any(1, keepdim=True)
    assert outside[lost & (scale > 1e-3)].all()


def test_black_and_white_take_no_color() -> None:
    lightness = torch.tensor([0.0, 100.0]).reshape(1, 1, 1, 2)
    rgb = recombine(lightness, torch.full((1, 2, 1, 2), 60.0))
    torch.testing.assert_close(rgb[0, :, 0].T, torch.tensor([[0.0] * 3, [1.0] * 3]), atol=1e-3, rtol=0)
