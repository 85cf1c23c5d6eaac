"""Explain a photo's color by what happens to black-and-white prints: toning, fading, yellowed borders, scanning.

In:  L*, (h, w), [0, 100], and ab, (2, h, w), Lab units, of a reduced copy
Out: the ab that these explain, (2, h, w)

Explained are a curve of ab over L* (sepia, selenium, split toning); a smooth surface over place, and one times L*
(uneven fading); what comes and goes within a twentieth of the picture along its borders; and gradients of L* (a scanner
whose channels do not lie on one another). All are linear, so each round of the robust fit is one small system.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import chroma_of

Floats = NDArray[np.float32]

_NODES = np.array([0, 4, 9, 16, 28, 42, 58, 72, 84, 91, 96, 100.0])  # of the curve over L*: it is steep at the ends
_CURVE = len(_NODES)
_GRID = 6  # nodes of the surfaces along each side
_SIDE = 72  # samples along the longer side
_ROUNDS = 7  # of fitting; each trusts less what lies far from the fit
_FIRST_SCALE, _LAST_SCALE = 20.0, 4.0  # Lab units beyond which a sample is mistrusted, first and last
_NEUTRAL_SCALE = 6.0  # the same where a fit starts from no toning at all
_BORDER = 0.05  # of the picture: how far yellowing reaches in from a border
_STIFF_CURVE, _STIFF_SURFACE, _SMALL_SURFACE = 0.15**2, 0.02**2, 0.004**2
_STIFF_BORDER, _STIFF_GRADIENT = 3e-4, 1e-4
_FRAME_SHARE = (0.04, 0.8)  # of the picture: what may be a mount
_FRAME_SHADES = 20.0  # L* from its darker to its brighter parts: cardboard with grain and shadow


@dataclass(frozen=True)
class Toning:
    """What was fitted.

    Attributes:
        ab: explained color, (2, h, w), Lab units.
        fringe: how much of it is a scanner's fringes, (h, w): what is left beside strong ones is theirs, too.
        texture: how much the lightness varies around each pixel, (h, w), [0.1, 1]: flat areas say little.
        score: share of the textured picture that is explained, [0, 1].
        line: ab of the curve over L* alone, (2, h, w): the rest of `ab` depends on the place.
        bend: by how much the curve changes its direction, Lab units: a print's tones follow a plain one.
        plain: ab that a curve over L* and a scanner's fringes explain where nothing else depends on the place,
            (2, h, w): a wash over much of a print is no part of it, while a surface may follow the wash.
    """

    ab: Floats
    fringe: Floats
    texture: Floats
    score: float
    line: Floats
    bend: float
    plain: Floats


def fit_toning(lightness: Floats, ab: Floats, apart: NDArray[np.bool_] | None = None, trusted: float = 1e-3) -> Toning:
    """Fit toning and fading to a picture, and leave out what they do not explain.

    Args:
        lightness: CIE L*, (h, w), [0, 100].
        ab: CIE a* and b*, (2, h, w).
        apart: what has a color of its own, (h, w), where that is known: nothing is fitted to it.
        trusted: how much what is apart still counts where nothing else is near: surfaces follow large regions else.
    """
    height, width = lightness.shape
    smooth = np.asarray(cv2.GaussianBlur(lightness, (0, 0), 1.0), np.float32)
    mean = cv2.blur(lightness, (9, 9))
    spread = np.sqrt(np.maximum(cv2.blur(lightness * lightness, (9, 9)) - mean * mean, 0))
    texture = np.asarray(np.clip(spread / 4, 0.1, 1), np.float32)
    step = max(1, -(-max(height, width) // _SIDE))
    some = (slice(step // 2, None, step),) * 2
    color = np.stack([cv2.GaussianBlur(plane, (0, 0), 1.5) for plane in ab])
    trust = np.where(_frame(smooth, color), np.float32(0.02), texture)
    if apart is not None:
        trust[apart] = trusted
    trust = trust[some]
    y, x = ((np.arange(step // 2, side, step) + 0.5) / side for side in (height, width))
    planes = _planes(smooth)
    rows, columns = (place.ravel() for place in np.meshgrid(y, x, indexing="ij"))
    basis = np.concatenate(
        [
            _hats(np.interp(smooth[some].ravel(), _NODES, np.arange(_CURVE)), _CURVE),
            grid := _tensor(rows, columns),
            grid * (smooth[some].reshape(-1, 1) / 50 - 1),
            np.stack([plane[some].ravel() for plane in planes], 1),
        ],
        1,
    ).astype(np.float32)
    inner = np.where((np.abs(rows - 0.5) < 0.33) & (np.abs(columns - 0.5) < 0.33), 1, 0.1)
    samples = color[(slice(None), *some)].reshape(2, -1).T
    score, found = _robustly(basis, samples, trust.ravel(), inner, _stiffness())
    explained, fringes, line = _evaluated(found.astype(np.float32), smooth, planes)
    bend = float(np.hypot(*np.diff(found[:_CURVE], 2, axis=0).T).sum())
    stiffness = _stiffness()[:_CURVE, :_CURVE]
    _, curve = _robustly(np.ascontiguousarray(basis[:, :_CURVE]), samples, trust.ravel(), inner, stiffness)
    plain = fringes + np.stack([_along(terms.astype(np.float32), smooth) for terms in curve.T])
    return Toning(explained, chroma_of(fringes), texture, score, line, bend, plain)


def _frame(lightness: Floats, color: Floats) -> NDArray[np.bool_]:
    """What may be a mount: of one color and shade, along most of the border, and not nearly all of the picture.

    The curve of a photo's tones must not be fitted to it: a mount has one lightness, and the curve would bend there.
    """
    height, width = color.shape[1:]
    rim = max(2, round(0.015 * max(height, width)))
    ring = np.ones((height, width), bool)
    ring[rim:-rim, rim:-rim] = False
    middle = np.median(color[:, ring], axis=1).astype(np.float32)
    like = np.asarray(np.hypot(color[0] - middle[0], color[1] - middle[1]) < 5)
    if like[ring].mean() < 0.7:
        return np.zeros((height, width), bool)
    like = cv2.morphologyEx(like.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(like)
    touching = np.bincount(labels[ring], minlength=count) > 0
    touching[0] = False
    frame = np.asarray(touching[labels])
    low, high = _FRAME_SHARE
    if low < frame.mean() < high:
        dark, bright = np.percentile(lightness[frame], (10, 90))
        if bright - dark < _FRAME_SHADES:
            return frame
    return np.zeros((height, width), bool)


def _planes(smooth: Floats) -> list[Floats]:
    """Borders, borders times lightness, and gradients of lightness: (h, w) each."""
    height, width = smooth.shape
    y = np.repeat(((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None], width, 1)
    x = np.repeat(((np.arange(width, dtype=np.float32) + 0.5) / width)[None], height, 0)
    borders = [np.exp(-near / np.float32(_BORDER)) for near in (y, 1 - y, x, 1 - x)]
    tone = smooth / np.float32(50) - 1
    found = [*borders, *(border * tone for border in borders)]
    fine = cv2.GaussianBlur(smooth, (0, 0), 0.7)
    wide = cv2.GaussianBlur(fine, (0, 0), 2.0)  # halved chroma is this coarse
    down, right = (cv2.Sobel(fine, cv2.CV_32F, *way, scale=1 / 80) for way in ((0, 1), (1, 0)))
    found += [cv2.Sobel(wide, cv2.CV_32F, *way, scale=1 / 80) for way in ((1, 0), (0, 1))]
    found += [right, down, right * (x - 0.5), down * (y - 0.5)]  # the last two: channels of different size
    found += [cv2.Sobel(fine, cv2.CV_32F, *way, scale=1 / 80) for way in ((2, 0), (0, 2), (1, 1))]
    return [np.asarray(plane, np.float32) for plane in found]


_BORDERS, _GRADIENTS = 8, 9  # planes of each sort that `_planes` gives


def _hats(position: NDArray[np.floating], nodes: int) -> Floats:
    """Weights of the nodes for a straight line between the two nearest: (n,) to (n, nodes)."""
    return np.asarray(np.clip(1 - np.abs(position[:, None] - np.arange(nodes)), 0, 1), np.float32)


def _tensor(y: NDArray[np.floating], x: NDArray[np.floating]) -> Floats:
    """Weights of the grid's nodes for bilinear interpolation: (n,) to (n, _GRID ** 2)."""
    down, across = _hats(y * (_GRID - 1), _GRID), _hats(x * (_GRID - 1), _GRID)
    return np.asarray((down[:, :, None] * across[:, None, :]).reshape(len(y), -1), np.float32)


