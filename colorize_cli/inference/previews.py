"""See a page whole but small: strips are halved again and again, as `reduce` does with a page in memory.

In:  a `BlockReader`
Out: a `Preview` of each page, in memory that does not grow with the page

A JPEG's first halvings are done by its decoder, which is true to a level or so.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import halved
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.formats.ahead import ahead
from colorize_cli.formats.blocks import Block, BlockReader, strips
from colorize_cli.formats.photo import Page
from colorize_cli.inference.geometry import View
from colorize_cli.inference.page_spaces import space_of

_PREVIEW_BYTES = 32 << 20  # of a page's reduced copy; it is halved until it has no more
_STRIP_BYTES = 8 << 20
_STEP = 2  # pixels of a side that become one
_DECODERS_HALVINGS = 3  # of a JPEG, at most


@dataclass(frozen=True)
class Preview:
    """A page, or a smaller copy of it, from which the network and the guidance see it.

    Attributes:
        pixels: (h, w) or (h, w, 3), the page or a reduced copy of it, in the page's space and depth.
        size: (H, W) of the page itself.
        space: what the pixels mean.
    """

    pixels: NDArray[Any]
    size: tuple[int, int]
    space: RgbSpace

    @classmethod
    def of(cls, page: Page, space: RgbSpace) -> Preview:
        """A page that is in memory as a whole."""
        return cls(page.pixels, (page.pixels.shape[0], page.pixels.shape[1]), space)


def preview_of(
    reader: BlockReader, number: int, view: View, on_rows: Callable[[int], None], workers: int
) -> tuple[Preview, bool]:
    """Read a page into a smaller copy.

    Args:
        reader: the file.
        number: of the page.
        view: the size at which it is wanted at least; the copy is larger, and `reduce` goes on from it.
        on_rows: told how many more rows were seen.
        workers: threads.

    Returns:
        The preview, and whether alpha hides anything.
    """
    page = reader.photo.pages[number]
    height, width = page.pixels.shape[:2]
    pixel = page.pixels[:1, :1].size * page.pixels.itemsize
    halvings = _halvings(height, width, pixel, view, min(_PREVIEW_BYTES, reader.block_bytes or _PREVIEW_BYTES))
    early = min(halvings, _DECODERS_HALVINGS) if reader.reduced is not None else 0
    factor, halvings = _STEP**early, halvings - early
    unit = _STEP**halvings
    rows = reader.rows_of(number, _STRIP_BYTES * factor, unit)

    def work(block: Block) -> tuple[NDArray[Any], bool, int]:
        small = halved(block.rows.pixels, halvings) if halvings else block.rows.pixels.copy()
        return small, block.rows.hides, factor * len(block.rows.pixels)

    parts, hides = list[NDArray[Any]](), False
    with (
        ThreadPoolExecutor(workers, "preview") as pool,
        closing(ahead(pool, work, strips(reader.blocks(number, factor), rows), workers + 1)) as done,
    ):
        for part, hides_some, count in done:
            parts.append(part)
            hides = hides or hides_some
            on_rows(count)
    on_rows(height % factor)
    whole = parts[0] if len(parts) == 1 else np.concatenate([part for part in parts if part.size])
    return Preview(whole, (height, width), space_of(page)), hides


def _halvings(height: int, width: int, pixel: int, view: View, most: int) -> int:
    """How often `reduce` would halve a page on its way to the view, but no further than `most` bytes."""
    count = 0
    while height * width * pixel > most and height >= 4 * view.height and width >= 4 * view.width:
        height, width, count = height // _STEP, width // _STEP, count + 1
    return count
