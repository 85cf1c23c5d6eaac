"""Small pictures as archives scan them, and a way to color them as the program would."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.formats.compare_pages import compared
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, read_provenance, write_photo
from colorize_cli.formats.photo import Photo

Array = NDArray[np.generic]


def picture(height: int, width: int, dtype: type = np.uint8) -> NDArray[np.generic]:
    y, x = np.mgrid[0:height, 0:width]
    grey = 0.5 + 0.22 * np.sin(x / 19) + 0.22 * np.cos(y / 13)
    return np.rint(grey * np.iinfo(dtype).max).astype(dtype)


def tinted(pixels: Array) -> Array:
    """A colored page: red is the grey, the others less."""
    return pixels if pixels.ndim == 3 else np.dstack((pixels, pixels - pixels // 4, pixels // 2))


def colorize(path: Path, note: Provenance, strip: str = "none") -> tuple[Photo, Path]:
    """Read a file and write it with its grey pages colored, the others as they are."""
    photo = decode(path)
    out = path.with_name(f"out-{path.name}")
    pages = [tinted(page.pixels) if page.pixels.ndim == 2 else page.pixels for page in photo.pages]
    write_photo(photo, pages, out, EncodeSettings(strip=strip), note)  # type: ignore[arg-type]
    if strip == "none":
        assert compared(photo, decode(out), EncodeSettings()).faults == ()
    assert read_provenance(out) == note
    return photo, out


def area(pixels: Array, width: int, height: int) -> Array:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
