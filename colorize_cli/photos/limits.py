"""Refuse what a header declares before anything is allocated for it.

In:  declared sizes
Out: nothing, or `TooManyPixels` with a reason that names the option to raise
"""

from __future__ import annotations

from colorize_cli.photos.photo import DecodeLimits
from colorize_cli.photos.raw import TooManyPixels


def check_size(width: int, height: int, bytes_per_pixel: int, limits: DecodeLimits, pages: int = 1) -> None:
    """Refuse a picture larger than the limits.

    Raises:
        TooManyPixels: it is.
    """
    if width * height > limits.max_pixels:
        raise TooManyPixels(
            f"{width:,} x {height:,} pixels are declared, more than --max-pixels {limits.max_pixels} allows"
        )
    need = width * height * bytes_per_pixel * pages
    if limits.max_memory is not None and need > limits.max_memory:
        raise TooManyPixels(
            f"{width:,} x {height:,} pixels need {need / 2**20:,.0f} MiB, more than --max-memory allows"
        )
