"""Find the color that a photo has of its own: none, in some regions, or as a whole.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16
Out: `OwnColor`: monochrome, regions, or colored; where; and how sure that is

The photo is reduced, toning and fading are fitted to it (`toning`), and what they leave decides. Regions whose
remaining color ends sharply and is of one kind (a stamp, ink, a mount, hand-tinting, a color target) are color of their
own; what changes gradually is fading that was not fitted, and rims of alternating color are a scanner's. If what
lies outside the regions still has a structure of color beyond its noise, the photo is one in color.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.own_regions import own_regions, wide_regions
from colorize_cli.color.pixels import ab_of, chroma_of, grey_plane, lightness_of, reduced
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.tint_measures import blurred, measures, one_hue, sway
from colorize_cli.color.tint_odds import log_odds
from colorize_cli.color.toning import fit_toning

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE = 384  # pixels of the longer side of the copy that is looked at: a small stamp is still a dozen across
BORDERLINE = 1.0  # of `OwnColor.evidence`: nearer to zero, a person had better look
_MOST_NOISE = 20.0  # Lab units of a scanner or a film; beyond, it is the picture
_NO_TONING = 35.0  # Lab units of `_sway`: no print's toning or fading goes through that many hues
_COLORED_SHARE = 0.7  # of the picture: regions of more are the whole
_NEARLY_ALL = 0.95  # of the picture: a print on a large page
_IN_DOUBT = -0.75 * BORDERLINE  # of the evidence: from there on color stays, as what is painted over is lost
_DOUBTFUL = -1.5 * BORDERLINE  # of the evidence
_MANY_SHARE, _MANY_HUES = 0.35, 0.6  # of the picture, in hues whose mean is less than this of their chroma: no mount


class Kind(StrEnum):
    """What color a photo has of its own."""

    monochrome = "monochrome"
    regions = "regions"
    colored = "colored"


@dataclass(frozen=True)
class OwnColor:
    """The color that a photo has of its own.

    Attributes:
        kind: none, in regions, or as a whole.
        evidence: logarithm of the odds that it is a photo in color; from a little below zero on it is taken for one.
        mask: where it has color, (h, w), on the reduced copy; None unless there are regions.
        color: ab of the reduced copy, (2, h, w), where there is a mask.
        toning: what toning and fading explain of it.
        measures: what the decision was made from; empty for grey.
    """

    kind: Kind
    evidence: float = -10.0
    mask: Mask | None = None
    color: Floats | None = None
    toning: Floats | None = None
    measures: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def share(self) -> float:
        """Share of the picture that has color of its own, [0, 1]."""
        if self.kind is Kind.colored:
            return 1.0
        return 0.0 if self.mask is None else float(self.mask.mean())

    @property
    def borderline(self) -> bool:
        """Whether a person had better look."""
        return abs(self.evidence) < BORDERLINE


def own_color(pixels: NDArray[Any], space: RgbSpace = SRGB) -> OwnColor:
    """Find the color that a photo has of its own.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        space: what the pixels mean.

    Returns:
        Monochrome at once for grey, be it in one channel or in three equal ones.
    """
    if pixels.ndim == 2 or not pixels.size or grey_plane(pixels) is not None:
        return OwnColor(Kind.monochrome)
    pixels = reduced(pixels, SIDE)
    if min(pixels.shape[:2]) < 8:  # nothing can be told from a line
        pixels = np.ascontiguousarray(
            np.repeat(np.repeat(pixels, -(-8 // len(pixels)), 0), -(-8 // pixels.shape[1]), 1)
        )
    lightness, ab = lightness_of(pixels, space), ab_of(pixels, space)
    toning = fit_toning(lightness, ab)
    remaining = ab - toning.ab
    noise = float(np.median(chroma_of(remaining - blurred(remaining, 0.8))))
    mask = own_regions(lightness, remaining, toning, noise)
    seen = measures(lightness, ab, toning, remaining, mask, noise)
    evidence = log_odds(seen)
    if noise > _MOST_NOISE or sway(toning) > _NO_TONING:
        return OwnColor(Kind.colored, max(evidence, 2 * BORDERLINE), measures=seen)
    if evidence > _IN_DOUBT or mask.mean() > _COLORED_SHARE:
        return OwnColor(Kind.colored, max(evidence, 0.0), measures=seen)
    if evidence > _DOUBTFUL and mask.mean() > _MANY_SHARE and one_hue(ab[:, mask]) < _MANY_HUES:
        return OwnColor(Kind.colored, BORDERLINE, measures=seen)
    wide = wide_regions(lightness, remaining, toning, noise)
    mask |= wide
    if not mask.any():
        return OwnColor(Kind.monochrome, evidence, measures=seen)
    apart = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    again = fit_toning(lightness, ab, apart, 1e-6 if wide.any() else 1e-3)
    found = own_regions(lightness, ab - again.ab, again, noise)
    if found.any() and found.mean() <= _NEARLY_ALL:  # what was bent towards a region's color is free of it now
        mask, toning = found, again
    return OwnColor(Kind.regions, evidence, mask, ab, toning.ab, seen)
