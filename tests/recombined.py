"""Lightness and color joined by tensors, 64 bits where they have them: what the package's merges are held against."""

from __future__ import annotations

from torch import Tensor

from colorize_cli.color.gpu import chroma_scale, linear_from_lab, srgb_from_linear


def recombine(lightness: Tensor, ab: Tensor) -> Tensor:
    """Join lightness and color into an sRGB image.

    Args:
        lightness: CIE L*, (N, 1, H, W), [0, 100].
        ab: CIE a* and b*, (N, 2, H, W), same size as `lightness`.

    Returns:
        sRGB, (N, 3, H, W), [0, 1]. Colors outside the gamut lose chroma at constant L* and hue.
    """
    linear = linear_from_lab(lightness, ab * chroma_scale(lightness, ab))
    return srgb_from_linear(linear.clamp(0, 1)).clamp(0, 1)
