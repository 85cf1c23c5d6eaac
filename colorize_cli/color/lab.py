"""Split a photo into lightness and colour, and join them again.

In:  sRGB, float32, (N, 3, H, W), [0, 1]
Out: L, (N, 1, H, W), [0, 100]; ab, (N, 2, H, W), about [-110, 110]  (CIE Lab, D65, 2 degrees)
"""

from __future__ import annotations

import torch
from torch import Tensor

from colorize_cli.color.spaces import SRGB
from colorize_cli.errors import ShapeError

XYZ_FROM_RGB = torch.tensor(SRGB.xyz_from_rgb, dtype=torch.float64)
RGB_FROM_XYZ = torch.linalg.inv(XYZ_FROM_RGB)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def linear_from_srgb(srgb: Tensor) -> Tensor:
    """Undo sRGB's transfer curve; any shape, [0, 1] to [0, 1] (IEC 61966-2-1)."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp_min(0.0) + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(linear: Tensor) -> Tensor:
    """Apply sRGB's transfer curve; any shape, [0, 1] to [0, 1] (IEC 61966-2-1)."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055)


def split(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Split sRGB into lightness and colour.

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
    xyz = torch.einsum("ij,njhw->nihw", XYZ_FROM_RGB.to(rgb), linear_from_srgb(rgb))
    f = torch.where(xyz > _EPSILON, xyz.clamp_min(1e-8) ** (1 / 3), (_KAPPA * xyz + 16) / 116)
    fx, fy, fz = f.unbind(1)
    return (116 * fy - 16)[:, None], torch.stack((500 * (fx - fy), 200 * (fy - fz)), 1)


def linear_from_lab(lightness: Tensor, ab: Tensor, rgb_from_xyz: Tensor = RGB_FROM_XYZ) -> Tensor:
    """Lab to linear RGB that may lie outside [0, 1]: (N, 1, H, W) and (N, 2, H, W) to (N, 3, H, W).

    `rgb_from_xyz` is (3, 3), from XYZ relative to the white; sRGB unless told.
    """
    fy = (lightness[:, 0] + 16) / 116
    f = torch.stack((fy + ab[:, 0] / 500, fy, fy - ab[:, 1] / 200), 1)
    xyz = torch.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA)
    return torch.einsum("ij,njhw->nihw", rgb_from_xyz.to(lightness), xyz)


def lightness_from_grey(grey: Tensor) -> Tensor:
    """L* of a grey sRGB value (R = G = B): any shape, [0, 1] to [0, 100]."""
    y = linear_from_srgb(grey)
    return torch.where(y > _EPSILON, 116 * y.clamp_min(1e-8) ** (1 / 3) - 16, _KAPPA * y)


def grey_from_lightness(lightness: Tensor) -> Tensor:
    """The grey sRGB value of an L*: any shape, [0, 100] to [0, 1]."""
    f = (lightness + 16) / 116
    y = torch.where(lightness > _KAPPA * _EPSILON, f**3, lightness / _KAPPA)
    return srgb_from_linear(y).clamp(0, 1)
