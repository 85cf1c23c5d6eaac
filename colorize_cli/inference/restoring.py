"""Mend a photo between reading and coloring: as a whole in memory, or its rows as they come.

In:  an opened photo, the pages that are to be colored, what is to be mended
Out: the photo as if it had been read mended; what was done to it, and where
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from colorize_cli.color.pixels import reduced
from colorize_cli.formats.blocks import Block, BlockReader, Filter, strips, with_neighbors
from colorize_cli.formats.photo import Page
from colorize_cli.inference.lightness_planes import LightnessPlane, relit, with_lightness
from colorize_cli.inference.prepared_photo import Opened
from colorize_cli.inference.previews import Preview
from colorize_cli.restore.choices import RestoreOptions
from colorize_cli.restore.damage import DamageFinder, Mask, Plane, bundled_finder
from colorize_cli.restore.repair import HALO, Repairs, examine, plane_of, repaired, repaired_rows, samples_of

_ROWS = 512  # of a strip
_SIDE = 4096  # pixels of the longer side of the copy on which is decided


@dataclass(frozen=True)
class Restored:
    """A photo that was mended.

    Attributes:
        opened: as if it had been read so.
        notes: what was done.
        masks: where damage was filled, by page.
        noisy: the pages whose noise is left to a network.
    """

    opened: Opened
    notes: tuple[str, ...]
    masks: dict[int, Mask]
    noisy: frozenset[int] = frozenset()


def restored(
    opened: Opened,
    pages: Sequence[int],
    options: RestoreOptions,
    given: Mask | None = None,
    finder: Callable[[], DamageFinder] = bundled_finder,
    fill: Callable[[LightnessPlane, Mask], LightnessPlane] | None = None,
) -> Restored:
    """Mend the pages of a photo.

    Args:
        opened: the photo.
        pages: those that are mended; the others stay.
        options: what is asked for.
        given: a mask of the first page's damage, that a person made.
        finder: loads the network that finds damage.
        fill: fills it in place of the classical way.

    Raises:
        DecodeError: a large photo's rows cannot be read.
    """
    photo, reader = opened.photo, opened.reader
    new_pages, previews, notes, masks = list(photo.pages), list(opened.previews), list[str](), dict[int, Mask]()
    noisy = set[int]()
    for number in pages:
        preview, page = opened.previews[number], photo.pages[number]
        samples = partial(_samples, reader, number) if reader.readers else partial(samples_of, page.pixels)
        copy = plane_of(reduced(preview.pixels, _SIDE))
        repairs = examine(copy, samples, options, finder, given if number == 0 else None)
        if options.restore_model is not None:
            noisy |= {number} if repairs.noise > 0 or not options.auto else set()
            repairs = replace(repairs, noise=0.0)
        if not repairs:
            continue
        on_page = f"page {number + 1}: " if len(photo.pages) > 1 else ""
        notes += [on_page + note for note in repairs.notes]
        if repairs.mask is not None:
            masks[number] = repairs.mask
        masked = repairs.mask
        if masked is not None and fill is not None:
            plane = fill(LightnessPlane.of(reader.blocks(number), *page.pixels.shape[:2]), masked)
            if reader.readers:
                reader = reader.filtered(number, partial(with_lightness, plane=plane))
            else:
                page = replace(page, pixels=relit(page.pixels, plane.rows(0, plane.height)))
            repairs = replace(repairs, mask=None)
        if reader.readers:
            coarse = replace(repairs, mask=masked, noise=0.0, screen=())  # a reduced copy has next to none of them
            previews[number] = Preview(repaired(preview.pixels, coarse), preview.size, preview.space)
            reader = reader.filtered(number, _filter(repairs, page))
        else:
            new_pages[number] = replace(page, pixels=repaired(page.pixels, repairs))
            previews[number] = Preview.of(new_pages[number], preview.space)
    reader = replace(reader, photo=replace(photo, pages=tuple(new_pages)))
    return Restored(Opened(reader, tuple(previews)), tuple(notes), masks, frozenset(noisy))


def _samples(reader: BlockReader, number: int) -> list[Plane]:
    """Parts of a page at full size, from its second quarter on; nothing further is read than needed."""
    height, parts = reader.photo.pages[number].pixels.shape[0], list[Plane]()
    for block in strips(reader.blocks(number), _ROWS):
        if block.top >= height // 4:
            parts += samples_of(block.rows.pixels)
        if block.top > height // 2:
            break
    return parts or [np.zeros((1, 1), np.float32)]


def _filter(repairs: Repairs, page: Page) -> Filter:
    height = page.pixels.shape[0]

    def mended(blocks: Iterator[Block]) -> Iterator[Block]:
        for block in with_neighbors(strips(blocks, _ROWS), HALO):
            rows, above, below = block.rows.pixels, block.above, block.below
            assert above is not None and below is not None  # `with_neighbors` gives both
            done = repaired_rows(np.concatenate((above, rows, below)), repairs, block.top - len(above), height)
            yield Block(block.top, replace(block.rows, pixels=done[len(above) : len(above) + len(rows)]))

    return mended
