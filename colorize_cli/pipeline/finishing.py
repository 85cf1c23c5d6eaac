"""Write a photo's result and what goes with it; or copy a photo that has color.

In:  a photo that was prepared, and the network's colors
Out: the files; the photo's outcome
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.files.copy import copy_whole
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Source
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.strip_file import strip_copy
from colorize_cli.inference.large_files import LargeFileLock
from colorize_cli.inference.option_values import OnColor
from colorize_cli.inference.painting import Guided, along_edges, constrain
from colorize_cli.inference.photo_guidance import PhotoGuidance
from colorize_cli.inference.prepared_photo import Opened, Prepared, Result, paint, write_colored
from colorize_cli.inference.sheets import PAIR, SHEET, thumbnail, write_pair, write_sheet
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note, losses
from colorize_cli.pipeline.gallery import Gallery
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.restoration import write_mended
from colorize_cli.pipeline.resume import Outputs
from colorize_cli.pipeline.run_options import RunOptions

if TYPE_CHECKING:
    import torch

Plane = NDArray[np.float32]
_SIDE = 800  # pixels of the longer side of a sheet's pictures


class PhotoFinisher:
    """Writes the results of a batch; its methods run in many threads at once.

    Args:
        options: what was asked for.
        destinations: where each result goes.
        settings: how results are written.
        outputs: the folders of results, and what stands there.
        guidance: what people said about the colors.
        gallery: is shown each photo, where there is one.
        lock: lets large files through, one at a time.
        workers: threads that paint a large file.
        gpu: joins lightness and color, where there is one.
    """

    def __init__(
        self,
        options: RunOptions,
        *,
        destinations: Destinations,
        settings: EncodeSettings,
        outputs: Outputs,
        guidance: PhotoGuidance,
        gallery: Gallery | None,
        lock: LargeFileLock,
        workers: int,
        gpu: torch.device | None,
    ) -> None:
        self.write, self.color, self.shows = options.write, options.color, options.shows
        self.destinations, self.settings, self.outputs = destinations, settings, outputs
        self.guidance, self.gallery, self.lock, self.workers, self.gpu = guidance, gallery, lock, workers, gpu

    def finish(self, prepared: Prepared, colors: Sequence[Plane], variants: Sequence[Sequence[Plane]] = ()) -> Outcome:
        """Everything after the network: join each page with its colors, write the file and what goes with it.

        Args:
            prepared: what `prepare` gave.
            colors: the network's ab of each request, (2, h, w).
            variants: for each request, ab of the variants beyond the first.

        Raises:
            PhotoError: the result cannot be written.
        """
        photo, out = prepared.photo, prepared.out
        self.outputs.make_folder(out.parent)
        looks, figures, notes = list[NDArray[np.uint8]](), dict(prepared.page_plan.figures), prepared.notes
        count = len(variants[0]) if variants else 0
        # the plain result comes last: where it stands, a run was not stopped between the variants
        for number in [*range(2, count + 2), 1]:
            own = colors if number == 1 else [by_request[number - 2] for by_request in variants]
            path = out if number == 1 else self.destinations.variant(prepared.source, out, number)
            result = self._write(prepared, own, path, self.outputs.note(prepared.provenance, number))
            if count:
                looks.append(thumbnail(result.after, _SIDE))
            if count and number == 1:
                sheet = [thumbnail(result.before, _SIDE), looks[-1], *looks[:-1]]
                beside = self.destinations.beside(prepared.source, out, SHEET)
                write_sheet(sheet, beside, photo.metadata.file, prepared.provenance)
            notes += result.notes
            figures |= {key: max(value, figures.get(key, 0.0)) for key, value in result.figures.items()}
        if self.gallery is not None:
            self.gallery.show(out, result.before, result.after, prepared.provenance)
        if self.write.compare:
            pair = self.destinations.beside(prepared.source, out, PAIR)
            original = () if prepared.original is None else (prepared.original,)
            write_pair((*original, result.before, result.after), pair, photo.metadata.file, prepared.provenance)
        seconds = time.perf_counter() - prepared.started
        notes = tuple(dict.fromkeys(notes))
        return Outcome(
            source=prepared.source.path,
            status=Status.done,
            output=out,
            notes=notes,
            seconds=seconds,
            figures=figures,
            doubt=prepared.page_plan.doubt,
        )

    def _write(self, prepared: Prepared, colors: Sequence[Plane], path: Path, note: Provenance) -> Result:
        found = {i: self._colors_of(prepared, place, colors) for place, i in enumerate(prepared.colored_pages)}
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

    def _colors_of(self, prepared: Prepared, place: int, colors: Sequence[Plane]) -> Plane | Guided:
        """The colors of one of the pages that are to have some."""
        preview = prepared.previews[prepared.colored_pages[place]]
        if prepared.requests:
            lightness, constraint = prepared.requests[place].lightness, prepared.known[place].constraint
            ab = constrain(lightness, colors[place], constraint)
            return along_edges(ab, lightness, preview.pixels, preview.size, preview.space)
        return self.guidance.colors(preview.pixels, preview.size, preview.space, prepared.sidecars)

    def leave_colored(
        self, index: int, source: Source, opened: Opened, out: Path, provenance: Provenance, started: float
    ) -> Outcome:
        """Leave a photo that has color, or copy it.

        Args:
            index: its place in the batch.
            source: the photo.
            opened: likewise, as it was read.
            out: where a result would go.
            provenance: the note of a copy that is written anew.
            started: clock at the begin, seconds.

        Raises:
            PhotoError: it cannot be copied.
        """
        if self.color.on_color is OnColor.skip:
            return Outcome(source.path, Status.left_color, reason="has color already")
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
                from colorize_cli.inference.verify import verify_copy  # with every reader of metadata

                verify_copy(source.path, out, self.write.strip, told)
            notes += (*told,)
        if self.gallery is not None:
            first = opened.previews[0].pixels
            self.gallery.show(out, first, first, provenance)
        outcome = Outcome(source.path, Status.copied, out, reason="has color already", notes=notes)
        size = photo.metadata.file.size if self.write.strip == "none" else None
        return replace(outcome, seconds=time.perf_counter() - started, copy_bytes=size)

    def leave_grey(
        self,
        source: Source,
        opened: Opened,
        out: Path,
        provenance: Provenance,
        notes: tuple[str, ...],
        started: float,
        original: NDArray[Any],
    ) -> Outcome:
        """Write a photo that was mended, and is not to be colored.

        Args:
            source: the photo.
            opened: likewise, mended.
            out: where the result goes.
            provenance: its note.
            notes: what is told of it.
            started: clock at the begin, seconds.
            original: its first page before it was mended.

        Raises:
            PhotoError: it cannot be written, or is not what it should be.
        """
        self.outputs.make_folder(out.parent)
        more, figures = write_mended(
            opened,
            out,
            self.outputs.note(provenance, 1),
            self.settings,
            verifies=self.write.verify,
            lock=self.lock,
            workers=self.workers,
            notes=notes,
        )
        if self.gallery is not None:
            self.gallery.show(out, original, opened.previews[0].pixels, provenance)
        if self.write.compare:
            beside, facts = self.destinations.beside(source, out, PAIR), opened.photo.metadata.file
            write_pair((original, opened.previews[0].pixels), beside, facts, provenance)
        return Outcome(
            source=source.path,
            status=Status.done,
            output=out,
            notes=tuple(dict.fromkeys((*notes, *more))),
            seconds=time.perf_counter() - started,
            figures=figures,
        )

    def _write_stripped(self, opened: Opened, out: Path, provenance: Provenance) -> list[str]:
        """Write a photo that keeps its color, and whose file cannot be edited; gives what is to be told of it."""
        photo = opened.photo
        with self.lock.hold_for(opened.reader, "writing") as on_rows:
            written = paint(opened.reader, {}, out, self.settings, provenance, on_rows, self.workers)
        how = f"its picture was coded anew: metadata cannot be taken out of this {photo.format.upper()} otherwise"
        return [how, *photo.notes, *written.notes]
