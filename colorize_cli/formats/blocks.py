"""A photo as blocks of rows, each page from top to bottom, as often as wanted: one block a page, or many.

In:  a decoded photo; or a path to a TIFF, JPEG or PNG that is read in strips
Out: a `BlockReader`: the photo, its large pages without their pixels, and blocks that are what `decode` gives for them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from colorize_cli.errors import DecodeError, TooLargeError
from colorize_cli.files.facts import facts_of, unchanged
from colorize_cli.formats.declared import Rows
from colorize_cli.formats.decode import finish, finish_page
from colorize_cli.formats.decoded import Damaged, TooManyPixels
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, Page, Photo
from colorize_cli.formats.stand_ins import first_pixel, spread
from colorize_cli.formats.table import sniff, why_none


@dataclass(frozen=True)
class Block:
    """Some rows of a page.

    Attributes:
        top: where they start.
        rows: what they are; `rows.pixels` is (n, W) or (n, W, 3).
        above, below: pixels of the rows next to them, where `with_neighbors` gave them.
    """

    top: int
    rows: Page
    above: AnyPixels | None = None
    below: AnyPixels | None = None


Filter = Callable[[Iterator[Block]], Iterator[Block]]


@dataclass(frozen=True)
class BlockReader:
    """A photo whose pixels come in blocks.

    Attributes:
        photo: as `decode` gives it; where it is read in strips, its pixels and alpha are stand-ins of the right shape
            that take no memory.
        readers: for each page, what starts reading its rows as they are stored; none where `photo` has its pixels.
        in_strips: it is colored and written in strips, even where it is in memory.
        block_bytes: about those of a block; 0 for what is fast.
        convert: what is done to rows once they are upright.
        reduced: of a grey JPEG, what starts reading the rows of a copy that is smaller by a factor, 2, 4 or 8.
        read_whole: of a JPEG, what reads the rows that are to stay in memory, which is faster.
        filters: by page, what its blocks go through before anybody sees them; those of a reduced copy do not.
        heights: by page, its rows before its filter, where that gives another number of them.
        reframed: its pixels are not those of its file: inverted, a part of them, or more of them.
        let_go: frees the rows that are kept; from then on they are read again whenever they are asked for.
    """

    photo: Photo
    readers: tuple[Callable[[], Rows], ...] = ()
    in_strips: bool = False
    block_bytes: int = 0
    convert: Callable[[Page], Page] = lambda page: page
    reduced: Callable[[int], Rows] | None = None
    let_go: Callable[[], None] = lambda: None
    read_whole: Callable[[], Rows] | None = None
    filters: Mapping[int, Filter] = field(default_factory=dict)
    heights: Mapping[int, int] = field(default_factory=dict)
    reframed: bool = False

    @property
    def total_rows(self) -> int:
        """Rows of all pages."""
        return sum(page.size[1] for page in self.photo.pages)

    def rows_of(self, page: int, block_bytes: int, unit: int = 1) -> int:
        """Rows of a block of a page of at most so many bytes, or as `block_bytes` of this reader says: whole units."""
        pixels = self.photo.pages[page].pixels
        rows = (self.block_bytes or block_bytes) // max(pixels[:1].size * pixels.itemsize, 1)
        return max(rows // unit * unit, unit)

    def mapped(self, convert: Callable[[Photo], Photo]) -> BlockReader:
        """The same with all its pixels brought to something else; `convert` must treat every pixel alike."""
        if not self.readers:
            return replace(self, photo=convert(self.photo))
        small = convert(replace(self.photo, pages=tuple(first_pixel(page) for page in self.photo.pages)))
        sizes = [page.size for page in self.photo.pages]
        pages = tuple(spread(page, height, width) for page, (width, height) in zip(small.pages, sizes, strict=True))

        def converted(rows: Page) -> Page:
            return convert(replace(self.photo, pages=(rows,))).pages[0]

        return replace(self, photo=replace(small, pages=pages), convert=converted)

    def filtered(self, page: int, change: Filter, page_then: Page | None = None) -> BlockReader:
        """The same with a page's blocks going through one filter more; `page_then` is what the page is then."""
        before = self.filters.get(page)

        def both(blocks: Iterator[Block]) -> Iterator[Block]:
            return change(blocks if before is None else before(blocks))

        pages, heights = list(self.photo.pages), {**self.heights}
        if page_then is not None:
            heights.setdefault(page, pages[page].size[1])
            pages[page] = page_then
        photo = replace(self.photo, pages=tuple(pages))
        return replace(self, photo=photo, filters={**self.filters, page: both}, heights=heights)

    def blocks(self, page: int, factor: int = 1) -> Iterator[Block]:
        """All rows of a page, from top to bottom; by a factor, which `reduced` must be there for, of a smaller copy.

        Raises:
            DecodeError: the page is damaged, or the file changed since it was opened.
        """
        change = self.filters.get(page) if factor == 1 else None
        return self._read(page, factor) if change is None else change(self._read(page, factor))

    def _read(self, page: int, factor: int) -> Iterator[Block]:
        if not self.readers:
            yield Block(0, self.photo.pages[page])
            return
        path = self.photo.path
        unchanged(path, self.photo.metadata.file)
        seen = 0
        try:
            for top, decoded in self.readers[page]() if factor == 1 or self.reduced is None else self.reduced(factor):
                rows = self.convert(finish_page(decoded))
                seen += len(rows.pixels)
                yield Block(top, rows)
                del decoded, rows  # before the next are read: a strip may have 64 MB
        except (Damaged, OSError) as error:
            unchanged(path, self.photo.metadata.file)  # else the reason is that somebody writes to it
            reason = error.reason if isinstance(error, Damaged) else f"it cannot be read: {error.strerror or error}"
            hint = error.advice() if isinstance(error, Damaged) else None
            raise DecodeError(reason, path=path, hint=hint) from None
        unchanged(path, self.photo.metadata.file)
        if seen != self.heights.get(page, self.photo.pages[page].size[1]) // factor:
            raise DecodeError("damaged: not all of its rows are there", path=path)


