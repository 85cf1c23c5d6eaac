"""See to a scan before anything is decided on it: a negative becomes a positive, a scanner's borders are cut off.

In:  an opened photo, what is asked for
Out: the photo as if it had been scanned so; what was done, and the box that was kept of each page
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import maximum_of, reduced
from colorize_cli.formats.blocks import Block, BlockReader, Filter
from colorize_cli.formats.photo import AnyPixels, Page, Photo
from colorize_cli.formats.stand_ins import spread
from colorize_cli.guidance.hint_points import Sidecar
from colorize_cli.guidance.moved_hints import moved
from colorize_cli.inference.prepared_photo import Opened
from colorize_cli.inference.previews import Preview
from colorize_cli.metadata.reframed import Reframed
from colorize_cli.notes import Loss, Note
from colorize_cli.restore.borders import find_frame
from colorize_cli.restore.choices import RestoreOptions
from colorize_cli.restore.damage import Mask
from colorize_cli.restore.frame import Frame
from colorize_cli.restore.negatives import Inversion, find_negative
from colorize_cli.restore.repair import plane_of

_SIDE = 2048  # pixels of the longer side of the copy on which is decided
_ROWS = 256  # of a strip


@dataclass(frozen=True)
class Framed:
    """A photo that was seen to.

    Attributes:
        opened: as if it had been scanned so.
        notes: what was done.
        frames: the box that was kept, by page; pages without one are whole.
        inverted: the pages that were negatives.
    """

    opened: Opened
    notes: tuple[str, ...] = ()
    frames: dict[int, Frame] = field(default_factory=dict)
    inverted: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.frames or self.inverted)

    def hints(self, sidecars: Sequence[Sidecar], size: tuple[int, int]) -> tuple[Sidecar, ...]:
        """The first page's hints, which people gave for the scan, on what was kept of it.

        Args:
            sidecars: as they were read.
            size: (H, W) of the scan.

        Raises:
            HintError: a point lies outside the scan.
        """
        frame = self.frames.get(0)
        if frame is None:
            return tuple(sidecars)
        layer = partial(frame.pixels, smooth=False)
        return tuple(moved(sidecar, size, frame.size, frame.place, layer) for sidecar in sidecars)

    def mask(self, given: Mask | None) -> Mask | None:
        """The first page's mask, of the scan, on what was kept of it."""
        frame = self.frames.get(0)
        return given if given is None or frame is None else frame.pixels(given.astype(np.uint8), smooth=False) > 0


def framed(opened: Opened, options: RestoreOptions) -> Framed:
    """Invert negatives and cut borders off, of every page.

    Args:
        opened: the photo.
        options: what is asked for.
    """
    notes, frames, inverted = list[str](), dict[int, Frame](), list[int]()
    for number in range(len(opened.photo.pages)):
        on_page = f"page {number + 1}: " if len(opened.photo.pages) > 1 else ""
        preview = opened.previews[number]
        found = find_negative(_copy(preview.pixels)) if options.invert else None
        if found is not None:
            inverted.append(number)
            notes.append(f"restored: {on_page}inverted the negative: {found.said}")
            opened = _inverted(opened, number, found)
            preview = opened.previews[number]
        frame = None
        if options.crop:
            frame = find_frame(plane_of(reduced(preview.pixels, _SIDE)), preview.size, twice=found is not None)
        if frame is not None:
            frames[number] = frame
            notes.append(f"restored: {on_page}cropped to {frame.said()}")
            opened, lost = _cut(opened, number, frame)
            notes += lost
    return Framed(opened, tuple(notes), frames, tuple(inverted))


def _copy(pixels: NDArray[Any]) -> NDArray[np.float32]:
    small = reduced(pixels, _SIDE)
    return np.asarray(small, np.float32) / np.float32(maximum_of(small))


def _inverted(opened: Opened, number: int, how: Inversion) -> Opened:
    def inverted(rows: Page) -> Page:
        return replace(rows, pixels=how.pixels(rows.pixels))

    def change(blocks: Iterator[Block]) -> Iterator[Block]:
        for block in blocks:
            yield Block(block.top, inverted(block.rows))

    preview, previews = opened.previews[number], list(opened.previews)
    previews[number] = replace(preview, pixels=how.pixels(preview.pixels))
    reader = changed(opened.reader, number, change, inverted)
    if not reader.readers:
        previews[number] = Preview.of(reader.photo.pages[number], preview.space)
    return Opened(reader, tuple(previews))


