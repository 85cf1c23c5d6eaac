"""Decode by Pillow, and bring what codecs give to 8 or 16 bits, grey or RGB.

In:  the bytes of a file; arrays
Out: `ByPillow`; pixels and alpha
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from colorize_cli.formats.decoded import DecodedPage, Unsupported
from colorize_cli.formats.photo import AnyPixels, PageMetadata
from colorize_cli.formats.pillow_open import open_image
from colorize_cli.metadata import exif
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

ANIMATED = Note("animated: only the first picture was taken", Loss.frames)


@dataclass(frozen=True)
class ByPillow:
    """A picture as Pillow has it.

    Attributes:
        pixels: (H, W) or (H, W, 3).
        alpha: (H, W), or None.
        info: what Pillow found around it.
        frames: how many the file has.
    """

    pixels: AnyPixels
    alpha: AnyPixels | None
    info: Mapping[Any, Any]
    frames: int = 1

    @property
    def exif(self) -> bytes | None:
        """The EXIF block from its TIFF header on."""
        block = self.block("exif")
        return block.removeprefix(b"Exif\0\0") if block else None

    def block(self, name: str) -> bytes | None:
        """A block of bytes; None where it is absent or empty."""
        value = self.info.get(name)
        return value if isinstance(value, bytes) and value else None

    def page(self, icc: bytes | None, orientation: int, block: bytes | None, **about: Any) -> DecodedPage:
        """The page; `about` is for its metadata."""
        dpi = self.info.get("dpi")
        resolution = exif.resolution(block)
        if isinstance(dpi, tuple) and len(dpi) == 2 and dpi[0] > 0 and dpi[1] > 0:
            resolution = Resolution(float(dpi[0]), float(dpi[1]), "inch")
        metadata = PageMetadata(resolution=resolution, **about)
        space = "grey" if self.pixels.ndim == 2 else "rgb"
        return DecodedPage(self.pixels, space, self.alpha, icc, orientation, metadata=metadata)  # type: ignore[arg-type]


def by_pillow(data: bytes, name: str) -> ByPillow:
    """Decode the first picture of a file; `name` is Pillow's for the format."""
    with open_image(data, name) as image:
        frames, info = getattr(image, "n_frames", 1), dict(image.info)
        image.load()
        return ByPillow(*split(image), info, frames)


def split(image: Image.Image) -> tuple[AnyPixels, AnyPixels | None]:
    """A loaded picture as grey or RGB, and alpha."""
    if image.mode.startswith("I"):
        array = np.asarray(image)
        return np.ascontiguousarray(np.clip(array, 0, 65535).astype(np.uint16)), None
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        transparent = "transparency" in image.info or image.mode in ("PA", "RGBa", "La")
        image = image.convert("RGBA" if transparent else "RGB")
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        color = array[..., 0] if array.shape[2] == 2 else array[..., :3]
        return np.ascontiguousarray(color), np.ascontiguousarray(array[..., -1])
    return np.ascontiguousarray(array), None


def stretched(array: AnyPixels, depth: int) -> AnyPixels:
    """9 to 16 bits, signed or not, to the full range of 16."""
    if array.dtype not in (np.uint16, np.int16) or depth > 16:
        raise Unsupported(f"unsupported: {depth}-bit samples")
    if array.dtype == np.int16:
        array = (array.astype(np.int32) + 2 ** (depth - 1)).astype(np.uint16)
    return np.asarray((array.astype(np.uint32) * 65535 // (2**depth - 1)).clip(0, 65535).astype(np.uint16))


def deep(array: AnyPixels, depth: int, shallow: AnyPixels | None) -> tuple[AnyPixels, AnyPixels | None]:
    """9 to 16 bits at 16, and alpha; a grey picture that the codec gave as RGB becomes grey again."""
    full = stretched(array, depth)
    alpha = None
    if full.ndim == 3 and full.shape[2] in (2, 4):
        alpha, full = np.ascontiguousarray(full[..., -1]), full[..., :-1]
    if full.ndim == 3 and (full.shape[2] == 1 or shallow is not None and shallow.ndim == 2):
        full = full[..., 0]
    return np.ascontiguousarray(full), alpha
