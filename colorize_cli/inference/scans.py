"""The road of large files: read in strips to see them whole but small, and again to colour them as they are written.

look: strips -> halved again and again -> a `Sight`, from which the network and all that steers it see the page
paint: strips -> colours enlarged -> joined with their lightness -> coded -> the file

In:  a `Scan`
Out: a `Sight` of each page; the written file. Memory is that of some strips and of the sights, whatever the size

Every pixel is what the road through memory gives: the same halvings (but for a JPEG's, which its decoder does, to a
level or so), the same enlarging, the same merge.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import RgbSpace
from colorize_cli.formats.ahead import ahead
from colorize_cli.formats.encode import EncodeSettings, Written
from colorize_cli.formats.photo import LumaPlanes, Page
from colorize_cli.formats.scan import Block, Scan, strips
from colorize_cli.formats.scan_write import write_scan
from colorize_cli.inference.geometry import View
from colorize_cli.inference.painting import Painter
from colorize_cli.inference.spaces import space_of
from colorize_cli.metadata.provenance import Provenance

SIGHT_BYTES = 32 << 20  # of a page's reduced copy; it is halved until it has no more
_STRIP_BYTES = 8 << 20
STEP = 2  # pixels of a side that become one
_DECODERS_HALVINGS = 3  # of a JPEG, at most


@dataclass(frozen=True)
class Sight:
    """What is seen of a page at once.

    Attributes:
        pixels: (h, w) or (h, w, 3), the page or a reduced copy of it, in the page's space and depth.
        size: (H, W) of the page itself.
        space: what the pixels mean.
    """

    pixels: NDArray[Any]
    size: tuple[int, int]
    space: RgbSpace

    @classmethod
    def of(cls, page: Page, space: RgbSpace) -> Sight:
        """A page that is in memory as a whole."""
        return cls(page.pixels, (page.pixels.shape[0], page.pixels.shape[1]), space)


@dataclass(frozen=True)
class Part:
    """How far one large file is: `done` of `total` rows in a stage ("reading", "coloring", "verifying")."""

    source: Path
    stage: str
    done: int
    total: int


class Stopped(Exception):
    """The user interrupted the batch; the file that was being written is dropped."""


class Lane:
    """Lets one large file at a time through, says how far it is, and stops it when told.

    Args:
        on_part: told how far the file is, from any thread.
    """

    def __init__(self, on_part: Callable[[Part], None] = lambda _: None) -> None:
        self.on_part, self._lock, self._stop = on_part, threading.Lock(), threading.Event()

    def stop(self) -> None:
        """End the file that is under way at its next strip."""
        self._stop.set()

    @contextmanager
    def walk(self, source: Path, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        """Take the lane for one stage of a file; what it gives is told how many more rows are done.

        Raises:
            Stopped: `stop` was called.
        """
        done = 0

        def more(rows: int) -> None:
            nonlocal done
            if self._stop.is_set():
                raise Stopped
            done += rows
            self.on_part(Part(source, stage, done, total))

        with self._lock:
            _give_back()
            more(0)
            yield more
            _give_back()


def _give_back() -> None:
    """Return memory that was freed to the system: glibc keeps it, a network's loading leaves a good deal."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def look(scan: Scan, number: int, view: View, on_rows: Callable[[int], None], workers: int) -> tuple[Sight, bool]:
    """See a page whole.

    Args:
        scan: the file.
        number: of the page.
        view: the size at which it is wanted at least; the copy is larger, and `reduce` goes on from it.
        on_rows: told how many more rows were seen.
        workers: threads.

    Returns:
        The sight, and whether alpha hides anything.
    """
    page = scan.photo.pages[number]
    height, width = page.pixels.shape[:2]
    line = page.pixels[:1].size * page.pixels.itemsize
    halvings = _halvings(height, width, line // width, view)
    early = min(halvings, _DECODERS_HALVINGS) if scan.reduced is not None else 0
    factor, halvings = STEP**early, halvings - early
    unit = STEP**halvings
    rows = max(unit, _STRIP_BYTES * factor // max(line, 1) // unit * unit)

    def work(block: Block) -> tuple[NDArray[Any], bool, int]:
        return _halved(block.rows.pixels, halvings), block.rows.hides, factor * len(block.rows.pixels)

    parts, hides = list[NDArray[Any]](), False
    with (
        ThreadPoolExecutor(workers, "look") as pool,
        closing(ahead(pool, work, strips(scan.blocks(number, factor), rows), workers + 1)) as done,
    ):
        for part, hidden, count in done:
            parts.append(part)
            hides = hides or hidden
            on_rows(count)
    on_rows(height % factor)
    whole = parts[0] if len(parts) == 1 else np.concatenate([part for part in parts if part.size])
    return Sight(whole, (height, width), space_of(page)), hides


def _halvings(height: int, width: int, pixel: int, view: View) -> int:
    """How often `reduce` would halve a page on its way to the view, but no further than `SIGHT_BYTES`."""
    count = 0
    while height * width * pixel > SIGHT_BYTES and height >= 4 * view.height and width >= 4 * view.width:
        height, width, count = height // STEP, width // STEP, count + 1
    return count


def _halved(pixels: NDArray[Any], halvings: int) -> NDArray[Any]:
    for _ in range(halvings):
        height, width = pixels.shape[0] // STEP, pixels.shape[1] // STEP
        if not height:  # a last odd row, which `reduce` leaves out, too
            return pixels[:0, :: STEP**halvings]
        cut = pixels[: STEP * height, : STEP * width]
        pixels = np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA))
    return pixels.copy() if not halvings else pixels


def paint(
    scan: Scan,
    painters: Mapping[int, Painter],
    out: Path,
    settings: EncodeSettings,
    note: Provenance,
    on_rows: Callable[[int], None],
    workers: int,
) -> Written:
    """Write the file with colours.

    Args:
        scan: the file.
        painters: of the pages that are to be coloured, by their numbers; the others stay as they are.
        out: the file.
        settings: how it is written.
        note: that it carries.
        on_rows: told how many more rows were written.
        workers: threads.
    """

    def colours(number: int, block: Block) -> NDArray[Any] | LumaPlanes:
        pixels, painter = block.rows.pixels, painters.get(number)
        if painter is not None:
            return painter.paint_block(block)
        return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels

    kept = set(range(len(scan.photo.pages))) - set(painters)
    near = max((painter.near for painter in painters.values()), default=0)
    return write_scan(scan, colours, out, settings, note, on_rows, workers, kept, near)


def total_rows(scan: Scan) -> int:
    """Rows of all pages."""
    return sum(page.size[1] for page in scan.photo.pages)
