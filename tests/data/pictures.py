"""Small data sets made by the tests."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def colorful(seed: int, height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    """A smooth picture with plenty of color, another for every seed."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float32)
    corners[0, 0] = (220, 40, 40)
    y, x = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    top, bottom = corners[0, 0] * (1 - x) + corners[0, 1] * x, corners[1, 0] * (1 - x) + corners[1, 1] * x
    return np.asarray(top * (1 - y) + bottom * y, np.uint8)


def grey(seed: int) -> NDArray[np.uint8]:
    """A picture without color."""
    return np.repeat(np.random.default_rng(seed).integers(0, 256, (24, 32, 1), np.uint8), 3, 2)


def encoded(rgb: NDArray[np.uint8], kind: str = "PNG", mode: str = "RGB") -> bytes:
    """The picture as a file's bytes."""
    file = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(file, kind)
    return file.getvalue()


def write_folder(folder: Path, count: int, label: str = "a", source: str = "s") -> Path:
    """A folder `source/label/NNN.png` of colorful pictures."""
    place = folder / source / label
    place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (place / f"{number:03}.png").write_bytes(encoded(colorful(number)))
    return folder
