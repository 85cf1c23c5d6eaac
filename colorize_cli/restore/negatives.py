"""Tell a scanned negative by its margin and its film base, and turn it into a positive.

In:  a copy of a scan, (H, W) or (H, W, 3), float32, [0, 1]; then its pixels, uint8 or uint16
Out: `Inversion`, or None; the pixels, inverted, of the same kind

Film that no light reached is its clearest part: the margin around a negative has the base's even tone, and nothing in
the picture is lighter. A print with a white margin has that too, so a grey base counts only where a small network takes
what lies within for a negative; the orange base of color film counts by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import maximum_of, reduced
from colorize_cli.restore.small_networks import negative_odds

Plane = NDArray[np.float32]

_SIDE = 768  # pixels of the longer side of what is looked at
_EVEN = 0.035  # of [0, 1]: the most that a margin's tone varies
_HOLDER, _LAMP = 0.08, 0.985  # levels up to and from which a rim is the scanner's, not the film's
_BASE = 0.3  # least level of film that no light reached
_NEAR = 0.06  # by so much margins of one film may differ
_ABOVE = 0.04  # by so much the picture's lightest places may be lighter: dust, grain
_ORANGE = 0.1  # of [0, 1]: red over green, and green over blue, of color film's base
_LIKELY, _PAPER, _SURE = 0.1, 0.93, 1.0  # log odds that are asked for; more where the margin is as white as paper
_MOST_MARGIN = 0.3  # of a side
_CLIPPED = 0.0005  # share of the picture that may become white


@dataclass(frozen=True)
class Inversion:
    """How a negative becomes a positive.

    Attributes:
        base: the film base's level, [0, 1], of each channel: it becomes black.
        white: what the lightest place is of 1 before it becomes white; one for all channels, which keeps their balance.
        said: why it is taken for a negative.
    """

    base: tuple[float, ...]
    white: float
    said: str

    def pixels(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The positive, of the same kind; (H, W), (H, W, 3), uint8 or uint16, or [0, 1]."""
        most = np.float32(1 if pixels.dtype.kind == "f" else maximum_of(pixels))
        count = 1 if pixels.ndim == 2 else pixels.shape[2]
        base = np.asarray(self.base if len(self.base) == count else self.base[:1] * count, np.float32) * most
        base = base[0] if pixels.ndim == 2 else base
        out = (1 - pixels / base) * (most / np.float32(self.white))
        out = np.clip(out, 0, most)
        return np.asarray(out if pixels.dtype.kind == "f" else out.round(), pixels.dtype)


def find_negative(copy: Plane) -> Inversion | None:
    """Tell whether a scan is a negative.

    Args:
        copy: (H, W) or (H, W, 3), reduced; [0, 1].
    """
    copy = reduced(copy, _SIDE)
    grey = copy if copy.ndim == 2 else copy.mean(-1)
    rows, columns, tones = _margins(grey)
    if len(tones) < 2 or np.ptp(tones) > _NEAR:
        return None
    inside = copy[rows, columns]
    if min(inside.shape[:2]) < 16:
        return None
    shell = np.ones(grey.shape, bool)
    shell[rows, columns] = False
    shell &= np.abs(grey - np.median(tones)) <= _NEAR
    base = np.atleast_1d(np.median(copy[shell], 0)) if shell.any() else np.zeros(1)
    flat = inside.reshape(-1, len(base))
    densest, lightest = np.quantile(flat, (_CLIPPED, 0.99), 0)
    if base.mean() < _BASE or (lightest > base + _ABOVE).any() or (base - densest).max() < 0.1:
        return None
    orange = len(base) == 3 and base[0] - base[1] > _ORANGE and base[1] - base[2] > _ORANGE
    level, odds = float(base.mean()), negative_odds(grey[rows, columns])
    if not orange and odds < (_SURE if level > _PAPER else _LIKELY):
        return None
    if orange and odds < -_SURE:  # a print on yellowed paper
        return None
    kind = "orange" if orange else "grey"
    said = f"{kind} film base of {round(255 * level)} of 255 around it, and nothing lighter within"
    return Inversion(tuple(map(float, base)), float((1 - densest / base).max()), said)


def _margins(grey: Plane) -> tuple[slice, slice, list[float]]:
    """The picture's rows and columns, and the tones of the even margins around it: the scanner's own rim aside."""
    height, width = grey.shape
    top, bottom, left, right = 0, height, 0, width
    tones = list[float]()
    for _ in range(2):  # the holder or the lamp may lie around the film
        found = list[tuple[int, float]]()
        part = grey[top:bottom, left:right]
        for lines in (part, part[::-1], part.T, part.T[::-1]):
            found.append(_margin(lines))
        scanners = [tone <= _HOLDER or tone >= _LAMP for count, tone in found if count]
        (a, _), (b, _), (c, _), (d, _) = found
        top, bottom, left, right = top + a, bottom - b, left + c, right - d
        tones = [tone for count, tone in found if count]
        if not scanners or not all(scanners) or min(bottom - top, right - left) < 32:
            break
    return slice(top, bottom), slice(left, right), tones


def _margin(lines: Plane) -> tuple[int, float]:
    """How many lines from the first on are even, and alike; and their tone."""
    most, middle = int(len(lines) * _MOST_MARGIN), slice(lines.shape[1] // 6, -(lines.shape[1] // 6) or None)
    inner = lines[:, middle]
    first = inner[: max(2, len(lines) // 200)]
    tone, count = float(np.median(first)), 0
    for line in inner[:most]:
        if abs(float(np.median(line)) - tone) > _EVEN or float(np.quantile(np.abs(line - tone), 0.9)) > _EVEN:
            break
        count += 1
    return (count, tone) if count >= max(3, len(lines) // 150) else (0, tone)
