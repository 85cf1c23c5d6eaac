"""Find the regions of a print whose color no toning and no fading explains.

In:  a reduced copy: its lightness, the color that the toning leaves, the toning, its noise
Out: mask of the regions, (h, w)

A region's color is strong somewhere, of one kind, and ends sharply. What has the same hue beside it belongs to it, too,
though weaker: a stamp's line over black hair, the worn end of a signature.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import chroma_of
from colorize_cli.color.tint_measures import blurred, change
from colorize_cli.color.toning import Toning

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_LOW, _HIGH = 4.0, 8.0  # Lab units of remaining color: a region's rim, and what it must reach somewhere
_NOISY = 2.0  # Lab units of noise from which the copy is blurred more
_SHARP = 4.5  # Lab units by which color changes across a region's rim; fading changes less
_ONE_KIND = 0.5  # of a region's color that is left after blurring: rims of alternating color lose more
_DARK = np.float32(16)  # L* below which color is seen less and less: toning ends there, too
_FRINGE = 1.2  # of a fringe that was explained: what may be left beside it unexplained
# Odds that a region is more than what was left of a scanner's fringes, by logarithms of its area (pixels of the copy),
# its peak (Lab units), the fringe explained there and the opposite color around it (of the peak), and without them.
# Such remains are small, lie in strong fringes, and have the opposite color beside them. Fitted to 1,100 regions.
_BY_AREA, _BY_PEAK, _BY_FRINGE, _BY_OPPOSITE, _ODDS = 1.8, 0.8, -2.1, -1.5, -21.6
_LEAST_PART = 0.01
_SMALLEST = 16  # pixels of the copy
_PARALLEL, _MORE_TONE = 0.85, 0.5  # what has the tone's hue, and differs by less than this of it, is the tone
_FAINT_SHARE, _STRONG = 0.003, 20.0  # regions that are less of the picture must be stronger somewhere, Lab units
_FAINT_ON_TONED = 0.008  # the same of a toned print, whose tone is fitted less exactly
_PLAIN, _PLAIN_ODDS, _UNTONED = 9.0, 3.0, 5.0  # or so strong, with such odds, where the print is toned less: Lab units
_WIDE, _WIDE_PEAK, _WIDE_SHARP = 0.06, 6.0, 4.2  # of the picture, Lab units: what a surface might follow
_STEP = 0.45  # of a wide region's color: how much of it ends at its rim; a stain's fades
_WIDE_KIND = 0.7  # of a wide region's chroma: its mean color; what is of several hues is no wash
_CLEAN = 1.5  # Lab units of noise from which rims of wide regions are not told from it
_NEAR = 1 / 10  # of the longer side: how far from a region something belongs to it
_DARKEST = np.float32(8)  # L* below which even there color is seen less and less
_WEAKEST, _WEAK = 2.5, 4.0  # Lab units: the rim of what belongs to a region, and what it must reach somewhere
_WEAK_SHARP = 3.0  # Lab units by which its color changes across its rim
_ALIKE = 0.85  # cosine between its hue and the region's
_WEAK_SMALLEST = 4  # pixels of the copy


def own_regions(lightness: Floats, remaining: Floats, toning: Toning, noise: float) -> Mask:
    """Where remaining color is strong, of one kind, and ends sharply, and what belongs to that: (h, w).

    Args:
        lightness: CIE L*, (h, w).
        remaining: ab less what the toning explains, (2, h, w).
        toning: what was fitted.
        noise: Lab units of change from pixel to pixel, a median.
    """
    light = np.clip(lightness / _DARK, 0, 1)
    seen, left, floor = _seen(remaining * light, toning, noise)
    strong = _strong(seen, left, floor, toning)
    if not strong.any():
        return strong
    return strong | _belonging(strong, remaining * np.clip(lightness / _DARKEST, 0, 1), toning, noise)


def wide_regions(lightness: Floats, remaining: Floats, toning: Toning, noise: float) -> Mask:
    """Large regions that a curve over L* alone does not explain, and at whose rims no surface does: (h, w).

    A surface over the place, which stands for fading, follows a wash over much of a print, but not its rim.

    Args:
        lightness: CIE L*, (h, w).
        remaining: ab less what the toning explains, (2, h, w).
        toning: what was fitted, with `plain`.
        noise: Lab units of change from pixel to pixel, a median.
    """
    if noise > _CLEAN:
        return np.zeros(lightness.shape, bool)
    light = np.clip(lightness / _DARK, 0, 1)
    seen, _, floor = _seen(remaining * light, toning, noise)
    color = np.asarray(seen + (toning.ab - toning.plain) * light, np.float32)
    amount = chroma_of(color)
    on = amount > max(_LOW, 1.5 * floor)
    if on.mean() < _WIDE:
        return np.zeros(on.shape, bool)
    pieces = _pieces(on, on, amount, seen)
    flat = pieces.labels.ravel().astype(np.intp)
    strength = np.bincount(flat, amount.ravel(), len(pieces.area)) / np.maximum(pieces.area, 1)
    mean, tone = (_means(planes, flat, pieces.area) for planes in (color, toning.plain))
    own = (pieces.area > _WIDE * on.size) & (pieces.peak > _WIDE_PEAK) & (np.hypot(*mean) > _WIDE_KIND * strength)
    own &= (pieces.sharp > np.maximum(_WIDE_SHARP, _STEP * strength)) & ~_more_tone(mean, tone)
    own[0] = False
    return np.asarray(own[pieces.labels])


def _strong(seen: Floats, left_over: Floats, floor: float, toning: Toning) -> Mask:
    """Where remaining color is strong, of one kind, and ends sharply: (h, w)."""
    amount = np.asarray(np.maximum(left_over, 0), np.float32)
    on = amount > max(_LOW, 1.5 * floor)
    pieces = _pieces(on, on, amount, seen)
    labels, area, peak, count = pieces.labels, pieces.area, pieces.peak, len(pieces.area)
    flat = labels.ravel().astype(np.intp)
    total = np.bincount(flat, amount.ravel(), count)
    left = np.bincount(flat, chroma_of(blurred(seen, 2.7)).ravel(), count) / np.maximum(total, 1e-6)
    fringe = np.bincount(flat, toning.fringe.ravel(), count) / np.maximum(area, 1)
    own = (left > _ONE_KIND) & (peak > max(_HIGH, 2.5 * floor)) & (pieces.sharp > _SHARP) & (area >= _SMALLEST)
    color, tone = (_means(planes, flat, area) for planes in (seen, toning.ab))
    peak = np.maximum(peak, np.float32(1e-3))
    odds = _odds(area, peak, fringe / peak, _opposite(seen, labels, color) / peak)
    own &= odds > 0
    own &= ~_more_tone(color, tone)
    own[0] = False
    plain = (odds > _PLAIN_ODDS) & (peak > _PLAIN) & (np.hypot(*tone) < _UNTONED)
    share = _FAINT_SHARE if np.median(chroma_of(toning.ab)) < _UNTONED else _FAINT_ON_TONED
    if area[own].sum() < share * labels.size and not (own & ((peak > _STRONG) | plain)).any():
        own[:] = False
    return np.asarray(own[labels])


def _means(planes: Floats, flat: NDArray[np.intp], area: NDArray[np.int64]) -> NDArray[np.floating]:
    """The mean color of each region, (2, n)."""
    return np.stack([np.bincount(flat, plane.ravel(), len(area)) for plane in planes]) / np.maximum(area, 1)


def _more_tone(color: NDArray[np.floating], tone: NDArray[np.floating]) -> Mask:
    """Whether a region's color, (2, n), is only more or less of the tone that the print has there, (n,)."""
    along = np.abs((color * tone).sum(0)) > _PARALLEL * np.hypot(*color) * np.hypot(*tone)
    return np.asarray(along & (np.hypot(*color) < _MORE_TONE * np.hypot(*tone)))


