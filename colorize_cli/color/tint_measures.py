"""Measure what tells a photo in color from a toned, faded, noisy or partly colored print.

In:  L*, (h, w), and ab, (2, h, w), of the reduced copy; the toning that was fitted; the regions that stand out
Out: numbers by name

Most are logarithms of Lab units, so that noise and structure are compared by differences. Those that begin with
`rest` look outside the regions only: a stamp's color says nothing of the print.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import chroma_of
from colorize_cli.color.toning import Toning

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_LEAST_REST = 0.03  # of the picture: a rest of less says nothing, and the whole stands for it
_HUES = 18  # bins of a histogram of hues
_NEUTRAL = 3.0  # Lab units


def blurred(planes: Floats, sigma: float) -> Floats:
    """Planes, (n, h, w), blurred one by one."""
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in planes])


def change(planes: Floats, distance: int) -> Floats:
    """By how much the color of each pixel differs from that of the four at a distance, at most: (2, h, w) to (h, w)."""
    height, width = planes.shape[1:]
    most = np.zeros((height, width), np.float32)  # squared
    wide = np.pad(planes, ((0, 0), (distance, distance), (distance, distance)), "edge")
    for top, left in ((0, distance), (2 * distance, distance), (distance, 0), (distance, 2 * distance)):
        other = wide[:, top : top + height, left : left + width]
        first, second = planes - other
        np.maximum(most, first * first + second * second, out=most)
    return np.sqrt(most, out=most)


def one_hue(ab: Floats) -> float:
    """Share of the chroma that is left of the mean color: 1 where there is one hue, 0 where all cancel out."""
    chroma = chroma_of(ab).mean() if ab.size else 0.0
    return float(np.hypot(*ab.mean(1)) / (chroma + 1e-6)) if chroma > 1e-3 else 1.0


def sway(toning: Toning) -> float:
    """How far the explained color is from being one color: Lab units."""
    return float(np.sqrt(toning.ab.reshape(2, -1).var(1).sum()))


def measures(
    lightness: Floats, ab: Floats, toning: Toning, remaining: Floats, mask: Mask, noise: float
) -> dict[str, float]:
    """Measure a reduced copy.

    Args:
        lightness: CIE L*, (h, w).
        ab: CIE a* and b*, (2, h, w).
        toning: what was fitted to them.
        remaining: `ab` less what the toning explains, (2, h, w).
        mask: regions that stand out, (h, w).
        noise: Lab units of change from pixel to pixel, a median.
    """
    rest = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    for wider in (~mask, np.ones_like(mask)):
        if rest.mean() < _LEAST_REST:
            rest = wider
    found = {"noise": _log(noise), "size": float(np.log(max(mask.shape)))}
    found |= _of_toning(ab, toning)
    found |= _of_regions(lightness, ab, remaining, mask)
    found |= _of_hues(ab, remaining, rest, noise)
    found |= _of_structure(lightness, remaining, toning, rest)
    return found


def _log(value: float | np.floating) -> float:
    return float(np.log(value + 0.1))


def _percentiles(name: str, values: Floats, shares: tuple[float, ...]) -> dict[str, float]:
    found = np.percentile(values, shares)
    return {f"{name} {share:g}": _log(value) for share, value in zip(shares, found, strict=True)}


def _of_toning(ab: Floats, toning: Toning) -> dict[str, float]:
    """How strong and how plain what was fitted is."""
    flat = toning.ab.reshape(2, -1)
    by_place = (toning.ab - toning.line).reshape(2, -1)
    return {
        "score": toning.score,
        "tone": _log(np.median(chroma_of(flat))),
        "sway": _log(sway(toning)),
        "place": _log(np.sqrt(by_place.var(1).sum())),
        "line": _log(np.sqrt(toning.line.reshape(2, -1).var(1).sum())),
        "bend": _log(toning.bend),
        "toning's hue": one_hue(flat),
        "picture's hue": one_hue(ab.reshape(2, -1)),
        "fringe": _log(toning.fringe.mean()),
    }


def _of_regions(lightness: Floats, ab: Floats, remaining: Floats, mask: Mask) -> dict[str, float]:
    """How much stands out, in how many and how compact regions, of how many hues."""
    inside = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    count = cv2.connectedComponents(mask.astype(np.uint8))[0] - 1
    rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    within = remaining[:, mask]
    chroma, whole = chroma_of(within), chroma_of(ab)
    return {
        "own": float(np.log(mask.mean() + 0.003)),
        "own count": float(np.log(count + 1)),
        "own inside": float(inside.sum() / (mask.sum() + 1)),
        "own rim": float(rim.mean()),
        "own hue": one_hue(within),
        "own chroma": _log(chroma.mean()) if chroma.size else _log(0.0),
        "own spread": _log(chroma.std()) if chroma.size else _log(0.0),
        "own shade": _log(lightness[mask].std()) if chroma.size else _log(0.0),
        "own of all": float(whole[mask].sum() / (whole.sum() + 1)),
    }


def _of_hues(ab: Floats, remaining: Floats, rest: Mask, noise: float) -> dict[str, float]:
    """How many hues there are: entropies of histograms weighted by the chroma beyond the noise."""
    found = {}
    smooth, left = blurred(ab, 1.8), blurred(remaining, 1.8)
    floor = np.float32(1 + 0.7 * noise)
    for name, planes, where in (
        ("hues", smooth, None),
        ("hues left", left, None),
        ("rest hues", smooth, rest),
        ("rest hues left", left, rest),
    ):
        some = planes.reshape(2, -1) if where is None else planes[:, where]
        weight = np.maximum(chroma_of(some) - floor, 0)
        bins = ((np.arctan2(some[1], some[0]) / (2 * np.pi) + 0.5) * _HUES).astype(np.intp) % _HUES
        share = np.bincount(bins, weight, _HUES) / max(float(weight.sum()), 1e-6)
        total = float(weight.mean())
        found[name] = float(-(share * np.log(share + 1e-9)).sum()) * total / (total + 0.2)
        found[f"{name} beyond"] = _log(total)
    chroma = chroma_of(smooth)
    found["neutral"] = float((chroma < _NEUTRAL).mean())
    found["colorful"] = float(np.log((chroma > 5 * _NEUTRAL).mean() + 0.01))
    return found


def _of_structure(lightness: Floats, remaining: Floats, toning: Toning, rest: Mask) -> dict[str, float]:
    """What structure remains: by its size, along the edges of the picture, and against its lightness."""
    seen = blurred(remaining, 1.2)
    amount = chroma_of(seen)
    found = {
        "texture": float(toning.texture[rest].sum() / toning.texture.sum()),
        **_percentiles("left", amount, (50, 80, 95, 99)),
        **_percentiles("rest left", amount[rest], (50, 80, 95, 99)),
    }
    fine = _log(chroma_of(remaining - seen)[rest].mean())
    left = remaining * rest
    half = [_half(plane) for plane in (*left, *remaining, lightness, rest.astype(np.float32))]
    outside, whole, tone, where = np.stack(half[:2]), np.stack(half[2:4]), half[4], half[5] > 0.5
    if not where.any():
        where = np.ones_like(where)
    sizes = [blurred(outside, sigma) for sigma in (0.9, 2.0, 4.5, 10.0)]
    bands = [_log(chroma_of(one - two)[where].mean()) for one, two in zip(sizes, sizes[1:], strict=False)]
    found |= {f"band {i}": value for i, value in enumerate([fine, *bands, _log(chroma_of(sizes[-1])[where].mean())])}
    found["coherence"] = float(chroma_of(sizes[1])[where].mean() / (chroma_of(sizes[0])[where].mean() + 0.05))
    found |= _percentiles("rest coarse", chroma_of(sizes[1] - sizes[3])[where], (50, 75, 90))
    found |= _percentiles("rest change", change(sizes[0], 4)[where], (50, 75, 90, 98))
    found |= _against_lightness(tone, blurred(whole, 1.2), where)
    return found


def _half(plane: Floats) -> Floats:
    size = (max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _against_lightness(lightness: Floats, ab: Floats, rest: Mask) -> dict[str, float]:
    """Color about its best line over L* in the window around each pixel, along that line, and at edges."""

    def mean(plane: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), 4.0), np.float32)

    tone = np.asarray(cv2.GaussianBlur(lightness, (0, 0), 1.2), np.float32)
    middle = mean(tone)
    spread = mean(tone * tone) - middle * middle + 1
    off, along = np.zeros(tone.shape, np.float32), np.zeros(tone.shape, np.float32)
    for plane in ab:
        here = mean(plane)
        both = mean(plane * tone) - here * middle
        total = np.maximum(mean(plane * plane) - here * here, 0)
        line = both * both / spread
        along += line
        off += np.maximum(total - line, 0)
    off, along = np.sqrt(off), np.sqrt(along)
    found = {**_percentiles("off", off, (50, 90)), **_percentiles("rest off", off[rest], (25, 50, 75, 90))}
    found |= _percentiles("rest along", along[rest], (50, 75, 90))
    slope = np.hypot(cv2.Sobel(tone, cv2.CV_32F, 1, 0), cv2.Sobel(tone, cv2.CV_32F, 0, 1))
    turn = np.sqrt(sum(np.square(cv2.Sobel(plane, cv2.CV_32F, *way)) for plane in ab for way in ((1, 0), (0, 1))))
    steep, flat = np.percentile(slope[rest], (80, 50))
    edges, plain = turn[rest & (slope >= steep)].mean(), turn[rest & (slope <= flat)].mean()
    found["edges"] = _log(edges)
    found["edges to flat"] = float(np.log((edges + 0.3) / (plain + 0.3)))
    found["steep"] = _log(steep)
    return found
