"""How much memory the pages of a TIFF take, from their tags alone.

In:  directories
Out: bytes; upper estimates, measured on each kind of page
"""

from __future__ import annotations

from collections.abc import Sequence

from colorize_cli.metadata.ifd import Ifd

_PALETTE, _CMYK = 3, 5
_ENTRY = 100  # bytes that the places of a strip take as Python's numbers
_FEW = 1000


def cost(pages: Sequence[Ifd]) -> int:
    """Bytes that decoding all pages takes at its peak, beside the file: what is kept of each, and one at work."""
    return sum(_kept(ifd) for ifd in pages) + max((_peak(ifd) for ifd in pages), default=0)


def segment(ifd: Ifd) -> tuple[int, int]:
    """Columns and rows of a page's strips or tiles, as declared; of a strip no more rows than the page has."""
    width, height = ifd.integer(256), ifd.integer(257)
    if ifd.find(324) is not None or ifd.find(322) is not None:
        return ifd.integer(322, width), ifd.integer(323, height)
    return width, min(ifd.integer(278, height) or height, height)


def _sample(ifd: Ifd) -> int:
    bits = max((int(b) for b in ifd.numbers(258)), default=1)
    return 1 if bits <= 8 else 2 if bits <= 16 else 4 if bits <= 32 else -(-bits // 8)


def _kept(ifd: Ifd) -> int:
    samples = max(ifd.integer(277, 1), 1)
    if ifd.integer(262, 1) == _PALETTE:
        samples = 3
    return ifd.integer(256) * ifd.integer(257) * samples * min(_sample(ifd), 2)


def _peak(ifd: Ifd) -> int:
    samples, sample, kind = max(ifd.integer(277, 1), 1), _sample(ifd), ifd.integer(262, 1)
    each = samples * sample + 1
    if ifd.integer(258, 1) < 8:
        each += 5
    if kind == _PALETTE:
        each += 3 * sample
    elif kind == _CMYK:
        each += 5 * samples * sample
    elif sample > 2:
        each += 2 * samples * sample
    columns, rows = segment(ifd)
    places = sum(tag.count for tag in ifd.tags if tag.code in (273, 279, 324, 325) and tag.count > _FEW)
    copies = 1 if ifd.integer(259, 1) == 1 else 2
    return ifd.integer(256) * ifd.integer(257) * each + copies * columns * rows * samples * sample + _ENTRY * places
