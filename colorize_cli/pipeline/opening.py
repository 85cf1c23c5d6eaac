"""Read a photo: its header, how it will be read, and as much of it as has to be seen before it is colored.

In:  a path
Out: `ProbeResult`, `ReadPlan`, `Opened`
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from colorize_cli.errors import DecodeError
from colorize_cli.files.facts import facts_of
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat, ProbeResult
from colorize_cli.formats.probe import probe
from colorize_cli.formats.read_plan import ReadPlan, plan
from colorize_cli.formats.row_cache import RowCache
from colorize_cli.formats.table import FORMATS, sniff
from colorize_cli.inference.geometry import View, view_of
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.painting import guide_size
from colorize_cli.inference.photo_guidance import PhotoGuidance
from colorize_cli.inference.photo_options import ReadOptions
from colorize_cli.inference.prepared_photo import Opened, open_streamed, open_whole
from colorize_cli.models.registry import Sizes
from colorize_cli.pipeline.budget import Budget
from colorize_cli.pipeline.killable import ForkServer, is_possible

_MOST_LOOKED_AT = 20_000  # files whose first bytes are read before the first photo
_APART = frozenset(suffix for format in FORMATS.values() if format.apart for suffix in format.suffixes)


def _begins_apart(path: Path) -> bool:
    """Whether a file's first bytes say that its decoder may crash."""
    try:
        _, head = facts_of(path)
    except (DecodeError, ValueError):
        return False  # whoever reads it says why
    format = sniff(head)
    return format is not None and format.apart


class PhotoOpener:
    """Opens the photos of a batch; its methods run in many threads at once.

    Args:
        read: how photos are read.
        sizes: at which sizes the network sees photos; None where none does.
        levels: how often large images are refined, each time at twice the size.
        guidance: says at which size methods without a network look.
        lock: lets large files through, one at a time.
        workers: threads that read a large file.
        seconds: that a call of a decoder may take; None is for ever.
    """

    def __init__(
        self,
        read: ReadOptions,
        *,
        sizes: Sizes | None,
        levels: int,
        guidance: PhotoGuidance,
        lock: LargeFileLock,
        workers: int,
        seconds: float | None,
    ) -> None:
        self.read, self.sizes, self.levels, self.guidance = read, sizes, levels, guidance
        self.lock, self.workers, self.cache = lock, workers, RowCache()
        self.budget = Budget(read.max_memory)
        self.seconds = seconds
        self._forks = ForkServer(seconds) if seconds is not None and is_possible() else None

    def close(self) -> None:
        """End the processes that decode."""
        if self._forks is not None:
            self._forks.close()

    def expect(self, paths: Iterable[Path]) -> None:
        """Start the process that forks decoders while this one has no threads, if a photo will need it.

        A lock that another thread holds at that time, as while it loads a library, would be held there for ever: so no
        process is started later. Names say it at once; else the first bytes of the files do, 10 microseconds each on a
        disk; of the first 20,000, since a share takes a hundred times as long. Objects of a store have names alone.
        """
        if self._forks is not None or not is_possible():
            return
        first, needed = list[Path](), False
        for path in paths:
            if needed := path.suffix.lower() in _APART:
                break
            if len(first) < _MOST_LOOKED_AT:
                first.append(path)
        if needed or any(map(_begins_apart, first)):
            self._forks = ForkServer(None)

    def probe(self, path: Path) -> ProbeResult:
        """What a file's header says.

        Raises:
            PhotoError: it cannot be read.
        """
        forks = self._processes(apart=False)
        found: ProbeResult = probe(path) if forks is None else forks.run("probe", path)
        return found

    def plan(self, found: ProbeResult, form: PhotoFormat) -> ReadPlan:
        """How a file is read whose result has a format.

        Raises:
            TooLargeError: it needs more memory than there may be.
        """
        return plan(found, form, self.read.stream_from, self.budget.most, self.budget.used)

    def open(self, path: Path, way: ReadPlan) -> Opened:
        """Read a photo: as a whole; or, of a large one, as much as has to be seen before it is colored.

        Raises:
            PhotoError: it cannot be read.
        """
        if way.streamed:
            try:
                limits, cache = DecodeLimits(self.read.max_pixels), self.cache if way.cached else None
                block_bytes = self.read.block_bytes
                return open_streamed(path, limits, self._preview_size, self.lock, self.workers, cache, block_bytes)
            except DecodeError:
                if not self.read.salvage:
                    raise
        forks = self._processes(way.apart)
        read = None if forks is None else partial(forks.run, "decode")
        limits = DecodeLimits(self.read.max_pixels, self.budget.room)
        return open_whole(path, limits, self.read.salvage, read, way.in_strips, self.read.block_bytes)

    def _processes(self, apart: bool) -> ForkServer | None:
        """What reads a file in a process of its own; None where this one reads it.

        Args:
            apart: its decoder may crash. Of the others a time limit alone is the reason. A file that became such a one
                after `expect` is read by this one.
        """
        return self._forks if apart or self.seconds is not None else None

    def _preview_size(self, height: int, width: int) -> View:
        """The largest size at which a page is looked at as a whole."""
        if not self.sizes:
            return View(*self.guidance.working_size(height, width), 0, 0)
        view = self.view(height, width)
        guide = guide_size((height, width), (view.height, view.width))
        closer = 2 ** (self.levels)
        return View(max(closer * view.height, guide[0]), max(closer * view.width, guide[1]), 0, 0)

    def view(self, height: int, width: int) -> View:
        """How the network sees a photo of this size: pictures with equal views can share a batch."""
        assert self.sizes is not None  # without a network there are no requests
        return view_of(height, width, self.sizes)

    def first_pixels(self, place: int, path: Path) -> NDArray[Any]:
        """A file's first page, or a reduced copy of it.

        Args:
            place: in the batch, of the photo for which memory is taken.
            path: the file.

        Raises:
            PhotoError: it cannot be read.
        """
        found = probe(path)
        way = self.plan(found, found.format)
        self.budget.take(place, way.memory)
        try:
            return self.open(path, way).previews[0].pixels
        finally:
            self.budget.give_back(place)
