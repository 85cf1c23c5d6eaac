"""Tell a photo in colour from a black-and-white print that has a tone.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16
Out: mean chroma that no toning explains, Lab units
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color import tables
from colorize_cli.color.spaces import SRGB, RgbSpace

COLOUR_THRESHOLD = 4.0  # Lab units of mean residual chroma, above which a photo has colour
_SIDE = 192  # pixels of the longer side of the copy that is looked at: JPEG's chroma noise averages out
_KNOTS = 12  # steps of lightness between which the curve of tone is a straight line
_ROUNDS = 4  # of fitting, each with less weight for what lies far from the curve


def residual_chroma(pixels: NDArray[Any], space: RgbSpace = SRGB) -> float:
    """Mean distance of a photo's ab from the one curve over L* that fits it best.

    Sepia, yellowed paper, selenium and split toning give every grey its own colour: a curve, and nothing remains. A
    tinted cheek, a sky or a coat does remain, since greys of the same lightness lie beside it.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        space: what the pixels mean.

    Returns:
        Lab units; 0 for grey. The photo has colour where it exceeds COLOUR_THRESHOLD.
    """
    if pixels.ndim == 2 or not pixels.size:
        return 0.0
    lightness, ab = _small_lab(pixels, space)
    basis = _hats(lightness / 100 * _KNOTS)
    weight = np.ones(len(lightness))
    distance = np.zeros(len(lightness))
    for _ in range(_ROUNDS):
        weighted = basis * weight[:, None]
        # Neighbouring knots are held together a little, for lightnesses that the photo does not have.
        bend = np.diff(np.eye(_KNOTS + 1), 2, axis=0) * np.sqrt(1e-3 * len(lightness))
        knots = np.linalg.solve(weighted.T @ basis + bend.T @ bend + 1e-6 * np.eye(_KNOTS + 1), weighted.T @ ab)
        distance = np.hypot(*(ab - basis @ knots).T)
        weight = 1 / np.maximum(distance, 1.0)  # towards the median: a coloured object must not bend the curve
    return float(distance.mean())


def _small_lab(pixels: NDArray[Any], space: RgbSpace) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """L*, (n,), and ab, (n, 2), of a copy reduced by area averaging."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    linear = tables.linear_tables(space, int(np.iinfo(pixels.dtype).max))
    rgb = np.stack([linear[i][small[:, i]] for i in range(3)]).astype(np.float64)
    xyz = np.array(space.xyz_from_rgb) @ rgb
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return 116 * f[1] - 16, np.stack((500 * (f[0] - f[1]), 200 * (f[1] - f[2])), 1)


def _hats(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the knots 0 to _KNOTS for a straight line between the two nearest: (n,) to (n, _KNOTS + 1)."""
    hats: NDArray[np.float64] = np.clip(1 - np.abs(position[:, None] - np.arange(_KNOTS + 1)), 0, 1)
    return hats
