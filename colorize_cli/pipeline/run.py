"""The main pipeline: many photos through decode, network, merge and encode, at once and in bounded memory.

discover -> plan names -> decode (threads) -> network (this thread, batched) -> merge, encode (threads) -> report

In:  `RunOptions`; a network, loaded when it is needed
Out: the outcome of each photo, as they end; the files; `RunReport`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from colorize_cli.errors import EncodeError, UsageError, counted, one_line, printable
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Discovery, Source
from colorize_cli.formats.video.film_files import NAMES
from colorize_cli.inference.detail import check_tileable
from colorize_cli.inference.large_files import FileProgress, LargeFileLock
from colorize_cli.inference.loading import LoadedPredictor, NotDownloaded, not_downloaded
from colorize_cli.inference.network_repairs import load_repair_networks
from colorize_cli.inference.option_values import Method
from colorize_cli.inference.photo_guidance import PhotoGuidance
from colorize_cli.inference.predictor import NoPredictor, Predictor
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.models.registry import Sizes
from colorize_cli.pipeline.consistent import Album
from colorize_cli.pipeline.films import Films, first_photos, photos_of
from colorize_cli.pipeline.flow import Flow
from colorize_cli.pipeline.gallery import Gallery
from colorize_cli.pipeline.ledger import Ledger
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.plan import PossibleSuffixes
from colorize_cli.pipeline.processor import PhotoProcessor
from colorize_cli.pipeline.products import find_photos
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.report_place import check_report_place
from colorize_cli.pipeline.report_rows import LINES_SUFFIX, MANY, left_unfinished
from colorize_cli.pipeline.run_options import RESTORE, SOFTWARE, BatchOptions, RunOptions
from colorize_cli.pipeline.selection import choose
from colorize_cli.pipeline.source_checks import check_sources

Load: TypeAlias = Callable[[int, Callable[[str], None]], LoadedPredictor]  # for so many photos; notices go to the 2nd


@dataclass(frozen=True)
class Progress:
    """One step of a batch: how many photos there are, and what became of one (None at the start).

    Of a large file there are steps between, which say how far it is.
    """

    total: int
    outcome: Outcome | None = None
    part: FileProgress | None = None


class BatchRun:
    """One run over many photos: iterate to get the outcome of each as it ends; `report` grows with them.

    Where the iteration ends early (Ctrl-C, an error, a `break`), what is being written is finished, the report tells
    what became of each photo, and the exception goes on to the caller. A run can be iterated once.

    Args:
        options: what was asked for.
        load: gives the network for so many photos.
        on_progress: called in this thread after each photo; of large files also between, in other threads.
        on_notice: told what concerns the whole batch, a line each.
        on_download: bytes done and in all, while weights of networks that mend are downloaded.
    """

    def __init__(
        self,
        options: RunOptions,
        load: Load,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_notice: Callable[[str], None] = lambda _: None,
        on_download: Callable[[int, int], None] | None = None,
    ) -> None:
        self.on_download = on_download
        self.options, self.load, self.on_progress, self.on_notice = options, load, on_progress, on_notice
        self.report = RunReport()

    def finish(self) -> RunReport:
        """Go through all photos, as the command line does: an interrupt while photos are at work is in the report.

        Returns:
            The report; its `exit_status` is the command's.

        Raises:
            UsageError: the options cannot be obeyed as typed.
            NothingToDoError: no photos, no such model, no weights.
        """
        try:
            with closing(iter(self)) as outcomes:
                for _ in outcomes:
                    pass
        except KeyboardInterrupt:
            if not self.report.interrupted:
                raise
        return self.report

    def __iter__(self) -> Generator[Outcome, None, None]:
        """The outcome of each photo, as they end.

        Raises:
            UsageError, NothingToDoError: see `finish`.
        """
        options, report, started = self.options, self.report, time.monotonic()
        options.check()
        if options.batch.staging is not None:
            report.shown = options.batch.staging.shown
        found = self._discover()
        destinations = self._destinations(found)
        device, plans = options.model.device, options.batch.dry_run
        repairs = load_repair_networks(options.restore, device, self._notice, self.on_download, plans)
        network = self._network(len(found.sources))
        if isinstance(network, LoadedPredictor):
            report.settings = {"device": network.device, "precision": network.precision}
        predictor = network.predictor if isinstance(network, LoadedPredictor) else NoPredictor()
        model = _model_of(network, options)
        guidance = PhotoGuidance.of(
            options.guidance,
            model.note,
            found.sources,
            read=options.read,
            takes_hints=model.takes_hints,
            follows_hints=model.follows_hints,
            on_notice=self._notice,
        )
        lock = LargeFileLock(lambda part: self.on_progress(Progress(len(found.sources), part=part)))
        gpu = network.gpu if isinstance(network, LoadedPredictor) else None
        processor = PhotoProcessor(options, destinations, model.sizes, guidance, lock, gpu, repairs)
        report.settings = {
            "software": SOFTWARE,
            "model": model.note.model,
            "sha256": model.note.sha256,
            **report.settings,
            **dict(model.note.settings),
            **options.guidance.settings(),
        }
        chosen = choose(found.sources, options.batch, report, self._notice)
        total = len(found.sources) if chosen is None else len(chosen)
        self.on_progress(Progress(total))
        flow, gallery = Flow(options, processor, predictor), processor.gallery
        on_entry = (lambda place, outcome: None) if gallery is None else gallery.add
        ledger = Ledger(found.sources, report, on_entry, chosen)
        self._stream_report(total)
        upcoming: Iterator[tuple[int, Source]] = enumerate(found.sources)
        if chosen is not None:
            upcoming = ((place, found.sources[place]) for place in chosen)
        if options.guidance.consistent and not options.batch.dry_run and isinstance(predictor, Predictor):
            upcoming = Album(processor, predictor, found.sources, flow.jobs, flow.vividness, self._notice).walk()
        films = list[tuple[int, Source]]()
        try:
            reel = Films(options, processor, predictor, model.note, gpu).run(films)
            with closing(first_photos(flow.run(photos_of(upcoming, films)), reel)) as ended:
                for place, outcome in ended:
                    if ledger.enter(place, outcome):
                        self.on_progress(Progress(total, outcome))
                        yield outcome
        except (KeyboardInterrupt, GeneratorExit):
            report.interrupted = True
            raise
        finally:  # whatever ended the run: the report tells what became of each photo
            try:
                for outcome in (*ledger.drain(flow.ended), *ledger.close(report.interrupted)):
                    self.on_progress(Progress(total, outcome))
            finally:
                processor.close()
                if gallery is not None:
                    self._write_gallery(gallery)
                report.seconds = time.monotonic() - started
                if others := len(processor.outputs.by_others):
                    self._notice(f"Another run at the same time did {counted(others, 'photo')} of these.")
                if edited := processor.outputs.edited:
                    self._notice(_left_edited([edited[place] for place in sorted(edited)]))
                write_report(report, options.batch, self._notice)

    def _stream_report(self, photos: int) -> None:
        """Of many photos write the report while they are done, not from memory or a copy in the end."""
        path = self.options.batch.report_path(photos)
        if path is None or photos <= MANY:
            return
        for left in left_unfinished(path):
            self._notice(f"A run was killed before its report was whole; what it did is in {printable(left)}.")
        if path.suffix.lower() != LINES_SUFFIX:
            self._notice(f"The report of more than {MANY:,} photos is JSON Lines: a line each, the summary last.")
        try:
            self.report.stream(path)
        except EncodeError as error:
            self._notice(one_line(error))

    def _notice(self, text: str) -> None:
        self.report.notices.append(text)
        self.on_notice(text)

    def _write_gallery(self, gallery: Gallery) -> None:
        try:
            gallery.write(self.report.settings)
            self.report.gallery = gallery.page
        except EncodeError as error:
            self._notice(one_line(error))
        finally:
            gallery.close()

    def _discover(self) -> Discovery:
        batch, single = self.options.batch, self.options.batch.single_output()
        if batch.part is not None:
            found = Discovery()
            for source in batch.part.sources:
                found.sources.append(source)
            return found
        if batch.staging is not None and batch.staging.source is not None:
            found = batch.staging.discover(batch.recursive)
            if any(found.passed_over[f"no photo ({suffix})"] for suffix in (".xmp", ".json")):
                self._notice("Side-cars beside photos in a store are not copied.")
        else:
            found = find_photos(batch, NAMES)
        self.report.passed_over = found.passed_over
        check_sources(found, batch, single)
        if batch.report is not None:
            check_report_place(batch.report)
        return found

    def _destinations(self, found: Discovery) -> Destinations:
        batch, single = self.options.batch, self.options.batch.single_output()
        lifted = batch.part.lifted if batch.part is not None else ()
        are_here = batch.staging is None or batch.staging.source is None
        possible = PossibleSuffixes(found.sources, self.options.write.encode_settings(single), are_here)
        return Destinations(found.sources, batch.out, batch.suffix, single, possible, lifted)

    def _network(self, photos: int) -> LoadedPredictor | NotDownloaded | None:
        """The network; what is known of it where a plan would have to download it; None where the method takes none."""
        model, guidance = self.options.model, self.options.guidance
        if guidance.method is not Method.network or self.options.restore.only:
            return None
        absent = not_downloaded(model.name) if self.options.batch.dry_run else None
        if absent is not None:  # a plan downloads nothing
            megabytes = f"{absent.megabytes:,.0f} MB"
            self._notice(f"{absent.name} is not downloaded yet: the run will download {megabytes}.")
            return absent
        loaded = self.load(photos, self._notice)
        check_tileable(loaded.predictor, model.detail)
        if guidance.variants > 1 and loaded.predictor.palette is None:
            raise UsageError(f"model {model.name} gives one coloring only", hint="--variants needs --model mini.")
        return loaded


@dataclass(frozen=True)
class _Model:
    """What the run knows of its network: the sizes at which it sees photos, what it does with hints, its note."""

    note: Provenance
    sizes: Sizes | None = None
    takes_hints: bool = True
    follows_hints: bool = False


def _left_edited(results: Sequence[Path]) -> str:
    """What is said of results that another program changed."""
    named = ", ".join(map(printable, results[:3])) + (", ..." if len(results) > 3 else "")
    was, it = ("was", "it") if len(results) == 1 else ("were", "them")
    what = f"{counted(len(results), 'result')} {was} changed by another program since, and left: {named}."
    return f"{what} --overwrite makes {it} anew."


def _model_of(network: LoadedPredictor | NotDownloaded | None, options: RunOptions) -> _Model:
    if network is None:
        name = RESTORE if options.restore.only else options.guidance.method.value
        return _Model(options.note(name, ""))
    if isinstance(network, NotDownloaded):
        note = options.note(network.name, network.sha256)
        return _Model(note, network.sizes, network.takes_hints, network.follows_hints)
    model = network.predictor.model
    specs = [member.spec for member in model.members]
    return _Model(
        options.note(model.name, model.sha256),
        specs[0].sizes,
        all(spec.takes_hints for spec in specs),
        all(spec.follows_hints for spec in specs),
    )


def write_report(report: RunReport, batch: BatchOptions, notice: Callable[[str], None]) -> None:
    """Write a run's report where it is to be; what keeps it from that is told."""
    path = batch.report_path(report.expected or 0)
    try:
        if path is not None:
            report.write(path)
            if batch.staging is not None:
                report.lies = batch.staging.send_report(path)
    except EncodeError as error:
        notice(one_line(error))
        if report.unfinished is not None:
            notice(f"What was done is in {printable(report.unfinished)}, a line a photo.")
        report.unwritten = batch.report is not None
    finally:
        report.close()
