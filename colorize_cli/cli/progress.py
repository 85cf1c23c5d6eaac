"""How far long work is, on stderr: a bar on a terminal; elsewhere a line now and then.

In:  what is done, and how much there is in all
Out: rate and time left
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from colorize_cli.cli import console
from colorize_cli.cli.interrupts import interrupt_at_signals
from colorize_cli.cli.quantities import duration, pace
from colorize_cli.errors import printable
from colorize_cli.pipeline.outcome import Status

if TYPE_CHECKING:
    from rich.console import Console

    from colorize_cli.inference.large_files import FileProgress
    from colorize_cli.pipeline.colorizer import Colorizer
    from colorize_cli.pipeline.run import Progress as PhotoProgress

_AT_ONCE = 0.5  # seconds in which the frames of an earlier run are counted
LINE_EVERY = 10.0  # seconds between lines where stderr is no terminal
Unit = Literal["photos", "bytes"]


class Meter:
    """One line of progress; used by several threads where parts of files are shown.

    Args:
        title: what is being done.
        unit: what is counted, where `show` is not told what to say.
        quiet: show nothing.
        transient: the bar goes when the work is done.
        at_once: the first line, where stderr is no terminal, comes at once.
    """

    def __init__(
        self,
        title: str,
        unit: Unit = "photos",
        *,
        quiet: bool = False,
        transient: bool = False,
        at_once: bool = False,
    ) -> None:
        self.title, self.unit, self.quiet = title, unit, quiet
        self._started = time.monotonic()
        self._said = -math.inf if at_once else self._started
        self._has_said = False
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._parts = dict[tuple[str, str], TaskID]()
        self._since = dict[str, tuple[float, int]]()
        if console.stderr.is_terminal and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[info]}"))
            self._bar = Progress(*columns, console=console.stderr, transient=transient)

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar off the screen, for a question, say; `show` brings it back."""
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: float, total: float, title: str | None = None, info: str | None = None) -> None:
        """Say how far it is.

        Args:
            done: of what there is.
            total: what there is in all; 0 where nobody knows.
            title: what is being done now; None is the meter's own.
            info: what stands behind the bar; None is count, rate and time left.
        """
        if self.quiet:
            return
        title = title or self.title
        if self._bar is not None:
            info = self._counted(done, total) if info is None else info
            if self._task is None:
                self._task = self._bar.add_task(escape(title), total=None, info="")
            self._bar.start()
            self._bar.update(self._task, description=escape(title), completed=done, total=total or None, info=info)
        elif self._is_due(at_end=bool(total) and done >= total):
            counted = info is None or not total
            text = (info or self._counted(done, total)) if counted else f"{100 * done / total:.1f} %, {info}"
            console.stderr.print(f"{title}: {text}", markup=False)

    def show_part(self, part: FileProgress) -> None:
        """Say how far one large file is: a bar of its own, which goes when a stage is done."""
        name = printable(part.source.name)
        if self._bar is not None:
            key = (str(part.source), part.stage)
            info = part.unit if part.unit == "rows" else self._frames(part)
            if key not in self._parts:
                title = f"  {part.stage} {escape(name)}"
                self._parts[key] = self._bar.add_task(title, total=part.total, info=info)
            self._bar.update(self._parts[key], completed=part.done, info=info)
            if part.done >= part.total:
                self._bar.remove_task(self._parts.pop(key))
        elif not self.quiet:
            share = f"{part.done / max(part.total, 1):.0%}"
            info = share if part.unit == "rows" else f"{share}, {self._frames(part)}"
            if self._is_due():
                console.stderr.print(f"{part.stage} {name}: {info}", markup=False)

    def _frames(self, part: FileProgress) -> str:
        """How far a film is, with rate and time left; what an earlier run had done counts for neither."""
        now, key = time.monotonic(), str(part.source)
        since, before = self._since.get(key, (now, part.done))
        if now - since < _AT_ONCE:
            before = part.done
        self._since[key] = (since, before)
        told = f"{part.done:,} of {part.total:,} {part.unit}"
        rate = (part.done - before) / max(now - since, 1e-6)
        left = max(0, part.total - part.done)
        return told if not rate else f"{told}, {rate:.1f} {part.unit}/s, {duration(left / rate)} left"

    def _counted(self, done: float, total: float) -> str:
        rate = done / max(time.monotonic() - self._started, 1e-6)
        left = f", {duration((total - done) / rate)} left" if rate and total else ""
        if self.unit == "bytes":
            of = f" of {total / 1e6:.0f}" if total else ""
            return f"{done / 1e6:.0f}{of} MB, {rate / 1e6:.1f} MB/s{left}"
        return f"{done:.0f} of {total:.0f}, {pace(rate)}{left}"

    def _is_due(self, at_end: bool = False) -> bool:
        """Whether it is time for a line; the last one comes where there was any before, so that none stays half way."""
        if time.monotonic() - self._said < LINE_EVERY and not (at_end and self._has_said):
            return False
        self._said, self._has_said = time.monotonic(), not at_end
        return True


@contextmanager
def photo_progress(
    title: str, quiet: bool, on_start: Callable[[], None], json: bool = False
) -> Iterator[Callable[[PhotoProgress], None]]:
    """Show photos/s and time left; yields what the pipeline calls at the start and after each photo.

    Args:
        title: what is being done.
        quiet: show nothing.
        on_start: called once, when everything is loaded.
        json: stdout is for the summary alone.
    """
    begun, done = False, 0
    with Meter(title, quiet=quiet) as meter:

        def on_progress(step: PhotoProgress) -> None:
            nonlocal begun, done
            if not begun:  # everything is loaded: from here on there is something to be finished
                begun = True
                on_start()
                interrupt_at_signals()
            if step.part is not None:
                meter.show_part(step.part)
                return
            done += step.outcome is not None
            meter.show(done, step.total)
            if not quiet:
                _show_plan(step, console.stderr if json else console.stdout)

        yield on_progress


def _show_plan(step: PhotoProgress, shown: Console) -> None:
    """With --dry-run: which photo would become which file, a line each."""
    if step.outcome is not None and step.outcome.status is Status.planned and step.outcome.output is not None:
        shown.print(f"{printable(step.outcome.source)} -> {printable(step.outcome.output)}", markup=False)
        for note in step.outcome.notes:
            console.stderr.print(f"  {note}", markup=False)


class DownloadMeters:
    """Megabytes, rate and time left of downloads that follow each other; each is shown until the next begins.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._name, self._meter = "", Meter("", "bytes", quiet=True)

    def __enter__(self) -> DownloadMeters:
        return self

    def __exit__(self, *_: object) -> None:
        self._meter.stop()

    def on_bytes(self, name: str, done: int, total: int) -> None:
        """Say how far a download is."""
        if name != self._name:
            self._meter.stop()
            self._name = name
            self._meter = Meter(f"Downloading {name}", "bytes", quiet=self.quiet, transient=True)
        self._meter.show(done, total)


def load_shown(colorizer: Colorizer, model: str, quiet: bool) -> None:
    """Load a network before the first photo asks for it; a download that this takes is shown."""
    with DownloadMeters(quiet) as downloads:
        colorizer.load(on_notice=console.notice, on_download=partial(downloads.on_bytes, model))
