"""Other colors that a photo may have had: whole objects change, the rest stays.

In:  a network's probabilities over ab bins, (Q, h, w); lightness at that size, (h, w)
Out: hints for a second pass of the network: the colors of this variant's objects
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import ShapeError
from colorize_cli.guidance.descriptors import Floats, blurred
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.regions import regions

_APART = 28.0  # Lab units below which two colors are no choice
_SPREAD = 9.0  # Lab units over which probability counts for one color
_SAME = 0.85  # overlap of two regions' distributions from which they are one object
_TONE = 12.0  # L* within which they may be
_SMALLEST = 0.01  # share of the photo below which a region keeps its colors


@dataclass(frozen=True)
class Choice:
    """The colors that one object may have.

    Attributes:
        where: its pixels, (h, w), bool.
        colors: (M, 2), Lab units, likeliest first.
        weights: their probabilities, (M,), summing to one.
    """

    where: NDArray[np.bool_]
    colors: Floats
    weights: Floats


def objects(probabilities: Floats, bins: Floats, lightness: Floats, variety: float = 0.55) -> tuple[Choice, ...]:
    """Find the photo's objects and the colors that each may have.

    Args:
        probabilities: of the ab bins, (Q, h, w), summing to one at each pixel.
        bins: their centres, (Q, 2), Lab units.
        lightness: CIE L*, (h, w), [0, 100].
        variety: [0, 1]; at 0 only colors as likely as the likeliest count, at 1 all that have any probability.

    Returns:
        The objects, largest first. Regions whose distributions and tones are alike are one object, wherever they lie.

    Raises:
        ShapeError: the arrays do not fit each other.
    """
    if probabilities.shape != (len(bins), *lightness.shape):
        raise ShapeError(f"probabilities of shape {probabilities.shape} for {len(bins)} bins and {lightness.shape}")
    expected = np.einsum("qhw,qc->hwc", probabilities, bins)
    labels = regions(np.concatenate([lightness[..., None], 2 * expected], -1).astype(np.float32))
    count = int(labels.max()) + 1
    size = np.bincount(labels.ravel(), minlength=count).astype(np.float64)
    mean = np.stack([np.bincount(labels.ravel(), p.ravel(), count) for p in probabilities], 1) / size[:, None]
    tone = np.bincount(labels.ravel(), lightness.ravel(), count) / size
    order = np.argsort(-size, kind="stable")
    owner = np.full(count, -1)
    for region in order:
        if owner[region] >= 0:
            continue
        overlap = np.sqrt(mean * mean[region]).sum(1)  # Bhattacharyya
        alike = (overlap > _SAME) & (np.abs(tone - tone[region]) < _TONE) & (owner < 0)
        alike[region] = True
        owner[alike] = region
    found = []
    for leader in order[owner[order] == order]:
        members = owner == leader
        total = (mean[members] * size[members, None]).sum(0) / size[members].sum()
        found.append(Choice(members[labels], *_modes(total, bins, variety)))
    return tuple(sorted(found, key=lambda choice: -int(choice.where.sum())))


def _modes(distribution: NDArray[np.float64], bins: Floats, variety: float) -> tuple[Floats, Floats]:
    """Colors that a distribution (Q,) offers: (M, 2), likeliest first, and their weights, (M,), summing to one.

    The likeliest color, then the likeliest of those well apart from it, and so on. Peaks alone would not do: networks
    are so unsure of hue that their probabilities mostly slope down from grey to all sides.
    """
    apart = np.sqrt(((bins[:, None] - bins[None]) ** 2).sum(-1))
    close = np.exp(-((apart / _SPREAD) ** 2) / 2) * distribution
    mass = close.sum(1)
    left, taken = mass.copy(), list[int]()
    while left.max() > (1 - variety) ** 3 * mass.max() or not taken:
        taken.append(int(left.argmax()))
        left[apart[taken[-1]] < _APART] = 0
        if left.max() <= 0:
            break
    colors = close[taken] @ bins / np.maximum(mass[taken, None], 1e-12)
    weights = mass[taken] / mass[taken].sum()
    return colors.astype(np.float32), weights.astype(np.float32)


def variant_hints(
    probabilities: Floats,
    bins: Floats,
    lightness: Floats,
    seed: int,
    index: int,
    variety: float = 0.55,
    found: Sequence[Choice] | None = None,
    plain: Floats | None = None,
) -> HintMap:
    """The hints that lead a network to one variant.

    Args:
        probabilities: of the ab bins, (Q, h, w), summing to one at each pixel: the true posterior, not sharpened.
        bins: their centres, (Q, 2), Lab units.
        lightness: CIE L*, (h, w), [0, 100].
        seed: of the choices; one seed's variants differ from one another as far as the photo has other colors.
        index: 0 is the plain result, 1 and on are variants.
        variety: [0, 1], how unlikely colors may be.
        found: what `objects` found in just this, where several variants are wanted; None looks for it.
        plain: the network's plain result, (2, h, w), which may be more vivid than the mean of its probabilities.

    Returns:
        Hints at (h, w): none at index 0. Objects that this variant leaves alone are held at their plain color.
    """
    ab, mask = np.zeros((2, *lightness.shape), np.float32), np.zeros(lightness.shape, np.float32)
    if index == 0:
        return HintMap(ab, mask)
    found = objects(probabilities, bins, lightness, variety) if found is None else found
    least = _SMALLEST * lightness.size
    expected = np.einsum("qhw,qc->chw", probabilities, bins).astype(np.float32) if plain is None else plain
    combinations = 1
    for number, choice in enumerate(found):
        if choice.where.sum() < least:
            continue
        rng = np.random.default_rng((seed, number))
        # without replacement, so that the first variants differ; the plain color, first of all, takes its turn last
        keys = np.log(rng.random(len(choice.colors))) / choice.weights
        turns = np.argsort(-keys, kind="stable")
        turns = np.concatenate([turns[turns != 0], [0]])
        # Objects do not all change in step: whenever those before have run through all their combinations, this one
        # takes a turn more, so that no variant comes twice before all have come once.
        start, extra = int(rng.integers(len(turns))), 1
        while math.gcd(combinations + extra, len(turns)) > 1:
            extra += 1
        turn = index - 1 + extra * ((index - 1) // combinations)
        taken = int(turns[(turn + start) % len(turns)])
        combinations *= len(turns)
        spots = _inside(choice.where)
        color = expected[:, choice.where].mean(1) if taken == 0 else choice.colors[taken]
        ab[:, spots] = color[:, None]
        mask[spots] = 1
    return HintMap(ab, mask)


def _inside(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Small squares spread over a region, clear of its rim: (h, w), bool."""
    h, w = where.shape
    padded = np.pad(where.astype(np.uint8), 1)  # outside the photo is outside the region
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    depth = blurred(depth.astype(np.float32), 1.0) * where
    step = max(3, min(h, w) // 8)
    spots = np.zeros((h, w), np.uint8)
    for top in range(0, h, step):
        for left in range(0, w, step):
            cell = depth[top : top + step, left : left + step]
            y, x = np.unravel_index(cell.argmax(), cell.shape)
            if cell[y, x] > 2:  # a hint on the rim would color what lies beyond it
                spots[top + y, left + x] = 1
    if not spots.any():
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        spots[y, x] = 1
    return (cv2.dilate(spots, np.ones((3, 3), np.uint8)) > 0) & where
