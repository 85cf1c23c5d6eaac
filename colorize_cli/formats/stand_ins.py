"""Pages without their pixels: of a single pixel, or of any size in the memory of one.

In:  pages
Out: pages
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from colorize_cli.formats.photo import AnyPixels, Page


def spread(page: Page, height: int, width: int) -> Page:
    """A page of a single pixel as a page of any size, in the memory of that pixel."""
    extra = page.metadata.extra
    return replace(
        page,
        pixels=_stand_in(page.pixels, height, width),
        alpha=None if page.alpha is None else _stand_in(page.alpha, height, width),
        metadata=replace(page.metadata, extra=None if extra is None else _stand_in(extra, height, width)),
    )


def _stand_in(pixel: AnyPixels, height: int, width: int) -> AnyPixels:
    return np.broadcast_to(pixel[:1, :1], (height, width, *pixel.shape[2:]))


def first_pixel(page: Page) -> Page:
    """A page of one pixel, for what depends on the kind of its samples alone."""
    extra = page.metadata.extra
    return replace(
        page,
        pixels=page.pixels[:1, :1].copy(),
        alpha=None if page.alpha is None else page.alpha[:1, :1].copy(),
        metadata=replace(page.metadata, extra=None if extra is None else extra[:1, :1].copy()),
    )


def hidden(page: Page, hides: bool) -> Page:
    """A page that is read in strips, whose alpha says whether it hides anything, now that it was looked at."""
    if page.alpha is None:
        return page
    pixel = np.full((1, 1), 0 if hides else np.iinfo(page.alpha.dtype).max, page.alpha.dtype)
    return replace(page, alpha=_stand_in(pixel, *page.alpha.shape))
