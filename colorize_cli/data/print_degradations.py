"""What else time does to prints, fading and stains, and what bad scans do, dots and uneven light.

In:  lightness as it is coded, (H, W) float32, [0, 1], and a random generator
Out: the same, worse
"""

from __future__ import annotations

import cv2
import numpy as np

from colorize_cli.data.degradations import Plane


def faded(plane: Plane, rng: np.random.Generator) -> Plane:
    """Take a photo's black and white away: what is left of the range is 0.35 to 0.6 of it."""
    black = rng.uniform(0.15, 0.35)
    return np.asarray(black + rng.uniform(0.35, 0.6) * plane, np.float32)


def halftoned(plane: Plane, rng: np.random.Generator) -> Plane:
    """Print a photo through a screen of dots, and scan it: dots 4 to 8 pixels apart, at any angle, a little soft."""
    period, angle = rng.uniform(4, 8), rng.uniform(0.15, np.pi / 2 - 0.15)
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]].astype(np.float32)
    along = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period)
    across = (y * np.cos(angle) - x * np.sin(angle)) * (2 * np.pi / period)
    screen = (np.cos(along) + np.cos(across)) / 4
    dots = np.clip(0.5 + 2.5 * (plane - 0.5 + screen), 0, 1)
    return np.asarray(cv2.GaussianBlur(dots.astype(np.float32), (0, 0), period / rng.uniform(4, 6)), np.float32)


def unevenly_lit(plane: Plane, rng: np.random.Generator) -> Plane:
    """Photograph a print under a lamp: light falls off from a place in or beside it, by 1.4 to 3 times in all."""
    height, width = plane.shape
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    away = np.hypot(y - rng.uniform(-0.2, 1.2) * y.max(), x - rng.uniform(-0.2, 1.2) * x.max())
    away = (away - away.min()) / max(float(away.max() - away.min()), 1e-6)
    fall = rng.uniform(0.3, 1.0) * away ** rng.uniform(1, 2)
    waves = rng.normal(0, 0.06) * np.cos(np.pi * x / x.max()) + rng.normal(0, 0.06) * np.cos(np.pi * y / y.max())
    light = np.exp(-(fall + waves))
    return np.asarray(plane * (light / light.max()), np.float32)


def stained(plane: Plane, rng: np.random.Generator) -> Plane:
    """Spill on a photo: one to three blots, a sixth to a half of its shorter side wide, darker at their rims."""
    height, width = plane.shape
    y, x = np.mgrid[:height, :width].astype(np.float32) / min(height, width)
    light = np.ones_like(plane)
    for _ in range(rng.integers(1, 4)):
        down, right = y - rng.uniform(0, y.max()), x - rng.uniform(0, x.max())
        angle, radius = np.arctan2(down, right), rng.uniform(0.08, 0.25)
        for times in (2, 3, 5):
            radius = radius * (1 + rng.uniform(0, 0.2 / times) * np.sin(times * angle + rng.uniform(0, 2 * np.pi)))
        inside = (radius - np.hypot(down, right)) / rng.uniform(0.01, 0.04)  # in widths of its soft rim
        body = 1 / (1 + np.exp(-np.clip(inside, -30, 30)))
        rim = np.exp(-np.square(inside / 1.5)) * rng.uniform(0, 0.12)
        light *= np.exp(-(rng.uniform(0.12, 0.45) * body + rim))
    return np.asarray(plane * light, np.float32)
