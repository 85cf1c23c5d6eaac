"""Make the smaller copies of a page anew, from its colored rows as they come.

In:  rows of the colored page, (n, W, samples), from top to bottom; the sub-image as the source had it
Out: pieces of the file; tags and parts for `TiffStream.page` or `TiffStream.chain`

A level keeps a row of its tiles in memory and nothing else, so a page of any size can have its pyramid:

    level = Level(stream, sub, page, kinds, quality)
    for rows in page_rows:
        yield from level.feed(rows)
    yield from level.rest()
    offset, pieces = stream.chain([(level.tags(), level.parts)])
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from colorize_cli.formats.around import eight_bits
from colorize_cli.formats.photo import AnyPixels, Page, SubImage
from colorize_cli.formats.tiff.tiff_coding import coded_rows, coding_like, layout_tags, unit_rows
from colorize_cli.formats.tiff.tiff_stream import Parts, Piece, TiffStream
from colorize_cli.formats.tiff.tiff_tags import level_tags
from colorize_cli.metadata.ifd import Tag

_AT_ONCE = 256  # rows that are reduced at once


class Reducer:
    """A picture's mean over the area of each pixel of a smaller one, row by row.

    Args:
        large: width and height of the picture.
        small: those of the smaller one, at most as large.
    """

    def __init__(self, large: tuple[int, int], small: tuple[int, int]) -> None:
        (_, self.high), (self.width, self.height) = large, small
        self._top, self._row = 0, 0  # the next row that comes in, and that goes out
        self._sum: AnyPixels | None = None

    def feed(self, rows: AnyPixels) -> Iterator[AnyPixels]:
        """Take the next rows, (n, W, samples); give the rows that are complete, (m, w, samples) of the same dtype."""
        for start in range(0, len(rows), _AT_ONCE):
            done = self._feed(rows[start : start + _AT_ONCE])
            if done:
                yield np.stack(done)

    def _feed(self, rows: AnyPixels) -> list[AnyPixels]:
        fours = (rows[..., i : i + 4].astype(np.float32) for i in range(0, rows.shape[2], 4))  # OpenCV takes no more
        across = [cv2.resize(part, (self.width, len(rows)), interpolation=cv2.INTER_AREA) for part in fours]
        narrow = np.concatenate([part.reshape(len(rows), self.width, -1) for part in across], 2)
        done = list[AnyPixels]()
        bottom = self._top + len(rows)
        while self._row < self.height:
            begin, end = self._row * self.high, (self._row + 1) * self.high  # in rows times `height`: whole numbers
            first = max(begin // self.height, self._top)
            last = min(-(-end // self.height), bottom)
            if first < last:
                weights = np.array(
                    [min(end, (y + 1) * self.height) - max(begin, y * self.height) for y in range(first, last)],
                    np.float32,
                )
                part = np.asarray(np.tensordot(weights / self.high, narrow[first - self._top : last - self._top], 1))
                self._sum = part if self._sum is None else self._sum + part
            if end > bottom * self.height:
                break
            assert self._sum is not None
            done.append(np.rint(self._sum).astype(rows.dtype))
            self._row, self._sum = self._row + 1, None
        self._top = bottom
        return done


class Level:
    """One smaller copy on its way into a file.

    Args:
        stream: the layout of the file.
        sub: the copy as the source had it; the new one is of its size, depth and coding.
        page: whose copy it is; its size and metadata are looked at.
        kinds: what the samples beyond red, green and blue are, for ExtraSamples.
        quality: of JPEG, 1 to 100; None: the source's.
    """

    def __init__(self, stream: TiffStream, sub: SubImage, page: Page, kinds: list[int], quality: int | None) -> None:
        self.stream, self.sub, self.page, self.quality = stream, sub, page, quality
        self.size = sub.size[::-1] if page.metadata.orientation >= 5 else sub.size
        self.kinds = [] if sub.tags.integer(277, 1) in (1, 3) else kinds
        self.shallow = max((int(bits) for bits in sub.tags.numbers(258)), default=1) <= 8
        dtype = np.dtype(np.uint8) if self.shallow else page.pixels.dtype
        pixel = np.zeros((), dtype)
        self.planes = np.broadcast_to(pixel, (self.size[1], self.size[0], 3 + len(self.kinds)))
        self.coding = coding_like(sub.tags, sub.tags.integer(259, 1), sub.jpeg, self.planes)
        self.parts = Parts(self.coding.tile is not None)
        self.unit = unit_rows(self.planes, self.coding)
        self._reducer = Reducer(page.size, self.size)
        self._waiting = list[AnyPixels]()

    def feed(self, rows: AnyPixels) -> Iterator[Piece]:
        """Take the page's next rows with all their planes, (n, W, samples)."""
        for small in self._reducer.feed(rows[..., : self.planes.shape[2]]):
            self._waiting.append(eight_bits(small) if self.shallow else small)
            if sum(map(len, self._waiting)) >= self.unit:
                yield from self._code(last=False)

    def _code(self, last: bool) -> Iterator[Piece]:
        rows = np.concatenate(self._waiting)
        whole = len(rows) if last else len(rows) // self.unit * self.unit
        for top in range(0, whole, self.unit):
            for coded in coded_rows(
                rows[top : min(top + self.unit, whole)], self.coding, self.stream.order, self.quality
            ):
                yield self.stream.segment(self.parts, coded)
        self._waiting = [rows[whole:]] if whole < len(rows) else []

    def rest(self) -> Iterator[Piece]:
        """The last rows, once all of the page's have come."""
        if self._waiting:
            yield from self._code(last=True)

    def tags(self) -> list[Tag]:
        """All tags but those that say where the parts are."""
        order = self.stream.order
        layout = layout_tags(self.planes, self.kinds, self.coding, order)
        return layout + level_tags(self.sub.tags, self.page.metadata, self.page.icc, order)
