"""Find the black or white that a scanner leaves around a picture, and how the picture lies in it.

In:  a copy of a scan, (H, W) float32, [0, 1]
Out: `Frame`: the picture's box, and the angle by which it lies askew; None where there is nothing to cut off

A border is black or white, even, reaches the scan's rim, and ends along straight lines: a sky does not.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import reduced
from colorize_cli.restore.frame import Frame

Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]

_SIDE = 1024  # pixels of the longer side of what is looked at
_BLACK, _WHITE = 0.1, 0.93  # levels up to and from which it may be border
_EVEN = 0.03  # of [0, 1]: by so much a border varies around its own level
_LEAST = 0.004  # of a side: what is narrower is no border
_MOST_LEFT = 0.35  # of a side, which the picture has at least
_MOST_ANGLE = 12.0  # degrees
_LEAST_ANGLE = 0.2  # what is less askew is not turned, and so not resampled
_FULL = 0.9  # share of its rectangle that a picture fills
_OPEN = 0.5  # share of border along a line within the picture, at most: there the picture begins
_INSIDE = 2  # pixels of the copy that are cut off beside the border: its soft edge


def find_frame(plane: Plane, size: tuple[int, int], twice: bool = False) -> Frame | None:
    """Find the picture within a scan.

    Args:
        plane: the scan, reduced; [0, 1].
        size: (H, W) of the scan itself.
        twice: a border within the border is cut off too: a film's margin within its holder.
    """
    copy = reduced(plane, _SIDE)
    border = _border(copy)
    picture = np.asarray(1 - border, np.uint8)
    opened = cv2.morphologyEx(picture, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))  # dust on the glass
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    place = labels == largest
    if border.mean() < _LEAST:
        return None
    angle = _angle(place)
    height, width = copy.shape
    turn = Frame.turned((height, width), angle)
    matrix, whole = turn.matrix(), (width, height)
    way = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    box = _box(np.asarray(cv2.warpAffine(border, matrix, whole, flags=way, borderValue=1), np.uint8))
    if box is None:
        return None
    top, bottom, left, right = box
    if twice:
        turned = cv2.warpAffine(copy, matrix, whole, flags=way, borderMode=cv2.BORDER_REPLICATE)
        level = np.asarray(turned, np.float32)
        within = _box(_border(level[top:bottom, left:right])) or (0, bottom - top, 0, right - left)
        top, bottom, left, right = top + within[0], top + within[1], left + within[2], left + within[3]
    if (top, left) == (0, 0) and (bottom, right) == (height, width):
        return None
    if bottom - top < _MOST_LEFT * height or right - left < _MOST_LEFT * width:
        return None
    down, across = size[0] / height, size[1] / width
    return Frame.of(size, angle, (top * down, bottom * down, left * across, right * across))


def _border(copy: Plane) -> Bits:
    """1 where the scan shows nothing but its border."""
    height, width = copy.shape
    smooth = cv2.medianBlur(np.clip(copy * 255, 0, 255).astype(np.uint8), 5).astype(np.float32) / 255
    found = np.zeros(copy.shape, np.uint8)
    rims = (smooth[:2].ravel(), smooth[-2:].ravel(), smooth[:, :2].ravel(), smooth[:, -2:].ravel())
    for rim in rims:
        for levels in (rim[rim <= _BLACK], rim[rim >= _WHITE]):
            if len(levels) < 0.3 * len(rim):
                continue
            alike = (np.abs(smooth - np.median(levels)) <= _EVEN).astype(np.uint8)
            _, labels = cv2.connectedComponents(alike, connectivity=4)
            at_rim = np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1]))
            found |= np.isin(labels, np.setdiff1d(at_rim, [0])).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


def _angle(place: NDArray[np.bool_]) -> float:
    """How far the picture lies askew, degrees; 0 where that cannot be told."""
    outlines, _ = cv2.findContours(place.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)[:, 0].astype(np.float32)
    height, width = place.shape
    inside = (outline.min(1) > 3) & (outline[:, 0] < width - 4) & (outline[:, 1] < height - 4)
    outline = outline[inside]  # where the scan cuts the picture off, its outline is the scan's
    if len(outline) < 0.15 * (height + width):
        return 0.0
    best, sharpest = 0.0, 0.0
    for angles in (np.arange(-_MOST_ANGLE, _MOST_ANGLE + 0.1, 0.5), None):
        around = angles if angles is not None else best + np.arange(-0.5, 0.51, 0.05)
        for angle in around:
            cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
            across, along = cos * outline[:, 0] + sin * outline[:, 1], cos * outline[:, 1] - sin * outline[:, 0]
            sharp = sum(float(np.square(np.histogram(way, np.arange(way.min(), way.max() + 2))[0]).sum())
                        for way in (across, along))  # fmt: skip
            if sharp > sharpest * (1 + 1e-9):
                best, sharpest = float(angle), sharp
    if abs(best) < _LEAST_ANGLE or abs(best) > _MOST_ANGLE - 0.25:
        return 0.0
    straight = sharpest / len(outline) ** 2
    return best if straight > 2.0 / np.sqrt(len(outline)) ** 1.2 else 0.0


def _box(border: Bits) -> tuple[int, int, int, int] | None:
    """Rows and columns of the picture: top, bottom, left, right; None where there is none."""
    height, width = border.shape
    top, bottom, left, right = 0, height, 0, width
    for _ in range(2):  # a side's length counts without the borders across it
        rows = border[:, left:right].mean(1)
        columns = border[top:bottom].mean(0)
        top, bottom = _ends(rows)
        left, right = _ends(columns)
        if bottom - top < 16 or right - left < 16:
            return None
    return top, bottom, left, right


def _ends(share: NDArray[np.floating]) -> tuple[int, int]:
    length = len(share)
    first, last = _first(share), length - _first(share[::-1])
    return first, last


def _first(share: NDArray[np.floating]) -> int:
    """Where the border ends, from one side; 0 where no border with a straight edge is there."""
    inside = np.flatnonzero(share < _OPEN)
    if not len(inside) or inside[0] < max(2, _LEAST * len(share)):
        return 0
    at = int(inside[0])
    far = max(2, round(0.006 * len(share)))  # the edge is straight: it is passed at once
    if share[: max(1, at - far)].min() < _FULL:
        return 0
    return min(at + _INSIDE, len(share))
