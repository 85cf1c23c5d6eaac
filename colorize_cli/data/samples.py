"""The built-in data set `samples`: a few color photos that scikit-image installs with itself.

In:  nothing; no file is downloaded
Out: names with sRGB, uint8, (H, W, 3)
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.data.srgb_photo import decode_rgb
from colorize_cli.errors import DataError, EncodeError, PhotoError

# Public domain (NASA, SpaceX) or CC0 (Stéfan van der Walt, Rachel Michetti), as scikit-image's documentation says.
_FILES = {"astronaut": "astronaut.png", "cat": "chelsea.png", "coffee": "coffee.png", "rocket": "rocket.jpg"}


def sample_photos() -> list[tuple[str, NDArray[np.uint8]]]:
    """The sample photos, by name.

    Returns:
        Of each its name and its pixels, sRGB, uint8, (H, W, 3).

    Raises:
        DataError: scikit-image came without them.
    """
    photos = []
    for name, file in _FILES.items():
        try:
            with as_file(files("skimage.data") / file) as path:
                photos.append((name, decode_rgb(path.read_bytes(), path)))
        except (OSError, ModuleNotFoundError, PhotoError) as error:
            raise DataError(
                f"scikit-image's sample photo {file} is missing", hint="Install it whole: pip install scikit-image"
            ) from error
    return photos


def write_grey_samples(folder: Path) -> list[Path]:
    """Write the sample photos without their color, as grey PNG files; returns their paths.

    Raises:
        DataError: scikit-image came without them.
        EncodeError: the folder cannot be written to.
    """
    paths = []
    levels = lightness_of(np.arange(256, dtype=np.uint8)[None], SRGB)[0]  # L* of each grey value
    for name, rgb in sample_photos():
        path = folder / f"{name}.png"
        grey = np.interp(lightness_of(rgb, SRGB), levels, np.arange(256)).round().astype(np.uint8)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
        except OSError as error:
            raise EncodeError(f"cannot write {path}: {error.strerror}", path=path) from error
        paths.append(path)
    return paths
