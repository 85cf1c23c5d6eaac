"""Pixel metrics as pure functions, one figure per picture.

In:  preds and target, sRGB, float32, (N, 3, H, W), on the 8-bit scale [0, 255]
Out: (N,) float32 each
"""

from __future__ import annotations

import torch
from torch import Tensor

from colorize_cli.color.lab import XYZ_FROM_RGB, linear_from_srgb
from colorize_cli.errors import ShapeError


def _check(preds: Tensor, target: Tensor) -> None:
    if preds.shape != target.shape or preds.ndim != 4 or preds.shape[1] != 3:
        raise ShapeError(f"expected two (N, 3, H, W) pictures, got {tuple(preds.shape)} and {tuple(target.shape)}")


def quantise(rgb: Tensor) -> Tensor:
    """Round sRGB, [0, 1], to the 8-bit scale: whole numbers in [0, 255], float32."""
    return (rgb.float() * 255).round().clamp(0, 255)


def psnr(preds: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio, dB, of each picture over its three channels; inf where they are equal.

    Args:
        preds: (N, 3, H, W), [0, 255].
        target: the same shape.

    Raises:
        ShapeError: the shapes differ or are not pictures.
    """
    _check(preds, target)
    return 10 * torch.log10(255.0**2 / ((preds.float() - target.float()) ** 2).mean((1, 2, 3)))


def _blur(x: Tensor) -> Tensor:
    """Gaussian 11 x 11, sigma 1.5, over the places it fits; shifted sums are many times faster on a CPU than conv2d."""
    line = torch.exp(-(torch.arange(-5.0, 1.0, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    weights = (line / (2 * line.sum() - 1)).tolist()
    for axis in (-2, -1):
        side = x.shape[axis] - 10
        blurred = x.narrow(axis, 5, side) * weights[5]
        for k in range(5):
            blurred.add_(x.narrow(axis, k, side) + x.narrow(axis, 10 - k, side), alpha=weights[k])
        x = blurred
    return x


def ssim(preds: Tensor, target: Tensor) -> Tensor:
    """Structural similarity: Gaussian window 11 x 11, sigma 1.5, per RGB channel, mean over the places it fits.

    Args:
        preds: (N, 3, H, W), [0, 255]; at least 11 pixels a side.
        target: the same shape.

    Raises:
        ShapeError: the shapes differ, are not pictures, or are smaller than the window.

    Source: Wang 2004; agrees with scikit-image (gaussian_weights, use_sample_covariance=False).
    """
    _check(preds, target)
    return ssim_from(preds, target, moments(preds), moments(target))


def moments(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Local means and variances under SSIM's window: (N, 3, H, W) to twice (N, 3, H - 10, W - 10).

    Raises:
        ShapeError: the pictures are smaller than the window.
    """
    if min(rgb.shape[2:]) < 11:
        raise ShapeError(f"SSIM needs pictures of at least 11 x 11, got {tuple(rgb.shape[2:])}")
    x = rgb[:, :1] if rgb.stride(1) == 0 else rgb  # an expanded grey picture has one channel to look at
    x = x.float() - 128  # centred, so that the variance keeps its digits in float32
    mean = _blur(x)
    return mean + 128, _blur(x * x) - mean * mean


def ssim_from(
    preds: Tensor, target: Tensor, preds_moments: tuple[Tensor, Tensor], target_moments: tuple[Tensor, Tensor]
) -> Tensor:
    """`ssim` of pictures whose moments are known already."""
    (mx, vx), (my, vy) = preds_moments, target_moments
    cov = _blur((preds.float() - 128) * (target.float() - 128)) - (mx - 128) * (my - 128)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return index.mean((1, 2, 3))


def colorfulness(rgb: Tensor) -> Tensor:
    """How colourful each picture is: (N, 3, H, W), [0, 255], to (N,); grey is 0.

    Source: Hasler and Suesstrunk 2003, with rg = R - G and yb = (R + G) / 2 - B.
    """
    if rgb.stride(1) == 0:  # an expanded grey picture
        return torch.zeros(len(rgb), device=rgb.device)
    red, green, blue = rgb.float().flatten(2).unbind(1)
    rg, yb = red - green, (red + green) / 2 - blue
    spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
    return spread + 0.3 * (rg.mean(1) ** 2 + yb.mean(1) ** 2).sqrt()


def lab_of(rgb: Tensor) -> Tensor:
    """CIE Lab of pictures on the 8-bit scale: whole numbers, (N, 3, H, W), [0, 255], to (N, 3, H, W).

    The same Lab as `split`'s, several times faster: there are only 256 levels to linearise.
    """
    levels = linear_from_srgb(torch.arange(256, device=rgb.device) / 255)
    if rgb.stride(1) == 0:  # an expanded grey picture
        grey = torch.where(levels > 216 / 24389, 116 * levels.clamp_min(1e-8) ** (1 / 3) - 16, 24389 / 27 * levels)
        lightness = grey[rgb[:, :1].int()]
        return torch.cat((lightness, torch.zeros_like(lightness).expand(-1, 2, -1, -1)), 1)
    xyz = torch.einsum("ij,njhw->nihw", XYZ_FROM_RGB.to(levels), levels[rgb.int()])
    f = torch.where(xyz > 216 / 24389, (xyz.clamp_min(1e-8).log() / 3).exp(), (24389 / 27 * xyz + 16) / 116)
    fx, fy, fz = f.unbind(1)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), 1)


