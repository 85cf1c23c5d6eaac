"""Measure how far a result's lightness is from its source's, block by block.

In:  the source's blocks and the result's
Out: `Measured` of a page: the largest error, its 99th percentile, what coding alone does, whether the same is hidden
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.formats.ahead import ahead
from colorize_cli.formats.blocks import Block, BlockReader, strips
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.jpeg.jpeg_writer import recoded
from colorize_cli.formats.photo import AnyPixels, Page

EIGHT_BIT_LIMIT = 0.5  # L*
SHIFTS = ((0, 0), (3, 5))  # of the blocks of a coding: a picture that was coded before comes back from it unchanged
_COLORS = 30 * np.array([[[-1, 1], [-1, 1]], [[-1, -1], [1, 1]]], np.float32)  # a* and b* toward the corners
_STRIP_PIXELS = 1 << 19  # several strips are in flight, each with its lightness in floats
_WINDOW = 32  # pixels
_BINS = 1000  # of one L*, for percentiles


class Measured:
    """What was measured of a page, block by block.

    Attributes:
        largest: |dL*|.
        drift: the largest mean of dL* over a window, in which errors of a coding cancel out.
        drift_alone: that of what coding alone does to the grey picture.
        beyond: of a page that was kept without loss, whether an error is above its limit.
        hides, hides_back: whether the source's alpha hides anything, and the result's.
        alpha_differs: whether they hide different things.
    """

    def __init__(self) -> None:
        self.largest, self.beyond = 0.0, False
        self.drift = self.drift_alone = 0.0
        self.hides = self.hides_back = self.alpha_differs = False
        self._counts = np.zeros(100 * _BINS + 1, np.int64)
        self._alone = [self._counts.copy() for _ in (*SHIFTS, _COLORS)]
        self._exact: float | None = None

    def add(self, error: NDArray[np.float32], alone: list[NDArray[np.float32]], whole: bool) -> None:
        """Count errors in: those of a block, and those that coding alone makes of the grey block."""
        self.largest = max(self.largest, float(error.max()))
        if whole:
            self._exact = float(np.percentile(error, 99))
            return
        for counts, errors in zip((self._counts, *self._alone), (error, *alone), strict=False):
            places = np.minimum(errors.ravel() * np.float32(_BINS), 100 * _BINS).astype(np.int32)
            counts += np.bincount(places, minlength=100 * _BINS + 1)

    def add_alpha(self, before: Page, after: Page) -> None:
        """Compare what two blocks hide; an opaque plane may be left out."""
        self.hides, self.hides_back = self.hides or before.hides, self.hides_back or after.hides
        if before.alpha is not None and after.alpha is not None:
            self.alpha_differs = self.alpha_differs or not np.array_equal(before.alpha, after.alpha)

    @property
    def p99(self) -> float:
        """The 99th percentile of |dL*|."""
        return _percentile(self._counts) if self._exact is None else self._exact

    @property
    def p99_alone(self) -> float:
        """That of what coding alone does to the grey picture."""
        return max(map(_percentile, self._alone))


def measure(
    reader: BlockReader,
    back: BlockReader,
    number: int,
    space: RgbSpace,
    settings: EncodeSettings,
    exact: bool,
    on_rows: Callable[[int], None],
    workers: int,
) -> Measured:
    """Compare a page with the result's, read side by side.

    Args:
        reader: the source.
        back: the result.
        number: of the page.
        space: what its pixels mean.
        settings: how the result was written.
        exact: its pixels are to be exactly those that the encoder was given.
        on_rows: told how many more rows were compared.
        workers: threads, for a page that comes in strips.
    """
    page, measured = reader.photo.pages[number], Measured()

    def work(pair: tuple[Block, Block]) -> _Compared:
        return _compare(*pair, page, space, settings, exact, reader.in_strips)

    if not reader.in_strips:
        pair = (next(reader.blocks(number)), next(back.blocks(number)))
        _count_in(measured, work(pair), whole=True)
        return measured
    rows = reader.rows_of(number, _STRIP_PIXELS * page.pixels[:1, :1].size * page.pixels.itemsize, 16)
    pairs = zip(strips(reader.blocks(number), rows), strips(back.blocks(number), rows), strict=True)
    with ThreadPoolExecutor(workers, "verify") as pool, closing(ahead(pool, work, pairs, workers + 1)) as done:
        for found in done:
            _count_in(measured, found, whole=False)
            on_rows(len(found.error))
    return measured


@dataclass(frozen=True)
class _Compared:
    """Two blocks: |dL*|, that of coding alone, whether one is above its limit, and the blocks for their alpha."""

    error: NDArray[np.float32]
    alone: list[NDArray[np.float32]]
    beyond: bool
    pages: tuple[Page, Page]
    drift: float
    drift_alone: float


def _count_in(measured: Measured, found: _Compared, whole: bool) -> None:
    measured.add(found.error, found.alone, whole)
    measured.add_alpha(*found.pages)
    measured.beyond = measured.beyond or found.beyond
    measured.drift = max(measured.drift, found.drift)
    measured.drift_alone = max(measured.drift_alone, found.drift_alone)


def _compare(
    before: Block, after: Block, page: Page, space: RgbSpace, settings: EncodeSettings, exact: bool, in_strips: bool
) -> _Compared:
    source, stored = before.rows.pixels, after.rows.pixels
    change = lightness_change(source, at_depth(stored, source.dtype), space)
    error, beyond, alone, drift_alone = np.abs(change), False, list[NDArray[np.float32]](), 0.0
    if exact:
        eight = stored.dtype == np.uint8
        limit: Any = eight_bit_limit(source, space) if eight else sixteen_bit_limit(source, space)
        beyond = bool((error > limit).any())
    elif in_strips:
        for grey in (*(np.roll(source, shift, (0, 1)) for shift in SHIFTS), tinted(source, space)):
            coded = recoded(grey, page, settings.quality)
            by_coding = lightness_change(grey, at_depth(coded, grey.dtype), space)
            alone.append(np.abs(by_coding))
            drift_alone = max(drift_alone, drift_of(by_coding))
    return _Compared(error, alone, beyond, (before.rows, after.rows), drift_of(change), drift_alone)


def _percentile(counts: NDArray[np.int64]) -> float:
    return float(np.searchsorted(np.cumsum(counts), 0.99 * counts.sum())) / _BINS


def lightness_change(before: NDArray[Any], after: NDArray[Any], space: RgbSpace) -> NDArray[np.float32]:
    """dL* of every pixel of two pages, (H, W) or (H, W, 3), in one space."""
    return np.asarray(lightness_of(after, space) - lightness_of(before, space), np.float32)


def drift_of(change: NDArray[np.float32]) -> float:
    """The largest mean of dL*, (H, W), over windows of about 32 pixels, whatever its sign."""
    size = (max(1, change.shape[1] // _WINDOW), max(1, change.shape[0] // _WINDOW))
    return float(np.abs(cv2.resize(change, size, interpolation=cv2.INTER_AREA)).max())


def eight_bit_limit(before: NDArray[Any], space: RgbSpace) -> NDArray[np.float32] | float:
    """`EIGHT_BIT_LIMIT`, or what rounding takes at every pixel's level, (H, W), where steps are worth more.

    So they are in linear light: the first ones 3.5 L*.
    """
    steps, ramp = _half_steps(space)
    if steps.max() <= EIGHT_BIT_LIMIT:
        return EIGHT_BIT_LIMIT
    upper = np.clip(np.searchsorted(ramp, lightness_of(before, space) - 1e-3), 0, 255)
    return np.asarray(np.maximum(EIGHT_BIT_LIMIT, steps[upper]), np.float32)


@lru_cache(maxsize=4)
def _half_steps(space: RgbSpace) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of every 8-bit grey, half of what the larger one of the steps beside it is worth, and its L*."""
    ramp = lightness_of(np.arange(256, dtype=np.uint8)[None], space)[0]
    step = np.diff(ramp)
    larger = np.maximum(np.append(step, 0), np.insert(step, 0, 0))
    return np.asarray(larger / 2 + 0.05, np.float32), ramp


