"""What is looked up instead of computed: the transfer curves of a space.

In:  an RgbSpace, and the largest level (255 or 65535)
Out: numpy tables, made once and kept

Encoding is tabled over the square root of linear light, where every usual curve is nearly straight.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.lab import Floats, lightness_from_y
from colorize_cli.color.spaces import RgbSpace

ROOTS = 65535  # tables over sqrt(linear) have ROOTS + 1 entries


@lru_cache(maxsize=16)
def linear_tables(space: RgbSpace, maximum: int) -> Floats:
    """Linear light of every level of every channel, (3, maximum + 1)."""
    levels = np.arange(maximum + 1) / maximum
    return np.stack([curve.decode(levels) for curve in space.curves]).astype(np.float32)


@lru_cache(maxsize=16)
def grey_lightness(space: RgbSpace, maximum: int) -> Floats:
    """L* of every grey level (R = G = B), (maximum + 1,)."""
    levels = np.arange(maximum + 1) / maximum
    linear = np.stack([curve.decode(levels) for curve in space.curves])
    return lightness_from_y(np.array(space.xyz_from_rgb[1]) @ linear).astype(np.float32)


@lru_cache(maxsize=1)
def root_lightness() -> Floats:
    """L* over sqrt(Y), (ROOTS + 1,)."""
    return lightness_from_y((np.arange(ROOTS + 1) / ROOTS) ** 2).astype(np.float32)


@lru_cache(maxsize=16)
def encoding_tables(space: RgbSpace, maximum: int) -> tuple[NDArray[Any], ...]:
    """Level over sqrt(linear), for red, green and blue: rounded, (ROOTS + 1,) uint8, for 8 bits; float32 for more."""
    linear = (np.arange(ROOTS + 1) / ROOTS) ** 2
    levels = [curve.encode(linear) * maximum for curve in space.curves]
    if maximum == 255:
        return tuple(np.rint(level).astype(np.uint8) for level in levels)
    return tuple(np.append(level, maximum).astype(np.float32) for level in levels)
