"""The lightness of a page where networks can reach any of its rows: in memory, or in a file while it is large.

In:  blocks of a page
Out: `LightnessPlane`; the page's blocks with the plane's lightness, of the same size or enlarged
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import maximum_of
from colorize_cli.formats.blocks import Block, strips, with_neighbors
from colorize_cli.formats.photo import AnyPixels, Page
from colorize_cli.inference.framing import stacked, unstacked
from colorize_cli.restore.repair import plane_of

Plane = NDArray[np.float32]

_CODED = np.float32(65535)
_IN_MEMORY = 64 << 20  # pixels; larger planes lie in a file
_HALO = 4  # rows beside a place that its enlargement is made of
_ROWS = 128  # of a page that are enlarged at once


class LightnessPlane:
    """Lightness as it is coded, (H, W), [0, 1], in 16 bits; may be read by many threads at once.

    Args:
        height, width: pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        large = height * width > _IN_MEMORY
        self._memory = None if large else np.zeros((height, width), np.uint16)
        self._file = tempfile.TemporaryFile() if large else None  # noqa: SIM115 - it lives as long as the plane
        self._lock = Lock()

    @classmethod
    def of(cls, blocks: Iterator[Block], height: int, width: int) -> LightnessPlane:
        """The lightness of a page."""
        plane = cls(height, width)
        for block in strips(blocks, _ROWS):
            plane.write(block.top, plane_of(block.rows.pixels))
        return plane

    def rows(self, top: int, count: int) -> Plane:
        """Some rows, (n, W): as many as there are."""
        count = min(count, self.height - top)
        if self._memory is not None:
            found = self._memory[top : top + count]
        else:
            assert self._file is not None
            with self._lock:
                self._file.seek(2 * top * self.width)
                data = self._file.read(2 * count * self.width)
            found = np.frombuffer(data, np.uint16).reshape(count, self.width)
        return np.asarray(found, np.float32) / _CODED

    def write(self, top: int, rows: Plane) -> None:
        """Put rows in their place; what leaves [0, 1] is cut off."""
        coded = (np.clip(rows, 0, 1) * _CODED).round().astype(np.uint16)
        if self._memory is not None:
            self._memory[top : top + len(coded)] = coded
            return
        assert self._file is not None
        with self._lock:
            self._file.seek(2 * top * self.width)
            self._file.write(coded.tobytes())


def relit(pixels: NDArray[Any], lightness: Plane) -> NDArray[Any]:
    """Pixels with another lightness, of the same kind.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or uint16; their color stays.
        lightness: (H, W), [0, 1], as it is coded.
    """
    most = np.float32(maximum_of(pixels))
    if pixels.ndim == 2:
        return np.asarray((lightness * most).round(), pixels.dtype)
    change = (lightness - plane_of(pixels))[..., None]
    return np.asarray(np.clip(pixels + most * change, 0, most).round(), pixels.dtype)


def with_lightness(blocks: Iterator[Block], plane: LightnessPlane) -> Iterator[Block]:
    """A page's blocks with the lightness of a plane of its size."""
    for block in blocks:
        rows = plane.rows(block.top, len(block.rows.pixels))
        yield replace(block, rows=replace(block.rows, pixels=relit(block.rows.pixels, rows)))


def enlarged(blocks: Iterator[Block], plane: LightnessPlane, scale: int) -> Iterator[Block]:
    """A page's blocks, `scale` times as large, with the lightness of a plane of that size; the rest is bicubic."""
    waiting = list[Page]()

    def planes() -> Iterator[Block]:
        for block in strips(blocks, _ROWS):
            waiting.append(block.rows)
            bare = replace(block.rows.metadata, extra=None)
            yield Block(block.top, replace(block.rows, pixels=stacked(block.rows), alpha=None, metadata=bare))

    for block in with_neighbors(planes(), _HALO):
        like = waiting.pop(0)
        top = scale * block.top
        lightness = plane.rows(top, scale * len(block.rows.pixels))
        if block.rows.pixels.ndim == 2:
            yield Block(top, replace(like, pixels=relit(np.empty(lightness.shape, like.pixels.dtype), lightness)))
            continue
        assert block.above is not None and block.below is not None
        whole = np.concatenate((block.above, block.rows.pixels, block.below))
        first = scale * len(block.above)
        larger = _larger(whole, scale)[first : first + len(lightness)]
        page = unstacked(larger, like)
        yield Block(top, replace(page, pixels=relit(page.pixels, lightness)))


def _larger(planes: AnyPixels, scale: int) -> AnyPixels:
    size = (scale * planes.shape[1], scale * planes.shape[0])
    one_by_one = [cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC) for plane in np.moveaxis(planes, 2, 0)]
    return np.stack(one_by_one, 2)
