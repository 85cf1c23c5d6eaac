"""What the numbers of a photo's pages mean, whatever profile they came with.

In:  a decoded photo
Out: the photo in spaces that can be modelled, and each page's space
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from colorize_cli.color.icc import rgb_space
from colorize_cli.color.icc_convert import rgb_to_srgb
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.formats.photo import Page, Photo
from colorize_cli.notes import Loss, Note

_ROWS = 64  # at a time, which bounds the memory


def in_known_spaces(photo: Photo) -> Photo:
    """Bring pages whose profile is no matrix and curves to sRGB, and say so; take alpha out of colors that hold it."""
    pages, notes = [], list(photo.notes)
    for page in map(_straight, photo.pages):
        if page.icc and rgb_space(page.icc) is None:
            srgb = (
                rgb_to_srgb(page.pixels, page.icc)
                if page.pixels.shape[2:] == (3,) and page.pixels.dtype == np.uint8
                else None
            )
            said = "its color profile is a table: " + ("read as sRGB" if srgb is None else "brought to sRGB")
            notes.append(Note(said, Loss.profile))
            kept = page.pixels if srgb is None else srgb
            page = replace(page, pixels=kept, icc=None, metadata=replace(page.metadata, tag_srgb=True))
        pages.append(page)
    return replace(photo, pages=tuple(pages), notes=tuple(dict.fromkeys(notes)))


def _straight(page: Page) -> Page:
    """A page whose colors were not multiplied by alpha: other formats know none else, and no network saw such."""
    if not page.metadata.premultiplied or page.alpha is None:
        return page
    pixels, most = np.empty_like(page.pixels), np.iinfo(page.pixels.dtype).max
    for top in range(0, len(pixels), _ROWS):
        given, alpha = page.pixels[top : top + _ROWS], page.alpha[top : top + _ROWS].astype(np.uint32)
        alpha = alpha if given.ndim == 2 else alpha[..., None]
        shown = np.maximum(alpha, 1)
        straight = np.minimum((given.astype(np.uint32) * most + shown // 2) // shown, most)
        pixels[top : top + _ROWS] = np.where(alpha > 0, straight, given)
    return replace(page, pixels=pixels, metadata=replace(page.metadata, premultiplied=False))


def space_of(page: Page) -> RgbSpace:
    """The space a page's pixels are in."""
    return (rgb_space(page.icc) if page.icc else None) or SRGB
