"""Training examples of damage: a grey photo with dust and scratches on it, and where they are.

In:  RGB, uint8, (H, W, 3), and a random generator that is a function of seed, epoch and index
Out: `Sample`, whose `ab` is the mask of the damage, [0, 1], and the lightness without it
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.data.degradations import Plane, hidden, noisy, scratched
from colorize_cli.data.transforms import Augmentation, Sample, random_crop

_WHOLE = 0.15  # share of the samples that nothing happened to
_DENSITIES = (0.6, 2.0)  # of damage; a photo has 1
_UNITS = (0.4, 1.7)  # sizes of the damage; see `degradations`


def damaged_sample(rgb: NDArray[np.uint8], size: int, how: Augmentation, rng: np.random.Generator) -> Sample:
    """Turn a photo into a training example of `size` pixels a side."""
    part = random_crop(rgb, size, how, rng).astype(np.float32) / np.float32(255)
    clean = np.asarray(part @ rng.dirichlet((1.2, 2.0, 1.6)).astype(np.float32), np.float32)
    clean = clean.T if rng.random() < 0.5 else clean
    black, white = rng.uniform(0, 0.15), rng.uniform(0.8, 1)
    clean = np.ascontiguousarray(black + (white - black) * clean, np.float32)
    damaged, mask = clean, np.zeros(clean.shape, bool)
    if rng.random() >= _WHOLE:
        damaged, mask = scratched(
            clean, rng, float(np.exp(rng.uniform(*np.log(_UNITS)))), rng.uniform(*_DENSITIES), around=size
        )
        mask &= ~hidden(clean, damaged)
    aged = worn(damaged, rng) if rng.random() < how.degradation else damaged
    truth = np.stack((mask.astype(np.float32), clean))
    return Sample(aged[None] * np.float32(100), truth, np.zeros((3, size, size), np.float32))


def worn(plane: Plane, rng: np.random.Generator) -> Plane:
    """Grain, a soft lens, JPEG: what is there beside the damage, and what is none."""
    if rng.random() < 0.4:
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), rng.uniform(0.3, 0.9)), np.float32)
    if rng.random() < 0.6:
        plane = noisy(plane, rng.uniform(0, 0.05), rng)
    if rng.random() < 0.5:
        coded = np.clip(plane * 255, 0, 255).round().astype(np.uint8)
        data = cv2.imencode(".jpg", coded, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 96))))[1]
        plane = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)
    return np.clip(plane, 0, 1)
