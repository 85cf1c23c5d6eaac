"""One photo's way through the pipeline: what happens before the network, and what after it.

In:  a source and its destination
Out: before: requests for the network, or an outcome that needs none; after: the written file's outcome
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import DecodeError, HintError, PhotoError, TooLargeError
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Source
from colorize_cli.files.machine import cores
from colorize_cli.formats.decoded import TooManyPixels
from colorize_cli.formats.encode import target_format
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.probe import probe
from colorize_cli.formats.read_plan import described
from colorize_cli.formats.reader import read_provenance
from colorize_cli.guidance.hint_points import Sidecar
from colorize_cli.guidance.moved_hints import enlarged_hints
from colorize_cli.inference.framing import Framed, framed
from colorize_cli.inference.geometry import reduced_lightness
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.masks import mask_sha256
from colorize_cli.inference.network_repairs import NO_NETWORKS, RepairNetworks
from colorize_cli.inference.option_values import Method
from colorize_cli.inference.own_colors import plan_pages
from colorize_cli.inference.photo_guidance import Carried, Known, PhotoGuidance
from colorize_cli.inference.predictor import HintPlanes, Request
from colorize_cli.inference.prepared_photo import Prepared
from colorize_cli.inference.previews import Preview
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.models.registry import Sizes
from colorize_cli.pipeline.finishing import PhotoFinisher
from colorize_cli.pipeline.gallery import gallery_of
from colorize_cli.pipeline.opening import PhotoOpener
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.restoration import mend
from colorize_cli.pipeline.resume import Elsewhere, Outputs, source_note
from colorize_cli.pipeline.run_options import RunOptions
from colorize_cli.pipeline.sidecar_results import Companions
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
        gpu: joins lightness and color, where there is one.
        networks: those that mend or enlarge photos.
    """

    def __init__(
        self,
        options: RunOptions,
        destinations: Destinations,
        sizes: Sizes | None,
        guidance: PhotoGuidance,
        lock: LargeFileLock | None = None,
        gpu: torch.device | None = None,
        networks: RepairNetworks = NO_NETWORKS,
    ) -> None:
        self.batch, self.color, self.method = options.batch, options.color, options.guidance.method
        self.restore, self.networks, self.compares = options.restore, networks, options.write.compare
        self.limits, self.guidance, self.gallery = options.read.limits(), guidance, gallery_of(self.batch)
        self.settings = options.write.encode_settings(self.batch.single_output())
        self.lock, self.timer = lock or LargeFileLock(), Timer(self.batch.photo_timeout)
        self.outputs = Outputs(options, destinations, self.settings)
        self.companions = Companions(self.batch, options.write.strip)
        workers = self.batch.jobs or max(2, min(16, cores()))
        self.opener = PhotoOpener(
            options.read,
            sizes=sizes,
            levels=options.model.detail.levels or 0,
            guidance=guidance,
            lock=self.lock,
            workers=workers,
            seconds=self.batch.photo_timeout,
        )
        self.finisher = PhotoFinisher(
            options,
            destinations=destinations,
            settings=self.settings,
            outputs=self.outputs,
            guidance=guidance,
            gallery=self.gallery,
            lock=self.lock,
            workers=workers,
            gpu=gpu,
        )
        self.budget, self.view = self.opener.budget, self.opener.view

    def close(self) -> None:
        """End what was begun for the batch: locks of files, processes that decode."""
        self.outputs.close()
        self.opener.close()

    def _keep_pictures(self, index: int, source: Source, outcome: Outcome) -> None:
        """See to it that the gallery has small copies of a photo that an earlier run has done."""
        result = outcome.output
        if self.gallery is None or result is None or self.gallery.has(result):
            return
        with suppress(PhotoError):  # the page shows it without pictures
            before, after = (self.opener.first_pixels(index, path) for path in (outcome.source, result))
            note = read_provenance(result) or self._note_of(source)
            self.gallery.show(result, before, after, note)

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
                self._keep_pictures(index, source, result)
            return self.carry(index, source, self.outputs.told(index, result))
        finally:
            self.guidance.drop_from_album(index)
            self.timer.stop(index)
            if not isinstance(result, Prepared):
                self.budget.give_back(index)
                self.outputs.release(index)

    def _note_of(self, source: Source) -> Provenance:
        """The note of a photo's result: with what guides its colors, and with the mask by which it is mended.

        Raises:
            PhotoError: a side-car or the mask cannot be read.
        """
        note, masks = self.guidance.provenance(source.path), self.restore.masks
        found = None if masks is None else mask_sha256(masks, source)
        return note if found is None else note.with_settings({"mask": found})

    def _prepare(self, index: int, source: Source) -> Prepared | Outcome:
        started, path = time.perf_counter(), source.path
        if source.fault:
            raise DecodeError(source.fault, path=path)
        provenance = self._note_of(source)
        if self.batch.staging is not None:
            sent = self.outputs.done_in_store(index, source, provenance)
            if sent is not None:
                return sent
            self.batch.staging.bring(index, source)
        done, free = self.outputs.done_before(index, source, provenance)
        if done is not None:
            return done
        found = self.opener.probe(path)
        form, note = target_format(found, self.settings, self.networks.scale)
        out = self.outputs.result(index, path, form, found.pages)
        if out != free and (standing := self.outputs.standing(source, index, out, provenance)) is not None:
            return standing
        way = self.opener.plan(found, form)
        if self.batch.dry_run:
            return self._planned(path, out, (*((note,) if note else ()), *described(found, way)), found.size)
        self.timer.stop(index)  # what it waits for is others' time
        self.networks.check(found.size, self.limits)
        self.budget.take(index, way.memory * (1 if way.streamed else self.networks.scale**2))
        self.timer.go(index)
        opened = self.opener.open(path, way)
        size, original = opened.photo.pages[0].size, opened.previews[0].pixels
        seen_to = framed(opened, self.restore) if self.restore.frames else Framed(opened)
        photo, previews, opened = seen_to.opened.photo, seen_to.opened.previews, seen_to.opened
        provenance = replace(provenance, source=source_note(source, photo.metadata.file))
        form, note = target_format(photo, self.settings, self.networks.scale)  # pixels tell more than the header
        seen, out = out, self.outputs.result(index, path, form, len(photo.pages))
        if out != seen and (standing := self.outputs.standing(source, index, out, provenance)) is not None:
            return standing
        page_plan = plan_pages(previews, self.color.on_color)
        grey = page_plan.pages
        told = tuple[str, ...]()
        if not grey and (seen_to or self.networks.scale > 1):
            if self.networks.scale > 1:
                opened, told = mend(source, seen_to, (), self.restore, size, self.networks)
            told = (*seen_to.notes, *told)
            provenance = replace(provenance, restored=told)
            return self.finisher.leave_grey(source, opened, out, provenance, (*photo.notes, *told), started, original)
        if not grey:
            left = self.finisher.leave_colored(index, source, opened, out, provenance, started)
            return replace(left, doubt=page_plan.doubt)
        notes = photo.notes + ((note,) if note else ()) + page_plan.notes + seen_to.notes
        if self.restore:
            opened, told = mend(source, seen_to, grey, self.restore, size, self.networks)
            previews, notes = opened.previews, notes + told
            provenance = replace(provenance, restored=(*seen_to.notes, *told))
            if self.restore.only:
                return self.finisher.leave_grey(source, opened, out, provenance, notes, started, original)
        self.guidance.check(path)
        sidecars = seen_to.hints(self.guidance.read(path), size[::-1])
        if self.networks.scale > 1 and 0 in grey:
            sidecars = enlarged_hints(sidecars, seen_to.opened.photo.pages[0].size[::-1], self.networks.scale)
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
                raise HintError("its first page, which the hints are for, has color already", path=path)
            grey = (0,)
        requests, known = tuple(request for request, _ in asked), tuple(about for _, about in asked)
        return Prepared(
            source=source,
            reader=opened.reader,
            spaces=tuple(preview.space for preview in previews),
            requests=requests,
            known=known,
            colored_pages=grey,
            sidecars=sidecars,
            provenance=provenance,
            out=out,
            notes=notes,
            started=started,
            previews=previews,
            page_plan=page_plan,
            original=original if self.restore and self.compares else None,
        )

    def _planned(self, path: Path, out: Path, notes: tuple[str, ...], size: tuple[int, int]) -> Outcome:
        """What a run would do with a photo, as far as its header and its side-cars tell.

        Raises:
            PhotoError: it would fail.
        """
        try:
            check_size(*size, 0, self.limits)
        except TooManyPixels as error:
            raise TooLargeError(str(error), path=path) from None
        self.guidance.check(path)
        self.guidance.read(path)
        return Outcome(path, Status.planned, out, notes=notes)

    def first_page(self, source: Source) -> Preview | None:
        """A photo's first page, if it is to be colored.

        Raises:
            PhotoError: the file cannot be read.
        """
        found = probe(source.path)
        form, _ = target_format(found, self.settings, self.networks.scale)
        way = self.opener.plan(found, form)
        opened = self.opener.open(source.path, way)
        previews = (framed(opened, self.restore).opened if self.restore.frames else opened).previews
        return previews[0] if 0 in plan_pages(previews[:1], self.color.on_color).pages else None

    def stands(self, index: int, source: Source) -> bool:
        """Whether there is nothing to do for a photo, or nothing that can be done."""
        try:
            found = probe(source.path)
            form, _ = target_format(found, self.settings, self.networks.scale)
            out = self.outputs.result(index, source.path, form, found.pages)
            return self.outputs.standing(source, index, out, self._note_of(source)) is not None
        except PhotoError:
            return True

    def request(
        self, preview: Preview, sidecars: Sequence[Sidecar] = (), carried: Carried | None = None
    ) -> tuple[Request, Known]:
        """What the network is to see of a page, and what is known of its colors."""
        lightness = reduced_lightness(preview.pixels, self.view(*preview.size), preview.space)
        known = self.guidance.know(lightness, preview.size, sidecars, carried)
        hints = None if known.shown is None else HintPlanes(known.shown.ab, known.shown.mask)
        return Request(lightness, hints), known

    def carry(self, index: int, source: Source, outcome: Outcome) -> Outcome:
        """Let what goes with a photo come along, and send it all where results lie in a store.

        Raises:
            PhotoError: it cannot be sent.
        """
        staging, out = self.batch.staging, outcome.output
        if staging is None or staging.sink is None or out is None:
            return self.companions.carry(outcome)
        if outcome.status is Status.skipped:
            return outcome
        sidecars = self.companions.places(outcome)
        for place in sidecars:
            staging.bring_result(place)
        outcome = self.companions.carry(outcome)
        return staging.send(index, source, outcome, [*self.outputs.products(source, out), *sidecars])

    def finish(
        self, index: int, prepared: Prepared, colors: Sequence[Plane], variants: Sequence[Sequence[Plane]] = ()
    ) -> Outcome:
        """Everything after the network; arguments and errors are those of `PhotoFinisher.finish`."""
        outcome = self.finisher.finish(prepared, colors, variants)
        return self.carry(index, prepared.source, outcome)
