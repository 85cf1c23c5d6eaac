"""One scene, one set of colors: which photos show the same things, and how the colors of one are carried to another.

In:  lightness of photos, (h, w), [0, 100]; the colors of one of them, (2, h, w), Lab units
Out: groups of photos of one scene; hints for the others
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import ShapeError
from colorize_cli.guidance.descriptors import Floats, blurred
from colorize_cli.guidance.hints import HintMap

WORK_SIDE = 384  # long side at which photos are compared, pixels
_POINTS = 1500  # most key points of a photo
_RATIO = 0.8  # of the nearest descriptor's distance to the second's, Lowe 2004
_ENOUGH = 24  # matches that move together, from which two photos show one scene
_SHARE = 0.05  # and their share of the key points that the poorer photo has
_PATCH = 4  # radius of the patches that must agree, pixels at the working size
_AGREE = 0.7  # least correlation of two patches with a pattern
_PLAIN = 2.0  # sd of L* below which a patch has no pattern, and its tone alone must agree
_FRAMES = 30  # photos before and after one in the album that it is compared with


@dataclass(frozen=True)
class Features:
    """What a photo is recognised by.

    Attributes:
        lightness: L* at the working size, (h, w).
        places: x and y of the key points, (n, 2), pixels at the working size.
        descriptors: unit vectors, (n, 128).
    """

    lightness: Floats
    places: Floats
    descriptors: Floats


def find_features(lightness: Floats) -> Features:
    """Find the key points of a photo: lightness, (h, w), [0, 100], of any size.

    Source: SIFT, Lowe 2004, with square-rooted descriptors, Arandjelovic 2012: gradients, so exposure does not matter.
    """
    scale = min(1.0, WORK_SIDE / max(lightness.shape))
    size = max(1, round(lightness.shape[1] * scale)), max(1, round(lightness.shape[0] * scale))
    small = np.asarray(cv2.resize(lightness, size, interpolation=cv2.INTER_AREA), np.float32)
    grey = np.clip(small * 2.55, 0, 255).astype(np.uint8)
    points, found = cv2.SIFT.create(nfeatures=_POINTS, contrastThreshold=0.02).detectAndCompute(grey, None)
    if found is None or not len(points):
        return Features(small, np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    descriptors = np.sqrt(found / np.maximum(found.sum(1, keepdims=True), 1e-6))
    return Features(small, np.array([p.pt for p in points], np.float32), descriptors.astype(np.float32))


def match(a: Features, b: Features) -> tuple[Floats, Floats]:
    """Places of `a` and of `b` that show the same thing: (n, 2) each, x and y at the working sizes.

    Mutual nearest descriptors that pass the ratio test, of which those stay that move as their neighbours do.
    """
    none = np.zeros((0, 2), np.float32)
    if len(a.places) < 2 or len(b.places) < 2:
        return none, none
    similar = a.descriptors @ b.descriptors.T
    distance = np.sqrt(np.maximum(2 - 2 * similar, 0))
    best = distance.argmin(1)
    two = np.partition(distance, 1, axis=1)[:, :2]
    mutual = distance.argmin(0)[best] == np.arange(len(best))
    keep = np.flatnonzero(mutual & (two[:, 0] < _RATIO * two[:, 1]))
    here, there = a.places[keep], b.places[best[keep]]
    # several key points lie at one place with different directions
    _, first = np.unique(np.round(here), axis=0, return_index=True)
    here, there = here[np.sort(first)], there[np.sort(first)]
    if len(here) < 4:
        return none, none
    together = _moves_together(here, there)
    return here[together], there[together]


def _moves_together(here: Floats, there: Floats, reach: float = 0.05 * WORK_SIDE) -> NDArray[np.bool_]:
    """Whether each match moves like most of its eight neighbours, so that a person who walks still counts: (n,)."""
    from scipy.spatial import cKDTree  # SciPy loads where somebody guides

    near = np.asarray(cKDTree(here).query(here, k=min(9, len(here)))[1])
    moves = there - here
    agree = np.linalg.norm(moves[near[:, 1:]] - moves[:, None], axis=-1) < reach
    return np.asarray(agree.mean(1) > 0.5)


def same_scene(a: Features, b: Features) -> bool:
    """Whether two photos show one scene."""
    found = len(match(a, b)[0])
    return found >= max(_ENOUGH, _SHARE * min(len(a.places), len(b.places)))


def group_scenes(photos: Sequence[Features]) -> tuple[tuple[int, ...], ...]:
    """Group the photos of an album by scene.

    Args:
        photos: in the album's order; each is compared with those up to 30 places away, as a burst or a strip lies.

    Returns:
        Indices, groups by their first photo, each sorted; a photo alone is a group of one.
    """
    owner = list(range(len(photos)))
    for i in range(len(photos)):
        for j in range(max(0, i - _FRAMES), i):
            if owner[i] != owner[j] and same_scene(photos[j], photos[i]):
                low, high = sorted((owner[i], owner[j]))
                owner = [low if o == high else o for o in owner]
    groups: dict[int, list[int]] = {}
    for i, o in enumerate(owner):
        groups.setdefault(o, []).append(i)
    return tuple(tuple(group) for group in groups.values())


def key_photo(photos: Sequence[Features], group: Sequence[int]) -> int:
    """The photo of a group that shares most with the others, whose colors are to be carried: an index of `photos`."""
    if len(group) < 3:
        return group[0]
    shared = [sum(len(match(photos[i], photos[j])[0]) for j in group if j != i) for i in group]
    return group[int(np.argmax(shared))]


def carry(key: Features, key_ab: Floats, other: Features, size: tuple[int, int], spacing: int = 12) -> HintMap:
    """Carry the colors of one photo to another of the same scene, where both show the same thing.

    Args:
        key: the photo whose colors are known.
        key_ab: its ab, (2, h, w), Lab units, any size over the whole photo.
        other: the photo that gets them.
        size: (h, w) of the hints wanted.
        spacing: between hints, pixels at the working size.

    Returns:
        Hints at `size`, squares of 3 pixels: on a grid over `other`, wherever the matches around say where the place
        lies in `key`, and its patch there looks the same. None where the photos show different things.
    """
    if key_ab.ndim != 3 or key_ab.shape[0] != 2:
        raise ShapeError(f"expected ab of shape (2, h, w), got {key_ab.shape}")
    ab, mask = np.zeros((2, *size), np.float32), np.zeros(size, np.float32)
    source, target = match(key, other)
    if len(source) < 4:
        return HintMap(ab, mask)
    h, w = other.lightness.shape
    y, x = np.meshgrid(np.arange(spacing // 2, h, spacing), np.arange(spacing // 2, w, spacing), indexing="ij")
    grid = np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)
    there, near = _follow(grid, target, source)
    exposure = _exposure(key.lightness, source, other.lightness, target)
    colors = _sample(np.stack([blurred(plane, 1.0) for plane in _at_size(key_ab, key.lightness.shape)]), there)
    for i in np.flatnonzero(near & _looks_same(key.lightness, there, other.lightness, grid, exposure)):
        column, row = int((grid[i, 0] + 0.5) * size[1] / w), int((grid[i, 1] + 0.5) * size[0] / h)
        spot = (slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2))
        ab[(slice(None), *spot)] = colors[:, i, None, None]
        mask[spot] = 1
    return HintMap(ab, mask)


def _at_size(planes: Floats, size: tuple[int, ...]) -> Floats:
    resized = [cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) for plane in planes]
    return np.asarray(resized, np.float32)


def _follow(grid: Floats, target: Floats, source: Floats, count: int = 8) -> tuple[Floats, NDArray[np.bool_]]:
    """Where each place (n, 2) of one photo lies in the other by the matches around it; and whether any are near.

    The nearest matches vote by a median, then a shrunken affine fit: three of them in a row say little across it.
    """
    from scipy.spatial import cKDTree

    distance, near = (np.asarray(part) for part in cKDTree(target).query(grid, k=min(count, len(target))))
    moves = source[near] - target[near]
    middle = np.median(moves, axis=1)
    weight = (np.linalg.norm(moves - middle[:, None], axis=-1) < 6) / (4.0 + distance) ** 2 + 1e-9
    weight = weight / weight.sum(1, keepdims=True)
    centre, move = (weight[..., None] * target[near]).sum(1), (weight[..., None] * moves).sum(1)
    offset, change = target[near] - centre[:, None], moves - move[:, None]
    spread = np.einsum("nk,nki,nkj->nij", weight, offset, offset) + 25 * np.eye(2)
    slope = np.linalg.solve(spread, np.einsum("nk,nki,nkj->nij", weight, offset, change))
    there = grid + move + np.einsum("ni,nij->nj", np.clip(grid - centre, -40, 40), slope)
    return there.astype(np.float32), np.asarray(distance[:, min(2, distance.shape[1] - 1)] < 60)


def _exposure(a: Floats, at: Floats, b: Floats, there: Floats) -> float:
    """How much darker `a` is than `b`, by the median over their matches, L*."""
    return float(np.median(_sample(blurred(b, 2.0)[None], there) - _sample(blurred(a, 2.0)[None], at)))


def _sample(planes: Floats, at: Floats) -> Floats:
    """Values of (C, h, w) at (n, 2), x and y: (C, n), linear, the rim's outside."""
    # not cv2.remap, which takes no more than 32,767 places
    from scipy.ndimage import map_coordinates

    values = [map_coordinates(plane, (at[:, 1], at[:, 0]), order=1, mode="nearest") for plane in planes]
    return np.asarray(values, np.float32)


