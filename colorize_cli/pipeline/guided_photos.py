"""Photos that a person guides one by one: opened as a batch opens them, and kept open.

In:  a path
Out: `GuidedPhoto`: its first page with what the network says of it, and its rows
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from colorize_cli.color.spaces import RgbSpace
from colorize_cli.files.machine import cores
from colorize_cli.formats.blocks import BlockReader
from colorize_cli.formats.encode import target_format
from colorize_cli.inference.guided_page import GuidedPage
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.own_colors import plan_pages
from colorize_cli.inference.photo_guidance import PhotoGuidance
from colorize_cli.inference.photo_options import GuidanceOptions, ReadOptions, WriteOptions
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.opening import PhotoOpener
from colorize_cli.pipeline.run_options import SOFTWARE
from colorize_cli.version import __version__


@dataclass(frozen=True)
class GuidedPhoto:
    """A photo that is open.

    Attributes:
        page: its first page, which hints are for.
        reader: gives its rows.
        pages: how many it has.
        takes_color: whether the first page is to be colored; one that has color of its own is not.
        notes: what was odd about it.
        nbytes: memory that it takes, roughly.
    """

    page: GuidedPage
    reader: BlockReader
    pages: int
    takes_color: bool
    notes: tuple[str, ...]
    nbytes: int


class GuidedPhotos:
    """Opens photos for a person; used by several threads at once.

    Args:
        colorizer: the network, and what becomes of color that photos have of their own.
        read: how photos are read.
        write: how results are written, which says whether a photo can be read in strips.
    """

    def __init__(self, colorizer: Colorizer, read: ReadOptions, write: WriteOptions) -> None:
        self.colorizer, self._settings = colorizer, write.encode_settings(None)
        loaded = colorizer.network.load()
        self._predictor = loaded.predictor
        note = Provenance(SOFTWARE, __version__, loaded.predictor.model.name, "")
        self._opener = PhotoOpener(
            read,
            sizes=loaded.predictor.model.members[0].spec.sizes,
            levels=colorizer.model.detail.levels or 0,
            guidance=PhotoGuidance(GuidanceOptions(), note),
            lock=LargeFileLock(),
            workers=cores(),
            seconds=None,
        )

    @property
    def gives_chances(self) -> bool:
        """Whether the network says how likely colors are, so that there are palettes and proposals."""
        return self._predictor.palette is not None

    @property
    def vividness(self) -> float | None:
        """The network's own vividness, [0, 1]; None where it knows none."""
        reading = self._predictor.reading
        return None if reading is None else reading.default

    def open(self, path: Path) -> GuidedPhoto:
        """Open a photo.

        Raises:
            PhotoError: it cannot be read.
        """
        found = self._opener.probe(path)
        way = self._opener.plan(found, target_format(found, self._settings)[0])
        opened = self._opener.open(path, way)
        plan = plan_pages(opened.previews, self.colorizer.color.on_color)
        detail = self.colorizer.model.detail
        page = GuidedPage(self._predictor, opened.previews[0], plan.kept.get(0), detail)
        pages = len(opened.photo.pages)
        notes = opened.photo.notes + plan.notes
        size = sum(preview.pixels.nbytes for preview in opened.previews)
        return GuidedPhoto(page, opened.reader, pages, 0 in plan.pages, notes, size)

    def first_pixels(self, path: Path) -> tuple[NDArray[Any], RgbSpace]:
        """A file's first page, or a reduced copy of it, (H, W) or (H, W, 3), and what its pixels mean.

        Raises:
            PhotoError: it cannot be read.
        """
        found = self._opener.probe(path)
        way = self._opener.plan(found, target_format(found, self._settings)[0])
        preview = self._opener.open(path, way).previews[0]
        return preview.pixels, preview.space
