"""What a person sees: progress, summaries, errors. stderr for talk, stdout for what was asked for.

In:  progress and reports from the roads
Out: a bar where stderr is a terminal, a line now and then where it is not
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from colorize_cli.cli.interrupts import interrupt_at_signals
from colorize_cli.cli.screen import screen
from colorize_cli.errors import ColorizeError, ExitStatus, json_text, printable, sentence
from colorize_cli.files.discover import kinds_of
from colorize_cli.notes import Loss
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport

if TYPE_CHECKING:
    from colorize_cli.inference.scans import Part
    from colorize_cli.pipeline.run import Progress as PhotoProgress

_SHOWN_FAILURES = 20
_LINE_EVERY = 10.0  # seconds between lines where stderr is no terminal

stderr = screen(to_stderr=True)
stdout = screen()


@contextmanager
def photo_progress(title: str, quiet: bool, on_start: Callable[[], None]) -> Iterator[Callable[[PhotoProgress], None]]:
    """Show photos/s and time left; yields what the pipeline calls at the start and after each photo.

    Args:
        title: what is being done.
        quiet: show nothing.
        on_start: called once, when everything is loaded.
    """
    with _shown(title, quiet) as show_step:
        begun = False

        def on_progress(step: PhotoProgress) -> None:
            nonlocal begun
            if not begun:  # everything is loaded: from here on there is something to be finished
                begun = True
                on_start()
                interrupt_at_signals()
            show_step(step)

        yield on_progress


@contextmanager
def _shown(title: str, quiet: bool) -> Iterator[Callable[[PhotoProgress], None]]:
    if quiet:
        yield lambda _: None
    elif stderr.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=stderr) as bar:
            task, meter = bar.add_task(title, total=None, rate=""), _Meter()
            files = _FileBars(bar)

            def move(step: PhotoProgress) -> None:
                if step.part is not None:
                    files.move(step.part)
                    return
                bar.update(task, total=step.total, completed=meter.count(step), rate=meter.rate())
                _show_plan(step)

            yield move
    else:
        meter = _Meter()

        def line(step: PhotoProgress) -> None:
            if step.part is not None:
                if meter.due():
                    stderr.print(_line_of(step.part), markup=False)
                return
            done = meter.count(step)
            _show_plan(step)
            if meter.due():
                left = (step.total - done) / max(meter.speed(), 1e-9)
                stderr.print(f"{title}: {done} of {step.total}, {meter.rate()}, {_duration(left)} left")

        yield line


def _show_plan(step: PhotoProgress) -> None:
    """With --dry-run: which photo would become which file, a line each on stdout."""
    if step.outcome is not None and step.outcome.status is Status.planned and step.outcome.output is not None:
        stdout.print(f"{printable(step.outcome.source)} -> {printable(step.outcome.output)}", markup=False)
        for note in step.outcome.notes:
            stderr.print(f"  {note}", markup=False)


class _FileBars:
    """A bar for each large file that is under way; it goes when a stage is done, and comes again for the next."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._tasks = bar, dict[tuple[str, str], TaskID]()

    def move(self, part: Part) -> None:
        """Show how far a file is."""
        key = (str(part.source), part.stage)
        if key not in self._tasks:
            name = escape(printable(part.source.name))
            self._tasks[key] = self._bar.add_task(f"  {part.stage} {name}", total=part.total, rate="rows")
        self._bar.update(self._tasks[key], completed=part.done)
        if part.done >= part.total:
            self._bar.remove_task(self._tasks.pop(key))


def _line_of(part: Part) -> str:
    return f"{part.stage} {printable(part.source.name)}: {part.done / max(part.total, 1):.0%}"


class _Meter:
    """Counts photos and their rate."""

    def __init__(self) -> None:
        self.started = self.said = time.monotonic()
        self.done = 0

    def count(self, step: PhotoProgress) -> int:
        self.done += step.outcome is not None
        return self.done

    def speed(self) -> float:
        return self.done / max(time.monotonic() - self.started, 1e-6)

    def rate(self) -> str:
        return f"{self.speed():.1f} photos/s"

    def due(self) -> bool:
        if time.monotonic() - self.said < _LINE_EVERY:
            return False
        self.said = time.monotonic()
        return True


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def notice(text: str) -> None:
    """Say something that concerns the whole batch."""
    stderr.print(f"[yellow]{escape(text)}[/yellow]")


def error(problem: ColorizeError) -> None:
    """Say what is wrong, and what to do."""
    stderr.print(
        f"[bold red]error:[/bold red] {escape(sentence(problem.message) if problem.hint else problem.message)}"
    )
    if problem.hint:
        stderr.print(problem.hint, markup=False)


def show(report: RunReport, out: str, as_json: bool, quiet: bool) -> None:
    """The summary at the end: how many done, skipped, failed and why, where the report lies."""
    if as_json:
        print_json({**report.summary(), "report": printable(report.path) if report.path else None})
    most = _SHOWN_FAILURES if report.path is not None and not quiet else len(report.failures)
    for outcome in report.failures[:most]:
        stderr.print(f"[red]failed[/red] {escape(printable(outcome.source))}: {escape(outcome.reason or '')}")
    if quiet:
        return
    if (more := report.counts[Status.failed] - most) > 0:
        stderr.print(f"... and {more:,} more" + ("; the report names them all" if report.path is not None else ""))
    parts = [f"{report.counts[status]} {status.value}" for status in Status if report.counts[status]]
    passed = sum(report.passed_over.values())
    if passed:
        parts.append(f"{passed} passed over ({kinds_of(report.passed_over)})")
    rate = report.counts[Status.done] / report.seconds if report.seconds else 0.0
    stderr.print(f"{escape(', '.join(parts))}; {_duration(report.seconds)}, {rate:.1f} photos/s")
    if report.losses and report.counts[Status.planned]:
        stderr.print("As planned:")
    for loss in Loss:
        if report.losses[loss]:
            stderr.print(f"  {loss.told(report.losses[loss])}", markup=False)
    for outcome in report.doubtful[:_SHOWN_FAILURES]:
        stderr.print(f"  hard to tell: {printable(outcome.source)} {outcome.doubt}", markup=False)
    if len(report.doubtful) > _SHOWN_FAILURES:
        stderr.print(f"  ... and {len(report.doubtful) - _SHOWN_FAILURES} more; the report names them")
    if report.counts[Status.made_otherwise]:
        stderr.print("Results that exist with different settings were left. --overwrite makes them anew.")
    if report.counts[Status.done] or report.counts[Status.copied]:
        stderr.print(f"Results: {escape(printable(out))}")
    if report.path is not None:
        stderr.print(f"Report: {escape(printable(report.path))}")
    if not report.adds_up:
        stderr.print(f"[red]{report.sums}: a fault in colorize-cli[/red]")
        stderr.print("Run the same command again: it does what is missing. Please report this.")
    if report.interrupted:
        stderr.print("Interrupted. The same command again goes on where this one stopped.")


def print_json(data: object) -> None:
    """Print data as JSON on stdout."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write((json_text(data, 1) if utf8 else json.dumps(data, indent=1)) + "\n")


def debugging() -> bool:
    """Whether the user wants tracebacks."""
    return os.environ.get("COLORIZE_DEBUG") == "1"


INTERRUPTED = int(ExitStatus.interrupted)
