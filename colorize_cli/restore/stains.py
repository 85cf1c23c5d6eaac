"""Even out the light on a photo: lamps and vignettes of whoever copied it, and stains.

In:  a copy of a photo, (H, W) float32, [0, 1]; then planes of some of its places
Out: the logarithm of the light that lies on it, on a coarse grid; the planes divided by it

What is light and what the photo shows is told by two small networks (`small_networks`), one for lamps and one for
stains, which are unsure where it could be either, and then say little: see `assets/restore.md` for how much they find.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import reduced
from colorize_cli.restore.small_networks import SIDE, log_light, log_stains

Plane = NDArray[np.float32]

_UNEVEN = 0.2  # standard deviation of the logarithm from which `auto` evens out
_LEAST = 0.03  # the same where it is asked for by name
_STAINED, _SPILLED = 0.1, 0.005  # the same of stains
_SURER, _EITHER = 1.5, 0.02  # deviation of a lamp over that of stains, to be divided out in their place
_SEEN = 2048  # pixels of the longer side, at most, of the copy that the networks reduce further
_CUBIC = -0.75  # slope of the curve, as OpenCV has it
_MOST = 1.3  # natural logarithm: a place is made lighter by no more, or grain is what is seen
_BRIGHT, _WHITE = 0.9995, 0.98  # share of the places that stay below the level, or below what they were


def uneven_light(copy: Plane, auto: bool) -> Plane | None:
    """Find the light that lies on a photo.

    Args:
        copy: the photo, reduced; [0, 1].
        auto: only where it is much.

    Returns:
        The natural logarithm, (32, 32), over the whole photo, 0 where nothing is to be changed; None where it is even.
    """
    if min(copy.shape) < SIDE:
        return None
    copy = reduced(copy, _SEEN)
    lamp, spilled = log_light(copy), log_stains(copy)
    beyond = float(lamp.std()) - _SURER * float(spilled.std())
    share = np.float32(np.clip(beyond / _EITHER + 0.5, 0, 1))  # of the lamp: what is like both is not divided out twice
    found = share * lamp + (1 - share) * spilled
    lit, stained = (_UNEVEN, _STAINED) if auto else (_LEAST, _SPILLED)
    if float(found.std()) < share * lit + (1 - share) * stained:
        return None
    light = np.asarray(found - found.max(), np.float32)
    small = reduced(copy, 512)
    most = max(float(np.quantile(small, _BRIGHT)), _WHITE)
    bright = float(np.quantile(small * np.exp(-_on_grid(light, small.shape)), _BRIGHT))
    light += np.float32(max(0.0, np.log(bright / most)))
    return np.clip(light, -_MOST, _MOST)


def _on_grid(light: Plane, shape: tuple[int, ...]) -> Plane:
    return light_at(light, (0, 0), (shape[0], shape[1]), (shape[0], shape[1]))


def light_at(light: Plane, corner: tuple[int, int], shape: tuple[int, int], size: tuple[int, int]) -> Plane:
    """The light on some places of a photo.

    Args:
        light: of the whole, on a coarse grid.
        corner: (top, left) of the places.
        shape: (n, m) of the places.
        size: (H, W) of the photo.

    Returns:
        (n, m), smooth.
    """
    y, x = (
        (np.arange(first, first + count, dtype=np.float32) + 0.5) * np.float32(cells / whole) - 0.5
        for first, count, cells, whole in zip(corner, shape, light.shape, size, strict=True)
    )
    return np.asarray(_cubic(y, light.shape[0]) @ light @ _cubic(x, light.shape[1]).T, np.float32)


def _cubic(at: Plane, cells: int) -> Plane:
    """Weights of cubic interpolation at some places between cells, (n, cells); the outer cells go on for ever."""
    weights, first = np.zeros((len(at), cells), np.float32), np.floor(at)
    for step in (-1, 0, 1, 2):
        away = np.abs(at - first - step)
        near = (_CUBIC + 2) * away**3 - (_CUBIC + 3) * away**2 + 1
        far = _CUBIC * (away**3 - 5 * away**2 + 8 * away - 4)
        cell = np.clip(first + step, 0, cells - 1).astype(np.intp)
        np.add.at(weights, (np.arange(len(at)), cell), np.where(away <= 1, near, far))
    return weights


def evened(plane: Plane, light: Plane) -> Plane:
    """Divide a plane by the light on it, (H, W); what leaves [0, 1] is cut off."""
    return np.clip(plane * np.exp(-light), 0, 1)
