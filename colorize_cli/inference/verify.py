"""Prove that a written result keeps its promises: lightness, sizes, metadata, read back from the disk.

In:  the source's blocks, the result's path
Out: figures for the report; or an error that names what differs

Lossless results must keep |dL*| within 0.5 (8 bits) or one 16-bit step. In lossy ones the 99th percentile of |dL*|
may be 1.2 times what the same encoder does to the grey picture, and half an L* in any case; and no region may be
lighter or darker as a whole. What stands around the
pixels is compared by a reader of its own, from the source's file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from colorize_cli.color.spaces import RgbSpace
from colorize_cli.errors import EncodeError
from colorize_cli.formats.blocks import BlockReader, open_in_strips
from colorize_cli.formats.compare_pages import compared, through_encoder
from colorize_cli.formats.declared import Holds
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.photo import DecodeLimits, Photo
from colorize_cli.formats.table import FORMATS
from colorize_cli.formats.tiff.verify_levels import level_faults
from colorize_cli.inference.measuring import (
    EIGHT_BIT_LIMIT,
    SHIFTS,
    at_depth,
    drift_of,
    lightness_change,
    measure,
    tinted,
)
from colorize_cli.inference.page_spaces import in_known_spaces
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.places import Strip

LOSSY_RATIO = 1.2
# L*: what the lossless formats may differ by, too. A lossy coding that leaves the grey picture as it was (a black one,
# say) still rounds the colored one's three channels, and one 8-bit step of them is worth up to 0.45 L*.
LOSSY_FLOOR = EIGHT_BIT_LIMIT
_SPARE = 0.05  # L*: roundings of a percentile
# Of regions, whose errors cancel out but for what rounds a flat one as a whole.
_DRIFT_RATIO, _DRIFT_SPARE, _DRIFT_FLOOR = 1.5, 0.5, 1.0


def verify(
    reader: BlockReader,
    spaces: Sequence[RgbSpace],
    result: Path,
    settings: EncodeSettings,
    on_rows: Callable[[int], None] = lambda _: None,
    workers: int = 1,
    colored: Collection[int] = (),
    notes: Sequence[str] = (),
) -> dict[str, float]:
    """Read a result back and check it, block by block beside its source.

    Args:
        reader: the source.
        spaces: the color space of each of its pages.
        result: the written file.
        settings: how it was written.
        on_rows: told how many more rows were checked.
        workers: threads.
        colored: the pages that were colored, whose smaller copies have to show them.
        notes: what is told of the photo: a loss that is told is no fault.

    Returns:
        `lightness_max` and `lightness_p99`, |dL*| over all pages; for lossy results also `lightness_p99_of_grey`. Of
        pages that come in strips, percentiles to a thousandth of L*.

    Raises:
        EncodeError: something differs; the first few differences are named.
        DecodeError: the result cannot be read.
    """
    source, limits = reader.photo, DecodeLimits(max_pixels=2**62)
    plain = open_in_strips(result, limits) if reader.in_strips else BlockReader(decode(result, limits))
    found = compared(source, plain.photo, settings)
    back = plain.mapped(in_known_spaces)  # a page that was copied still has its own profile
    findings = Findings([*audit(source.path, result, notes, settings.strip, reframed=reader.reframed), *found.faults])
    alone: Sequence[tuple[float, float] | None] = [None] * len(source.pages)
    if not reader.in_strips and not all(found.lossless):
        alone = _coding_alone(source, spaces, settings)
    for number, (page, space) in enumerate(zip(source.pages, spaces, strict=True)):
        if number >= len(back.photo.pages) or back.photo.pages[number].size != page.size:
            continue  # named among the faults already
        exact = found.lossless[number]
        measured = measure(reader, back, number, space, settings, exact, on_rows, workers)
        if measured.hides != measured.hides_back or measured.alpha_differs and FORMATS[back.photo.format].lossless:
            findings.faults.append("transparency differs")
        if exact:
            findings.add(number, measured.largest, measured.p99, measured.beyond)
            continue
        said, moved = alone[number] or (measured.p99_alone, measured.drift_alone)
        findings.add(number, measured.largest, measured.p99, measured.beyond, said, measured.drift, moved)
    if Holds.tiff_tags in FORMATS[back.photo.format].holds:
        findings.faults += level_faults(result, colored)
    return findings.figures_or_error(result)


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
        findings.figures_or_error(result)
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

    def add(
        self,
        number: int,
        largest: float,
        p99: float,
        beyond: bool = False,
        alone: float | None = None,
        drift: float = 0.0,
        drift_alone: float = 0.0,
    ) -> None:
        """Count a page in.

        Args:
            number: of the page, from 0.
            largest: of its errors of lightness, L*.
            p99: their 99th percentile, L*.
            beyond: of a page that was kept without loss, whether an error is above its limit.
            alone: of a lossy page, what its coding does to the grey picture, L* at the 99th percentile; None where
                nothing was to be lost.
            drift: of a lossy page, by how much a region of it is lighter or darker, L*.
            drift_alone: that of what its coding does to the grey picture.
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
        elif drift > max(_DRIFT_RATIO * drift_alone + _DRIFT_SPARE, _DRIFT_FLOOR):
            self.faults.append(f"page {number + 1}: a region is {drift:.2f} L* lighter or darker")

    def _raise_to(self, key: str, value: float) -> None:
        self.figures[key] = max(self.figures.get(key, 0.0), value)

    def figures_or_error(self, result: Path) -> dict[str, float]:
        """The figures, rounded.

        Raises:
            EncodeError: something is wrong; the first few faults are named.
        """
        if self.faults:
            raise EncodeError(f"verification failed: {'; '.join(self.faults[:5])}", path=result)
        return {key: round(value, 4) for key, value in self.figures.items()}


def _coding_alone(source: Photo, spaces: Sequence[RgbSpace], settings: EncodeSettings) -> Sequence[tuple[float, float]]:
    """The 99th percentile of |dL*| that the encoder gives the grey picture, and the drift of a region, of each page.

    A picture that was coded before comes back from the same coding unchanged, as long as its blocks lie as they did;
    so it is coded a second time with its blocks shifted, and the larger figure counts. Grey, stored as RGB or not, has
    no chroma to round, and so it is coded under colors, too.
    """
    attempts = [[np.roll(page.pixels, shift, (0, 1)) for page in source.pages] for shift in SHIFTS]
    attempts.append([tinted(page.pixels, space) for page, space in zip(source.pages, spaces, strict=True)])
    figures = [(0.0, 0.0)] * len(source.pages)
    for pages in attempts:
        for number, coded in enumerate(through_encoder(source, pages, settings)):
            change = lightness_change(pages[number], at_depth(coded, pages[number].dtype), spaces[number])
            p99, drift = figures[number]
            figures[number] = (max(p99, float(np.percentile(np.abs(change), 99))), max(drift, drift_of(change)))
    return figures