def _opposite(seen: Floats, labels: NDArray[np.int32], hues: NDArray[np.floating]) -> NDArray[np.floating]:
    """How much of the opposite of its color there is on average around each region, Lab units, (n,).

    Args:
        seen: remaining color, (2, h, w).
        labels: the number of the region at each place, (h, w); 0 outside.
        hues: the color of each region, (2, n).
    """
    count = hues.shape[1]
    ring = cv2.dilate(labels.astype(np.float32), np.ones((7, 7), np.uint8)).astype(np.intp)
    around = (labels == 0) & (ring > 0)
    which, hues = ring[around], hues / np.maximum(np.hypot(*hues), 1e-6)
    against = np.maximum(-(seen[:, around] * hues[:, which]).sum(0), 0)
    return np.bincount(which, against, count) / np.maximum(np.bincount(which, minlength=count), 1)


def _odds(
    area: NDArray[np.int64], peak: Floats, fringe: NDArray[np.floating], opposite: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Of each region, the logarithm of the odds that it is more than remains of fringes, (n,); see `_BY_AREA`."""
    parts = (
        (_BY_AREA, area),
        (_BY_PEAK, peak),
        (_BY_FRINGE, fringe + _LEAST_PART),
        (_BY_OPPOSITE, opposite + _LEAST_PART),
    )
    return np.asarray(_ODDS + sum(weight * np.log(np.maximum(part, 1e-6)) for weight, part in parts))


def _belonging(strong: Mask, remaining: Floats, toning: Toning, noise: float) -> Mask:
    """What lies near strong regions and has the hue of the nearest, but is weaker: (h, w)."""
    seen, left, floor = _seen(remaining, toning, noise)
    reach = _NEAR * max(strong.shape)
    distance, nearest = cv2.distanceTransformWithLabels(
        (~strong).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )
    kinds = int(nearest.max()) + 1
    flat = nearest[strong].astype(np.intp)
    sums = np.stack([np.bincount(flat, plane[strong], kinds) for plane in seen])
    hues = sums / np.maximum(np.hypot(*sums), 1e-6)
    alike = (seen * hues[:, nearest]).sum(0) > _ALIKE * chroma_of(seen)
    on = strong | (alike & (distance < reach) & (left > max(_WEAKEST, floor)))
    pieces = _pieces(on & ~strong, on, left, seen)
    own = (pieces.peak > max(_WEAK, 1.5 * floor)) & (pieces.sharp > _WEAK_SHARP) & (pieces.area >= _WEAK_SMALLEST)
    own[0] = False
    return np.asarray(own[pieces.labels])


def _seen(remaining: Floats, toning: Toning, noise: float) -> tuple[Floats, Floats, float]:
    """Remaining color as it is looked at, (2, h, w); how much of it no fringe explains, (h, w); that of noise."""
    noisy = noise >= _NOISY
    seen = blurred(remaining, 2.0 if noisy else 1.2)
    beside = cv2.dilate(toning.fringe, np.ones((5, 5), np.uint8))
    unexplained = np.asarray(chroma_of(seen) - np.float32(_FRINGE) * beside, np.float32)
    return seen, unexplained, noise * (0.6 if noisy else 1.0)


@dataclass(frozen=True)
class _Pieces:
    """Connected parts of a mask, by their number; 0 is what lies outside.

    Attributes:
        labels: the number at each place, (h, w).
        area: pixels of the copy, (n,).
        peak: the most color in each, Lab units, (n,).
        sharp: by how much color changes across its rim, Lab units, (n,).
    """

    labels: NDArray[np.int32]
    area: NDArray[np.int64]
    peak: Floats
    sharp: NDArray[np.floating]


def _pieces(mask: Mask, outlined: Mask, amount: Floats, seen: Floats) -> _Pieces:
    """Take a mask apart.

    Args:
        mask: (h, w).
        outlined: what has a rim, (h, w): a larger mask, where pieces lie against what belongs to them.
        amount: of color, Lab units, (h, w).
        seen: the color, (2, h, w).
    """
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    flat = labels.ravel().astype(np.intp)
    peak = np.zeros(count, np.float32)
    np.maximum.at(peak, flat, amount.ravel())
    inner = cv2.erode(outlined.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    rim = outlined & (inner == 0)
    jumps = change(seen, max(4, round(max(mask.shape) / 64)))
    sharp = np.bincount(labels[rim], jumps[rim], count) / np.maximum(np.bincount(labels[rim], minlength=count), 1)
    return _Pieces(np.asarray(labels, np.int32), np.bincount(flat, minlength=count), peak, sharp)
