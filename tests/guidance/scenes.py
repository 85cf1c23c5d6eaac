"""Small pictures whose colors are known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def lab_of(rgb: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Lightness (h, w) and ab (2, h, w) of an sRGB picture."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.ascontiguousarray(lab[..., 0]), np.ascontiguousarray(lab[..., 1:].transpose(2, 0, 1))


def flag(h: int, w: int) -> NDArray[np.uint8]:
    """Five flat regions, one a disc, two of one color that do not touch; colors and lightness differ much."""
    rgb = np.empty((h, w, 3), np.uint8)
    rgb[:] = (40, 60, 200)
    rgb[: h // 2, w // 3 :] = (240, 220, 60)
    rgb[h // 2 :, : w // 2] = (30, 140, 50)
    cv2.circle(rgb, (2 * w // 3, 2 * h // 3), min(h, w) // 5, (250, 120, 110), -1)
    return rgb


def texture(h: int, w: int, seed: int) -> Floats:
    """A lightness full of blobs and edges, [15, 90]."""
    rng = np.random.default_rng(seed)
    plane = np.full((h, w), 50, np.float32)
    for _ in range(h * w // 150):
        x, y, r = int(rng.integers(w)), int(rng.integers(h)), int(rng.integers(2, 9))
        tone = float(rng.uniform(15, 90))
        if rng.random() < 0.5:
            cv2.circle(plane, (x, y), r, tone, -1)
        else:
            cv2.rectangle(plane, (x, y), (x + r, y + 2 * r), tone, -1)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.8), np.float32)
