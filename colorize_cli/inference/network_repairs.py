"""Mend and enlarge a photo by networks, between its classical repairs and its color.

In:  an opened photo, the pages that are to be colored
Out: the photo as if it had been read so; what was done
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from colorize_cli.color.pixels import reduced
from colorize_cli.errors import TooLargeError, counted
from colorize_cli.formats.blocks import Block, BlockReader, Filter
from colorize_cli.formats.decoded import TooManyPixels
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.photo import DecodeLimits, Page
from colorize_cli.formats.stand_ins import spread
from colorize_cli.inference.devices import pick_device
from colorize_cli.inference.faces import FaceRestorer, load_face_restorer
from colorize_cli.inference.framing import reframed_photo
from colorize_cli.inference.inpainting import Inpainter, load_inpainter
from colorize_cli.inference.lightness_networks import LightnessNetwork
from colorize_cli.inference.lightness_planes import LightnessPlane, enlarged, with_lightness
from colorize_cli.inference.prepared_photo import Opened
from colorize_cli.inference.previews import Preview
from colorize_cli.models.registry import Task
from colorize_cli.models.spandrel_file import check_installed, load_network
from colorize_cli.notes import Note
from colorize_cli.restore.choices import Inpaint, Repair, RestoreOptions
from colorize_cli.restore.repair import plane_of

_SEEN = 2048  # pixels of the longer side of the copy on which faces are found
_IN_STRIPS = 24_000_000  # pixels from which an enlarged photo is colored and written in strips


@dataclass(frozen=True)
class RepairNetworks:
    """The networks of a run; None for what is not asked for.

    Attributes:
        restore: takes noise away.
        upscale: enlarges.
        faces: restores faces.
        inpaint: fills dust and scratches.
    """

    restore: LightnessNetwork | None = None
    upscale: LightnessNetwork | None = None
    faces: FaceRestorer | None = None
    inpaint: Inpainter | None = None

    @property
    def scale(self) -> int:
        """By how much photos are enlarged."""
        return 1 if self.upscale is None else self.upscale.scale

    def check(self, size: tuple[int, int], limits: DecodeLimits) -> None:
        """Refuse a photo whose result would be too large.

        Args:
            size: its width and height.
            limits: for its result.

        Raises:
            TooLargeError: it would.
        """
        try:
            check_size(self.scale * size[0], self.scale * size[1], 0, limits)
        except TooManyPixels as error:
            enlarged = f"enlarged {self.scale} times: " if self.scale > 1 else ""
            raise TooLargeError(f"{enlarged}{error}") from None


NO_NETWORKS = RepairNetworks()


def load_repair_networks(
    options: RestoreOptions,
    device: str,
    on_notice: Callable[[str], None],
    on_download: Callable[[int, int], None] | None = None,
    plans: bool = False,
) -> RepairNetworks:
    """Load what is asked for, before any work.

    Args:
        options: what is asked for.
        device: as `--device` names it.
        on_notice: told what concerns all photos, a line each.
        on_download: bytes done and in all, while weights are pulled.
        plans: nothing is loaded, for nothing but a plan is made.

    Raises:
        UsageError: spandrel is not installed, or a network does not enlarge by what was asked for.
        ModelNotFoundError, WeightsError: see `load_network`.
    """
    check_networks(options)
    if plans or not options.networks:
        return NO_NETWORKS
    inpaint = load_inpainter(device, on_download) if options.inpaint is Inpaint.lama else None
    if not options.spandrels:
        return RepairNetworks(inpaint=inpaint)
    where = pick_device(device)

    def load(name: str | None, task: Task) -> LightnessNetwork | None:
        if name is None:
            return None
        return LightnessNetwork(name, load_network(name, task, on_download), where, on_notice)

    faces = Repair.faces in options.repairs
    found = RepairNetworks(
        load(options.restore_model, Task.restore),
        load(options.enlarger, Task.upscale),
        load_face_restorer(where, options.face_weight, on_download) if faces else None,
        inpaint,
    )
    options.check_scale(found.scale)
    return found


def check_networks(options: RestoreOptions) -> None:
    """Refuse what cannot be had, without loading anything.

    Raises:
        UsageError: spandrel is not installed.
    """
    if options.restore_model is not None:
        check_installed("--restore-model")
    if options.enlarger is not None:
        check_installed("--upscale")
    if Repair.faces in options.repairs:
        check_installed("--restore faces")


def networked(
    opened: Opened,
    pages: Sequence[int],
    networks: RepairNetworks,
    options: RestoreOptions,
    noisy: Callable[[int], bool],
) -> tuple[Opened, tuple[str, ...]]:
    """Mend and enlarge pages.

    Args:
        opened: the photo.
        pages: those that are mended; all are enlarged.
        networks: what does it.
        options: how much.
        noisy: whether a page needs its noise taken away.

    Raises:
        PhotoError: rows cannot be read, or memory ran out.
    """
    notes = list[str]()
    for number in pages:
        on_page = f"page {number + 1}: " if len(opened.photo.pages) > 1 else ""
        if networks.restore is not None and options.noise_share > 0 and noisy(number):
            plane = _plane(opened.reader, number)
            mixed = _mixed(plane, networks.restore.run(plane), options.noise_share)
            opened = _same_size(opened, number, mixed)
            notes.append(f"restored: {on_page}mended by {networks.restore.name}")
        if networks.faces is not None:
            plane = _plane(opened.reader, number)
            if count := networks.faces.run(plane, plane_of(reduced(opened.previews[number].pixels, _SEEN))):
                opened = _same_size(opened, number, plane)
                notes.append(f"restored: {on_page}{counted(count, 'face')} by gfpgan")
    for number in range(len(opened.photo.pages)) if networks.upscale is not None else ():
        on_page = f"page {number + 1}: " if len(opened.photo.pages) > 1 else ""
        if networks.upscale is not None:
            plane = networks.upscale.run(_plane(opened.reader, number))
            opened, lost = _enlarged(opened, number, plane, networks.scale)
            notes.append(f"restored: {on_page}enlarged {networks.scale} times by {networks.upscale.name}")
            notes += lost
    return opened, tuple(notes)


def _plane(reader: BlockReader, number: int) -> LightnessPlane:
    height, width = reader.photo.pages[number].pixels.shape[:2]
    return LightnessPlane.of(reader.blocks(number), height, width)


def _mixed(before: LightnessPlane, after: LightnessPlane, share: float) -> LightnessPlane:
    if share < 1:
        for top in range(0, before.height, 256):
            old, new = before.rows(top, 256), after.rows(top, 256)
            after.write(top, old + np.float32(share) * (new - old))
    return after


def _whole(page: Page, change: Filter) -> Page:
    """A page in memory after a change of its blocks."""
    parts = [block.rows for block in change(iter([Block(0, page)]))]
    extra = None if page.metadata.extra is None else np.concatenate([part.metadata.extra for part in parts])
    return replace(
        parts[0],
        pixels=np.concatenate([part.pixels for part in parts]),
        alpha=None if page.alpha is None else np.concatenate([part.alpha for part in parts]),
        metadata=replace(parts[0].metadata, extra=extra),
    )


def _same_size(opened: Opened, number: int, plane: LightnessPlane) -> Opened:
    reader, previews = opened.reader, list(opened.previews)
    change = partial(with_lightness, plane=plane)
    if reader.readers:
        return replace(opened, reader=reader.filtered(number, change))
    pages = list(reader.photo.pages)
    pages[number] = _whole(pages[number], change)
    previews[number] = Preview.of(pages[number], previews[number].space)
    return Opened(replace(reader, photo=replace(reader.photo, pages=tuple(pages))), tuple(previews))


def _enlarged(opened: Opened, number: int, plane: LightnessPlane, scale: int) -> tuple[Opened, list[Note]]:
    reader, previews, preview = opened.reader, list(opened.previews), opened.previews[number]
    now = (plane.width, plane.height)
    photo, notes = reframed_photo(reader.photo, number, now, lambda x, y: (scale * x, scale * y), scale)
    change = partial(enlarged, plane=plane, scale=scale)
    if reader.readers:
        reader = replace(reader, photo=photo, reframed=True)
        reader = reader.filtered(number, change, spread(photo.pages[number], plane.height, plane.width))
        previews[number] = Preview(preview.pixels, (plane.height, plane.width), preview.space)
    else:
        pages = list(photo.pages)
        pages[number] = _whole(pages[number], change)
        in_strips = reader.in_strips or plane.height * plane.width >= _IN_STRIPS
        reader = replace(reader, photo=replace(photo, pages=tuple(pages)), reframed=True, in_strips=in_strips)
        previews[number] = Preview.of(pages[number], preview.space)
    return Opened(reader, tuple(previews)), notes