def sixteen_bit_limit(before: NDArray[Any], space: RgbSpace) -> NDArray[np.float32]:
    """What one 16-bit step is worth in L* at every pixel's grey level, (H, W)."""
    steps, ramp = _sixteen_bit_steps(space)
    if before.ndim == 2 and before.dtype == np.uint16:
        return np.take(steps, before)
    level = np.clip(np.searchsorted(ramp, lightness_of(before, space)), 0, 65535)
    return np.asarray(steps[level], np.float32)


@lru_cache(maxsize=4)
def _sixteen_bit_steps(space: RgbSpace) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of every 16-bit grey, what a step is worth, and its L*."""
    ramp = lightness_of(np.arange(65536, dtype=np.uint16)[None], space)[0]
    steps = np.maximum(np.diff(ramp, append=ramp[-1] + 1e-3), np.diff(ramp, prepend=ramp[0] - 1e-3)) + 1e-3
    return np.asarray(steps, np.float32), ramp


def tinted(pixels: AnyPixels, space: RgbSpace) -> AnyPixels:
    """A page, (H, W) or (H, W, 3), under colors that change slowly: channels are rounded, and chroma is coarse."""
    return merge(pixels, _COLORS, space)


def at_depth(pixels: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Pixels as 8 or 16 bits: a 16-bit source whose result's format holds 8 is compared at 16."""
    if pixels.dtype == dtype:
        return pixels
    return pixels.astype(np.uint16) * 257 if dtype == np.uint16 else (pixels >> 8).astype(np.uint8)
