"""The colors that a network holds likely at one place, as a palette to choose from.

In:  probabilities of colors, (Q, h, w); the colors themselves, (Q, 2), Lab units; a place
Out: `LikelyColor`s, the most likely first, no two of them alike
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.gamut import chroma_scale
from colorize_cli.color.lab import f_from_lightness, srgb_from_lab, xyz_from_f
from colorize_cli.color.spaces import SRGB
from colorize_cli.guidance.descriptors import Floats

_APART = 14.0  # Lab units between two colors of a palette: closer ones look alike on a small field
_NEAR = 1  # cells around the place whose probabilities are averaged: a click is not exact
_DARKEST, _LIGHTEST = 38.0, 80.0  # L* of a field: where sRGB still has strong colors, so that a hint says them all


@dataclass(frozen=True)
class LikelyColor:
    """One color of a palette: its ab, Lab units; how likely it and its like are, [0, 1]; sRGB, 0 to 255."""

    ab: tuple[float, float]
    share: float
    rgb: tuple[int, int, int]


def likely_colors(
    probabilities: Floats, bins: Floats, place: tuple[float, float], lightness: float, most: int = 12
) -> list[LikelyColor]:
    """The palette of a place.

    Args:
        probabilities: (Q, h, w), summing to one over Q.
        bins: the colors' centers, (Q, 2), Lab units.
        place: across and down, [0, 1], shares of the photo's width and height.
        lightness: CIE L* of the photo there, [0, 100].
        most: colors at most.

    Returns:
        Each the mean of the bins that are closest to it, weighted by how likely they are; most likely first.
    """
    _, h, w = probabilities.shape
    column, row = (min(int(share * side), side - 1) for share, side in zip(place, (w, h), strict=True))
    rows, columns = (slice(max(0, at - _NEAR), at + _NEAR + 1) for at in (row, column))
    likely = probabilities[:, rows, columns].mean((1, 2), dtype=np.float64)
    heads = list[int]()
    for index in np.argsort(-likely, kind="stable"):
        if len(heads) == most:
            break
        if all(np.hypot(*(bins[index] - bins[head])) >= _APART for head in heads):
            heads.append(int(index))
    nearest = np.hypot(*(bins[:, None] - bins[heads][None]).transpose(2, 0, 1)).argmin(1)
    found = []
    for number in range(len(heads)):
        own = nearest == number
        share = float(likely[own].sum())
        ab = (likely[own, None] * bins[own]).sum(0) / max(share, 1e-12) if share > 0 else bins[heads[number]]
        found.append(LikelyColor((float(ab[0]), float(ab[1])), share, srgb_of_ab(np.asarray(ab), lightness)))
    return sorted(found, key=lambda color: -color.share)


def srgb_of_ab(ab: NDArray[np.floating], lightness: float) -> tuple[int, int, int]:
    """An sRGB color, 0 to 255, of a hue and chroma, (2,), as near to a lightness, [0, 100], as it can be shown at."""
    level = np.float32(min(max(lightness, _DARKEST), _LIGHTEST))
    f = np.full(1, f_from_lightness(np.full(1, level))[0], np.float32)
    a, b = (np.full(1, value, np.float32) for value in ab)
    scale = chroma_scale(f, xyz_from_f(f), a, b, SRGB.rgb_from_xyz.astype(np.float32))
    rgb = srgb_from_lab(np.array([[[level, a[0] * scale[0], b[0] * scale[0]]]], np.float32))[0, 0]
    red, green, blue = (int(value) for value in np.clip(np.round(rgb * 255), 0, 255))
    return red, green, blue