@cache
def _stiffness() -> NDArray[np.float64]:
    """What bends and sizes cost, for one sample."""
    bend = np.diff(np.eye(_CURVE), 2, axis=0)
    grid = np.diff(np.eye(_GRID), 2, axis=0) * (_GRID - 1) / 4
    both = np.concatenate([np.kron(grid, np.eye(_GRID)), np.kron(np.eye(_GRID), grid)])
    surface = _STIFF_SURFACE * both.T @ both + _SMALL_SURFACE * np.eye(_GRID**2)
    parts = [_STIFF_CURVE * bend.T @ bend, surface, 4 * surface]
    parts += [_STIFF_BORDER * np.eye(_BORDERS), _STIFF_GRADIENT * np.eye(_GRADIENTS)]
    size = sum(len(part) for part in parts)
    whole, start = 1e-6 * np.eye(size), 0
    for part in parts:
        whole[start : start + len(part), start : start + len(part)] += part
        start += len(part)
    return whole


def _robustly(
    basis: Floats, samples: Floats, trust: Floats, inner: NDArray[np.floating], stiffness: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Share explained, and coefficients, (k, 2): from the middle of the picture outwards, or else from neutral grey."""
    total, best = float(trust.sum()), (-1.0, np.zeros((basis.shape[1], 2)))
    weight: NDArray[np.floating]
    distance: NDArray[np.floating]
    for neutral in (False, True):
        distance = np.hypot(*samples.T) if neutral else np.zeros(len(samples), np.float32)
        scale = _NEUTRAL_SCALE if neutral else _FIRST_SCALE
        found: NDArray[np.floating] = best[1]
        for number in range(_ROUNDS):
            weight = trust * (1 if number else inner) / np.square(1 + np.square(distance / scale))
            weighted = basis * np.asarray(weight, np.float32)[:, None]
            system = (weighted.T @ basis).astype(np.float64) + stiffness * total
            found = np.linalg.solve(system, weighted.T @ samples)
            distance = chroma_of((samples - basis @ found.astype(np.float32)).T)
            scale = max(scale * 0.7, _LAST_SCALE)
        score = float((trust / (1 + np.square(distance / 2.5))).sum()) / total
        if score > best[0] + 0.02:
            best = score, np.asarray(found, np.float64)
        if score > 0.8:
            break
    return best


def _along(curve: Floats, smooth: Floats) -> Floats:
    """The curve over L* at every pixel, (h, w)."""
    line = np.interp(np.linspace(0, 100, 1001), _NODES, curve).astype(np.float32)
    return line[np.clip(smooth * 10, 0, 1000).astype(np.int16)]


def _evaluated(found: Floats, smooth: Floats, planes: list[Floats]) -> tuple[Floats, Floats, Floats]:
    """The fit at every pixel, the part of it that fringes are, and the curve's part, (2, h, w)."""
    height, width = smooth.shape
    tone = smooth / np.float32(50) - 1
    down, right = (_GRID - 1) / height, (_GRID - 1) / width
    way = np.array([[right, 0, right / 2], [0, down, down / 2]])
    out, fringes, lines = (np.zeros((2, height, width), np.float32) for _ in range(3))
    for plane, fringe, alone, terms in zip(out, fringes, lines, found.T, strict=True):
        curve, level, slope, rest = np.split(terms, np.cumsum([_CURVE, _GRID**2, _GRID**2]))
        fields = [
            cv2.warpAffine(
                np.ascontiguousarray(field.reshape(_GRID, _GRID)),
                way,
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for field in (level, slope)
        ]
        alone[:] = _along(curve, smooth)
        plane[:] = alone + fields[0] + fields[1] * tone
        for number, (term, more) in enumerate(zip(rest, planes, strict=True)):
            part = plane if number < _BORDERS else fringe
            part += term * more
        plane += fringe
    return out, fringes, lines