def ciede2000(lab1: Tensor, lab2: Tensor) -> Tensor:
    """CIEDE2000 colour difference of each pixel: two (N, 3, H, W) in Lab units to (N, H, W).

    Source: Sharma, Wu, Dalal 2005; agrees with scikit-image.
    """
    l1, a1, b1 = lab1.unbind(1)
    l2, a2, b2 = lab2.unbind(1)
    g = 1.5 - 0.5 * _seventh((_length(a1, b1) + _length(a2, b2)) / 2)
    a1, a2 = a1 * g, a2 * g
    c1, c2 = _length(a1, b1), _length(a2, b2)
    squared, mean_c = ((l1 + l2) / 2 - 50) ** 2, (c1 + c2) / 2
    dl = (l2 - l1) / (1 + 0.015 * squared / (20 + squared).sqrt())
    dc = (c2 - c1) / (1 + 0.045 * mean_c)
    if not c1.any() or not c2.any():  # a grey picture has no hue to differ in
        return _length(dl, dc)
    h1, h2 = torch.atan2(b1, a1), torch.atan2(b2, a2)  # 0 where there is no chroma
    turn = torch.remainder(h2 - h1 + torch.pi, 2 * torch.pi) - torch.pi
    product = c1 * c2
    hue = torch.where(product == 0, h1 + h2, h1 + turn / 2)
    t = (
        1
        - 0.17 * torch.cos(hue - torch.pi / 6)
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + torch.pi / 30)
        - 0.20 * torch.cos(4 * hue - 63 * torch.pi / 180)
    )
    dh = 2 * product.sqrt() * torch.sin(turn / 2) / (1 + 0.015 * mean_c * t)
    from_blue = torch.rad2deg(torch.remainder(hue, 2 * torch.pi)) - 275
    rotation = torch.sin(torch.deg2rad(60 * torch.exp(-((from_blue / 25) ** 2))))
    crossed = 2 * _seventh(mean_c) * rotation * dc * dh
    return (dl**2 + dc**2 + dh**2 - crossed).clamp_min(0).sqrt()


def _length(a: Tensor, b: Tensor) -> Tensor:
    return (a * a + b * b).sqrt()


def _seventh(chroma: Tensor) -> Tensor:
    """(c^7 / (c^7 + 25^7))^(1/2), by products: a power costs as much as all the rest."""
    c3 = chroma * chroma * chroma
    c7 = c3 * c3 * chroma
    return (c7 / (c7 + 25.0**7)).sqrt()


def delta_e(preds: Tensor, target: Tensor) -> Tensor:
    """Mean CIEDE2000 of each picture's pixels; (N, 3, H, W), [0, 255]; unit: dE00.

    Raises:
        ShapeError: the shapes differ or are not pictures.
    """
    _check(preds, target)
    return ciede2000(lab_of(preds), lab_of(target)).mean((1, 2))
