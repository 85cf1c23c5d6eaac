"""Color what comes into a folder, when it is complete, until somebody says stop.

In:  a folder, a way to be woken when something changes in it, runs over parts of it
Out: the outcome of each photo, as they end; a log, JSON Lines, in the output folder
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import IO

from colorize_cli.errors import EncodeError, MissingPackageError, NothingToDoError, UsageError, json_text, printable
from colorize_cli.files.discover import discover
from colorize_cli.files.settling import Settling
from colorize_cli.files.source_list import SourceList
from colorize_cli.formats.video.film_files import NAMES
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.products import Products
from colorize_cli.pipeline.renames import follow_renames
from colorize_cli.pipeline.report import entry_of
from colorize_cli.pipeline.run import BatchRun, Progress
from colorize_cli.pipeline.run_options import BatchOptions

LOG_NAME = "colorize-report.watch.jsonl"
_TICK = 0.25  # seconds between looks at files that are not complete
_LOOK_EVERY = 30.0  # seconds between looks at the folder where nothing is told: events get lost, or are not sent (NFS)
_SHARE = 4  # a look at the folder takes at most one part in so many of the time
_GONE = 10_000  # photos that are gone, of which one may come under another name
_REMEMBERED = 60.0  # seconds for which they are remembered

Start = Callable[[BatchOptions], BatchRun]


class FolderWatch:
    """A folder that is watched.

    Args:
        batch: one folder, and where its results go.
        start: makes the run over a part of the folder.
        settle: seconds that a file's size and time must not have changed.
        on_outcome: told of each photo.
        on_notice: told what concerns the folder.

    Raises:
        MissingPackageError: the library that watches is not installed.
        UsageError: it is no folder, or results would go where they are watched.
    """

    def __init__(
        self,
        batch: BatchOptions,
        start: Start,
        settle: float,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        if find_spec("watchfiles") is None:
            raise MissingPackageError("watching a folder needs watchfiles", package="watchfiles")
        self.batch, self.start, self.on_outcome, self.on_notice = batch, start, on_outcome, on_notice
        self.folder, self.out = Path(batch.photos[0]), batch.out
        if not self.folder.is_dir():
            raise UsageError(f"{printable(self.folder)} is no folder", hint="Name a folder that exists.")
        if self.out.resolve() == self.folder.resolve() and not batch.suffix:
            raise UsageError("results would go into the folder that is watched", hint="Give another --out.")
        self.files, self.failed = Settling(settle), set[Path]()
        self._woken, self._stop = Event(), Event()
        self._known, self._gone = SourceList(), deque[tuple[float, Path]](maxlen=_GONE)
        self._looked, self._cost = 0.0, 0.0

    def run(self) -> None:
        """Watch until `stop` or an exception, such as `KeyboardInterrupt`; what is being written is finished."""
        watcher = Thread(target=self._listen, name="watch", daemon=True)
        watcher.start()  # before the first look, so that nothing falls between
        try:
            with _Log(self.out / LOG_NAME) as log:
                while not self._stop.is_set():
                    self._look()
                    ready = self.files.ready(time.monotonic())
                    if ready:
                        self._do(frozenset(ready), log)
                    self._woken.wait(_TICK if len(self.files) else 2 * _TICK)
        finally:
            self._stop.set()
            watcher.join(timeout=2)

    def stop(self) -> None:
        """End `run` after what it does at the moment."""
        self._stop.set()
        self._woken.set()

    def _listen(self) -> None:
        """Note that something changed; what it was, a look at the folder tells."""
        from watchfiles import watch

        out = str(self.out.resolve())
        try:
            for changes in watch(
                self.folder,
                watch_filter=None,
                stop_event=self._stop,
                recursive=self.batch.recursive,
                raise_interrupt=False,
                debounce=400,
                rust_timeout=500,
                yield_on_timeout=False,
                ignore_permission_denied=True,
            ):
                if any(not (path + os.sep).startswith(out + os.sep) for _, path in changes):
                    self._woken.set()
        except Exception as error:  # no more watches, say: then the folder is looked at now and then
            self.on_notice(f"{printable(self.folder)} cannot be watched ({error}): a look every {_LOOK_EVERY:.0f} s.")

    def _look(self) -> None:
        """See what is in the folder, if anything was told, or it is time again."""
        now = time.monotonic()
        is_due = not self._looked or now - self._looked > _LOOK_EVERY
        if not is_due and (not self._woken.is_set() or now - self._looked < _SHARE * self._cost):
            return
        self._woken.clear()
        try:
            found = discover(
                self.batch.photos,
                photos=NAMES,
                recursive=self.batch.recursive,
                leave=self.out,
                is_product=Products(self.batch),
            )
        except NothingToDoError:
            if self._looked:
                self.on_notice(f"{printable(self.folder)} is gone.")
            raise
        self.files.see(found.sources, time.monotonic())
        self._note_gone(found.sources)
        self._looked = time.monotonic()
        self._cost = self._looked - now

    def _note_gone(self, sources: SourceList) -> None:
        """Note which photos are no more."""
        for source in self._known:
            if not source.path.exists():
                self._gone.append((time.monotonic(), source.relative))
        self._known = sources

    def _do(self, ready: frozenset[Path], log: _Log) -> None:
        """Color the photos that are complete."""
        while self._gone and self._gone[0][0] < time.monotonic() - _REMEMBERED - self.files.seconds:
            self._gone.popleft()
        if self._gone:
            new = [source for source in self._known if source.path in ready]
            for old, moved in follow_renames(new, [place for _, place in self._gone], self.out, self.batch.suffix):
                self.on_notice(f"{printable(old)} is now {printable(moved)}, as its photo is.")
        run = self.start(replace(self.batch, only=ready))

        def on_progress(step: Progress) -> None:  # told also of what an interrupted run finishes
            outcome = step.outcome
            if outcome is not None and outcome.status is not Status.interrupted:
                log.add(outcome)
                (self.failed.add if outcome.status is Status.failed else self.failed.discard)(outcome.source)
                self.on_outcome(outcome)

        run.on_progress = on_progress
        try:
            if run.finish().interrupted:
                raise KeyboardInterrupt
        except NothingToDoError:
            if not self.folder.is_dir():
                raise
            # what was ready is gone again


class _Log:
    """A report that grows: a line for each photo that was worked on; it goes on where the last one stopped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> _Log:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                _cut_to_lines(file)
            self._file = self.path.open("a", 1, encoding="utf-8", errors="backslashreplace")
            if not self.path.stat().st_size:
                self._file.write(json_text({"report": "colorize-cli", "discovered": 0}) + "\n")
        except OSError as error:
            raise EncodeError(
                f"cannot write {printable(self.path)}: {error.strerror}", path=self.path, hint="Give another --out."
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, outcome: Outcome) -> None:
        if outcome.status is not Status.skipped and self._file is not None:
            self._file.write(json_text(entry_of(outcome)) + "\n")


def _cut_to_lines(file: IO[bytes]) -> None:
    """Drop what stands behind the last line: a killed process may have left half a row."""
    end = file.seek(0, 2)
    file.seek(max(0, end - (1 << 20)))
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
