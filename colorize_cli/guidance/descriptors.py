"""What the surroundings of a pixel look like, as a vector: tone, spread and direction of the edges at several scales.

In:  lightness, CIE L*, (h, w), float32, [0, 100]
Out: descriptors, (h, w, D), float32
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SCALES = (1.0, 2.0, 4.0, 8.0)  # sigmas of the tone statistics, pixels
_RINGS = ((1.5, 0), (3.0, 5), (6.0, 11))  # sigma of the pooling and distance of the four satellites, pixels
_DIRECTIONS = 8
_TONE_WEIGHT = 3.0  # tone says more of a color than the direction of edges does


def blurred(plane: Floats, sigma: float) -> Floats:
    """Gaussian blur of (h, w) or (h, w, C), reflected at the rim."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def local_sd(lightness: Floats, side: int = 5) -> Floats:
    """Standard deviation of L* in a window of `side` pixels: (h, w) to (h, w), L* units."""
    plane = lightness.astype(np.float64)  # a variance by difference of squares needs the digits
    mean = cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT)
    square = cv2.blur(plane * plane, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)


def describe(lightness: Floats) -> Floats:
    """Describe each pixel by its surroundings.

    Args:
        lightness: CIE L*, (h, w), [0, 100].

    Returns:
        (h, w, D), float32: mean and spread of L* at four scales, and histograms of gradient directions pooled at the
        pixel and at four satellites around it, at three scales. The directions are normalised as a whole, so that they
        tell a pattern from another rather than a strong from a weak one: the spread already tells that.

    Source: the statistics of Welsh 2002 at several scales; pooled gradients as in DAISY (Tola 2010).
    """
    plane = np.asarray(lightness / 100, np.float32)
    tone = []
    for sigma in _SCALES:
        mean = blurred(plane, sigma)
        spread = np.sqrt(np.maximum(blurred(np.square(plane - mean), sigma), 0))
        tone += [mean, 2 * spread]
    dx = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3, borderType=cv2.BORDER_REFLECT)
    dy = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3, borderType=cv2.BORDER_REFLECT)
    angles = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    directed = np.maximum(dx[..., None] * np.cos(angles) + dy[..., None] * np.sin(angles), 0).astype(np.float32)
    pooled = []
    for sigma, distance in _RINGS:
        blur = blurred(directed, sigma)
        pooled.append(blur)
        if distance:
            padded = np.pad(blur, ((distance, distance), (distance, distance), (0, 0)), "symmetric")
            h, w = plane.shape
            for oy, ox in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                top, left = distance * (1 + oy), distance * (1 + ox)
                pooled.append(padded[top : top + h, left : left + w])
    edges = np.concatenate(pooled, -1)
    edges = edges / np.sqrt((edges**2).sum(-1, keepdims=True) + 0.05)  # 0.05: noise on a flat wall is no pattern
    return np.concatenate([_TONE_WEIGHT * np.stack(tone, -1), edges], -1).astype(np.float32)


@dataclass(frozen=True)
class Projection:
    """Principal components of descriptors.

    Attributes:
        mean: (D,); axes: (D, K), orthonormal columns.
    """

    mean: Floats
    axes: Floats

    def __call__(self, descriptors: Floats) -> Floats:
        """(..., D) to (..., K)."""
        return np.asarray((descriptors - self.mean) @ self.axes, np.float32)


def principal_components(descriptors: Floats, count: int = 24) -> Projection:
    """The `count` directions in which descriptors (n, D) vary most; their signs are fixed, so results repeat."""
    mean = descriptors.mean(0)
    centred = (descriptors - mean).astype(np.float64)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :count]
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return Projection(mean.astype(np.float32), (axes * signs).astype(np.float32))


def jittered_grid(size: tuple[int, int], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """About `count` places spread over (h, w), one at random in each cell of a grid: flat indices, (n,), distinct."""
    h, w = size
    rows = int(np.clip(round((count * h / w) ** 0.5), 1, h))
    columns = int(np.clip(round(count / rows), 1, w))
    top, left = np.arange(rows) * h / rows, np.arange(columns) * w / columns
    y = (top[:, None] + rng.random((rows, columns)) * h / rows).astype(np.intp)
    x = (left + rng.random((rows, columns)) * w / columns).astype(np.intp)
    return np.unique(np.minimum(y, h - 1) * w + np.minimum(x, w - 1))
