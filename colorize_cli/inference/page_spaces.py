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


def in_known_spaces(photo: Photo) -> Photo:
    """Bring pages whose profile is no matrix and curves to sRGB, and say so."""
    pages, notes = [], list(photo.notes)
    for page in photo.pages:
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


def space_of(page: Page) -> RgbSpace:
    """The space a page's pixels are in."""
    return (rgb_space(page.icc) if page.icc else None) or SRGB
