"""Keep colours inside what an RGB space can show: less chroma, same lightness, same hue.

In:  L, (N, 1, H, W), [0, 100]; ab, (N, 2, H, W), any size of colour
Out: ab that the space can show; sRGB, (N, 3, H, W), [0, 1]

This is the reference that the fast roads in `channels` are measured by.
"""

from __future__ import annotations

import torch
from torch import Tensor

from colorize_cli.color.lab import RGB_FROM_XYZ, linear_from_lab, srgb_from_linear
from colorize_cli.errors import ShapeError

_TOLERANCE = 1e-6  # linear light, of Y below and of white above; what float32 leaves on a grey
_SAMPLES, _HALVINGS = 8, 20  # the boundary is found to 2**-23 of the chroma asked for


def chroma_scale(lightness: Tensor, ab: Tensor, rgb_from_xyz: Tensor = RGB_FROM_XYZ) -> Tensor:
    """The largest factor, at most 1, by which a colour's ab may be multiplied to lie inside the gamut.

    Args:
        lightness: CIE L*, (N, 1, H, W), [0, 100].
        ab: CIE a* and b*, (N, 2, H, W).
        rgb_from_xyz: (3, 3), XYZ relative to the white to linear RGB; sRGB unless told.

    Returns:
        (N, 1, H, W), [0, 1]; the scaled colour is inside the gamut, or within 1e-6 of linear light of it.
    """
    y = ((lightness + 16) / 116).clamp_min(6 / 29) ** 3  # Y, or the least that Y is compared with

    def inside(scale: Tensor) -> Tensor:
        rgb = linear_from_lab(lightness, ab * scale, rgb_from_xyz)
        return ((rgb >= -_TOLERANCE * y) & (rgb <= 1 + _TOLERANCE)).all(1, keepdim=True)

    # Along a ray of bright yellow (hue 98 to 107 degrees) red leaves sRGB and comes back, so first look in steps.
    low = torch.zeros_like(lightness)
    for sample in range(1, _SAMPLES):
        scale = torch.full_like(lightness, sample / _SAMPLES)
        low = torch.where(inside(scale), scale, low)
    step = 1 / _SAMPLES
    for _ in range(_HALVINGS):
        step /= 2
        low = torch.where(inside(low + step), low + step, low)
    return torch.where(inside(torch.ones_like(low)), torch.ones_like(low), low)


def recombine(lightness: Tensor, ab: Tensor) -> Tensor:
    """Join lightness and colour into an sRGB image.

    Args:
        lightness: CIE L*, (N, 1, H, W), [0, 100].
        ab: CIE a* and b*, (N, 2, H, W), same size as `lightness`.

    Returns:
        sRGB, (N, 3, H, W), [0, 1]. Colours outside the gamut lose chroma at constant L* and hue.

    Raises:
        ShapeError: the batch sizes or the picture sizes differ.
    """
    if lightness.ndim != 4 or ab.ndim != 4 or lightness.shape[1] != 1 or ab.shape[1] != 2:
        raise ShapeError(f"expected (N, 1, H, W) and (N, 2, H, W), got {tuple(lightness.shape)} and {tuple(ab.shape)}")
    if lightness.shape[0] != ab.shape[0] or lightness.shape[2:] != ab.shape[2:]:
        raise ShapeError(f"lightness {tuple(lightness.shape)} and colour {tuple(ab.shape)} are not of one picture")
    linear = linear_from_lab(lightness, ab * chroma_scale(lightness, ab))
    return srgb_from_linear(linear.clamp(0, 1)).clamp(0, 1)
