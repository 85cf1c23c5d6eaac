"""A photo between its stages: opened, prepared for the network, written with its colours; as a whole or in strips.

In:  a path; then the colours of its pages
Out: `Opened`; then the written file, and what of it is shown and reported
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.luma import merge_luma
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import grey_plane
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.files.atomic import on_trial
from colorize_cli.files.discover import Source
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, takes_luma, write_photo
from colorize_cli.formats.kept import Shelf
from colorize_cli.formats.photo import DecodeLimits, LumaPlanes, Page, Photo
from colorize_cli.formats.scan import Scan, hidden, open_scan
from colorize_cli.guidance.hints import Sidecar
from colorize_cli.inference.geometry import View, reduce
from colorize_cli.inference.own_colors import Choice
from colorize_cli.inference.painting import Guided, Painter, paint_along_edges
from colorize_cli.inference.photo_guidance import Known
from colorize_cli.inference.predictor import Request
from colorize_cli.inference.scan_verify import verify_scan
from colorize_cli.inference.scans import Lane, Sight, look, paint, total_rows
from colorize_cli.inference.spaces import in_known_spaces, space_of
from colorize_cli.inference.verify import verify
from colorize_cli.metadata.provenance import Provenance

if TYPE_CHECKING:
    import torch

Plane = NDArray[np.float32]
Colours = Mapping[int, Plane | Guided]

_SHOWN = 1600  # pixels of the longer side of what pairs and sheets are made of


@dataclass(frozen=True)
class Opened:
    """A photo that was read.

    Attributes:
        photo: its pages and metadata.
        sights: each page as it was seen whole.
        scan: gives the photo in strips, where it is large. If that is because it is too large to be held, `photo` has
            stand-ins for pixels.
    """

    photo: Photo
    sights: tuple[Sight, ...]
    scan: Scan | None = None


@dataclass(frozen=True)
class Prepared:
    """A decoded photo on its way to the network.

    Attributes:
        photo: pixels and metadata.
        spaces: the colour space of each page.
        requests: what the network is to see, one for each page that is to be coloured.
        known: what is known of the colours of each of them.
        colored_pages: the pages that are to be coloured, by the network or without it.
        sidecars: the photo's hints.
        provenance: the result's note.
        out: where the result goes.
        started: clock at the begin, seconds.
        sights: each page as it was seen whole.
        scan: as of `Opened`.
        choice: the color of their own that its pages keep.
    """

    source: Source
    photo: Photo
    spaces: tuple[RgbSpace, ...]
    requests: tuple[Request, ...]
    known: tuple[Known, ...]
    colored_pages: tuple[int, ...]
    sidecars: tuple[Sidecar, ...]
    provenance: Provenance
    out: Path
    notes: tuple[str, ...]
    started: float
    sights: tuple[Sight, ...]
    scan: Scan | None = None
    choice: Choice = field(default_factory=lambda: Choice(()))

    @property
    def nbytes(self) -> int:
        """Memory that the pixels and the result will take, roughly."""
        if self.scan is not None:
            return sum(sight.pixels.nbytes for sight in self.sights)
        return sum(
            page.pixels.size * page.pixels.itemsize * (4 if page.pixels.ndim == 2 else 2) for page in self.photo.pages
        )


@dataclass(frozen=True)
class Result:
    """A result that was written.

    Attributes:
        before, after: its first page, or reduced copies of it; of large ones only where the job shows them.
        notes: what was odd.
        figures: what was verified.
    """

    before: NDArray[Any]
    after: NDArray[Any] | LumaPlanes
    notes: tuple[str, ...]
    figures: dict[str, float] = field(default_factory=dict)


def open_whole(
    path: Path, limits: DecodeLimits, salvage: bool, read: Callable[[Path, DecodeLimits, bool], Photo] | None = None
) -> Opened:
    """Decode a photo.

    Args:
        path: the file.
        limits: what it may declare.
        salvage: take what is there of a damaged one.
        read: decodes it; None is `decode`.

    Raises:
        PhotoError: it cannot be read.
    """
    photo = in_known_spaces((read or decode)(path, limits, salvage))
    return Opened(photo, tuple(Sight.of(page, space_of(page)) for page in photo.pages))


def see_scan(
    path: Path,
    limits: DecodeLimits,
    wanted: Callable[[int, int], View],
    lane: Lane,
    workers: int,
    shelf: Shelf | None = None,
) -> Opened:
    """Read a large photo in strips, and keep a reduced copy of each page.

    Args:
        path: the file.
        limits: its memory is limited by how it is read.
        wanted: from a page's height and width, the size at which it will be looked at.
        lane: lets it through.
        workers: threads.
        shelf: keeps its rows, so that it is read once; None where they are too many.

    Raises:
        PhotoError: it cannot be read.
        Stopped: the batch was interrupted.
    """
    scan = open_scan(path, limits).mapped(in_known_spaces)
    scan = scan if shelf is None else shelf.keeping(scan)
    sights, pages = list[Sight](), list[Page]()
    with lane.walk(path, "reading", total_rows(scan)) as on_rows:
        for number, page in enumerate(scan.photo.pages):
            view = wanted(page.pixels.shape[0], page.pixels.shape[1])
            sight, hides = look(scan, number, view, on_rows, workers)
            sights.append(sight)
            pages.append(hidden(page, hides))
    scan = replace(scan, photo=replace(scan.photo, pages=tuple(pages)))
    return Opened(scan.photo, tuple(sights), scan)


def write_whole_photo(
    prepared: Prepared,
    colours: Colours,
    path: Path,
    note: Provenance,
    settings: EncodeSettings,
    *,
    saturation: float,
    verifies: bool,
    gpu: torch.device | None = None,
) -> Result:
    """Join the pages in memory with their colours, and write them; the pages without colours stay as they are.

    Where there is a `gpu`, it joins them, except grey JPEGs: their luma and chroma cost less than the way there.

    Raises:
        PhotoError: the result cannot be written, or is not what it should be.
    """
    photo = prepared.photo
    pages: list[NDArray[Any] | LumaPlanes] = [page.pixels for page in photo.pages]
    for i, found in colours.items():
        pixels, space = photo.pages[i].pixels, prepared.spaces[i]
        if isinstance(found, Guided):
            pages[i] = paint_along_edges(pixels, found, space, saturation)
        elif (grey := _luma_source(photo, pixels, settings, space)) is not None:
            pages[i] = LumaPlanes(*merge_luma(grey, found, saturation), photo.pages[i].size)
        elif gpu is not None:
            from colorize_cli.color.gpu_merge import merge_on  # torch is loaded by now

            pages[i] = merge_on(gpu, pixels, found, space, saturation)
        else:
            pages[i] = merge(pixels, found, space, saturation)
        own, colored = prepared.choice.kept.get(i), pages[i]
        if own is not None and isinstance(colored, np.ndarray):
            own.restore(colored, pixels, 0, (pixels.shape[0], pixels.shape[1]), space)
    figures = dict[str, float]()
    with on_trial(path, verifies) as place:
        written = write_photo(photo, pages, place, settings, note)
        if verifies:
            told = (*prepared.notes, *written.notes)
            figures = verify(photo, prepared.spaces, place, settings, colours.keys(), told)
    return Result(photo.pages[0].pixels, pages[0], written.notes, figures)


def _luma_source(
    photo: Photo, pixels: NDArray[Any], settings: EncodeSettings, space: RgbSpace
) -> NDArray[np.uint8] | None:
    """The grey plane from which luma and chroma are made: of a grey photo in sRGB that becomes a JPEG."""
    return grey_plane(pixels) if space is SRGB and takes_luma(photo, settings) else None


def write_large(
    prepared: Prepared,
    colours: Colours,
    path: Path,
    note: Provenance,
    settings: EncodeSettings,
    *,
    saturation: float,
    verifies: bool,
    shows: bool,
    lane: Lane,
    workers: int,
    gpu: torch.device | None = None,
) -> Result:
    """`write_whole_photo` for a photo that is read again, and written, in strips.

    Raises:
        PhotoError: the result cannot be written, or is not what it should be.
        Stopped: the batch was interrupted.
    """
    scan, sights = prepared.scan, prepared.sights
    assert scan is not None
    luma = takes_luma(scan.photo, settings)
    painters = {
        i: Painter(found, sights[i].size, sights[i].space, saturation, gpu, luma, prepared.choice.kept.get(i))
        for i, found in colours.items()
    }
    figures = dict[str, float]()
    with on_trial(path, verifies) as place:
        with lane.walk(prepared.source.path, "coloring", total_rows(scan)) as on_rows:
            written = paint(scan, painters, place, settings, note, on_rows, workers)
        if verifies:
            scan.let_go()  # or they would add to what the result's rows take
            told = (*prepared.notes, *written.notes)
            with lane.walk(prepared.source.path, "verifying", total_rows(scan)) as on_rows:
                figures = verify_scan(scan, prepared.spaces, place, settings, on_rows, workers, colours.keys(), told)
    if not shows:
        return Result(sights[0].pixels, sights[0].pixels, written.notes, figures)
    scale = min(1.0, _SHOWN / max(sights[0].size))
    height, width = (max(1, round(side * scale)) for side in sights[0].size)
    small = View(height, width, 0, 0)
    before = after = np.ascontiguousarray(reduce(sights[0].pixels, small))
    if 0 in colours:
        own = prepared.choice.kept.get(0)
        painter = Painter(colours[0], (small.height, small.width), sights[0].space, saturation, kept=own)
        after = painter.paint(0, before)
    return Result(before, after, written.notes, figures)
