"""What time does to photos: dust, hairs, scratches and noise.

In:  lightness as it is coded, (H, W) float32, [0, 1], and a random generator
Out: the same damaged; for dust and scratches where, too

Sizes are for a photo of 900 pixels on its longer side, times `unit`.
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
_AROUND = 9  # pixels a side in which the ground varies: see `hidden`
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
        x, y, width, height = cv2.boundingRect(canvas)
        box = slice(y, y + height), slice(x, x + width)
        cover, before = canvas[box].astype(np.float32) * np.float32(rng.uniform(least, 1) / 255), self.cover[box]
        self.value[box][cover > before] = tone
        np.maximum(before, cover, out=before)


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
    plane: Plane, rng: np.random.Generator, unit: float | None = None, density: float = 1.0, around: int = 0
) -> tuple[Plane, Mask]:
    """Put dust, hairs and scratches on a photo.

    Args:
        plane: (H, W), [0, 1].
        rng: decides all.
        unit: factor on their sizes; None is the longer side over 900 pixels.
        density: factor on how many there are for each area.
        around: pixels around it on which damage lies, too: a scratch comes in from there.

    Returns:
        The photo, (H, W), and where it is damaged.
    """
    unit = max(plane.shape) / 900 if unit is None else unit
    height, width = (side + 2 * around for side in plane.shape)
    share = density * height * width / (900 * 600 * unit**2)
    layer = _Layer((height, width), rng)
    for kind, draw in (("speck", _speck), ("hair", _hair), ("scratch", _scratch)):
        for _ in range(rng.poisson(_PER_PHOTO[kind] * share)):
            draw(layer, unit)
    inside = slice(around, height - around), slice(around, width - around)
    cover, value = layer.cover[inside], layer.value[inside]
    damaged = np.asarray(plane * (1 - cover) + value * cover, np.float32)
    return damaged, (cover > _COVERED) & (np.abs(damaged - plane) > _SEEN)


def hidden(plane: Plane, damaged: Plane) -> Mask:
    """Where damage changes a photo less than the photo itself varies around: it is lost in twigs, grass and gravel.

    Nobody can find it there, and a network that is to learn so guesses: it counts neither as damage nor as undamaged.

    Args:
        plane: (H, W), [0, 1], before.
        damaged: (H, W), after.
    """
    mean, square = (cv2.blur(one, (_AROUND, _AROUND)) for one in (plane, plane * plane))
    return np.asarray(np.abs(damaged - plane) <= np.sqrt(np.maximum(square - mean * mean, 0)))


def noisy(plane: Plane, sigma: float, rng: np.random.Generator) -> Plane:
    """Add white noise of standard deviation `sigma`; what leaves [0, 1] is cut off."""
    return np.clip(plane + rng.normal(0, sigma, plane.shape).astype(np.float32), 0, 1)
