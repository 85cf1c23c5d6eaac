"""What happens to a photo on its way into training: crop, flip, the response of old film, hints.

In:  RGB, uint8, (H, W, 3), and a random generator that is a function of seed, epoch and index
Out: what the generator sees and what it should say, float32
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.lab import AB_MAX, lab_from_srgb
from colorize_cli.data.drawn import neutral_example

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How strongly to vary the photos.

    Attributes:
        fit: "random" crops a part of random size and shape, "square" the whole of the shorter side at a random place,
            "stretch" takes the whole photo and changes its shape.
        min_area: smallest random crop, as a share of the photo's area.
        flip: share that is mirrored.
        spectral_response: share of samples whose lightness is a random mix of R, G and B, as old emulsions saw it.
        tone_curve: share whose lightness goes through a random curve, as faded or hard prints do.
        degradation: share that is blurred and gets grain; a third of these also get scratches, a third JPEG's blocks.
        hints: share that comes with hints.
        max_hints: most hints a sample gets; the count is drawn log-uniformly.
        neutral: share that is replaced by a blank surface, a page of text, or the photo within neutral margins.
    """

    fit: Literal["random", "square", "stretch"] = "random"
    min_area: float = 0.25
    flip: float = 0.5
    spectral_response: float = 0.3
    tone_curve: float = 0.3
    degradation: float = 0.2
    hints: float = 0.25
    max_hints: int = 60
    neutral: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One training example.

    Attributes:
        lightness: what the generator sees, (1, S, S), [0, 100].
        ab: the truth, (2, S, S), Lab units.
        hints: ab and mask, (3, S, S); zero where nothing is known.
    """

    lightness: Floats
    ab: Floats
    hints: Floats


def _random_box(height: int, width: int, min_area: float, rng: np.random.Generator) -> tuple[int, int]:
    for _ in range(8):
        area = height * width * rng.uniform(min_area, 1.0)
        aspect = np.exp(rng.uniform(-0.29, 0.29))
        w, h = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return h, w
    return min(height, width), min(height, width)


def random_crop(rgb: NDArray[np.uint8], size: int, how: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Crop a part of a photo, resize it to (size, size, 3), and mirror it sometimes."""
    height, width = rgb.shape[:2]
    if how.fit == "random":
        h, w = _random_box(height, width, how.min_area, rng)
    else:
        h, w = (height, width) if how.fit == "stretch" else (min(height, width),) * 2
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    part = rgb[y : y + h, x : x + w]
    way = cv2.INTER_AREA if w >= size and h >= size else cv2.INTER_LINEAR
    part = np.asarray(cv2.resize(part, (size, size), interpolation=way), np.uint8)
    return part[:, ::-1] if rng.random() < how.flip else part


def centre_crop(rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The largest centred square, resized to (size, size, 3) by area averaging."""
    side = min(rgb.shape[:2])
    y, x = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    square = rgb[y : y + side, x : x + side]
    way = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=way), np.uint8)


def _scratched(lightness: NDArray[Any], rng: np.random.Generator) -> Floats:
    """Some thin lines, light or dark, as handling leaves them on prints and negatives."""
    canvas, (height, width) = np.ascontiguousarray(lightness, np.float32), lightness.shape
    for _ in range(int(rng.integers(1, 5))):
        start, end = ((int(rng.integers(width)), int(rng.integers(height))) for _ in range(2))
        cv2.line(canvas, start, end, float(rng.uniform(70, 100) if rng.random() < 0.6 else rng.uniform(0, 30)))
    return canvas


def _through_jpeg(lightness: NDArray[Any], quality: int) -> Floats:
    coded = cv2.imencode(
        ".jpg", np.clip(lightness * 2.55, 0, 255).astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, quality)
    )
    return np.asarray(cv2.imdecode(coded[1], cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(2.55)


def _aged_lightness(rgb: Floats, true: Floats, how: Augmentation, rng: np.random.Generator) -> Floats:
    lightness: NDArray[Any] = true
    if rng.random() < how.spectral_response:
        mix = rng.dirichlet((1.2, 2.0, 1.6)).astype(np.float32)  # seldom mostly red: old emulsions did not see it
        grey = np.ascontiguousarray(np.repeat((rgb @ mix)[..., None], 3, 2))
        lightness = lab_from_srgb(grey)[..., 0]
    if rng.random() < how.tone_curve:
        low, high = rng.uniform(-6, 12), rng.uniform(88, 106)
        lightness = low + (high - low) * (np.clip(lightness, 0, 100) / 100) ** np.exp(rng.uniform(-0.35, 0.35))
    if rng.random() < how.degradation:
        if rng.random() < 0.5:
            lightness = np.asarray(cv2.GaussianBlur(lightness.astype(np.float32), (0, 0), rng.uniform(0.3, 1.0)))
        lightness = lightness + rng.normal(0, rng.uniform(0.5, 5), lightness.shape)
        damage = rng.random()
        if damage < 1 / 3:
            lightness = _scratched(lightness, rng)
        elif damage < 2 / 3:
            lightness = _through_jpeg(lightness, int(rng.integers(15, 80)))
    return np.asarray(np.clip(lightness, 0, 100), np.float32)


def _hints(ab: Floats, how: Augmentation, rng: np.random.Generator) -> Floats:
    size = ab.shape[0]
    hints = np.zeros((3, size, size), np.float32)
    if rng.random() >= how.hints:
        return hints
    for _ in range(int(np.exp(rng.uniform(0, np.log(how.max_hints + 1))))):
        side = int(rng.integers(1, max(3, size // 16)))
        y, x = rng.integers(0, size - side + 1, 2)
        color = ab[y : y + side, x : x + side].mean((0, 1))
        hints[:2, y : y + side, x : x + side] = color[:, None, None]
        hints[2, y : y + side, x : x + side] = 1
    return hints


def make_sample(rgb: NDArray[np.uint8], size: int, how: Augmentation, rng: np.random.Generator) -> Sample:
    """Turn a photo into a training example of `size` pixels a side."""
    part = random_crop(rgb, size, how, rng).astype(np.float32) / np.float32(255)
    lab = lab_from_srgb(part)
    if how.neutral and rng.random() < how.neutral:
        lightness, ab = neutral_example(lab, rng)
    else:
        lightness, ab = _aged_lightness(part, lab[..., 0], how, rng), lab[..., 1:]
    ab = np.clip(ab, -AB_MAX, AB_MAX)
    return Sample(lightness[None], np.ascontiguousarray(ab.transpose(2, 0, 1)), _hints(ab, how, rng))
