"""Color from scribbles: neighbours of similar lightness get similar colors (Levin 2004).

In:  lightness, (h, w), [0, 100]; hints at the same size
Out: ab, (2, h, w), Lab units; and small ab brought to the photo's size along its edges
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.upsample import window
from colorize_cli.errors import ShapeError
from colorize_cli.guidance.descriptors import Floats
from colorize_cli.guidance.hints import HintMap

if TYPE_CHECKING:  # SciPy takes a third of a second to load: here it does where somebody guides
    from scipy import sparse

MOST_PIXELS = 500_000  # that are solved for, in 4 s and 0.7 GB; color is coarser than lightness, edges are found after
_SPREAD = 0.6  # share of a window's variance at which similarity has fallen to 1 / e
_NOISE = 1.0  # L* squared: the least variance a window is taken to have, that of faint grain
_LEAST = 1e-6  # of the strongest weight: keeps regions without a hint in touch with the others
_HALVES = ((0, 1), (1, -1), (1, 0), (1, 1))  # half of the eight neighbours; the other half is the same pairs
_STRIP_PIXELS = 1 << 20  # upsampled at once


def affinities(lightness: Floats) -> sparse.csr_array:
    """How much neighbours' colors belong together: symmetric, (h w, h w), eight neighbours, (0, 1].

    A pair's weight is exp(-(difference of L*) ** 2 / variance). As the variance the paper takes that of the 3 x 3
    window around a pixel; here it is the least of the windows that hold one of the two, which makes an edge between two
    even regions tight: the paper's own lets some color through it at every pixel.
    """
    from scipy import sparse

    h, w = lightness.shape
    plane = lightness.astype(np.float64)
    mean = cv2.blur(plane, (3, 3), borderType=cv2.BORDER_REPLICATE)
    square = cv2.blur(plane * plane, (3, 3), borderType=cv2.BORDER_REPLICATE)
    variance = cv2.erode(np.maximum(square - mean * mean, 0), np.ones((3, 3), np.uint8))
    variance = np.maximum(_SPREAD * variance, _NOISE)
    index = np.arange(h * w, dtype=np.int32).reshape(h, w)
    starts, ends, weights = [], [], []
    for down, right in _HALVES:
        a = (slice(0, h - down), slice(max(0, -right), w - max(0, right)))
        b = (slice(down, h), slice(max(0, right), w + min(0, right)))
        if min(h - down, w - abs(right)) <= 0:
            continue
        starts.append(index[a].ravel())
        ends.append(index[b].ravel())
        similar = np.exp(-((plane[a] - plane[b]) ** 2) / np.minimum(variance[a], variance[b]))
        weights.append(np.maximum(similar, _LEAST).ravel())
    if not starts:
        return sparse.csr_array((h * w, h * w), dtype=np.float64)
    i, j, v = np.concatenate(starts), np.concatenate(ends), np.concatenate(weights)
    return sparse.csr_array((np.tile(v, 2), (np.r_[i, j], np.r_[j, i])), shape=(h * w, h * w))


def _laplacian(lightness: Floats) -> sparse.csr_array:
    from scipy import sparse

    weights = affinities(lightness)
    return sparse.csr_array(sparse.diags_array(np.asarray(weights.sum(1)).ravel()) - weights)


def nested_dissection(h: int, w: int) -> NDArray[np.int32]:
    """An order of a grid's pixels in which a factorisation fills in little: halves first, the line between them last.

    Twice as fast on half a megapixel as the minimum degree order that SciPy brings; an aggregation multigrid of our
    own needed as long, and stalled where regions hang together loosely.

    Source: George 1973.
    """
    parts: list[NDArray[np.int32]] = []

    def halve(block: NDArray[np.int32]) -> None:
        tall, wide = block.shape
        if block.size <= 32:
            parts.append(block.ravel())
            return
        if wide > tall:
            block, tall = block.T, wide
        halve(block[: tall // 2])
        halve(block[tall // 2 + 1 :])
        parts.append(block[tall // 2])

    halve(np.arange(h * w, dtype=np.int32).reshape(h, w))
    return np.concatenate(parts)


def _solve(matrix: sparse.csr_array, right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve a symmetric positive definite system, ordered already, for (n, 2) right sides."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    # no pivoting: a symmetric, diagonally dominant matrix needs none
    factors = splu(
        sparse.csc_matrix(matrix), permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return np.asarray(factors.solve(np.ascontiguousarray(right)))


def levin(lightness: Floats, hints: HintMap) -> Floats:
    """Spread hints over the photo: least differences of color between neighbours of similar lightness.

    Args:
        lightness: CIE L*, (h, w), [0, 100], at most `MOST_PIXELS`.
        hints: at the same size. Where the mask is above 0.5 the color is kept as it is.

    Returns:
        ab, (2, h, w), float32, Lab units; all zero where there are no hints at all.

    Raises:
        ShapeError: the sizes differ.

    Source: Levin, Lischinski, Weiss 2004. With hard hints, the colors at which each free pixel is the weighted mean
    of its neighbours make the paper's cost zero; symmetric weights let one Cholesky-like factorisation find them.
    """
    if hints.mask.shape != lightness.shape:
        raise ShapeError(f"hints of size {hints.mask.shape} for a lightness of size {lightness.shape}")
    known = hints.mask.ravel() > 0.5
    ab = hints.ab.reshape(2, -1).T.astype(np.float64)
    if not known.any():
        return np.zeros((2, *lightness.shape), np.float32)
    order = nested_dissection(*lightness.shape)
    free = order[~known[order]]
    if len(free):
        rows = _laplacian(lightness)[free]
        ab[free] = _solve(rows[:, free], -(rows[:, np.flatnonzero(known)] @ ab[known]))
    return np.ascontiguousarray(ab.T.reshape(hints.ab.shape), np.float32)


def attract(lightness: Floats, ab: Floats, confidence: Floats) -> Floats:
    """Smooth colors along lightness: pixels keep theirs as far as they are confident, and follow neighbours else.

    Args:
        lightness: CIE L*, (h, w), [0, 100].
        ab: (2, h, w), Lab units.
        confidence: (h, w), above 0; 1 weighs as much as one neighbour of the same lightness.

    Returns:
        ab, (2, h, w), float32, Lab units.
    """
    from scipy import sparse

    order = nested_dissection(*lightness.shape)
    weight = confidence.ravel().astype(np.float64)[order]
    solved = np.empty((len(order), 2))
    matrix = _laplacian(lightness)[order][:, order] + sparse.diags_array(weight)
    solved[order] = _solve(matrix, weight[:, None] * ab.reshape(2, -1).T[order])
    return np.ascontiguousarray(solved.T.reshape(ab.shape), np.float32)


def upsample_along_edges(
    ab: Floats, lightness_small: Floats, lightness_full: Floats, radius: int = 2, smoothness: float = 4.0
) -> Floats:
    """Bring colors to the photo's size so that they change where its lightness does.

    Args:
        ab: (2, h, w), Lab units.
        lightness_small: CIE L* at ab's size, (h, w), [0, 100].
        lightness_full: CIE L* of the photo, (H, W), [0, 100].
        radius: of the windows, pixels of the small picture.
        smoothness: variance of L*, squared units, from which a change of lightness may carry one of color.

    Returns:
        ab, (2, H, W), float32, Lab units, within the range that `ab` has around each place.

    Raises:
        ShapeError: `ab` and `lightness_small` differ in size.

    Source: guided filter, He, Sun, Tang 2013; its coefficients at low resolution, He and Sun 2015.
    """
    if ab.shape != (2, *lightness_small.shape):
        raise ShapeError(f"ab of shape {ab.shape} for a lightness of size {lightness_small.shape}")
    result = np.empty((2, *lightness_full.shape), np.float32)
    size = (lightness_full.shape[0], lightness_full.shape[1])
    for rows, strip in upsampled_strips(ab, lightness_small, size, lightness_full.__getitem__, radius, smoothness):
        result[:, rows] = strip
    return result


def upsampled_strips(
    ab: Floats,
    lightness_small: Floats,
    size: tuple[int, int],
    lightness_rows: Callable[[slice], Floats],
    radius: int = 2,
    smoothness: float = 4.0,
) -> Iterator[tuple[slice, Floats]]:
    """`upsample_along_edges`, some rows at a time, for photos whose lightness is better not held as a whole.

    Args:
        ab: (2, h, w), Lab units.
        lightness_small: CIE L* at ab's size.
        size: (H, W) of the photo.
        lightness_rows: gives the photo's L* of some rows, (rows, W).
        radius: as there.
        smoothness: as there.

    Yields:
        The rows and their ab, (2, rows, W), from top to bottom.
    """
    along = AlongEdges(ab, lightness_small, size, radius, smoothness)
    tall, wide = size
    step = max(1, _STRIP_PIXELS // wide)
    for top in range(0, tall, step):
        rows = slice(top, min(top + step, tall))
        yield rows, along.rows(top, lightness_rows(rows))


class AlongEdges:
    """Gives any rows of colors enlarged along edges; for the arguments see `upsampled_strips`."""

    def __init__(
        self, ab: Floats, lightness_small: Floats, size: tuple[int, int], radius: int = 2, smoothness: float = 4.0
    ) -> None:
        guide = lightness_small.astype(np.float64)
        side = (2 * radius + 1, 2 * radius + 1)

        def box(plane: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(cv2.blur(plane, side, borderType=cv2.BORDER_REFLECT))

        mean, kernel = box(guide), np.ones(side, np.uint8)
        variance = np.maximum(box(guide * guide) - mean * mean, 0)
        self._planes = list[Floats]()
        for channel in ab.astype(np.float64):
            slope = (box(guide * channel) - mean * box(channel)) / (variance + smoothness)
            planes = [box(slope), box(box(channel) - slope * mean)]
            # a line fitted on one side of an edge overshoots on the other: no new colors are made
            planes += [np.asarray(extreme(channel, kernel), np.float64) for extreme in (cv2.erode, cv2.dilate)]
            self._planes += [plane.astype(np.float32) for plane in planes]
        self._step = (lightness_small.shape[0] / size[0], lightness_small.shape[1] / size[1])

    def rows(self, top: int, lightness: Floats, left: int = 0) -> Floats:
        """The ab, (2, n, w), of the rows from `top` whose L* is `lightness`, (n, w), from column `left` on."""
        strip = lightness.astype(np.float32)
        out = np.empty((2, *strip.shape), np.float32)
        for channel in range(2):
            gain, offset, low, high = (
                window(plane, self._step, (top, left), strip.shape)
                for plane in self._planes[4 * channel : 4 * channel + 4]
            )
            np.clip(gain * strip + offset, low, high, out=out[channel])
        return out
