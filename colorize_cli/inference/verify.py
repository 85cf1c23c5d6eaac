"""Prove that a written result keeps its promises: lightness, sizes, metadata, read back from the disk.

In:  the decoded source, the result's path
Out: figures for the report; or an error that names what differs

Lossless results must keep |dL*| within 0.5 (8 bits) or one 16-bit step. In lossy ones the 99th percentile of |dL*|
may be 1.2 times what the same encoder does to the grey picture, and half an L* in any case. What stands around the
pixels is compared by a reader of its own, from the source's file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.errors import EncodeError
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.photo import Photo, PhotoFormat
from colorize_cli.formats.strip import Strip
from colorize_cli.formats.tiff.verify_levels import level_faults
from colorize_cli.formats.verify import read_back, through_encoder
from colorize_cli.inference.spaces import in_known_spaces
from colorize_cli.metadata.audit.compare import audit

EIGHT_BIT_LIMIT = 0.5  # L*
LOSSY_RATIO = 1.2
# L*: what the lossless formats may differ by, too. A lossy coding that leaves the grey picture as it was (a black one,
# say) still rounds the colored one's three channels, and one 8-bit step of them is worth up to 0.45 L*.
LOSSY_FLOOR = EIGHT_BIT_LIMIT
_SPARE = 0.05  # L*: roundings of a percentile


def lightness_error(before: NDArray[Any], after: NDArray[Any], space: RgbSpace) -> NDArray[np.float32]:
    """|dL*| of every pixel of two pages, (H, W) or (H, W, 3), in one space."""
    return np.asarray(np.abs(lightness_of(before, space) - lightness_of(after, space)), np.float32)


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


def verify(
    source: Photo,
    spaces: Sequence[RgbSpace],
    result: Path,
    settings: EncodeSettings,
    coloured: Collection[int] = (),
    notes: Sequence[str] = (),
) -> dict[str, float]:
    """Read a result back and check it.

    Args:
        source: as decoded.
        spaces: the colour space of each of its pages.
        result: the written file's path.
        settings: how it was written.
        coloured: the pages that were coloured, whose smaller copies have to show them.
        notes: what is told of the photo: a loss that is told is no fault.

    Returns:
        `lightness_max` and `lightness_p99`, |dL*| over all pages; for lossy results also `lightness_p99_of_grey`.

    Raises:
        EncodeError: something differs; the first few differences are named.
        DecodeError: the result cannot be read.
    """
    back = read_back(source, result, settings)
    findings = Findings([*audit(source.path, result, notes, settings.strip), *back.faults])
    alone = [] if all(back.lossless) else _coding_alone(source, spaces, settings)
    again = in_known_spaces(back.photo)  # a page that was copied still has its own profile
    for number, (page, space) in enumerate(zip(source.pages, spaces, strict=True)):
        if number >= len(again.pages) or again.pages[number].size != page.size:
            continue  # named among the faults already
        stored = again.pages[number].pixels
        error = lightness_error(page.pixels, at_depth(stored, page.pixels.dtype), space)
        largest, p99 = float(error.max()), float(np.percentile(error, 99))
        if back.lossless[number]:
            limit: Any = EIGHT_BIT_LIMIT if stored.dtype == np.uint8 else sixteen_bit_limit(page.pixels, space)
            findings.add(number, largest, p99, bool((error > limit).any()))
        else:
            findings.add(number, largest, p99, alone=alone[number])
    if again.format is PhotoFormat.tiff:
        findings.faults += level_faults(result, coloured)
    return findings.settled(result)


def verify_copy(source: Path, result: Path, strip: Strip, notes: Sequence[str]) -> None:
    """Check a copy from whose file metadata were taken out; one that is not as it should be does not stay.

    Args:
        source: the photo.
        result: the copy.
        strip: what was to go.
        notes: what is told of it.

    Raises:
        EncodeError: something is still there, or something else is missing.
    """
    findings = Findings(audit(source, result, notes, strip, copied=True))
    try:
        findings.settled(result)
    except EncodeError:
        result.unlink(missing_ok=True)
        raise


class Findings:
    """What was measured of a result, and what is wrong with it.

    Args:
        faults: those that are known already.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        self.figures = {"lightness_max": 0.0, "lightness_p99": 0.0}

    def add(self, number: int, largest: float, p99: float, beyond: bool = False, alone: float | None = None) -> None:
        """Count a page in.

        Args:
            number: of the page, from 0.
            largest: of its errors of lightness, L*.
            p99: their 99th percentile, L*.
            beyond: of a page that was kept without loss, whether an error is above its limit.
            alone: of a lossy page, what its coding does to the grey picture, L* at the 99th percentile; None where
                nothing was to be lost.
        """
        self._raise_to("lightness_max", largest)
        self._raise_to("lightness_p99", p99)
        if alone is None:
            if beyond:
                self.faults.append(f"page {number + 1}: lightness differs by up to {largest:.2f} L*")
            return
        self._raise_to("lightness_p99_of_grey", alone)
        if p99 > max(LOSSY_RATIO * alone + _SPARE, LOSSY_FLOOR):
            self.faults.append(f"page {number + 1}: lightness differs by {p99:.2f} L* at the 99th percentile")

    def _raise_to(self, key: str, value: float) -> None:
        self.figures[key] = max(self.figures.get(key, 0.0), value)

    def settled(self, result: Path) -> dict[str, float]:
        """The figures, rounded.

        Raises:
            EncodeError: something is wrong; the first few faults are named.
        """
        if self.faults:
            raise EncodeError(f"verification failed: {'; '.join(self.faults[:5])}", path=result)
        return {key: round(value, 4) for key, value in self.figures.items()}


def _coding_alone(source: Photo, spaces: Sequence[RgbSpace], settings: EncodeSettings) -> list[float]:
    """The 99th percentile of |dL*| that the encoder gives the grey picture, of each page.

    A picture that was coded before comes back from the same coding unchanged, as long as its blocks lie as they did;
    so it is coded a second time with its blocks shifted, and the larger figure counts.
    """
    figures = [0.0] * len(source.pages)
    for shift in ((0, 0), (3, 5)):
        pages = [np.roll(page.pixels, shift, (0, 1)) for page in source.pages]
        for number, coded in enumerate(through_encoder(source, pages, settings)):
            error = lightness_error(pages[number], at_depth(coded, pages[number].dtype), spaces[number])
            figures[number] = max(figures[number], float(np.percentile(error, 99)))
    return figures


def at_depth(pixels: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Pixels as 8 or 16 bits: a 16-bit source whose result's format holds 8 is compared at 16."""
    if pixels.dtype == dtype:
        return pixels
    return pixels.astype(np.uint16) * 257 if dtype == np.uint16 else (pixels >> 8).astype(np.uint8)
