"""The films of a batch, one after the other: each gets one outcome, as a photo does.

In:  the sources that are films
Out: the outcome of each
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from colorize_cli.errors import (
    ColorizeError,
    DecodeError,
    EncodeError,
    TooLargeError,
    counted,
    one_line,
)
from colorize_cli.files.copy import copy_whole
from colorize_cli.files.discover import Source
from colorize_cli.files.facts import facts_of
from colorize_cli.formats.decoded import TooManyPixels
from colorize_cli.formats.limits import check_size
from colorize_cli.formats.video.film_encoders import plan_coding
from colorize_cli.formats.video.film_frames import clock
from colorize_cli.formats.video.film_info import HDR, FilmInfo, film_info
from colorize_cli.formats.video.film_join import check_streams
from colorize_cli.formats.video.film_names import Container, written_as, written_suffix
from colorize_cli.formats.video.film_tags import tags_left_out
from colorize_cli.formats.video.film_whole import check_whole
from colorize_cli.inference.option_values import Method, OnColor
from colorize_cli.inference.predictor import NoPredictor, Predictor
from colorize_cli.inference.temporal.film_color import FilmColor, film_color
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note
from colorize_cli.pipeline import film_folders
from colorize_cli.pipeline.film_work import FilmDone, FilmJob, FilmWork
from colorize_cli.pipeline.flow import Ended, failed
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.processor import PhotoProcessor
from colorize_cli.pipeline.resume import source_note
from colorize_cli.pipeline.run_options import RunOptions

if TYPE_CHECKING:
    import torch

_TAKES = 3  # as much space as a film that is fetched: its segments and its result are about as large
_LOOK_AGAIN = 0.5  # seconds between looks at what another run is making
Item = tuple[int, Source]


class Films:
    """Colors the films of a batch.

    Args:
        options: what was asked for.
        processor: gives the folders of results, the locks and what goes beside results.
        predictor: the network.
        note: what the results say of it.
        gpu: joins lightness and color, where there is one.
    """

    def __init__(
        self,
        options: RunOptions,
        processor: PhotoProcessor,
        predictor: Predictor | NoPredictor,
        note: Provenance,
        gpu: torch.device | None = None,
    ) -> None:
        self.options, self.processor, self.predictor, self.gpu = options, processor, predictor, gpu
        film = options.film
        said = {"codec": film.codec or "", "deinterlace": "yes" if film.deinterlace else ""}
        self.note = note.with_settings({name: value for name, value in said.items() if value})
        self.outputs = copy(processor.outputs)  # with its locks; nothing goes beside a film's result
        self.outputs.write = replace(self.outputs.write, compare=False)
        self.outputs.guidance = replace(self.outputs.guidance, variants=1)

    def run(self, films: Iterable[Item]) -> Generator[Ended, None, None]:
        """The outcome of each film; one that another run is making is looked at again when that has ended."""
        waiting, fruitless = deque(films), 0
        while waiting:
            place, source = waiting.popleft()
            try:
                if not self.outputs.take(place):
                    waiting.append((place, source))
                    fruitless += 1
                    if fruitless >= len(waiting):
                        time.sleep(_LOOK_AGAIN)
                        fruitless = 0
                    continue
                fruitless = 0
                outcome = self._one(place, source)
            except Exception as error:
                outcome = _failed(source, error)
            finally:
                self._let_go(place, source)
            yield place, outcome

    def _let_go(self, place: int, source: Source) -> None:
        """Let other runs have a film's result; what was fetched of it, and of the film, goes."""
        staging = self.options.batch.staging
        if staging is not None:
            copied = self.outputs.copy(place)
            staging.drop(place, source, {copied, copied.with_suffix(written_suffix(copied.suffix))})
        self.outputs.release(place)

    def _one(self, place: int, source: Source) -> Outcome:
        started, path = time.perf_counter(), source.path
        if source.fault:
            raise DecodeError(source.fault, path=path)
        out, container = self._result(place, source)
        staging = self.options.batch.staging
        if staging is not None:
            sent = None if self.options.batch.overwrite else staging.done_before(place, source, out, self.note)
            if sent is not None:
                return sent
            staging.bring(place, source, takes=_TAKES)
        standing = self.outputs.standing(source, place, out, self.note)
        if standing is not None:
            return self.processor.carry(place, source, self.outputs.told(place, standing))
        facts, _ = facts_of(path)
        cut = check_whole(path, self.options.read.salvage)
        info = film_info(path)
        self._check(info)
        seen = film_color(info)
        if seen.has_color and self.options.color.on_color is not OnColor.recolor:
            return self._leave(place, source, out, started)
        deinterlaces = self.options.film.deinterlace
        coding = plan_coding(
            info, container, self.options.film.codec, self.options.write.quality, seen.interlaced and not deinterlaces
        )
        left = check_streams(info, container, coding)
        notes = (*self._notes(info, seen, cut, container), *coding.notes, *(Note(text, Loss.metadata) for text in left))
        if self.options.batch.dry_run:
            return Outcome(path, Status.planned, out, notes=(_said(info), *notes))
        if not isinstance(self.predictor, Predictor):
            raise EncodeError("films are colored by a network alone", path=path, hint="Leave --method out.")
        self.outputs.make_folder(out.parent)
        job = FilmJob(
            info=info,
            facts=facts,
            out=out,
            folder=film_folders.beside(out),
            container=container,
            coding=coding,
            note=replace(self.note, source=source_note(source, facts)),
            predictor=self.predictor,
            on_color=self.options.color.on_color,
            vividness=self.options.color.vividness,
            saturation=self.options.color.saturation,
            deinterlace=deinterlaces,
            salvage=self.options.read.salvage,
            strip=self.options.write.strip,
            turn=0 if container.turns else seen.turn,
            gpu=self.gpu,
        )
        if staging is None or staging.sink is None:
            return self._color(place, source, job, notes, started)
        with film_folders.folder_for(staging.shown(out)) as folder:
            return self._color(place, source, replace(job, folder=folder), notes, started)

    def _color(self, place: int, source: Source, job: FilmJob, notes: Sequence[str], started: float) -> Outcome:
        """Color a film; its segments stay where it cannot be finished or sent."""
        with self.processor.lock.hold(source.path, "coloring", max(1, job.info.frames), "frames") as on_frames:
            done = FilmWork(job, on_frames).run()
        told = [*notes, *_told(done)]
        if lost := tags_left_out(job.info, job.out, job.strip):
            suffix = job.container.suffixes[0]
            told.append(Note(f"tags that a {suffix} film cannot hold were left out: {', '.join(lost)}", Loss.metadata))
        outcome = Outcome(source.path, Status.done, job.out, notes=tuple(told))
        outcome = replace(outcome, seconds=time.perf_counter() - started, figures={"frames": float(done.frames)})
        outcome = self.processor.carry(place, source, outcome)
        shutil.rmtree(job.folder, ignore_errors=True)
        return outcome

    def _result(self, place: int, source: Source) -> tuple[Path, Container]:
        """Where a film's result goes, and what that is.

        Raises:
            EncodeError: the file that was asked for is none for a film.
        """
        destinations = self.outputs.destinations
        suffix = written_suffix(source.path.suffix)
        if destinations.single is not None:
            suffix = destinations.single.suffix
            if written_suffix(suffix) != suffix:
                hint = "Give --out a .mkv, .mp4 or .mov file."
                raise EncodeError(f"{suffix} cannot hold this film", path=source.path, hint=hint)
        return destinations.path(place, suffix), written_as(suffix)

    def _check(self, info: FilmInfo) -> None:
        """Refuse a film for which something was asked that is for photos alone, or that is too large.

        Raises:
            PhotoError: it is.
        """
        if self.options.restore.only:
            raise EncodeError("--restore-only is for photos", path=info.path, hint="Leave the film out.")
        if self.options.guidance.method is not Method.network:
            raise EncodeError("films are colored by a network alone", path=info.path, hint="Leave --method out.")
        try:
            check_size(info.height, info.width, 0, self.options.read.limits())
        except TooManyPixels as error:
            raise TooLargeError(str(error), path=info.path) from None

    def _notes(self, info: FilmInfo, seen: FilmColor, cut: str, container: Container) -> Iterator[str]:
        options = self.options
        if cut:
            yield Note(cut, Loss.salvage)
        if seen.interlaced:
            yield "it was interlaced, and is not now" if options.film.deinterlace else "it is interlaced; --deinterlace"
        elif options.film.deinterlace:
            yield "its frames do not say that they are interlaced; --deinterlace went over all of them"
        if seen.turn and not container.turns:
            yield f"its picture was turned: a {container.suffixes[0]} film cannot say that a player is to do so"
        if info.transfer in HDR:
            yield f"its tones are those of {HDR[info.transfer]}, which were taken for usual ones: look at its colors"
        if seen.mixed:
            yield "some of its shots have color of their own, and keep it; --on-color recolor colors them, too"
        asked = {
            "--restore": bool(options.restore),
            "--detail": bool(options.model.detail.levels),
            "--compare": options.write.compare,
            "--gallery": options.batch.gallery,
            "--variants": options.guidance.variants > 1,
            "--hints": options.guidance.hints is not None,
            "--reference": options.guidance.reference is not None,
            "--verify": options.write.verify,
            "--photo-timeout": options.batch.photo_timeout is not None,
        }
        if names := [name for name, given in asked.items() if given]:
            yield f"{', '.join(names)}: for photos, not done with films"

    def _leave(self, place: int, source: Source, out: Path, started: float) -> Outcome:
        """Leave a film in color, or copy it as it is."""
        path, reason = source.path, "has color already"
        if self.options.color.on_color is OnColor.skip:
            return Outcome(path, Status.left_color, reason=reason)
        kept = self.outputs.destinations.path(place)
        if kept.suffix.lower() != path.suffix.lower():
            text = f"it has color already, and would be copied as it is into a {path.suffix} file"
            raise EncodeError(text, path=path, hint=f"Give --out a {path.suffix} file, or --on-color recolor.")
        if self.options.write.strip != "none":
            raise EncodeError("it has color already, and a copy keeps its tags", path=path, hint="Leave --strip out.")
        if kept != out and (standing := self.outputs.standing(source, place, kept, self.note)) is not None:
            return standing
        facts, _ = facts_of(path)
        if self.options.batch.dry_run:
            return Outcome(path, Status.planned, kept, notes=("it has color already, and would be copied",))
        self.outputs.make_folder(kept.parent)
        copy_whole(path, kept, facts)
        seconds = time.perf_counter() - started
        outcome = Outcome(path, Status.copied, kept, reason=reason, seconds=seconds, copy_bytes=facts.size)
        return self.processor.carry(place, source, outcome)


def _said(info: FilmInfo) -> str:
    rate = f"{float(info.rate):.3f}".rstrip("0").rstrip(".")
    return f"a film of {clock(info.seconds)}, {info.width} x {info.height}, {rate} frames/s, {info.codec}"


def _told(done: FilmDone) -> Iterator[str]:
    if done.resumed:
        yield f"went on from frame {done.resumed:,}, where an earlier run had stopped"
    if done.colored < done.frames:
        yield f"{counted(done.frames - done.colored, 'frame')} of {done.frames:,} have color of their own, and keep it"
    for note in done.notes:
        yield Note(note, Loss.salvage)


def _failed(source: Source, error: Exception) -> Outcome:
    """The outcome of a film that could not be done."""
    if isinstance(error, ColorizeError):
        return Outcome(source.path, Status.failed, reason=one_line(error))
    return failed(source, error)
