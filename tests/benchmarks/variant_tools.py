"""What the variants of a photo are made with: Lab, noise, a JPEG's trace, black-and-white prints and scanners.

Pictures are (H, W, 3), sRGB, uint8 or [0, 255] in float64; planes (H, W), [0, 255]; Lab in its own units.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Rng = np.random.Generator


def lab_of(pixels: Bytes) -> Floats:
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float64)


def bytes_of(lab: Floats) -> Bytes:
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), np.uint8)


def smooth_noise(rng: Rng, size: tuple[int, ...], cells: int) -> Floats:
    """A smooth random field over a picture, [0, 1], with about `cells` hills across."""
    field = rng.normal(0, 1, (cells + 2, cells + 2))
    field = cv2.resize(field, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.min()) / max(float(np.ptp(field)), 1e-6), np.float64)


def jpeg(pixels: Bytes, quality: int, full_chroma: bool = False) -> Bytes:
    factor = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    how = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    _, file = cv2.imencode(".jpg", pixels[..., ::-1], how)
    return np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1])


def filed(pixels: Bytes, rng: Rng, worst: int = 40) -> tuple[Bytes, str]:
    """As the photo comes out of the file that somebody saved it in."""
    draw = rng.random()
    if draw < 0.2:
        return pixels, ""
    quality = int(rng.integers(worst, 97))
    return jpeg(pixels, quality, draw > 0.85), f" q{quality}"


def grey_of(photo: Bytes, rng: Rng) -> Floats:
    """A black-and-white print: one of several films, contrasts, grains; (H, W), [0, 255]."""
    weights = np.array([(0.3, 0.59, 0.11), (0.1, 0.5, 0.4), (0.05, 0.25, 0.7), (0.4, 0.5, 0.1)][rng.integers(4)])
    grey = photo.astype(np.float64) @ weights / 255
    grey = grey ** rng.uniform(0.7, 1.4)
    black, white = rng.uniform(0, 0.15), rng.uniform(0.85, 1)
    grey = black + (white - black) * grey + rng.normal(0, rng.choice([0, 0.01, 0.03]), grey.shape)
    return np.asarray(np.clip(grey, 0, 1) * 255, np.float64)


def scanned(rgb: Floats, rng: Rng, hard: bool = True) -> tuple[Bytes, str]:
    """What a color scanner adds: a slight cast, noise of each channel, channels that do not lie on one another."""
    how, rgb = "", np.array(rgb, np.float64)
    if rng.random() < 0.5:
        rgb = rgb * rng.uniform(0.965, 1.035, 3) + rng.uniform(-3, 3, 3)
        how += " cast"
    if rng.random() < 0.4:
        sigma = rng.uniform(2, 10 if hard else 5)
        rgb += rng.normal(0, sigma, rgb.shape)
        how += f" noise{sigma:.0f}"
    if rng.random() < (0.4 if hard else 0.2):
        most = 1.8 if hard else 1.0
        for channel in (0, 2):
            shift = np.array([[1, 0, rng.uniform(-most, most)], [0, 1, rng.uniform(-most, most)]])
            size = (rgb.shape[1], rgb.shape[0])
            rgb[..., channel] = cv2.warpAffine(rgb[..., channel], shift, size, borderMode=cv2.BORDER_REPLICATE)
        how += " fringes"
    return np.asarray(np.rint(np.clip(rgb, 0, 255)), np.uint8), how


def whole(rgb: Floats) -> Bytes:
    return np.asarray(np.rint(np.clip(rgb, 0, 255)), np.uint8)
