"""Pixel metrics as pure functions, one figure per picture.

In:  preds and target, sRGB, float32, (N, 3, H, W), on the 8-bit scale [0, 255]
Out: (N,) float32 each
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import torch
from torch import Tensor

from colorize_cli.color.gpu import lab_of_levels
from colorize_cli.errors import ShapeError

_CACHED = 1 << 15  # numbers of a plane that are worked on at a time: what stays in a processor's cache
_TINY = 1e-30  # chroma, Lab units
_COS, _SIN = ({degrees: f(math.radians(degrees)) for degrees in (6, 30, 63)} for f in (math.cos, math.sin))


def _check(preds: Tensor, target: Tensor) -> None:
    if preds.shape != target.shape or preds.ndim != 4 or preds.shape[1] != 3:
        raise ShapeError(f"expected two (N, 3, H, W) pictures, got {tuple(preds.shape)} and {tuple(target.shape)}")


def quantize(rgb: Tensor) -> Tensor:
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
    from torchmetrics.functional.image import peak_signal_noise_ratio  # loads for a second

    _check(preds, target)
    found = peak_signal_noise_ratio(preds.float(), target.float(), data_range=255.0, reduction="none", dim=(1, 2, 3))
    return torch.as_tensor(found)


def _blur(x: Tensor) -> Tensor:
    """Gaussian 11 x 11, sigma 1.5, over the places it fits: (N, C, H, W) to (N, C, H - 10, W - 10), float32."""
    line = torch.exp(-(torch.arange(-5.0, 6.0, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    line /= line.sum()
    if x.device.type != "cpu":
        for axis in (-2, -1):
            side = x.shape[axis] - 10
            x = torch.stack([x.narrow(axis, k, side) * weight for k, weight in enumerate(line.tolist())]).sum(0)
        return x
    kernel = line.float().numpy()  # OpenCV's is many times faster on a CPU than conv2d
    blurred = torch.empty(x.shape)
    for plane, out in zip(x.flatten(0, 1).contiguous().numpy(), blurred.flatten(0, 1).numpy(), strict=True):
        cv2.sepFilter2D(plane, cv2.CV_32F, kernel, kernel, dst=out)
    return blurred[..., 5:-5, 5:-5].contiguous()


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
    x = x.float() - 128  # centered, so that the variance keeps its digits in float32
    mean = _blur(x)
    return mean + 128, _blur(x * x) - mean * mean


def ssim_from(
    preds: Tensor, target: Tensor, preds_moments: tuple[Tensor, Tensor], target_moments: tuple[Tensor, Tensor]
) -> Tensor:
    """`ssim` of pictures whose moments are known already."""
    (mx, vx), (my, vy) = preds_moments, target_moments
    cov = _blur((preds.float() - 128) * (target.float() - 128)).sub_((mx - 128) * (my - 128))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    product = mx * my
    means = (2 * product + c1) / torch.addcmul(mx * mx + c1, my, my)
    return means.mul_(cov.mul_(2).add_(c2)).div_((vx + c2) + vy).mean((1, 2, 3))


def colorfulness(rgb: Tensor) -> Tensor:
    """How colorful each picture is: (N, 3, H, W), [0, 255], to (N,); grey is 0.

    Source: Hasler and Suesstrunk 2003, with rg = R - G and yb = (R + G) / 2 - B.
    """
    if rgb.stride(1) == 0:  # an expanded grey picture
        return torch.zeros(len(rgb), device=rgb.device)
    red, green, blue = rgb.float().flatten(2).unbind(1)
    rg, yb = red - green, (red + green) / 2 - blue
    means = rg.mean(1, keepdim=True), yb.mean(1, keepdim=True)
    spread = ((rg - means[0]).square_().mean(1) + (yb - means[1]).square_().mean(1)).sqrt()
    return spread + 0.3 * (means[0] ** 2 + means[1] ** 2)[:, 0].sqrt()


def ciede2000(lab1: Tensor, lab2: Tensor) -> Tensor:
    """CIEDE2000 color difference of each pixel: two (N, 3, H, W) in Lab units to (N, H, W).

    Source: Sharma, Wu, Dalal 2005; agrees with scikit-image. Half the hue difference and the mean hue come from the
    difference and the sum of the two hues' unit vectors, which needs one arc tangent and no cosine.
    """
    shape = lab1[:, 0].shape
    one, two = lab1.flatten(2), lab2.flatten(2)
    if not one[:, 1:].any() or not two[:, 1:].any():
        return torch.cat([_without_hue(*pair) for pair in _parts(one, two)], 1).view(shape)
    return torch.cat([_with_hue(*pair) for pair in _parts(one, two)], 1).view(shape)


def _parts(one: Tensor, two: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Places, (N, 3, P), a few at a time on a CPU: what stays in its cache."""
    step = one.shape[2] if one.device.type != "cpu" else max(1, _CACHED // len(one))
    return zip(torch.split(one, step, 2), torch.split(two, step, 2), strict=True)


def _without_hue(lab1: Tensor, lab2: Tensor) -> Tensor:
    """`ciede2000` of places, (N, 3, P), where one picture is grey: there is no hue to differ in."""
    (l1, a1, b1), (l2, a2, b2) = lab1.unbind(1), lab2.unbind(1)
    g = _stretch((_length(a1, b1) + _length(a2, b2)) / 2)
    c1, c2 = _length(a1 * g, b1), _length(a2 * g, b2)
    return _length(_lightness_step(l1, l2), (c2 - c1) / ((c1 + c2) * (0.045 / 2) + 1))


def _with_hue(lab1: Tensor, lab2: Tensor) -> Tensor:
    (l1, a1, b1), (l2, a2, b2) = lab1.unbind(1), lab2.unbind(1)
    g = _stretch((_length(a1, b1) + _length(a2, b2)).mul_(0.5))
    a1, a2 = a1 * g, a2 * g
    c1, c2 = _length(a1, b1), _length(a2, b2)
    mean_c = (c1 + c2).mul_(0.5)
    dl = _lightness_step(l1, l2)
    dc = (c2 - c1).div_(mean_c * 0.045 + 1)
    # Unit vectors of the hues; where there is no chroma, of none: then the mean is the other's, and `dh` is zero.
    per1, per2 = c1.clamp_min(_TINY).reciprocal_(), c2.clamp_min(_TINY).reciprocal_()
    x1, y1, x2, y2 = a1 * per1, b1 * per1, a2 * per2, b2 * per2
    hue = torch.atan2(y1 + y2, x1 + x2)
    across = torch.addcmul(x1 * y2, y1, x2, value=-1)  # the sine of the difference
    sine = _length(x2.sub_(x1), y2.sub_(y1)).mul_(0.5).copysign_(across)  # of half of it
    t = _hue_weight(hue.cos(), hue.sin())
    dh = (c1 * c2).sqrt_().mul_(2).mul_(sine).div_(t.mul_(mean_c).mul_(0.015).add_(1))
    # Degrees from blue, 275, on its own side of zero hue; on the other side it is too far for the term to be seen.
    from_blue = hue.mul_(180 / (25 * torch.pi)).add_(85 / 25)
    # further away the exponential is nothing, and numbers too small for float32 take ten times as long
    rotation = from_blue.square_().neg_().clamp_min_(-40).exp_().mul_(torch.pi / 3).sin_()
    crossed = rotation.mul_(_seventh(mean_c)).mul_(dc).mul_(dh)
    return torch.addcmul(torch.addcmul(dl.square_(), dc, dc), dh, dh).sub_(crossed, alpha=2).clamp_min_(0).sqrt_()


def _hue_weight(c: Tensor, s: Tensor) -> Tensor:
    """CIEDE2000's T of the mean hue, given its cosine and sine; the multiples of the angle are written out."""
    cos2, both = (c * c).mul_(2).sub_(1), c * s
    by_cos = cos2 * (2 * 0.32 * _COS[6]) - (0.17 * _COS[30] + 0.32 * _COS[6])
    by_sin = cos2 * (-2 * 0.32 * _SIN[6]) - (0.17 * _SIN[30] + 0.32 * _SIN[6])
    t = (cos2 * (-2 * 0.20 * _COS[63]) + 0.24).mul_(cos2).add_(1 + 0.20 * _COS[63])
    t.addcmul_(by_cos, c).addcmul_(by_sin, s)
    return t.addcmul_(both, cos2, value=-4 * 0.20 * _SIN[63])


def _lightness_step(l1: Tensor, l2: Tensor) -> Tensor:
    squared = (l1 + l2).mul_(0.5).sub_(50).square_()
    weight = (squared + 20).rsqrt_().mul_(squared).mul_(0.015).add_(1)
    return (l2 - l1).div_(weight)


def _length(a: Tensor, b: Tensor) -> Tensor:
    return torch.addcmul(a * a, b, b).sqrt_()


def _stretch(chroma: Tensor) -> Tensor:
    """The factor on a* that makes greyish blues round."""
    return _seventh(chroma).mul_(-0.5).add_(1.5)


def _seventh(chroma: Tensor) -> Tensor:
    """(c^7 / (c^7 + 25^7))^(1/2), by products: a power costs as much as all the rest."""
    c2 = chroma * chroma
    c7 = (c2 * c2).mul_(c2).mul_(chroma)
    return c7.div_(c7 + 25.0**7).sqrt_()


def delta_e(preds: Tensor, target: Tensor) -> Tensor:
    """Mean CIEDE2000 of each picture's pixels; (N, 3, H, W), [0, 255]; unit: dE00.

    Raises:
        ShapeError: the shapes differ or are not pictures.
    """
    _check(preds, target)
    return ciede2000(lab_of_levels(preds), lab_of_levels(target)).mean((1, 2))
