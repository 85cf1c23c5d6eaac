"""What time does to photos: dust, hairs, scratches, noise, fading, stains; and bad scans: dots, uneven light.

In:  lightness as it is coded, (H, W) float32, [0, 1], and a random generator
Out: the same damaged; for dust and scratches where, too

Training and the benchmark of restoration use the same functions; sizes are for a photo of 900 pixels on its longer
side, times `unit`.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SUBPIXELS = 4  # bits of a coordinate's fraction that OpenCV draws with
_COVERED = 0.25  # share of damage in a pixel from which the pixel counts as damaged
_SEEN = 0.03  # of the range from black to white: what damage changes less cannot be seen, and is none
_PER_PHOTO = {"speck": 42.0, "hair": 4.0, "scratch": 4.0}  # at density 1, on 900 by 600 pixels


class _Layer:
    """What lies on a photo: how much of each pixel it covers, and its own value."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.cover, self.value, self.rng = np.zeros(shape, np.float32), np.zeros(shape, np.float32), rng
        self.dark = 0.8 if rng.random() < 0.4 else 0.15  # share of what is dark: a print's damage, or a negative's

    def stamp(self, draw: Callable[[NDArray[np.uint8]], object], least: float) -> None:
        """Put on what `draw` draws, in white or in black, at least `least` opaque."""
        canvas = np.zeros(self.cover.shape, np.uint8)
        draw(canvas)
        rng = self.rng
        tone = rng.uniform(0, 0.14) if rng.random() < self.dark else rng.uniform(0.82, 1)
        cover = canvas.astype(np.float32) * np.float32(rng.uniform(least, 1) / 255)
        self.value[cover > self.cover] = tone
        np.maximum(self.cover, cover, out=self.cover)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.round(points * 2**_SUBPIXELS), np.int32)


def _speck(layer: _Layer, unit: float) -> None:
    rng, (height, width) = layer.rng, layer.cover.shape
    angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 9)))
    radius = rng.uniform(0.7, 3.8) * unit * rng.uniform(0.6, 1.3, len(angle))
    rim = rng.random(2) * (width, height) + radius[:, None] * np.stack((np.cos(angle), np.sin(angle)), 1)
    layer.stamp(lambda canvas: cv2.fillPoly(canvas, [_fixed(rim)], 255, cv2.LINE_AA, _SUBPIXELS), 0.6)


def _line(layer: _Layer, points: NDArray[np.float64], thickness: float, least: float) -> None:
    width = max(1, round(thickness))
    layer.stamp(
        lambda canvas: cv2.polylines(canvas, [_fixed(points)], False, 255, width, cv2.LINE_AA, _SUBPIXELS), least
    )


def _hair(layer: _Layer, unit: float) -> None:
    rng, (height, width) = layer.rng, layer.cover.shape
    angle = rng.uniform(0, 2 * np.pi) + rng.normal(0, 1.4) * np.linspace(0, 1, 24)
    step = rng.uniform(12, 80) * unit / len(angle)
    points = rng.random(2) * (width, height) + step * np.cumsum(np.stack((np.cos(angle), np.sin(angle)), 1), 0)
    _line(layer, points, rng.uniform(0.6, 1.8) * unit, 0.6)


def _scratch(layer: _Layer, unit: float) -> None:
    rng, (height, width) = layer.rng, layer.cover.shape
    angle = rng.choice((0, np.pi / 2, rng.uniform(0, np.pi))) + rng.normal(0, 0.05)
    along = np.array((np.cos(angle), np.sin(angle)))
    places = np.linspace(-0.5, 0.5, 40) * rng.uniform(0.15, 1.2) * 900 * unit
    wobble = np.cumsum(rng.normal(0, 0.25 * unit, len(places)))
    points = rng.random(2) * (width, height) + places[:, None] * along + wobble[:, None] * (-along[1], along[0])
    _line(layer, points, rng.uniform(0.6, 2.4) * unit, 0.5)


def scratched(
    plane: Plane, rng: np.random.Generator, unit: float | None = None, density: float = 1.0
) -> tuple[Plane, Mask]:
    """Put dust, hairs and scratches on a photo.

    Args:
        plane: (H, W), [0, 1].
        rng: decides all.
        unit: factor on their sizes; None is the longer side over 900 pixels.
        density: factor on how many there are for each area.

    Returns:
        The photo, (H, W), and where it is damaged.
    """
    height, width = plane.shape
    unit = max(height, width) / 900 if unit is None else unit
    share = density * height * width / (900 * 600 * unit**2)
    layer = _Layer((height, width), rng)
    for kind, draw in (("speck", _speck), ("hair", _hair), ("scratch", _scratch)):
        for _ in range(rng.poisson(_PER_PHOTO[kind] * share)):
            draw(layer, unit)
    damaged = np.asarray(plane * (1 - layer.cover) + layer.value * layer.cover, np.float32)
    return damaged, (layer.cover > _COVERED) & (np.abs(damaged - plane) > _SEEN)


def noisy(plane: Plane, sigma: float, rng: np.random.Generator) -> Plane:
    """Add white noise of standard deviation `sigma`; what leaves [0, 1] is cut off."""
    return np.clip(plane + rng.normal(0, sigma, plane.shape).astype(np.float32), 0, 1)


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
