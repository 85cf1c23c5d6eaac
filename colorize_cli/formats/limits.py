"""Refuse what a header declares before anything is allocated for it.

In:  declared sizes
Out: nothing, or `TooManyPixels` with a reason that names the option to raise
"""

from __future__ import annotations

from colorize_cli.files.machine import half_of_memory
from colorize_cli.formats.decoded import TooManyPixels
from colorize_cli.formats.photo import DecodeLimits


def check_size(width: int, height: int, bytes_per_pixel: int, limits: DecodeLimits, pages: int = 1) -> None:
    """Refuse a picture larger than the limits.

    Raises:
        TooManyPixels: it is.
    """
    if width * height > limits.max_pixels:
        raise TooManyPixels(
            f"{width:,} x {height:,} pixels are declared, more than --max-pixels {amount(limits.max_pixels)} allows. "
            f"--max-pixels {amount(width * height)} takes them."
        )
    if bytes_per_pixel:
        check_need(width, height, width * height * bytes_per_pixel * pages, limits)


def check_need(width: int, height: int, need: int, limits: DecodeLimits) -> None:
    """Refuse a picture that takes more bytes of memory than the limits allow.

    Raises:
        TooManyPixels: it does.
    """
    most = half_of_memory() if limits.max_memory is None else limits.max_memory
    if need > most:
        raise TooManyPixels(
            f"{width:,} x {height:,} pixels need about {amount(need, 1024)} of memory, more than "
            f"--max-memory {amount(most, 1024)} allows. --max-memory {amount(need, 1024)} takes them."
        )


def amount(value: int, kilo: int = 1000) -> str:
    """A number as an option takes it, such as 1.2G: rounded up, so that the option allows the number itself."""
    for power, letter in ((3, "G"), (2, "M"), (1, "K")):
        if value >= kilo**power:
            tenths = -(-value * 10 // kilo**power)
            whole, rest = (-(-tenths // 10), 0) if tenths >= 1000 else divmod(tenths, 10)
            return f"{whole}.{rest}{letter}" if rest else f"{whole}{letter}"
    return str(value)
