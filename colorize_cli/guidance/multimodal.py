"""Colors from a reference where one look may have several: distributions first, then one coherent choice.

In:  lightness, (h, w), [0, 100]; references: lightness and ab of color photos, any size
Out: ab, (2, h, w), Lab units; or the sure places alone, as hints for a network

Source: Charpiat, Hofmann, Schoelkopf 2008, Automatic image colorization via multimodal predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.guidance.coherence import coherent_labels
from colorize_cli.guidance.descriptors import Floats, describe, jittered_grid, principal_components
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.reference import Reference, match_lightness, nearest_references, reduced_size
from colorize_cli.guidance.scribbles import attract, upsample_along_edges

if TYPE_CHECKING:  # SciPy takes a third of a second to load: here it does where somebody guides
    from scipy import sparse

WORK_AREA = 160 * 160  # pixels that distributions are found for; color is coarse, and the work grows with each
SAMPLES = 2500  # of the reference
_GRID = 10.0  # Lab units between colors to choose from
_KERNEL = 8.0  # Lab units within which two colors are the same choice
_NEIGHBOUR = 12  # the Parzen window's width is the distance to this neighbour
_COHERENCE = 6.0  # weight of a difference between neighbours against the evidence
_CHUNK = 2048  # pixels compared with all samples at once


@dataclass(frozen=True)
class Distributions:
    """What each pixel's color may be.

    Attributes:
        lightness: L* of the pixels, (h, w).
        palette: the colors to choose from, (K, 2), Lab units.
        probability: of each, (h w, K), rows sum to one.
        variation: expected difference of ab between neighbours, (h, w), Lab units.
    """

    lightness: Floats
    palette: Floats
    probability: Floats
    variation: Floats


def distributions(
    lightness: Floats, references: Sequence[Reference], seed: int = 0, area: int = WORK_AREA, samples: int = SAMPLES
) -> Distributions:
    """Estimate each pixel's color distribution by Parzen windows over descriptors of the references.

    Args:
        lightness: CIE L*, (h, w), [0, 100], any size; it is reduced to `area` pixels.
        references: at least one; of several, the three nearest are pooled.
        seed: of the places sampled in them.
        area: most pixels to work on.
        samples: how many places are sampled over all references.
    """
    rng = np.random.default_rng(seed)
    h, w = reduced_size(lightness.shape[0], lightness.shape[1], area)
    small = np.asarray(cv2.resize(lightness, (w, h), interpolation=cv2.INTER_AREA), np.float32)
    pool = [reference.reduced(area) for reference in nearest_references(lightness, references)]
    descriptors, colors, changes = [], [], []
    for reference in pool:
        at = jittered_grid(reference.lightness.shape[:2], max(1, samples // len(pool)), rng)
        descriptors.append(_flat(describe(match_lightness(reference.lightness, small)))[at])
        colors.append(reference.ab.reshape(2, -1).T[at])
        changes.append(_variation(reference.ab).ravel()[at])
    projection = principal_components(np.concatenate(descriptors))
    known, color = projection(np.concatenate(descriptors)), np.concatenate(colors)
    # a color for each cell of a grid that the references reach: the mean of theirs in it
    _, cell = np.unique(np.round(color / _GRID), axis=0, return_inverse=True)
    total = np.stack([np.bincount(cell, channel) for channel in color.T], 1)
    palette = (total / np.bincount(cell)[:, None]).astype(np.float32)
    # Parzen in color too: a sample speaks for the colors near its own
    votes = np.exp(-_squares(color, palette) / (2 * _KERNEL**2)).astype(np.float32)
    votes /= votes.sum(1, keepdims=True)
    votes = np.concatenate([votes, np.concatenate(changes)[:, None]], 1)
    wanted = projection(_flat(describe(small)))
    result = np.concatenate([_parzen(wanted[i : i + _CHUNK], known, votes) for i in range(0, len(wanted), _CHUNK)])
    return Distributions(small, palette, np.ascontiguousarray(result[:, :-1]), result[:, -1].reshape(h, w))


def _flat(planes: Floats) -> Floats:
    return planes.reshape(-1, planes.shape[-1])


def _squares(a: Floats, b: Floats) -> Floats:
    """Squared distances between rows: (n, D), (m, D) to (n, m)."""
    return np.asarray(np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T), 0), np.float32)


def _parzen(wanted: Floats, known: Floats, votes: Floats) -> Floats:
    """Mean of `votes` (m, V) by nearness of `known` (m, D) to `wanted` (n, D): (n, V)."""
    distance = _squares(wanted, known)
    rank = min(_NEIGHBOUR, distance.shape[1]) - 1
    width = np.partition(distance, rank, axis=1)[:, rank, None] + 1e-6
    weight = np.exp(-distance / width)
    return np.asarray(weight @ votes / weight.sum(1, keepdims=True), np.float32)


def _variation(ab: Floats) -> Floats:
    """Difference of ab between each pixel and its neighbours to the right and below: (2, h, w) to (h, w)."""
    right = np.diff(ab, axis=2, append=ab[:, :, -1:])
    below = np.diff(ab, axis=1, append=ab[:, -1:])
    return np.asarray(np.sqrt((right**2).sum(0) + (below**2).sum(0)), np.float32)


def _edges(variation: Floats) -> sparse.csr_array:
    """How strongly neighbours must agree, (n, n): the inverse of the variation expected there."""
    from scipy import sparse

    h, w = variation.shape
    index = np.arange(h * w).reshape(h, w)
    starts, ends, weights = [], [], []
    for a, b in (((slice(None), slice(0, w - 1)), (slice(None), slice(1, w))),
                 ((slice(0, h - 1), slice(None)), (slice(1, h), slice(None)))):  # fmt: skip
        starts.append(index[a].ravel())
        ends.append(index[b].ravel())
        weights.append(2 / (2 + (variation[a] + variation[b]).ravel()))
    i, j, v = np.concatenate(starts), np.concatenate(ends), np.concatenate(weights)
    return sparse.csr_array((np.tile(v, 2), (np.r_[i, j], np.r_[j, i])), shape=(h * w, h * w))


def _choice(found: Distributions, coherence: float) -> tuple[Floats, Floats]:
    """The coherent color of each pixel, (n, 2), and how sure it is, (n,), [0, 1]."""
    cost = -np.log(found.probability + 1e-4)
    apart = np.sqrt(_squares(found.palette, found.palette)) / _GRID
    labels = coherent_labels(cost, apart, coherence * _edges(found.variation))
    # the mean of the distribution around the color chosen, not of other modes
    near = np.exp(-_squares(found.palette, found.palette) / (2 * (1.5 * _GRID) ** 2)).astype(np.float32)
    mass = found.probability * near[labels]
    share = mass.sum(1)
    return mass @ found.palette / (share[:, None] + 1e-9), share


def charpiat(
    lightness: Floats, references: Sequence[Reference], seed: int = 0, coherence: float = _COHERENCE
) -> Floats:
    """Carry colors from references, choosing between the modes of each pixel's distribution coherently.

    Args:
        lightness: CIE L*, (h, w), [0, 100]; the choice is made on at most `WORK_AREA` pixels of it.
        references: at least one; of several, the three nearest are pooled.
        seed: of the places sampled in them.
        coherence: weight of the agreement of neighbours; 0 is each pixel on its own.

    Returns:
        ab, (2, h, w), float32, Lab units, at `lightness`'s size, following its edges.

    Differs from the paper: tone and gradient statistics stand for SURF, Parzen windows for support vectors, and a
    weighted least-squares solve for the descent that refines colors.
    """
    found = distributions(lightness, references, seed)
    color, share = _choice(found, coherence)
    h, w = found.lightness.shape
    refined = attract(found.lightness, color.T.reshape(2, h, w), (0.02 + share.reshape(h, w)) ** 2)
    return upsample_along_edges(refined, found.lightness, lightness)


def reference_hints(
    lightness: Floats, references: Sequence[Reference], seed: int = 0, count: int = 40, surest: float = 0.5
) -> HintMap:
    """The colors that references are sure of, as sparse hints to a network, which fills in the rest.

    Args:
        lightness: CIE L*, (h, w), [0, 100], at the size the network works at.
        references: at least one; of several, the three nearest are pooled.
        seed: of the places sampled in them.
        count: about how many places are looked at, one in each cell of a grid: the surest there.
        surest: the share of them that become hints.

    Returns:
        Hints at `lightness`'s size, small squares of 1 / 64 of the short side.
    """
    found = distributions(lightness, references, seed)
    color, share = _choice(found, _COHERENCE)
    (h, w), (tall, wide) = found.lightness.shape, lightness.shape
    sure = cv2.blur(share.reshape(h, w), (3, 3), borderType=cv2.BORDER_REFLECT)
    rows = int(np.clip(round((count * h / w) ** 0.5), 1, h))
    columns = int(np.clip(round(count / rows), 1, w))
    places: list[tuple[float, int, int]] = []
    for top, bottom in _spans(h, rows):
        for left, right in _spans(w, columns):
            down, across = divmod(int(sure[top:bottom, left:right].argmax()), right - left)
            places.append((float(sure[top + down, left + across]), top + down, left + across))
    places.sort(key=lambda place: -place[0])
    ab, mask = np.zeros((2, tall, wide), np.float32), np.zeros((tall, wide), np.float32)
    reach = max(1, min(tall, wide) // 64) // 2
    planes = color.reshape(h, w, 2)
    for _, y, x in places[: max(1, round(surest * len(places)))]:
        row, column = int((y + 0.5) * tall / h), int((x + 0.5) * wide / w)
        spot = (slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1))
        ab[(slice(None), *spot)] = planes[y, x][:, None, None]
        mask[spot] = 1
    return HintMap(ab, mask)


def _spans(length: int, parts: int) -> list[tuple[int, int]]:
    ends: NDArray[np.intp] = np.linspace(0, length, parts + 1).astype(np.intp)
    return [(int(a), int(b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]
