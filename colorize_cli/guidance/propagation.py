"""Carry hints over a photo that a network has colored: far where it is alike, a little way where it is not.

In:  lightness, (h, w), [0, 100]; a network's ab, (2, h, w), Lab units; hints at the same size
Out: ab, (2, h, w), Lab units: at the hints theirs, elsewhere the network's with its likely error taken out

The network's error at the hints is the sample of a Gaussian process over place, lightness, texture and predicted color
(kriging); what it leaves at the hints follows the photo's edges by Levin's propagation. The more hints agree, the
further they reach, and where none is near or alike the network's color stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import ShapeError
from colorize_cli.guidance.descriptors import Floats
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.scribbles import attract, upsample_along_edges

# chosen on photos of evaluation, 1 to 50 hints of 7 x 7 pixels at 256 pixels (tests/benchmarks/hints.py)
_NEAR, _NEAR_LENGTH = 100.0, 0.3  # variance of the error that near places share, squared Lab units; short sides
_ALIKE, _ALIKE_LENGTH = 120.0, 0.8  # variance of the error that places share that look alike, though far
_WIDER, _BLUNTER, _BLUNTEST = 0.3, 0.35, 0.5  # exponents of how many hints tell different things; least sharpness
_SCALES = (14.0, 8.0, 10.0, 10.0)  # differences of lightness, texture, a and b at which places are unlike
_NOISE = 12.0  # variance of the error of one hint's cell
_CELLS = 36  # hints are gathered in cells of the short side over this: 7 pixels of 256
_MOST_CELLS = 256
_REACH = 0.3  # of Levin's propagation of what is left, short sides, for one thing told
_HELD = 100.0  # weight of a hint against one neighbor of the same lightness
_ROWS = 16384  # places whose error is estimated at once


@dataclass(frozen=True)
class _Cells:
    """Hints gathered: row and column of each cell's middle, (n, 2), pixels; error, (n, 2), and features, (n, 4)."""

    at: NDArray[np.float32]
    error: NDArray[np.float32]
    features: NDArray[np.float32]
    noise: NDArray[np.float32]


def features(lightness: Floats, ab: Floats) -> Floats:
    """What tells whether places are alike: smoothed L*, texture, and the network's a and b, each over its scale.

    Args:
        lightness: (h, w), [0, 100].
        ab: (2, h, w), Lab units.

    Returns:
        (4, h, w), float32; places whose features differ by 1 are half unlike.
    """
    fine = max(min(lightness.shape) / 64, 0.5)

    def blur(plane: Floats, sigma: float) -> Floats:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)

    plane = lightness.astype(np.float32)
    texture = np.sqrt(np.maximum(blur(plane * plane, fine) - blur(plane, fine) ** 2, 0))
    planes = (blur(plane, 0.75 * fine), texture, ab[0], ab[1])
    return np.stack([p / np.float32(scale) for p, scale in zip(planes, _SCALES, strict=True)])


