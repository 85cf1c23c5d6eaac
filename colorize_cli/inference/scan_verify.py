"""`verify` for large files: source and result are read side by side, in strips.

In:  the source as a `Scan`, the result's path
Out: the figures that `verify` gives; or an error that names what differs
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import RgbSpace
from colorize_cli.formats.ahead import ahead
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.jpeg.scan_write_jpeg import recoded
from colorize_cli.formats.photo import DecodeLimits, Page, Photo, PhotoFormat
from colorize_cli.formats.scan import Block, Scan, open_scan, strips
from colorize_cli.formats.tiff.verify_levels import level_faults
from colorize_cli.formats.verify import compared
from colorize_cli.inference.spaces import in_known_spaces
from colorize_cli.inference.verify import (
    EIGHT_BIT_LIMIT,
    Findings,
    at_depth,
    lightness_error,
    sixteen_bit_limit,
)
from colorize_cli.metadata.audit.compare import audit

_STRIP_PIXELS = 1 << 19  # several strips are in flight, each with its lightness in floats
_BINS = 1000  # of one L*, for percentiles


@dataclass
class _Page:
    """What was measured of a page: how often each |dL*| occurs, of the result and of coding alone."""

    errors: NDArray[np.int64]
    alone: tuple[NDArray[np.int64], NDArray[np.int64]]
    largest: float = 0.0
    beyond: bool = False
    opaque_alike: bool = True


def verify_scan(
    scan: Scan,
    spaces: Sequence[RgbSpace],
    result: Path,
    settings: EncodeSettings,
    on_rows: Callable[[int], None],
    workers: int,
    coloured: Collection[int] = (),
    notes: Sequence[str] = (),
) -> dict[str, float]:
    """Read a result back in strips and check it.

    Args:
        scan: the source.
        spaces: the colour space of each of its pages.
        result: the written file.
        settings: how it was written.
        on_rows: told how many more rows were checked.
        workers: threads.
        coloured: the pages that were coloured, whose smaller copies have to show them.
        notes: what is told of the photo: a loss that is told is no fault.

    Returns:
        As `verify.verify`; percentiles to a thousandth of L*.

    Raises:
        EncodeError: something differs; the first few differences are named.
        DecodeError: the result cannot be read.
    """
    plain = open_scan(result, DecodeLimits(max_pixels=2**62))
    found = compared(_opaque(scan.photo), _opaque(plain.photo), settings)
    back, findings = (
        plain.mapped(in_known_spaces),
        Findings([*audit(scan.photo.path, result, notes, settings.strip), *found.faults]),
    )
    for number, (page, space) in enumerate(zip(scan.photo.pages, spaces, strict=True)):
        if number >= len(back.photo.pages) or back.photo.pages[number].size != page.size:
            continue  # named among the faults already
        exact = found.lossless[number]
        measured = _measure(scan, back, number, space, settings, exact, on_rows, workers)
        if not measured.opaque_alike and exact:
            findings.faults.append("transparency differs")
        alone = None if exact else max(_percentile(counts) for counts in measured.alone)
        findings.add(number, measured.largest, _percentile(measured.errors), measured.beyond, alone)
    if back.photo.format is PhotoFormat.tiff:
        findings.faults += level_faults(result, coloured)
    return findings.settled(result)


def _opaque(photo: Photo) -> Photo:
    """The photo without alpha, which is compared in strips."""
    return replace(photo, pages=tuple(replace(page, alpha=None) for page in photo.pages))


def _measure(
    scan: Scan,
    back: Scan,
    number: int,
    space: RgbSpace,
    settings: EncodeSettings,
    exact: bool,
    on_rows: Callable[[int], None],
    workers: int,
) -> _Page:
    page = scan.photo.pages[number]
    rows = max(16, _STRIP_PIXELS // page.size[0] // 16 * 16)
    measured = _Page(_no_counts(), (_no_counts(), _no_counts()))

    def work(pair: tuple[Block, Block]) -> tuple[int, _Page]:
        return len(pair[0].rows.pixels), _compare(*pair, page, space, settings, exact)

    pairs = zip(strips(scan.blocks(number), rows), strips(back.blocks(number), rows), strict=True)
    with (
        ThreadPoolExecutor(workers, "verify") as pool,
        closing(ahead(pool, work, pairs, workers + 1)) as done,
    ):
        for count, part in done:
            _add(measured, part)
            on_rows(count)
    return measured


def _compare(before: Block, after: Block, page: Page, space: RgbSpace, settings: EncodeSettings, exact: bool) -> _Page:
    source, stored = before.rows.pixels, after.rows.pixels
    error = lightness_error(source, at_depth(stored, source.dtype), space)
    measured = _Page(_counts(error), (_no_counts(), _no_counts()), float(error.max()))
    if exact:
        limit: Any = EIGHT_BIT_LIMIT if stored.dtype == np.uint8 else sixteen_bit_limit(source, space)
        measured.beyond = bool((error > limit).any())
        measured.opaque_alike = _same_alpha(before.rows, after.rows)
        return measured
    # What coding does to the grey picture: once as it is, once with its blocks shifted, as `verify` does it.
    alone = []
    for shift in ((0, 0), (3, 5)):
        grey = np.roll(source, shift, (0, 1))
        coded = recoded(grey, page, settings.quality)
        alone.append(_counts(lightness_error(grey, at_depth(coded, grey.dtype), space)))
    measured.alone = (alone[0], alone[1])
    return measured


def _same_alpha(before: Page, after: Page) -> bool:
    """Whether two strips hide the same; an opaque plane may be left out."""
    if before.alpha is None or after.alpha is None:
        return not before.hides and not after.hides
    return np.array_equal(before.alpha, after.alpha)


def _add(total: _Page, part: _Page) -> None:
    total.errors += part.errors
    for counts, more in zip(total.alone, part.alone, strict=True):
        counts += more
    total.largest = max(total.largest, part.largest)
    total.beyond = total.beyond or part.beyond
    total.opaque_alike = total.opaque_alike and part.opaque_alike


def _no_counts() -> NDArray[np.int64]:
    return np.zeros(100 * _BINS + 1, np.int64)


def _counts(error: NDArray[np.float32]) -> NDArray[np.int64]:
    places = np.minimum(error.ravel() * np.float32(_BINS), 100 * _BINS).astype(np.int32)
    return np.bincount(places, minlength=100 * _BINS + 1)


def _percentile(counts: NDArray[np.int64]) -> float:
    """The 99th percentile, in L*."""
    return float(np.searchsorted(np.cumsum(counts), 0.99 * counts.sum())) / _BINS
