"""One photo's way through the pipeline: what happens before the network, and what after it.

In:  a source and its destination
Out: before: requests for the network, or an outcome that needs none; after: the written file's outcome
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import DecodeError, EncodeError, HintError, PhotoError, TooLargeError
from colorize_cli.files.copy import copy_whole
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Source
from colorize_cli.files.machine import cores
from colorize_cli.formats.decoded import TooManyPixels
from colorize_cli.formats.encode import target_format
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.photo import DecodeLimits, LumaPlanes
from colorize_cli.formats.probe import probe
from colorize_cli.formats.read_plan import ReadPlan, described, plan
from colorize_cli.formats.reader import read_provenance
from colorize_cli.formats.row_cache import RowCache
from colorize_cli.formats.strip_file import strip_copy
from colorize_cli.guidance.hints import Sidecar
from colorize_cli.inference.geometry import View, reduced_lightness, view_of
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.opened import Opened, Prepared, Result, open_streamed, open_whole, paint, write_colored
from colorize_cli.inference.option_values import Method, OnColor
from colorize_cli.inference.own_colors import choose_pages
from colorize_cli.inference.painting import Guided, along_edges, guide_size, held
from colorize_cli.inference.photo_guidance import Carried, Known, PhotoGuidance
from colorize_cli.inference.predictor import HintPlanes, Request
from colorize_cli.inference.previews import Preview
from colorize_cli.inference.sheets import PAIR, SHEET, thumbnail, write_pair, write_sheet
from colorize_cli.inference.variants import variant_path
from colorize_cli.inference.verify import verify_copy
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.models.registry import Sizes
from colorize_cli.notes import Loss, Note, losses
from colorize_cli.pipeline.budget import Budget
from colorize_cli.pipeline.gallery import SIDE as THUMBNAIL
from colorize_cli.pipeline.gallery import Gallery
from colorize_cli.pipeline.killable import Nursery, is_possible
from colorize_cli.pipeline.options import RunOptions
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.resume import Elsewhere, Outputs, source_note
from colorize_cli.pipeline.sidecars import Companions
from colorize_cli.pipeline.workers import Timer

if TYPE_CHECKING:
    import torch

Plane = NDArray[np.float32]


class PhotoProcessor:
    """What all photos of a batch share; its methods run in many threads at once.

    Args:
        options: what was asked for.
        destinations: where each result goes.
        sizes: at which sizes the network sees photos; None where none does.
        guidance: what people said about the colors; it gives each result's note.
        lock: lets large files through, one at a time.
        gpu: joins lightness and colour, where there is one.
    """

    def __init__(
        self,
        options: RunOptions,
        destinations: Destinations,
        sizes: Sizes | None,
        guidance: PhotoGuidance,
        lock: LargeFileLock | None = None,
        gpu: torch.device | None = None,
    ) -> None:
        self.batch, self.read, self.write, self.color = options.batch, options.read, options.write, options.color
        self.method, self.detail, self.shows = options.guidance.method, options.model.detail, options.shows
        self.destinations, self.sizes, self.guidance = destinations, sizes, guidance
        self.settings = self.write.encode_settings(self.batch.single_output())
        self.lock, self.cache, self.gpu = lock or LargeFileLock(), RowCache(), gpu
        self.workers = self.batch.jobs or max(2, min(16, cores()))
        self.outputs, self.companions = (
            Outputs(options, destinations, self.settings),
            Companions(self.batch, self.write.strip),
        )
        self.gallery = None
        if self.batch.gallery and not self.batch.dry_run:
            single = self.batch.single_output()
            self.gallery = Gallery(self.batch.out if single is None else single.parent)
        self.budget, self.timer = Budget(self.read.max_memory), Timer(self.batch.photo_timeout)
        self.nursery = Nursery(self.timer.limit) if self.timer.limit is not None and is_possible() else None

    def _show(self, out: Path, before: NDArray[Any], after: NDArray[Any] | LumaPlanes, note: Provenance) -> None:
        """Take a photo and its result into the gallery; where that fails, the page shows it without pictures."""
        if self.gallery is not None:
            with suppress(EncodeError):
                small_before, small_after = thumbnail(before, THUMBNAIL), thumbnail(after, THUMBNAIL)
                self.gallery.add_pictures(out, small_before, small_after, note)

    def _keep_pictures(self, index: int, outcome: Outcome) -> None:
        """See to it that the gallery has small copies of a photo that an earlier run has done."""
        result = outcome.output
        if self.gallery is None or result is None or self.gallery.has(result):
            return
        try:
            before, after = (self._small(index, path) for path in (outcome.source, result))
            note = read_provenance(result) or self.guidance.provenance(outcome.source)
            self._show(result, before, after, note)
        except PhotoError:  # the page shows it without pictures
            pass

    def _small(self, index: int, path: Path) -> NDArray[Any]:
        """A file's first page, or a reduced copy of it."""
        found = probe(path)
        way = plan(found, found.format, self.read.stream_from, self.budget.most, self.budget.used)
        self.budget.take(index, way.memory)
        try:
            return self.open(path, way).previews[0].pixels
        finally:
            self.budget.give_back(index)

    def close(self) -> None:
        """End what was begun for the batch: locks of files, processes that decode."""
        self.outputs.close()
        if self.nursery is not None:
            self.nursery.close()

    def prepare(self, index: int, source: Source) -> Prepared | Outcome | Elsewhere:
        """Everything before the network; an `Outcome` where the network has nothing to do.

        What comes back as `Prepared` is locked for this run until `finish` ends.

        Raises:
            PhotoError: the file cannot be done.
        """
        if not self.outputs.take(index):
            return Elsewhere.made
        result: Prepared | Outcome | None = None
        self.timer.go(index)
        try:
            result = self._prepare(index, source)
            if isinstance(result, Prepared):
                return result
            if result.status in (Status.skipped, Status.other_settings):
                self._keep_pictures(index, result)
            return self.companions.carry(self.outputs.told(index, result))
        finally:
            self.guidance.drop_from_album(index)
            self.timer.stop(index)
            if not isinstance(result, Prepared):
                self.budget.give_back(index)
                self.outputs.release(index)

    def _prepare(self, index: int, source: Source) -> Prepared | Outcome:
        started, path = time.perf_counter(), source.path
        if source.fault:
            raise DecodeError(source.fault, path=path)
        provenance = self.guidance.provenance(path)
        done = self.outputs.done_before(index, source, provenance)
        if done is not None:
            return done
        found = probe(path) if self.nursery is None else self.nursery.run("probe", path)
        form, note = target_format(found, self.settings)
        out = self.outputs.result(index, path, form, found.pages)
        standing = self.outputs.standing(source, index, out, provenance)
        if standing is not None:
            return standing
        way = plan(found, form, self.read.stream_from, self.budget.most, self.budget.used)
        if self.batch.dry_run:
            return self._planned(path, out, (*((note,) if note else ()), *described(found, way)), found.size)
        self.timer.stop(index)  # what it waits for is others' time
        self.budget.take(index, way.memory)
        self.timer.go(index)
        opened = self.open(path, way)
        photo, previews = opened.photo, opened.previews
        provenance = replace(provenance, source=source_note(source, photo.metadata.file))
        form, note = target_format(photo, self.settings)  # pixels may tell more than the header: transparency, say
        seen, out = out, self.outputs.result(index, path, form, len(photo.pages))
        if out != seen and (standing := self.outputs.standing(source, index, out, provenance)) is not None:
            return standing
        choice = choose_pages(previews, self.color.on_color)
        grey = choice.pages
        if not grey:
            left = self._leave_coloured(index, source, opened, out, provenance, started)
            return replace(left, doubt=choice.doubt)
        notes = photo.notes + ((note,) if note else ()) + choice.notes
        self.guidance.check(path)
        sidecars = self.guidance.read(path)
        if sidecars and len(photo.pages) > 1:
            rest = "stay as they are" if self.method is Method.levin else "go without"
            notes += (f"its hints are for the first page; the others {rest}",)
        if self.method is Method.network:
            said = (sidecars, self.guidance.from_album(index))  # both speak of the first page
            asked = [self.request(previews[i], *(said if i == 0 else ())) for i in grey]
        else:
            asked = []
        if self.method is Method.levin:
            if 0 not in grey:
                raise HintError("its first page, which the hints are for, has colour already", path=path)
            grey = (0,)
        requests, known = tuple(request for request, _ in asked), tuple(about for _, about in asked)
        spaces = tuple(preview.space for preview in previews)
        return Prepared(
            source=source,
            reader=opened.reader,
            spaces=spaces,
            requests=requests,
            known=known,
            colored_pages=grey,
            sidecars=sidecars,
            provenance=provenance,
            out=out,
            notes=notes,
            started=started,
            previews=previews,
            choice=choice,
        )

    def _planned(self, path: Path, out: Path, notes: tuple[str, ...], size: tuple[int, int]) -> Outcome:
        """What a run would do with a photo, as far as its header and its side-cars tell.

        Raises:
            PhotoError: it would fail.
        """
        try:
            check_size(*size, 0, self.read.limits())
        except TooManyPixels as error:
            raise TooLargeError(str(error), path=path) from None
        self.guidance.check(path)
        self.guidance.read(path)
        return Outcome(path, Status.planned, out, notes=notes)

    def open(self, path: Path, way: ReadPlan) -> Opened:
        """Read a photo: as a whole; or, of a large one, as much as has to be seen before it is coloured.

        Raises:
            PhotoError: it cannot be read.
        """
        if way.streamed:
            try:
                limits, cache = DecodeLimits(self.read.max_pixels), self.cache if way.cached else None
                block_bytes = self.read.block_bytes
                return open_streamed(path, limits, self._wanted, self.lock, self.workers, cache, block_bytes)
            except DecodeError:
                if not self.read.salvage:
                    raise
        read = None if self.nursery is None else partial(self.nursery.run, "decode")
        limits = DecodeLimits(self.read.max_pixels, self.budget.room)
        return open_whole(path, limits, self.read.salvage, read, way.in_strips, self.read.block_bytes)

    def _wanted(self, height: int, width: int) -> View:
        """The largest size at which a page is looked at as a whole."""
        if not self.sizes:
            return View(*self.guidance.working_size(height, width), 0, 0)
        view = self.view(height, width)
        guide = guide_size((height, width), (view.height, view.width))
        closer = 2 ** (self.detail.levels or 0)
        return View(max(closer * view.height, guide[0]), max(closer * view.width, guide[1]), 0, 0)

    def first_page(self, source: Source) -> Preview | None:
        """A photo's first page, if it is to be coloured.

        Raises:
            PhotoError: the file cannot be read.
        """
        found = probe(source.path)
        form, _ = target_format(found, self.settings)
        way = plan(found, form, self.read.stream_from, self.budget.most, self.budget.used)
        previews = self.open(source.path, way).previews
        return previews[0] if 0 in choose_pages(previews[:1], self.color.on_color).pages else None

    def stands(self, index: int, source: Source) -> bool:
        """Whether there is nothing to do for a photo, or nothing that can be done."""
        try:
            found = probe(source.path)
            form, _ = target_format(found, self.settings)
            out = self.outputs.result(index, source.path, form, found.pages)
            return self.outputs.standing(source, index, out, self.guidance.provenance(source.path)) is not None
        except PhotoError:
            return True

    def _leave_coloured(
        self, index: int, source: Source, opened: Opened, out: Path, provenance: Provenance, started: float
    ) -> Outcome:
        if self.color.on_color is OnColor.skip:
            return Outcome(source.path, Status.left_color, reason="has colour already")
        photo = opened.photo
        notes = self.guidance.unused(source.path)
        if Loss.salvage in losses(photo.notes):
            notes += (Note("it is damaged, and was copied as it is"),)
        seen, out = out, self.outputs.copy(index)
        if out != seen and (standing := self.outputs.standing(source, index, out, provenance)) is not None:
            return standing
        self.outputs.make_folder(out.parent)
        if self.write.strip == "none":  # byte for byte: nothing that the decoder noted was lost
            copy_whole(source.path, out, photo.metadata.file)
        else:
            told = strip_copy(photo, out, self.write.strip, provenance)
            if told is None:  # a copy would publish what was to be stripped
                self.outputs.make_folder(seen.parent)
                told, out = self._write_stripped(opened, seen, provenance), seen
            elif self.write.verify:
                verify_copy(source.path, out, self.write.strip, told)
            notes += (*told,)
        self._show(out, opened.previews[0].pixels, opened.previews[0].pixels, provenance)
        outcome = Outcome(source.path, Status.copied, out, reason="has colour already", notes=notes)
        size = photo.metadata.file.size if self.write.strip == "none" else None
        return replace(outcome, seconds=time.perf_counter() - started, copy_bytes=size)

    def _write_stripped(self, opened: Opened, out: Path, provenance: Provenance) -> list[str]:
        """Write a photo that keeps its color, and whose file cannot be edited; gives what is to be told of it."""
        photo = opened.photo
        with self.lock.hold_for(opened.reader, "writing") as on_rows:
            written = paint(opened.reader, {}, out, self.settings, provenance, on_rows, self.workers)
        how = f"its picture was coded anew: metadata cannot be taken out of this {photo.format.upper()} otherwise"
        return [how, *photo.notes, *written.notes]

    def view(self, height: int, width: int) -> View:
        """How the network sees a photo of this size: pictures with equal views can share a batch."""
        assert self.sizes is not None  # without a network there are no requests
        return view_of(height, width, self.sizes)

    def request(
        self, preview: Preview, sidecars: Sequence[Sidecar] = (), carried: Carried | None = None
    ) -> tuple[Request, Known]:
        """What the network is to see of a page, and what is known of its colours."""
        lightness = reduced_lightness(preview.pixels, self.view(*preview.size), preview.space)
        known = self.guidance.know(lightness, preview.size, sidecars, carried)
        hints = None if known.shown is None else HintPlanes(known.shown.ab, known.shown.mask)
        return Request(lightness, hints), known

    def finish(self, prepared: Prepared, colours: Sequence[Plane], variants: Sequence[Sequence[Plane]] = ()) -> Outcome:
        """Everything after the network: join each page with its colours, write the file and what goes with it.

        Args:
            prepared: what `prepare` gave.
            colours: the network's ab of each request, (2, h, w).
            variants: for each request, ab of the variants beyond the first.

        Raises:
            PhotoError: the result cannot be written.
        """
        photo, out = prepared.photo, prepared.out
        self.outputs.make_folder(out.parent)
        looks, figures, notes = list[NDArray[np.uint8]](), dict(prepared.choice.figures), prepared.notes
        count = len(variants[0]) if variants else 0
        # the plain result comes last: where it stands, a run was not stopped between the variants
        for number in [*range(2, count + 2), 1]:
            own = colours if number == 1 else [by_request[number - 2] for by_request in variants]
            path = out if number == 1 else variant_path(out, number)
            result = self._write(prepared, own, path, self.outputs.note(prepared.provenance, number))
            if count:
                looks.append(thumbnail(result.after, 800))
            if count and number == 1:
                sheet = [thumbnail(result.before, 800), looks[-1], *looks[:-1]]
                beside = self.destinations.beside(prepared.source, out, SHEET)
                write_sheet(sheet, beside, photo.metadata.file, prepared.provenance)
            notes += result.notes
            figures |= {key: max(value, figures.get(key, 0.0)) for key, value in result.figures.items()}
        self._show(out, result.before, result.after, prepared.provenance)
        if self.write.compare:
            pair = self.destinations.beside(prepared.source, out, PAIR)
            write_pair(result.before, result.after, pair, photo.metadata.file, prepared.provenance)
        seconds = time.perf_counter() - prepared.started
        notes = tuple(dict.fromkeys(notes))
        done = Outcome(
            prepared.source.path, Status.done, out, None, notes, seconds, figures, doubt=prepared.choice.doubt
        )
        return self.companions.carry(done)

    def _write(self, prepared: Prepared, colours: Sequence[Plane], path: Path, note: Provenance) -> Result:
        found = {i: self._colours_of(prepared, place, colours) for place, i in enumerate(prepared.colored_pages)}
        saturation, verifies = self.color.saturation, self.write.verify
        return write_colored(
            prepared,
            found,
            path,
            note,
            self.settings,
            saturation=saturation,
            verifies=verifies,
            shows=self.shows,
            lock=self.lock,
            workers=self.workers,
            gpu=self.gpu,
        )

    def _colours_of(self, prepared: Prepared, place: int, colours: Sequence[Plane]) -> Plane | Guided:
        """The colours of one of the pages that are to have some."""
        preview = prepared.previews[prepared.colored_pages[place]]
        if prepared.requests:
            lightness, binding = prepared.requests[place].lightness, prepared.known[place].binding
            ab = held(lightness, colours[place], binding)
            return along_edges(ab, lightness, preview.pixels, preview.size, preview.space)
        return self.guidance.colors(preview.pixels, preview.size, preview.space, prepared.sidecars)
