"""Take the screen of dots out of a printed photo.

In:  lightness as it is coded, (H, W) float32, [0, 1]
Out: the screen's frequencies; the plane without them

A print's screen is periodic, so its energy stands in a few places of the spectrum; a photo's does not. One kernel takes
these places out.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Frequency = tuple[float, float]  # vertical, horizontal, cycles a pixel

_REACH = 24  # pixels around a place that decide what it becomes
_SIDE = 512  # pixels a side of what is looked at
_WIDTH = 6.0  # pixels: standard deviation of the kernel's window
_COARSEST = 0.07  # cycles a pixel: dots further apart than 14 pixels are things
_SHARP = 130.0  # power over that around it, and over what lies as far from the middle, of a screen's two directions
_STANDS_OUT = 50.0  # of their sums and multiples
_NEAR = 6  # places of the spectrum that one peak takes
_MOST = 12  # peaks; a screen has two directions, their sums and their multiples
_ACROSS = 0.3  # cosine of the angle between them, at most
_ALIKE = 0.15  # of their frequency, by which both directions of a screen may differ


def find_screen(samples: Sequence[Plane]) -> tuple[Frequency, ...]:
    """Find the frequencies of a print's screen.

    Args:
        samples: parts of a photo at full size, [0, 1].

    Returns:
        One of each pair of frequencies; none where there is no screen.
    """
    side = min(_SIDE, *(min(part.shape) for part in samples)) // 2 * 2
    if side < 96:
        return ()
    power = np.mean([_power(part, side) for part in samples], 0)
    middle = side // 2
    y, x = np.mgrid[-middle:middle, -middle:middle]
    radius = np.hypot(y, x)
    ring = np.minimum(radius.astype(int), middle)
    levels = np.array([np.median(power[ring == r]) for r in range(middle + 1)])
    ratio = power / np.maximum(np.maximum(levels[ring], cv2.blur(power, (2 * _NEAR + 1,) * 2) / 8), 1e-20)
    ratio[(radius < _COARSEST * side) | (y < 0) | ((y == 0) & (x < 0))] = 0
    ratio[(np.abs(y) < 2) | (np.abs(x) < 2)] = 0  # frames and rows of bricks: a screen is turned, or it is not seen
    found, sharp = list[Frequency](), list[tuple[float, Frequency]]()
    while len(found) < _MOST:
        place = np.unravel_index(int(ratio.argmax()), ratio.shape)
        if ratio[place] < _STANDS_OUT:
            break
        row, column = int(place[0]), int(place[1])
        found.append(((row - middle) / side, (column - middle) / side))
        if ratio[place] >= _SHARP:
            sharp.append((float(power[place]), found[-1]))
        ratio[max(0, row - _NEAR) : row + _NEAR + 1, max(0, column - _NEAR) : column + _NEAR + 1] = 0
    strongest = [one for _, one in sorted(sharp, reverse=True)[:2]]
    return tuple(found) if _is_screen(strongest) else ()


def _power(part: Plane, side: int) -> NDArray[np.float64]:
    top, left = ((length - side) // 2 for length in part.shape)
    window = np.hanning(side)
    square = part[top : top + side, left : left + side]
    spectrum = np.fft.fft2((square - square.mean()) * window[:, None] * window)
    return np.asarray(np.fft.fftshift(np.square(np.abs(spectrum))), np.float64)


def _is_screen(strongest: Sequence[Frequency]) -> bool:
    """Whether the two strongest frequencies are as high as each other, and across each other."""
    if len(strongest) < 2:
        return False
    one, other = np.asarray(strongest[0]), np.asarray(strongest[1])
    lengths = float(np.hypot(*one)), float(np.hypot(*other))
    across = abs(float(one @ other)) / (lengths[0] * lengths[1])
    return abs(lengths[0] - lengths[1]) < _ALIKE * lengths[0] and across < _ACROSS


def without_screen(plane: Plane, screen: Sequence[Frequency]) -> Plane:
    """Take frequencies out.

    Args:
        plane: (H, W), [0, 1].
        screen: what `find_screen` gave.

    Returns:
        (H, W).
    """
    if not screen:
        return plane
    y, x = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1].astype(np.float64)
    window = np.exp(-(y**2 + x**2) / (2 * _WIDTH**2))
    window /= window.sum()
    kernel = np.zeros_like(window)
    kernel[_REACH, _REACH] = 1
    for vertical, horizontal in screen:
        kernel -= 2 * window * np.cos(2 * np.pi * (vertical * y + horizontal * x))
    kernel /= kernel.sum()
    return np.asarray(cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT_101), np.float32)