def open_in_strips(path: Path, limits: DecodeLimits, block_bytes: int = 0) -> BlockReader:
    """Open a file that `read_plan` says can be streamed; `block_bytes` are about those of a block, 0 for what is fast.

    Raises:
        DecodeError: it cannot be read.
        TooLargeError: it declares more pixels than the limits allow.
    """
    facts, head = facts_of(path)
    format = sniff(head)
    if format is None:
        raise DecodeError(why_none(head), path=path)
    try:
        opened = format.open_rows(path, limits, block_bytes)
        photo = finish(opened.photo, path, format.name, facts, opened.shapes[0][::-1])
    except Damaged as error:
        raise DecodeError(error.reason, path=path, hint=error.advice()) from None
    except TooManyPixels as error:
        raise TooLargeError(str(error), path=path) from None
    except OSError as error:
        raise DecodeError(f"it cannot be read: {error.strerror or error}", path=path) from None
    shapes = [
        shape[::-1] if page.orientation >= 5 else shape
        for page, shape in zip(opened.photo.pages, opened.shapes, strict=True)
    ]
    pages = tuple(spread(page, *shape) for page, shape in zip(photo.pages, shapes, strict=True))
    return BlockReader(
        replace(photo, pages=pages),
        tuple(opened.readers),
        in_strips=True,
        block_bytes=block_bytes,
        reduced=opened.reduced,
        read_whole=opened.whole,
    )


def strips(blocks: Iterator[Block], rows: int) -> Iterator[Block]:
    """The same rows in blocks of exactly `rows` rows each, but for the last."""
    waiting, count = list[Block](), 0
    for block in blocks:
        start, size = 0, len(block.rows.pixels)
        while size - start >= rows - count:
            stop = start + rows - count
            yield _joined([*waiting, _cut(block, start, stop)])
            start, waiting, count = stop, [], 0
        if start < size:
            waiting.append(_cut(block, start, size))
            count += size - start
        del block  # before the next is read: it may be large, and no strip holds it
    if waiting:
        yield _joined(waiting)


def with_neighbors(blocks: Iterator[Block], count: int) -> Iterator[Block]:
    """The same blocks, each with `count` rows of pixels above and below it; fewer where the page ends."""
    if not count:
        yield from blocks
        return
    waiting: Block | None = None
    for block in blocks:
        if waiting is not None:
            yield replace(waiting, below=block.rows.pixels[:count].copy())
            block = replace(block, above=waiting.rows.pixels[-count:].copy())
        waiting = replace(block, above=block.rows.pixels[:0]) if block.above is None else block
        del block
    if waiting is not None:
        yield replace(waiting, below=waiting.rows.pixels[:0])


def _joined(blocks: list[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]

    def join(planes: list[Any]) -> Any:
        return None if planes[0] is None else np.concatenate(planes)

    pages = [block.rows for block in blocks]
    extra = join([page.metadata.extra for page in pages])
    whole = replace(
        pages[0],
        pixels=join([page.pixels for page in pages]),
        alpha=join([page.alpha for page in pages]),
        metadata=replace(pages[0].metadata, extra=extra),
    )
    return Block(blocks[0].top, whole)


def _cut(block: Block, start: int, stop: int) -> Block:
    """Some rows of a block, copied where the block is much larger, so that they do not keep it."""
    page, extra = block.rows, block.rows.metadata.extra
    size = len(page.pixels)
    if (start, stop) == (0, size):
        return block
    small = 2 * (stop - start) < size

    def part(planes: Any) -> Any:
        return None if planes is None else planes[start:stop].copy() if small else planes[start:stop]

    metadata = page.metadata if extra is None else replace(page.metadata, extra=part(extra))
    rows = replace(page, pixels=part(page.pixels), alpha=part(page.alpha), metadata=metadata)
    return Block(block.top + start, rows)
