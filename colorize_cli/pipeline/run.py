"""The main pipeline: many photos through decode, network, merge and encode, at once and in bounded memory.

discover -> plan names -> decode (threads) -> network (this thread, batched) -> merge, encode (threads) -> report

In:  `RunOptions`; a network, loaded when it is needed
Out: the outcome of each photo, as they end; the files; `RunReport`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from colorize_cli.errors import EncodeError, counted, one_line, printable
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Discovery, Source
from colorize_cli.files.names import escaped
from colorize_cli.formats.video.film_files import NAMES
from colorize_cli.inference.large_files import FileProgress
from colorize_cli.inference.loading import LoadedPredictor
from colorize_cli.pipeline.ledger import Ledger
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.plan import PossibleSuffixes
from colorize_cli.pipeline.products import find_photos
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.report_place import check_report_place
from colorize_cli.pipeline.report_rows import LINES_SUFFIX, MANY, left_unfinished
from colorize_cli.pipeline.run_options import BatchOptions, RunOptions
from colorize_cli.pipeline.selection import choose
from colorize_cli.pipeline.source_checks import check_sources
from colorize_cli.pipeline.work import Aside, LocalWork, Work

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
        self.aside, self._total = Aside(), 0

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
        chosen = choose(found.sources, options.batch, report, self.notice)
        places: Sequence[int] = range(len(found.sources)) if chosen is None else chosen
        self._tell_names(found)
        work = self._work(found.sources, self._destinations(found), places)
        self._total = len(places)
        self.on_progress(Progress(self._total))
        ledger = Ledger(found.sources, report, work.on_entry, chosen)
        self._stream_report(self._total)
        try:
            with closing(work.outcomes()) as ended:
                for place, outcome in ended:
                    if ledger.enter(place, outcome):
                        self.on_progress(Progress(self._total, outcome))
                        yield outcome
        except (KeyboardInterrupt, GeneratorExit):
            report.interrupted = True
            raise
        finally:  # whatever ended the run: the report tells what became of each photo
            try:
                for outcome in (*ledger.drain(work.ended), *ledger.close(report.interrupted, work.lost)):
                    self.on_progress(Progress(self._total, outcome))
            finally:
                work.close()
                report.seconds = time.monotonic() - started
                self.aside = work.aside
                if options.batch.part is None:  # who leads the batch tells it of all parts
                    self._tell_aside()
                write_report(report, options.batch, self.notice)

    def _work(self, sources: Sequence[Source], destinations: Destinations, places: Sequence[int]) -> Work:
        """The engine that does certain photos, loaded: what keeps it from its work is raised before any is counted."""
        return LocalWork(self, sources, destinations, places)

    def on_part(self, part: FileProgress) -> None:
        """Tell how far one large file is."""
        self.on_progress(Progress(self._total, part=part))

    def notice(self, text: str) -> None:
        """Tell what concerns the whole batch, and note it for the report."""
        self.report.notices.append(text)
        self.on_notice(text)

    def _tell_names(self, found: Discovery) -> None:
        """Tell of results that cannot have their sources' names on every system."""
        if self.options.batch.part is not None or self.options.batch.single_output() is not None:
            return
        first, others = None, 0
        for source in found.sources:
            if not source.fault and (place := escaped(source.relative)) != source.relative:
                first, others = first or (source.relative, place), others + 1
        if first is not None:
            more = f" (and {others - 1:,} more)" if others > 1 else ""
            what = "has a character or name" if others == 1 else "have characters or names"
            shown = " becomes ".join(map(printable, first))
            self.notice(f"{counted(others, 'photo')} {what} that some systems cannot hold: {shown}{more}.")

    def _tell_aside(self) -> None:
        if others := len(self.aside.by_others):
            self.notice(f"Another run at the same time did {counted(others, 'photo')} of these.")
        if edited := self.aside.edited:
            self.notice(_left_edited([edited[place] for place in sorted(edited)]))

    def _stream_report(self, photos: int) -> None:
        """Of many photos write the report while they are done, not from memory or a copy in the end."""
        path = self.options.batch.report_path(photos)
        if path is None or photos <= MANY:
            return
        for left in left_unfinished(path):
            self.notice(f"A run was killed before its report was whole; what it did is in {printable(left)}.")
        if path.suffix.lower() != LINES_SUFFIX:
            self.notice(f"The report of more than {MANY:,} photos is JSON Lines: a line each, the summary last.")
        try:
            self.report.stream(path)
        except EncodeError as error:
            self.notice(one_line(error))

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
                self.notice("Side-cars beside photos in a store are not copied.")
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


def _left_edited(results: Sequence[Path]) -> str:
    """What is said of results that another program changed."""
    named = ", ".join(map(printable, results[:3])) + (", ..." if len(results) > 3 else "")
    was, it = ("was", "it") if len(results) == 1 else ("were", "them")
    what = f"{counted(len(results), 'result')} {was} changed by another program since, and left: {named}."
    return f"{what} --overwrite makes {it} anew."


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
