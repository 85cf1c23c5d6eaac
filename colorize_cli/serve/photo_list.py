"""The photos of a folder and what has become of each.

In:  a folder; outcomes of runs
Out: `Entry`s with a number each, by which the page asks for them; no name ever comes from the page
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any

from colorize_cli.errors import PhotoError, printable
from colorize_cli.files.discover import Source
from colorize_cli.formats.video.film_names import FILM_SUFFIXES
from colorize_cli.guidance.hint_files import find_sidecar
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.products import find_photos
from colorize_cli.pipeline.run_options import BatchOptions

_OUTSIDE = "it lies outside the folder: a link leads there"


class State(StrEnum):
    """What has become of a photo."""

    waiting = "to do"
    working = "at work"
    colored = "colored"
    copied = "copied"
    failed = "failed"


_STATES = {
    Status.done: State.colored,
    Status.skipped: State.colored,
    Status.other_settings: State.colored,
    Status.copied: State.copied,
    Status.left_color: State.copied,
    Status.failed: State.failed,
    Status.planned: State.waiting,
    Status.interrupted: State.waiting,
}


@dataclass(frozen=True)
class Entry:
    """One photo.

    Attributes:
        number: its own, from 0 on; it stays as long as the server runs.
        source: the file.
        state: what has become of it.
        reason: why it failed, or was left.
        notes: what was odd.
        output: its result, where it is known.
        changed: the number of the change that it was last part of.
    """

    number: int
    source: Source
    state: State = State.waiting
    reason: str = ""
    notes: tuple[str, ...] = ()
    output: Path | None = None
    changed: int = 0

    @property
    def name(self) -> str:
        """Its place in the folder, as it may be shown."""
        return printable(self.source.within.as_posix())

    def told(self) -> dict[str, Any]:
        """What the page is told."""
        about = {"id": self.number, "name": self.name, "state": self.state.value, "reason": self.reason}
        return {**about, "notes": list(self.notes), "version": self.changed}


class PhotoList:
    """The photos of a folder; used by several threads at once.

    Args:
        batch: the folder, and where results go.
    """

    def __init__(self, batch: BatchOptions) -> None:
        self.batch, self.folder, self.out = batch, Path(batch.photos[0]), batch.out
        self.films = 0  # in the folder, which the page does not show
        self._entries, self._numbers = list[Entry](), dict[Path, int]()
        self._lock, self._change = Lock(), 0

    def scan(self) -> None:
        """Look for photos, and add those that are new.

        Raises:
            NothingToDoError: the folder is gone.
        """
        found = find_photos(self.batch)
        kinds = {f"no photo ({suffix})" for suffix in FILM_SUFFIXES}
        with self._lock:
            self.films = sum(count for kind, count in found.passed_over.items() if kind in kinds)
            for source in found.sources:
                if source.path not in self._numbers:
                    self._numbers[source.path] = len(self._entries)
                    self._put(Entry(len(self._entries), self._checked(source)))

    def _checked(self, source: Source) -> Source:
        return source if source.fault or is_inside(source.path, self.folder) else replace(source, fault=_OUTSIDE)

    def _put(self, entry: Entry) -> None:
        self._change += 1
        if entry.source.fault:
            entry = replace(entry, state=State.failed, reason=entry.source.fault, output=None)
        entry = replace(entry, changed=self._change)
        if entry.number == len(self._entries):
            self._entries.append(entry)
        else:
            self._entries[entry.number] = entry

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, number: int) -> Entry | None:
        """A photo by its number; None where there is none."""
        with self._lock:
            return self._entries[number] if 0 <= number < len(self._entries) else None

    def since(self, change: int) -> tuple[int, list[Entry]]:
        """The number of the last change, and the photos that changed after another one."""
        with self._lock:
            return self._change, [entry for entry in self._entries if entry.changed > change]

    def waiting(self) -> list[Entry]:
        """The photos that are to be done."""
        with self._lock:
            return [entry for entry in self._entries if entry.state is State.waiting]

    def mark(self, number: int, state: State, reason: str = "") -> None:
        """Say what becomes of a photo."""
        with self._lock:
            self._put(replace(self._entries[number], state=state, reason=reason))

    def enter(self, outcome: Outcome) -> None:
        """Take what became of a photo of a run."""
        with self._lock:
            number = self._numbers.get(outcome.source)
            if number is None:
                return
            entry, state = self._entries[number], _STATES[outcome.status]
            if outcome.status is Status.skipped and outcome.copy_bytes is not None:
                state = State.copied
            reason = outcome.reason or ""
            if outcome.status in (Status.planned, Status.interrupted, Status.skipped, Status.other_settings):
                reason = ""
            notes = tuple(str(note) for note in (*outcome.notes, outcome.doubt) if note)
            self._put(replace(entry, state=state, reason=reason, notes=notes, output=outcome.output or entry.output))

    def photo(self, entry: Entry) -> Path:
        """The file of a photo, to be read.

        Raises:
            PhotoError: it lies outside the folder, or cannot be done.
        """
        if entry.source.fault or not is_inside(entry.source.path, self.folder):
            raise PhotoError(entry.source.fault or _OUTSIDE, path=entry.source.path)
        return entry.source.path

    def result(self, entry: Entry) -> Path | None:
        """The result of a photo, to be read; None where there is none."""
        path = entry.output
        if path is None or entry.state not in (State.colored, State.copied) or not path.is_file():
            return None
        return path if is_inside(path, self.out) else None

    def hints_file(self, entry: Entry) -> Path:
        """Where a photo's hints are written: beside its result, after its whole name where two share a stem.

        Raises:
            PhotoError: that lies outside the folder of results.
        """
        within = entry.source.within
        with self._lock:
            same = [e for e in self._entries if e.source.within.with_suffix("") == within.with_suffix("")]
        name = within.name if len(same) > 1 else within.stem
        path = self.out / within.parent / f"{name}.hints.json"
        if not is_inside(path, self.out):
            raise PhotoError(f"{printable(path)} lies outside the folder of results: a link leads there", path=path)
        return path

    def sidecars(self, entry: Entry) -> Sequence[Path]:
        """The hints that a photo has: those beside its result; else those beside the photo."""
        for place in (self.out, self.folder):
            if place.is_dir():
                found = find_sidecar(entry.source.path, place, self.folder)
                if found:
                    return [path for path in found if is_inside(path, place)]
        return ()


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a file, which need not exist, is in a folder once all links are followed."""
    try:
        real, top = os.path.realpath(path), os.path.realpath(folder)
    except (OSError, ValueError):
        return False
    return real == top or real.startswith(top.rstrip(os.sep) + os.sep)
