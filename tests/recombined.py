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
    linear = linear_from_lab(lightness, ab)
    beyond = ((linear < 0) | (linear > 1)).any(1)  # the search takes long: the others' factor is 1
    if beyond.any():
        few = lightness.movedim(1, -1)[beyond].T[None, :, None], ab.movedim(1, -1)[beyond].T[None, :, None]
        found = linear_from_lab(few[0], few[1] * chroma_scale(*few))
        linear = linear.movedim(1, -1).masked_scatter(beyond[..., None], found[0, :, 0].T.contiguous()).movedim(-1, 1)
    return srgb_from_linear(linear.clamp(0, 1)).clamp(0, 1)
