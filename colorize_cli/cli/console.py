"""What a person sees of the end: summaries and errors. stderr for talk, stdout for what was asked for.

In:  reports and errors
Out: text on the two streams
"""

from __future__ import annotations

import json
import os
import sys

from rich.markup import escape

from colorize_cli.cli.quantities import duration, pace
from colorize_cli.cli.screen import screen
from colorize_cli.errors import ColorizeError, ExitStatus, json_text, printable, sentence
from colorize_cli.files.passed_over import kinds_of
from colorize_cli.notes import Loss
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport

_SHOWN_FAILURES = 20

stderr = screen(to_stderr=True)
stdout = screen()


def begin_anew() -> None:
    """After an interrupt: a console that was in the middle of a line would keep all that follows to itself."""
    global stderr
    stderr = screen(to_stderr=True)


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
    if report.interrupted:
        begin_anew()
    if as_json:
        print_json({**report.summary(), "report": (report.lies or printable(report.path)) if report.path else None})
    most = _SHOWN_FAILURES if report.path is not None and not quiet else len(report.failures)
    for outcome in report.failures[:most]:
        stderr.print(f"[red]failed[/red] {escape(report.shown(outcome.source))}: {escape(outcome.reason or '')}")
    if quiet:
        return
    if (more := report.counts[Status.failed] - most) > 0:
        stderr.print(f"... and {more:,} more" + ("; the report names them all" if report.path is not None else ""))
    parts = [_counted(report.counts[status], status) for status in Status if report.counts[status]]
    passed = sum(report.passed_over.values())
    if passed:
        parts.append(f"{passed} passed over ({kinds_of(report.passed_over)})")
    done = report.counts[Status.done]
    rate = f", {pace(done / report.seconds)}" if done and report.seconds else ""
    stderr.print(f"{escape(', '.join(parts))}; {duration(report.seconds)}{rate}")
    if report.losses and report.counts[Status.planned]:
        stderr.print("As planned:")
    for loss in Loss:
        if report.losses[loss]:
            stderr.print(f"  {loss.told(report.losses[loss])}", markup=False)
    for outcome in report.doubtful[:_SHOWN_FAILURES]:
        stderr.print(f"  hard to tell: {report.shown(outcome.source)} {outcome.doubt}", markup=False)
    if len(report.doubtful) > _SHOWN_FAILURES:
        stderr.print(f"  ... and {len(report.doubtful) - _SHOWN_FAILURES} more; the report names them")
    if report.counts[Status.other_settings]:
        stderr.print("Results that exist with different settings were left. --overwrite makes them anew.")
    if done or report.counts[Status.copied] or report.counts[Status.skipped]:
        stderr.print(f"Results: {escape(printable(out))}")
    if report.path is not None:
        stderr.print(f"Report: {escape(report.lies or printable(report.path))}")
    if report.gallery is not None:
        stderr.print(f"Gallery: {escape(printable(report.gallery))}")
    if not report.adds_up:
        stderr.print(f"[red]{report.sums}: a fault in colorize-cli[/red]")
        stderr.print("Run the same command again: it does what is missing. Please report this.")
    if report.interrupted:
        stderr.print("Interrupted. The same command again goes on where this one stopped.")


def _counted(count: int, status: Status) -> str:
    if status is Status.skipped:
        return f"{count} skipped (done before)"
    if status is Status.other_settings and count > 1:
        return f"{count} exist with different settings"
    return f"{count} {status.value}"


def print_json(data: object) -> None:
    """Print data as JSON on stdout."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write((json_text(data, 1) if utf8 else json.dumps(data, indent=1)) + "\n")


def debugging() -> bool:
    """Whether the user wants tracebacks."""
    return os.environ.get("COLORIZE_DEBUG") == "1"


INTERRUPTED = int(ExitStatus.interrupted)
