"""Save a photo as the page shows it, or color all that are to do: by the pipeline of the command line.

In:  entries of the list; wishes
Out: `NAME.hints.json` and results in the folder of results; states in the list
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock, Thread

from colorize_cli.errors import ColorizeError, EncodeError, PhotoError, one_line, printable
from colorize_cli.files.atomic import not_written, write_text
from colorize_cli.inference.photo_options import GuidanceOptions, ReadOptions, WriteOptions
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.run import BatchRun
from colorize_cli.serve.photo_list import Entry, PhotoList, State, is_inside
from colorize_cli.serve.wishes import Wish


@dataclass(frozen=True)
class BatchState:
    """How far the coloring of all photos is: `done` of `total`; why it stopped, where it did."""

    running: bool = False
    done: int = 0
    total: int = 0
    reason: str = ""


class Saving:
    """Writes results, one run at a time; used by several threads at once.

    Args:
        colorizer: with the model, and the color that was asked for on the command line.
        photos: the list, which learns what becomes of each.
        read: how photos are read.
        write: how results are written.
    """

    def __init__(self, colorizer: Colorizer, photos: PhotoList, read: ReadOptions, write: WriteOptions) -> None:
        self.colorizer, self.photos, self.read, self.write = colorizer, photos, read, write
        self._writing, self._stop = Lock(), Event()
        self._waiting, self._counting, self._none_waits = 0, Lock(), Event()
        self._none_waits.set()
        self._thread: Thread | None = None
        self.batch = BatchState()

    def look(self) -> None:
        """Find out what has become of each photo in earlier runs; writes nothing.

        Raises:
            ColorizeError: the folder cannot be looked at.
        """
        for outcome in self._run(self.colorizer, self._inside(), dry_run=True):
            self.photos.enter(outcome)
            if self._stop.is_set():
                return

    def save(self, entry: Entry, wish: Wish) -> Outcome:
        """Write a photo's hints and its result, in place of those that are there.

        Raises:
            PhotoError: it cannot be read, colored or written; an earlier result is as it was.
        """
        path, hints = self.photos.photo(entry), self.photos.hints_file(entry)
        self._check_result(entry)
        colorizer = self.colorizer.with_color(wish.vividness, wish.saturation)
        with self._first():
            if wish.hints or hints.exists():
                self._write_hints(hints, wish)
            before = self.photos.get(entry.number) or entry
            self.photos.mark(entry.number, State.working)
            outcome: Outcome | None = None
            try:
                for outcome in self._run(colorizer, frozenset({path}), overwrite=True):
                    self.photos.enter(outcome)
            finally:
                if outcome is None:
                    self.photos.mark(entry.number, before.state, before.reason)
        if outcome is None:
            raise PhotoError("it is no longer there", path=path)
        if outcome.status is Status.failed:
            raise PhotoError(outcome.reason or "it failed", path=path)
        return outcome

    @contextmanager
    def _first(self) -> Iterator[None]:
        """Write now: the coloring of all photos pauses for it."""
        with self._counting:
            self._waiting += 1
            self._none_waits.clear()
        try:
            with self._writing:
                yield
        finally:
            with self._counting:
                self._waiting -= 1
                if not self._waiting:
                    self._none_waits.set()

    def start_all(self) -> None:
        """Begin to color all photos that are to do, unless that is going on already."""
        if self.batch.running or self._stop.is_set():
            return
        entries = self.photos.waiting()
        self.batch = BatchState(bool(entries), 0, len(entries))
        if entries:
            self._thread = Thread(target=self._color_all, args=(entries,), name="color all")
            self._thread.start()

    def stop_all(self) -> None:
        """End the coloring of all photos after those that are being written."""
        self.batch = replace(self.batch, running=False)

    def close(self) -> None:
        """Begin nothing any more, and wait for what is being written."""
        self._stop.set()
        self.stop_all()
        if self._thread is not None:
            self._thread.join()
        with self._writing:
            pass

    def _color_all(self, entries: list[Entry]) -> None:
        left = {entry.source.path for entry in entries if is_inside(entry.source.path, self.photos.folder)}
        try:
            while left and self.batch.running:
                self._color_some(left)
                self._none_waits.wait()
        except ColorizeError as error:
            self.batch = replace(self.batch, reason=one_line(error))
        finally:
            self.batch = replace(self.batch, running=False)

    def _color_some(self, left: set[Path]) -> None:
        """Color photos, and take them from `left`, until all are done, or somebody saves one."""
        with self._writing, closing(iter(self._run(self.colorizer, frozenset(left)))) as outcomes:
            for outcome in outcomes:
                self.photos.enter(outcome)
                left.discard(outcome.source)
                self.batch = replace(self.batch, done=self.batch.done + 1)
                if not self.batch.running or self._waiting:
                    return
        left.clear()  # what is not there any more has no outcome

    def _run(
        self, colorizer: Colorizer, only: frozenset[Path], dry_run: bool = False, overwrite: bool = False
    ) -> BatchRun:
        batch = replace(self.photos.batch, only=only, dry_run=dry_run, overwrite=overwrite)
        guidance = GuidanceOptions(hints=self.photos.out if self.photos.out.is_dir() else None)
        return colorizer.run(batch, guidance=guidance, read=self.read, write=self.write)

    def _inside(self) -> frozenset[Path]:
        _, entries = self.photos.since(-1)
        return frozenset(entry.source.path for entry in entries if not entry.source.fault)

    def _check_result(self, entry: Entry) -> None:
        """Refuse a photo whose result would go through a link out of the folder of results."""
        places = [self.photos.out / entry.source.within.parent, *([entry.output] if entry.output else [])]
        for place in places:
            if not is_inside(place, self.photos.out):
                raise EncodeError(f"{printable(place)} lies outside the folder of results: a link leads there")

    def _write_hints(self, path: Path, wish: Wish) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(wish.hints or {"points": []}, indent=1) + "\n")
        except OSError as error:
            raise not_written(path, error) from None
