"""What encoders share: the blocks around the pixels, alpha beside them, 16 bits as 8.

In:  a photo and its colored pages
Out: blocks as files hold them; arrays of 3 or 4 channels
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from colorize_cli.color.icc import srgb_profile
from colorize_cli.formats.carry import carried_exif
from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Page, Photo, PhotoFormat
from colorize_cli.metadata.provenance import Provenance, merge
from colorize_cli.notes import Loss, Note


@dataclass(frozen=True)
class Around:
    """What stands around the pixels of a page."""

    xmp: bytes
    exif: bytes | None
    icc: bytes | None

    @classmethod
    def of(cls, photo: Photo, page: Page, note: Provenance) -> Around:
        """The photo's blocks, with our note in the XMP packet."""
        return cls(merge(photo.metadata.xmp, note), carried_exif(photo, note), profile_of(page))


def profile_of(page: Page) -> bytes | None:
    """The profile that a page's file carries; None where it needs none."""
    return page.icc or (srgb_profile() if page.metadata.tag_srgb else None)


def eight_bits(pixels: AnyPixels) -> AnyPixels:
    """16 bits rounded to 8; 8 bits as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    out = np.empty(pixels.shape, np.uint8)
    for row in range(0, len(pixels), 256):
        out[row : row + 256] = (pixels[row : row + 256].astype(np.uint32) + 128) // 257
    return out


def shallow(rgb: AnyPixels, format: PhotoFormat, notes: list[str]) -> AnyPixels:
    """Pixels for a format of 8 bits; it is said where they had more."""
    if rgb.dtype != np.uint8:
        notes.append(Note(f"16 bits became 8, since {format.upper()} holds no more", Loss.depth))
    return eight_bits(rgb)


def with_alpha(page: Page, rgb: AnyPixels) -> AnyPixels:
    """RGB, or RGBA where the page has alpha, of the depth of `rgb`."""
    if page.alpha is None:
        return rgb
    return np.dstack((rgb, page.alpha if page.alpha.dtype == rgb.dtype else eight_bits(page.alpha)))


def rgb_of(colored: Sequence[AnyPixels | LumaPlanes], number: int = 0) -> AnyPixels:
    """A page's pixels, of a format that does not take luma and chroma."""
    pixels = colored[number]
    if isinstance(pixels, LumaPlanes):
        raise TypeError("luma and chroma are for JPEG")
    return pixels
