"""Give a page colors that follow its edges, and bring a network's colors to what somebody knows.

In:  pixels; ab, (2, h, w), Lab units, with the lightness that it belongs to
Out: colored pixels, in memory that does not grow beyond the result
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.edges import follow_edges
from colorize_cli.color.keep import Kept
from colorize_cli.color.luma_rows import MARGIN, LumaRows
from colorize_cli.color.merge import merge, merge_strip
from colorize_cli.color.pixels import grey_plane, lightness_of
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.upsample import Enlarger
from colorize_cli.formats.blocks import Block
from colorize_cli.formats.photo import LumaPlanes
from colorize_cli.guidance.hints import HintMap
from colorize_cli.guidance.propagation import propagate
from colorize_cli.guidance.scribbles import AlongEdges
from colorize_cli.inference.geometry import View, reduced_lightness

if TYPE_CHECKING:
    import torch

    from colorize_cli.color.gpu_merge import DeviceMerger

Plane = NDArray[np.float32]

_BLUR = 8  # pixels of a photo that a place of the guide may cover; beyond, color visibly runs over outlines
_FINEST = 2048  # most pixels of a guide's shorter side: half a second of work
_STRIP_PIXELS = 1 << 18  # whose planes of floats, a megabyte each, stay in the cache


@dataclass(frozen=True)
class Guided:
    """Colors that change where the lightness does: ab, (2, h, w), and L* at that size, (h, w)."""

    ab: Plane
    lightness: Plane


def guide_size(photo: tuple[int, int], seen: tuple[int, int]) -> tuple[int, int]:
    """How finely color follows a photo's edges before it is enlarged smoothly.

    Args:
        photo: (H, W).
        seen: what the network saw of it, (h, w).

    Returns:
        (h, w): as the network saw it, for which no more of the photo need be read; finer for giant photos; the photo's
        own where that is smaller.
    """
    height, width = photo
    if height <= seen[0] or width <= seen[1]:
        return photo
    short = min(_FINEST, min(height, width) // _BLUR)
    if short <= 1.5 * min(seen):
        return seen
    return round(height * short / min(height, width)), round(width * short / min(height, width))


def along_edges(ab: Plane, lightness: Plane, pixels: NDArray[Any], photo: tuple[int, int], space: RgbSpace) -> Plane:
    """A network's colors, (2, h, w), made to change where a photo's lightness does, at `guide_size`.

    Args:
        ab: Lab units.
        lightness: L* as the network saw it.
        pixels: the photo, or a copy of it that is not smaller than the guide.
        photo: (H, W) of the photo.
        space: what its pixels mean.
    """
    seen = (lightness.shape[0], lightness.shape[1])
    size = guide_size(photo, seen)
    if size != seen:
        lightness = reduced_lightness(pixels, View(*size, 0, 0), space)
    return follow_edges(ab, lightness)


class Painter:
    """Paints any rows of a page, in any thread; the same numbers whatever rows are asked for together.

    Args:
        colors: the page's ab, (2, h, w), Lab units, of any smaller size; or colors that follow its edges.
        size: (H, W) of the page.
        space: what its pixels mean.
        saturation: factor on the chroma.
        gpu: joins the rows there; what does not fit is painted on the CPU.
        luma: the rows are for a JPEG that takes luma and chroma; where a strip is grey, `paint_block` gives these.
        kept: the regions whose own color stays.
    """

    def __init__(
        self,
        colors: Plane | Guided,
        size: tuple[int, int],
        space: RgbSpace,
        saturation: float,
        gpu: torch.device | None = None,
        luma: bool = False,
        kept: Kept | None = None,
    ) -> None:
        self.size, self.space, self.saturation, self._kept = size, space, np.float32(saturation), kept
        self._along: AlongEdges | None = None
        if isinstance(colors, Guided) and colors.lightness.shape != size:
            self._along = AlongEdges(colors.ab, colors.lightness, size)
        else:
            ab = colors.ab if isinstance(colors, Guided) else colors
            self._ab = ab if saturation == 1.0 else ab * self.saturation
        takes_luma = luma and not isinstance(colors, Guided) and space is SRGB
        self._luma = LumaRows(self._ab, size) if takes_luma else None
        self._gpu = gpu if self._along is None and self._luma is None else None
        self._merger: DeviceMerger | None = None
        self._lock = threading.Lock()

    @property
    def near(self) -> int:
        """Rows above and below a block that `paint_block` looks at."""
        return MARGIN if self._luma is not None else 0

    def paint_block(self, block: Block) -> NDArray[Any] | LumaPlanes:
        """The colored pixels of a block, (n, W, 3); or its luma and chroma."""
        pixels = block.rows.pixels
        keeps = self._kept is not None and self._kept.touches(block.top, block.top + len(pixels), self.size[0])
        if self._luma is None or keeps or (grey := grey_plane(pixels)) is None:
            return self.paint(block.top, pixels)
        near = (pixels[:0] if rows is None else rows for rows in (block.above, block.below))
        above, below = (grey[:0] if (plane := grey_plane(rows)) is None else plane for rows in near)
        return LumaPlanes(*self._luma.merge(block.top, grey, above, below), block.rows.size)

    def paint(self, top: int, pixels: NDArray[Any]) -> NDArray[Any]:
        """The colored pixels, (n, W, 3), of the rows from `top`, (n, W) or (n, W, 3)."""
        out = self._painted(top, pixels)
        if self._kept is not None:
            self._kept.restore(out, pixels, top, self.size, self.space)
        return out

    def paint_tile(self, top: int, left: int, pixels: NDArray[Any]) -> NDArray[Any]:
        """The colored pixels, (n, m, 3), of a part of the page, (n, m) or (n, m, 3): what `paint` gives for it."""
        count, width = pixels.shape[:2]
        if self._along is not None:
            ab = self._along.rows(top, lightness_of(np.ascontiguousarray(pixels), self.space), left) * self.saturation
        else:
            ab = Enlarger(self._ab, self.size).rows(top, top + count)[:, :, left : left + width]
        out = merge_strip(np.ascontiguousarray(pixels), np.ascontiguousarray(ab), self.space)
        if self._kept is not None:
            self._kept.restore(out, pixels, top, self.size, self.space, left)
        return out

    def _painted(self, top: int, pixels: NDArray[Any]) -> NDArray[Any]:
        count, width = pixels.shape[:2]
        if count == self.size[0] and self._along is None:  # faster than a strip at a time
            if self._gpu is None:
                return merge(pixels, self._ab, self.space)
            from colorize_cli.color.gpu_merge import merge_on

            return merge_on(self._gpu, pixels, self._ab, self.space)
        if (merger := self._strip_merger()) is not None:
            try:
                return merger.strip(top, pixels)
            except RuntimeError as error:
                if type(error).__name__ != "OutOfMemoryError":  # torch's own, which is not loaded for it
                    raise
                self._gpu = self._merger = None
        out = np.empty((count, width, 3), pixels.dtype)
        enlarger = None if self._along is not None else Enlarger(self._ab, self.size)
        step = max(1, _STRIP_PIXELS // width)
        for start in range(0, count, step):
            strip = pixels[start : start + step]
            if self._along is not None:
                ab = self._along.rows(top + start, lightness_of(strip, self.space)) * self.saturation
            else:
                assert enlarger is not None
                ab = enlarger.rows(top + start, top + start + len(strip))
            out[start : start + step] = merge_strip(strip, ab, self.space)
        return out

    def _strip_merger(self) -> DeviceMerger | None:
        with self._lock:
            if self._gpu is not None and self._merger is None:
                from colorize_cli.color.gpu_merge import DeviceMerger  # torch is loaded by now

                self._merger = DeviceMerger(self._gpu, self._ab, self.size, self.space, 1.0)
            return self._merger


def constrain(lightness: Plane, ab: Plane, hints: HintMap | None, quick: bool = False) -> Plane:
    """A network's colors, (2, h, w), brought to the size of `lightness` and to the hints; as they are without any.

    `quick` is for a first look: see `propagate`.
    """
    if hints is None or not hints.count:
        return ab
    height, width = lightness.shape
    fine = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in ab]
    return propagate(lightness, np.asarray(fine, np.float32), hints, quick)