def _gather(hints: HintMap, error: Floats, looks: Floats) -> _Cells:
    """The hints' cells: means of place, error and features, weighted by the mask; a regular choice of too many."""
    side = max(1, round(min(hints.mask.shape) / _CELLS))
    rows, columns = np.nonzero(hints.mask)
    wide = hints.mask.shape[1] // side + 1
    _, number = np.unique((rows // side) * wide + columns // side, return_inverse=True)
    weight = hints.mask[rows, columns].astype(np.float64)
    total = np.bincount(number, weight)
    values = np.column_stack((rows, columns, error[:, rows, columns].T, looks[:, rows, columns].T))
    means = np.stack([np.bincount(number, weight * column) / total for column in values.T], 1).astype(np.float32)
    most = np.maximum.reduceat(weight[np.argsort(number, kind="stable")], np.r_[0, np.cumsum(np.bincount(number))[:-1]])
    if len(means) > _MOST_CELLS:
        chosen = np.linspace(0, len(means) - 1, _MOST_CELLS).round().astype(np.intp)
        means, most = means[chosen], most[chosen]
    return _Cells(means[:, :2], means[:, 2:4], means[:, 4:], (_NOISE / most).astype(np.float32))


def _likeness(
    at: NDArray[np.float32], looks: NDArray[np.float32], cells: _Cells, short: int, told: float
) -> NDArray[np.float32]:
    """Covariance of the error at places with that at the cells: (m, 2) and (m, 4) to (m, n).

    The more different things the hints have `told`, the further each reaches, and the less alike it need be.
    """

    def squares(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0), np.float32)

    sharpness, length = max(_BLUNTEST, told**-_BLUNTER), _ALIKE_LENGTH * told**_WIDER
    alike = np.exp(-squares(looks, cells.features) * np.float32(sharpness / 2))
    far = squares(at / np.float32(short), cells.at / np.float32(short))
    near = np.float32(_NEAR) * np.exp(-far / np.float32(2 * _NEAR_LENGTH**2))
    return np.asarray(alike * (near + np.float32(_ALIKE) * np.exp(-far / np.float32(2 * length**2))), np.float32)


def _told(cells: _Cells, short: int) -> float:
    """How many different things the hints tell: one for a hint or a scribble on one thing, ten for ten spread widely.

    The degrees of freedom of the process at the hints, trace(K (K + N)^-1), at least 1.
    """
    among = _likeness(cells.at, cells.features, cells, short, 1.0).astype(np.float64)
    return max(1.0, float(np.trace(np.linalg.solve(among + np.diag(cells.noise.astype(np.float64)), among))))


def propagate(lightness: Floats, ab: Floats, hints: HintMap, quick: bool = False) -> Floats:
    """Bring a network's colors to the hints, and its errors there out of what is near and alike.

    Args:
        lightness: CIE L*, (h, w), [0, 100], at most `scribbles.MOST_PIXELS`.
        ab: the network's colors at that size, (2, h, w), Lab units; it need not have seen the hints.
        hints: at that size; a mask below 1 is a hint that is trusted less.
        quick: for a first look, in a third of the time: what is left at the hints follows the edges of a copy of half
            the size, and is brought up along the photo's own.

    Returns:
        ab, (2, h, w), float32, Lab units: at hints theirs, and the network's where no hint is near or alike.

    Raises:
        ShapeError: the sizes differ.

    Source: kriging, Rasmussen and Williams 2006, equation 2.23; what is left, Levin, Lischinski, Weiss 2004.
    """
    if hints.mask.shape != lightness.shape or ab.shape != hints.ab.shape:
        raise ShapeError(f"hints of size {hints.mask.shape} and ab of shape {ab.shape} for {lightness.shape}")
    if not hints.count:
        return ab
    h, w = lightness.shape
    looks = features(lightness, ab)
    cells, short = _gather(hints, hints.ab - ab, looks), min(h, w)
    told = _told(cells, short)
    among = _likeness(cells.at, cells.features, cells, short, told).astype(np.float64)
    weights = np.linalg.solve(among + np.diag(cells.noise.astype(np.float64)), cells.error).astype(np.float32)
    places = np.column_stack([axis.ravel() for axis in np.mgrid[:h, :w]]).astype(np.float32)
    flat, error = looks.reshape(len(looks), -1).T, np.empty((h * w, 2), np.float32)
    for start in range(0, h * w, _ROWS):
        part = slice(start, start + _ROWS)
        error[part] = _likeness(places[part], flat[part], cells, short, told) @ weights
    corrected = ab + error.T.reshape(ab.shape)
    # what is left fades as exp(-distance / length), length = sqrt(3 / pull): three neighbors lie each way
    pull = 3 / max(_REACH * short * told**0.5, 1) ** 2
    confidence = np.where(hints.mask > 0, _HELD * hints.mask, pull).astype(np.float32)
    left = HintMap((hints.ab - corrected) * (hints.mask > 0), hints.mask)
    if not quick or short < 2 * _CELLS:
        return corrected + attract(lightness, left.ab, confidence)
    small = np.asarray(cv2.resize(lightness, (w // 2, h // 2), interpolation=cv2.INTER_AREA), np.float32)
    left = left.resized((h // 2, w // 2))
    # half as many pixels lie between two places, and each stands for four
    confidence = np.where(left.mask > 0, _HELD * np.minimum(4 * left.mask, 1), 4 * pull).astype(np.float32)
    return corrected + upsample_along_edges(attract(small, left.ab, confidence), small, lightness)