def changed(
    reader: BlockReader, number: int, change: Filter, whole: Callable[[Page], Page], then: Page | None = None
) -> BlockReader:
    """A reader with one page changed: its pixels where they are in memory, else its blocks as they come.

    Args:
        reader: the photo.
        number: of the page.
        change: for blocks.
        whole: for a page in memory.
        then: a stand-in for the page that comes in blocks, where its sides change.
    """
    reader = replace(reader, reframed=True)
    if reader.readers:
        return reader.filtered(number, change, then)
    pages = list(reader.photo.pages)
    pages[number] = whole(pages[number])
    return replace(reader, photo=replace(reader.photo, pages=tuple(pages)))


def _cut(opened: Opened, number: int, frame: Frame) -> tuple[Opened, list[Note]]:
    reader, preview = opened.reader, opened.previews[number]
    photo, notes = reframed_photo(reader.photo, number, frame.size[::-1], frame.place)
    reader = replace(reader, photo=photo)

    def cut(page: Page) -> Page:
        return each_plane(page, frame.pixels)

    def change(blocks: Iterator[Block]) -> Iterator[Block]:
        waiting = list[Page]()

        def planes() -> Iterator[tuple[int, AnyPixels]]:
            for block in blocks:
                waiting[:] = [block.rows]
                yield block.top, stacked(block.rows)

        for top, pixels in frame.strips(planes(), _ROWS):
            yield Block(top, unstacked(pixels, waiting[0]))

    page = reader.photo.pages[number]
    reader = changed(reader, number, change, cut, spread(page, *frame.size) if reader.readers else None)
    previews = list(opened.previews)
    previews[number] = Preview(frame.pixels(preview.pixels), frame.size, preview.space)
    if not reader.readers:
        previews[number] = Preview.of(reader.photo.pages[number], preview.space)
    return Opened(reader, tuple(previews)), notes


def each_plane(page: Page, change: Callable[[AnyPixels], AnyPixels]) -> Page:
    """A page whose pixels, transparency and further planes go through a change."""
    extra = page.metadata.extra
    metadata = page.metadata if extra is None else replace(page.metadata, extra=_deep(change(extra)))
    alpha = None if page.alpha is None else change(page.alpha)
    return replace(page, pixels=change(page.pixels), alpha=alpha, metadata=metadata)


def _deep(plane: AnyPixels) -> AnyPixels:
    return plane[..., None] if plane.ndim == 2 else plane  # OpenCV drops an axis of one plane


def stacked(page: Page) -> AnyPixels:
    """All planes of a page, (H, W, n); (H, W) where there is one alone."""
    if page.alpha is None and page.metadata.extra is None:
        return page.pixels
    planes = [page.pixels if page.pixels.ndim == 3 else page.pixels[..., None]]
    planes += [] if page.alpha is None else [page.alpha[..., None]]
    planes += [] if page.metadata.extra is None else [page.metadata.extra.astype(page.pixels.dtype)]
    return np.concatenate(planes, 2)


def unstacked(planes: AnyPixels, like: Page) -> Page:
    """The page whose planes were stacked, of rows of the same kind as `like`."""
    if like.alpha is None and like.metadata.extra is None:
        return replace(like, pixels=planes)
    count = 1 if like.pixels.ndim == 2 else like.pixels.shape[2]
    pixels = np.ascontiguousarray(planes[..., 0] if like.pixels.ndim == 2 else planes[..., :count])
    alpha = None if like.alpha is None else np.ascontiguousarray(planes[..., count])
    extra = like.metadata.extra
    if extra is not None:
        extra = np.ascontiguousarray(planes[..., count + (alpha is not None) :]).astype(extra.dtype)
    return replace(like, pixels=pixels, alpha=alpha, metadata=replace(like.metadata, extra=extra))


def reframed_photo(
    photo: Photo,
    number: int,
    now: tuple[int, int],
    place: Callable[[float, float], tuple[float, float]],
    scale: float = 1.0,
) -> tuple[Photo, list[Note]]:
    """A photo whose metadata say that a page has other sides now; and what is to be told of it.

    Args:
        photo: as decoded; its pixels stay.
        number: of the page.
        now: width and height that the page will have.
        place: where a place of it will lie.
        scale: pixels that one of its pixels will have across.
    """
    page, notes, pages = photo.pages[number], list[Note](), list(photo.pages)
    how, own, around = Reframed(page.size, now, place, scale), page.metadata, photo.metadata
    if own.sub_images:
        said = "its sub-images (smaller copies, masks) were left out: they have the sides that it had"
        notes.append(Note(said, Loss.sub_images))
    tags = None if own.tags is None else how.tags(own.tags)
    own = replace(own, tags=tags, before=(), after=(), inside=(), can_copy=False)
    pages[number] = replace(page, metadata=own)
    if number == 0:
        around = replace(
            around,
            exif=None if around.exif is None else how.exif(around.exif),
            xmp=None if around.xmp is None else how.xmp(around.xmp),
        )
    return replace(photo, pages=tuple(pages), metadata=around), notes
