"""Lab and the gamut for tensors, on any device: what `lab` and `gamut` are for arrays, tested against them.

In:  sRGB, (N, 3, H, W), [0, 1]; L*, (N, 1, H, W), [0, 100]; ab, (N, 2, H, W), Lab units
Out: each of them from the others (CIE Lab, D65, 2 degrees)
"""

from __future__ import annotations

import cv2
import torch
from torch import Tensor

from colorize_cli.color import gamut
from colorize_cli.color.lab import EPSILON, KAPPA
from colorize_cli.color.spaces import SRGB
from colorize_cli.errors import ShapeError

XYZ_FROM_RGB = torch.tensor(SRGB.xyz_from_rgb, dtype=torch.float64)
RGB_FROM_XYZ = torch.linalg.inv(XYZ_FROM_RGB)
_HALVINGS = gamut.HALVINGS + 7  # to 2**-23 of the chroma asked for: tensors may have 64 bits


def linear_from_srgb(srgb: Tensor) -> Tensor:
    """Undo sRGB's transfer curve; any shape, [0, 1] to [0, 1] (IEC 61966-2-1)."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp_min(0.0) + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: Tensor) -> Tensor:
    """Apply sRGB's transfer curve; any shape, [0, 1] to [0, 1] (IEC 61966-2-1)."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055)


def f_from_xyz(xyz: Tensor) -> Tensor:
    """CIE's f of X, Y or Z relative to the white; any shape. See `lab.f_from_xyz`."""
    root = (xyz.clamp_min(EPSILON).log() / 3).exp()  # several times faster than a power
    return torch.add(root, (xyz - EPSILON).clamp_max(0), alpha=KAPPA / 116)


def lightness_from_y(y: Tensor) -> Tensor:
    """L*, [0, 100], of Y relative to the white; any shape. See `lab.lightness_from_y`."""
    return torch.where(y > EPSILON, 116 * y.clamp_min(1e-8) ** (1 / 3) - 16, y * KAPPA)


def grey_from_lightness(lightness: Tensor) -> Tensor:
    """The grey sRGB value of an L*: any shape, [0, 100] to [0, 1]."""
    f = (lightness + 16) / 116
    y = torch.where(lightness > KAPPA * EPSILON, f**3, lightness / KAPPA)
    return srgb_from_linear(y).clamp(0, 1)


def split(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Split sRGB into lightness and color.

    Args:
        rgb: sRGB, (N, 3, H, W), [0, 1].

    Returns:
        lightness, CIE L*, (N, 1, H, W), [0, 100]; ab, CIE a* and b*, (N, 2, H, W).

    Raises:
        ShapeError: `rgb` is not (N, 3, H, W).

    Source: CIE 15:2004; agrees with scikit-image's rgb2lab.
    """
    if rgb.ndim != 4 or rgb.shape[1] != 3:
        raise ShapeError(f"expected sRGB of shape (N, 3, H, W), got {tuple(rgb.shape)}")
    lab = _lab_from_linear(linear_from_srgb(rgb))
    return lab[:, :1], lab[:, 1:]


def lab_of_levels(rgb: Tensor) -> Tensor:
    """CIE Lab of 8-bit sRGB: whole numbers, (N, 3, H, W), [0, 255], to (N, 3, H, W).

    As `split`, several times faster: there are only 256 levels to linearize.
    """
    levels = linear_from_srgb(torch.arange(256, device=rgb.device) / 255)
    if rgb.stride(1) == 0:  # an expanded grey picture
        lightness = _look_up(116 * f_from_xyz(levels) - 16, rgb[:, :1])
        return torch.cat((lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1)), 1)
    return _lab_from_linear(_look_up(levels, rgb))


def _lab_from_linear(linear: Tensor) -> Tensor:
    """Linear sRGB to L*, a* and b*: (N, 3, H, W) to the same."""
    fx, fy, fz = f_from_xyz(torch.matmul(XYZ_FROM_RGB.to(linear), linear.flatten(2))).view(linear.shape).unbind(1)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), 1)


def _look_up(table: Tensor, rgb: Tensor) -> Tensor:
    """The entries, (256,), that 8-bit values point at, in the shape of `rgb`."""
    if rgb.device.type != "cpu":
        return table[rgb.int()]
    found = cv2.LUT(rgb.byte().numpy().reshape(-1, rgb.shape[-1]), table.numpy())
    return torch.from_numpy(found).view(rgb.shape)


def linear_from_lab(lightness: Tensor, ab: Tensor, rgb_from_xyz: Tensor = RGB_FROM_XYZ) -> Tensor:
    """Lab to linear RGB that may lie outside [0, 1]: (N, 1, H, W) and (N, 2, H, W) to (N, 3, H, W).

    `rgb_from_xyz` is (3, 3), from XYZ relative to the white; sRGB unless told.
    """
    fy = (lightness[:, 0] + 16) / 116
    f = torch.stack((fy + ab[:, 0] / 500, fy, fy - ab[:, 1] / 200), 1)
    xyz = torch.where(f**3 > EPSILON, f**3, (116 * f - 16) / KAPPA)
    return torch.einsum("ij,njhw->nihw", rgb_from_xyz.to(lightness), xyz)


def chroma_scale(lightness: Tensor, ab: Tensor, rgb_from_xyz: Tensor = RGB_FROM_XYZ) -> Tensor:
    """The largest factor, at most 1, by which a color's ab may be multiplied to lie inside the gamut.

    Args:
        lightness: CIE L*, (N, 1, H, W), [0, 100].
        ab: CIE a* and b*, (N, 2, H, W).
        rgb_from_xyz: (3, 3), XYZ relative to the white to linear RGB; sRGB unless told.

    Returns:
        (N, 1, H, W), [0, 1]; the scaled color is inside the gamut, or within `gamut.TOLERANCE` of it.
    """
    y = ((lightness + 16) / 116).clamp_min(6 / 29) ** 3  # Y, or the least that Y is compared with

    def inside(scale: Tensor) -> Tensor:
        rgb = linear_from_lab(lightness, ab * scale, rgb_from_xyz)
        return ((rgb >= -gamut.TOLERANCE * y) & (rgb <= 1 + gamut.TOLERANCE)).all(1, keepdim=True)

    # in steps before halves, as `gamut.chroma_scale` says
    low = torch.zeros_like(lightness)
    for sample in range(1, gamut.SAMPLES):
        scale = torch.full_like(lightness, sample / gamut.SAMPLES)
        low = torch.where(inside(scale), scale, low)
    step = 1 / gamut.SAMPLES
    for _ in range(_HALVINGS):
        step /= 2
        low = torch.where(inside(low + step), low + step, low)
    return torch.where(inside(torch.ones_like(low)), torch.ones_like(low), low)
