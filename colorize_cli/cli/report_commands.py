"""`colorize report`: what can be done with reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from colorize_cli.cli import console
from colorize_cli.cli.work_options import (
    JsonOpt,
    QuietOpt,
)
from colorize_cli.errors import counted, printable

app = typer.Typer(name="report", help="Join the reports of several runs.", no_args_is_help=True)

_SHOWN = 50


@app.callback()
def _reports() -> None:
    pass


@app.command("merge")
def merge(
    reports: Annotated[list[Path], typer.Argument(metavar="REPORT...", help="Reports, such as those of all shards.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.json", help="File of the joined report.")],
    photos: Annotated[
        list[str] | None,
        typer.Option("--photos", metavar="PATH", help="Inputs of the runs: name each photo that no report tells of."),
    ] = None,
    json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Join reports into one, and say what no run did.

    The exit status is 0 where every photo is done, 1 where some failed or no report tells of them.
    """
    from colorize_cli.files.discover import discover
    from colorize_cli.formats.video.film_files import NAMES
    from colorize_cli.pipeline.merging import merge_reports

    found = discover(photos, photos=NAMES).sources if photos else ()
    merged = merge_reports(reports, out, (printable(source.path) for source in found))
    if json:
        console.print_json({**merged.summary(), "report": printable(out)})
    for line in merged.lacking[:_SHOWN]:
        console.stderr.print(f"[red]not done[/red] {escape(line)}")
    if len(merged.lacking) > _SHOWN:
        console.stderr.print(f"... and {len(merged.lacking) - _SHOWN:,} more; the report names them all")
    if not quiet:
        parts = [f"{count:,} {status}" for status, count in merged.counts.items()]
        console.stderr.print(f"{counted(len(reports), 'report')}: {escape(', '.join(parts) or 'no photos')}")
        for notice in merged.notices:
            console.notice(notice)
        console.stderr.print(f"Report: {escape(printable(out))}")
    raise typer.Exit(merged.exit_status)
