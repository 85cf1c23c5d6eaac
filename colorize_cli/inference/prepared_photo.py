"""A photo between its stages: opened, prepared for the network, written with its colors.

In:  a path; then the colors of its pages
Out: `Opened`; then the written file, and what of it is shown and reported
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import RgbSpace
from colorize_cli.files.atomic import on_trial
from colorize_cli.files.discover import Source
from colorize_cli.formats.blocks import Block, BlockReader, open_in_strips
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Written, takes_luma, write_blocks
from colorize_cli.formats.photo import DecodeLimits, LumaPlanes, Page, Photo
from colorize_cli.formats.row_cache import RowCache
from colorize_cli.formats.stand_ins import hidden
from colorize_cli.guidance.hint_points import Sidecar
from colorize_cli.inference.geometry import View, reduce
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.own_colors import PagePlan
from colorize_cli.inference.page_spaces import in_known_spaces, space_of
from colorize_cli.inference.painting import Guided, Painter
from colorize_cli.inference.photo_guidance import Known
from colorize_cli.inference.predictor import Request
from colorize_cli.inference.previews import Preview, preview_of
from colorize_cli.metadata.provenance import Provenance

if TYPE_CHECKING:
    import torch

Plane = NDArray[np.float32]
Colors = Mapping[int, Plane | Guided]

_SHOWN = 1600  # pixels of the longer side of what pairs and sheets are made of


@dataclass(frozen=True)
class Opened:
    """A photo that was read.

    Attributes:
        reader: gives its blocks.
        previews: each page, or a smaller copy of it.
    """

    reader: BlockReader
    previews: tuple[Preview, ...]

    @property
    def photo(self) -> Photo:
        """Its pages and metadata; of one that is read in strips, with stand-ins for pixels."""
        return self.reader.photo


@dataclass(frozen=True)
class Prepared:
    """A decoded photo on its way to the network.

    Attributes:
        reader: gives the photo's blocks.
        spaces: the color space of each page.
        requests: what the network is to see, one for each page that is to be colored.
        known: what is known of the colors of each of them.
        colored_pages: the pages that are to be colored, by the network or without it.
        sidecars: the photo's hints.
        provenance: the result's note.
        out: where the result goes.
        started: clock at the begin, seconds.
        previews: each page, or a smaller copy of it.
        page_plan: the color of their own that its pages keep.
        original: its first page before it was mended, where that is to be shown.
    """

    source: Source
    reader: BlockReader
    spaces: tuple[RgbSpace, ...]
    requests: tuple[Request, ...]
    known: tuple[Known, ...]
    colored_pages: tuple[int, ...]
    sidecars: tuple[Sidecar, ...]
    provenance: Provenance
    out: Path
    notes: tuple[str, ...]
    started: float
    previews: tuple[Preview, ...]
    page_plan: PagePlan = field(default_factory=lambda: PagePlan(()))
    original: NDArray[Any] | None = None

    @property
    def photo(self) -> Photo:
        """Its pages and metadata, as of `Opened`."""
        return self.reader.photo

    @property
    def nbytes(self) -> int:
        """Memory that the pixels and the result will take, roughly."""
        if self.reader.in_strips:
            return sum(preview.pixels.nbytes for preview in self.previews)
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
    path: Path,
    limits: DecodeLimits,
    salvage: bool,
    read: Callable[[Path, DecodeLimits, bool], Photo] | None = None,
    in_strips: bool = False,
    block_bytes: int = 0,
) -> Opened:
    """Decode a photo.

    Args:
        path: the file.
        limits: what it may declare.
        salvage: take what is there of a damaged one.
        read: decodes it; None is `decode`.
        in_strips: it is to be colored and written in strips.
        block_bytes: about those of a strip; 0 for what is fast.

    Raises:
        PhotoError: it cannot be read.
    """
    photo = in_known_spaces((read or decode)(path, limits, salvage))
    previews = tuple(Preview.of(page, space_of(page)) for page in photo.pages)
    return Opened(BlockReader(photo, in_strips=in_strips, block_bytes=block_bytes), previews)


def open_streamed(
    path: Path,
    limits: DecodeLimits,
    wanted: Callable[[int, int], View],
    lock: LargeFileLock,
    workers: int,
    cache: RowCache | None = None,
    block_bytes: int = 0,
) -> Opened:
    """Read a large photo in strips, and keep a smaller copy of each page.

    Args:
        path: the file.
        limits: its memory is limited by how it is read.
        wanted: from a page's height and width, the size at which it will be looked at.
        lock: held while it is read.
        workers: threads.
        cache: keeps its rows, so that it is read once; None where they are too many.
        block_bytes: about those of a block; 0 for what is fast.

    Raises:
        PhotoError: it cannot be read.
        Stopped: the batch was interrupted.
    """
    reader = open_in_strips(path, limits, block_bytes).mapped(in_known_spaces)
    reader = reader if cache is None else cache.caching(reader)
    previews, pages = list[Preview](), list[Page]()
    with lock.hold(path, "reading", reader.total_rows) as on_rows:
        for number, page in enumerate(reader.photo.pages):
            view = wanted(page.pixels.shape[0], page.pixels.shape[1])
            preview, hides = preview_of(reader, number, view, on_rows, workers)
            previews.append(preview)
            pages.append(hidden(page, hides))
    return Opened(replace(reader, photo=replace(reader.photo, pages=tuple(pages))), tuple(previews))


def write_colored(
    prepared: Prepared,
    colors: Colors,
    path: Path,
    note: Provenance,
    settings: EncodeSettings,
    *,
    saturation: float,
    verifies: bool,
    shows: bool,
    lock: LargeFileLock,
    workers: int,
    gpu: torch.device | None = None,
) -> Result:
    """Write a photo whose pages get their colors as they are written; the pages without colors stay as they are.

    Where there is a `gpu`, it joins them, except grey JPEGs: their luma and chroma cost less than the way there.

    Raises:
        PhotoError: the result cannot be written, or is not what it should be.
        Stopped: the batch was interrupted.
    """
    reader, previews, kept = prepared.reader, prepared.previews, prepared.page_plan.kept
    luma = takes_luma(reader.photo, settings)
    painters = {
        i: Painter(found, previews[i].size, previews[i].space, saturation, gpu, luma, kept.get(i))
        for i, found in colors.items()
    }
    figures, shown = dict[str, float](), list[NDArray[Any] | LumaPlanes]()

    def on_page(pixels: NDArray[Any] | LumaPlanes) -> None:
        if shows:
            shown.append(pixels)

    with on_trial(path, verifies) as place:
        with lock.hold_for(reader, "coloring") as on_rows:
            written = paint(reader, painters, place, settings, note, on_rows, workers, on_page)
        if verifies:
            from colorize_cli.inference.verify import verify  # with every reader of metadata, for few runs

            reader.let_go()  # or they would add to what the result's rows take
            told = (*prepared.notes, *written.notes)
            with lock.hold_for(reader, "verifying") as on_rows:
                figures = verify(reader, prepared.spaces, place, settings, on_rows, workers, colors.keys(), told)
    before = previews[0].pixels
    if not shows:
        return Result(before, before, written.notes, figures)
    if not reader.in_strips:
        return Result(before, shown[0], written.notes, figures)
    scale = min(1.0, _SHOWN / max(previews[0].size))
    height, width = (max(1, round(side * scale)) for side in previews[0].size)
    before = after = np.ascontiguousarray(reduce(before, View(height, width, 0, 0)))
    if 0 in colors:
        painter = Painter(colors[0], (height, width), previews[0].space, saturation, kept=kept.get(0))
        after = painter.paint(0, before)
    return Result(before, after, written.notes, figures)


def paint(
    reader: BlockReader,
    painters: Mapping[int, Painter],
    out: Path,
    settings: EncodeSettings,
    note: Provenance,
    on_rows: Callable[[int], None],
    workers: int,
    on_page: Callable[[NDArray[Any] | LumaPlanes], None] = lambda _: None,
) -> Written:
    """Write a file with colors.

    Args:
        reader: the source.
        painters: of the pages that are to be colored, by their numbers; the others stay as they are.
        out: the file.
        settings: how it is written.
        note: that it carries.
        on_rows: told how many more rows were written.
        workers: threads.
        on_page: told the pixels of each page that is one block.
    """

    def colored(number: int, block: Block) -> NDArray[Any] | LumaPlanes:
        painter = painters.get(number)
        pixels = block.rows.pixels if painter is None else painter.paint_block(block)
        if not reader.in_strips:
            on_page(pixels)
        return pixels

    kept = set(range(len(reader.photo.pages))) - set(painters)
    near = max((painter.near for painter in painters.values()), default=0)
    return write_blocks(reader, colored, out, settings, note, on_rows, workers, kept, near)