def _looks_same(a: Floats, at: Floats, b: Floats, there: Floats, exposure: float) -> NDArray[np.bool_]:
    """Whether the patches around places of two photos agree in pattern, or, where plain, in tone: (n,)."""
    reach = np.arange(-_PATCH, _PATCH + 1, dtype=np.float32)
    offsets = np.stack(np.meshgrid(reach, reach), -1).reshape(-1, 2)
    h, w = a.shape
    one, two = (
        _sample(plane[None], (places[:, None] + offsets).reshape(-1, 2))[0].reshape(len(places), -1)
        for plane, places in ((blurred(a, 1.0), at), (blurred(b, 1.0), there))
    )
    tones = np.abs(one.mean(1) + exposure - two.mean(1))
    spreads = one.std(1), two.std(1)
    centred = (one - one.mean(1, keepdims=True), two - two.mean(1, keepdims=True))
    correlation = (centred[0] * centred[1]).mean(1) / np.maximum(spreads[0] * spreads[1], 1e-6)
    plain = np.maximum(*spreads) < _PLAIN
    inside = (at[:, 0] >= 0) & (at[:, 0] <= w - 1) & (at[:, 1] >= 0) & (at[:, 1] <= h - 1)
    return np.asarray(inside & np.where(plain, tones < 5, (correlation > _AGREE) & (tones < 12)))
