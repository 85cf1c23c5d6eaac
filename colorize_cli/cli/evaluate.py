"""`colorize eval`: measure any colorizer by one pinned protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from colorize_cli.cli import console
from colorize_cli.cli.options import BatchOpt, DeviceOpt, JsonOpt, QuietOpt, VividnessOpt
from colorize_cli.report import printable

if TYPE_CHECKING:
    from colorize_cli.evaluation.metrics import Column
    from colorize_cli.evaluation.result import Evaluation
    from colorize_cli.evaluation.statistics import Figure

_LINE_EVERY = 10.0  # seconds between lines where stderr is no terminal
_DEFAULT = ("psnr", "ssim", "colorfulness", "delta_e")
_ALL = (*_DEFAULT, "auc", "raw_accuracy", "lpips", "fid", "inception_score", "vgg_accuracy", "critic")

MetricsOpt = Annotated[
    list[str] | None,
    typer.Option("--metrics", metavar="NAME...", help=f"{', '.join(_ALL)}.", show_default=" ".join(_DEFAULT)),
]
ModelsOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|FILE|RUN...",
        help="What to measure, a row each; a run's folder stands for all its checkpoints.",
        show_default="mini",
    ),
]
DataOpt = Annotated[str, typer.Option(metavar="DIR|NAME", help="Colour photos to measure on.")]
PredOpt = Annotated[
    list[Path] | None, typer.Option(metavar="DIR", help="Files that any tool made of --ref; a row each folder.")
]
RefOpt = Annotated[Path | None, typer.Option(metavar="DIR", help="The true photos that --pred belongs to.")]
ProtocolOpt = Annotated[str, typer.Option(metavar="center256|resize256|native", help="How photos are brought to size.")]
LimitOpt = Annotated[
    int | None, typer.Option(min=1, metavar="PHOTOS", help="Measure at most so many, drawn by --seed.")
]
SeedOpt = Annotated[int, typer.Option(min=0, help="Of the draw and of the intervals.")]
RankOpt = Annotated[str | None, typer.Option(metavar="METRIC", help="Sort the rows by it, the best first.")]
CriticOpt = Annotated[
    Path | None,
    typer.Option(metavar="RUN", help="The run whose discriminator is the critic.", show_default="--model's run"),
]
SkipOpt = Annotated[bool, typer.Option("--skip-missing", help="Leave out metrics whose weights are not here.")]
ReportsOpt = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write report.json, report.csv and report.html.")
]


def evaluate(
    metrics: MetricsOpt = None,
    model: ModelsOpt = None,
    data: DataOpt = "samples",
    pred: PredOpt = None,
    ref: RefOpt = None,
    protocol: ProtocolOpt = "center256",
    vividness: VividnessOpt = None,
    limit: LimitOpt = None,
    seed: SeedOpt = 0,
    rank_by: RankOpt = None,
    critic: CriticOpt = None,
    skip_missing: SkipOpt = False,
    out: ReportsOpt = None,
    device: DeviceOpt = "auto",
    batch: BatchOpt = 0,
    as_json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Measure models, or files that any tool made, and say how sure the figures are."""
    from colorize_cli.evaluation.evaluate import EvaluateJob  # torch loads here, not for --help
    from colorize_cli.evaluation.evaluate import evaluate as measure
    from colorize_cli.evaluation.protocol import named_protocol
    from colorize_cli.evaluation.report import to_json, write_reports

    job = EvaluateJob(
        models=_parts(model) or (() if pred else ("mini",)),
        metrics=metrics or _DEFAULT,
        data=data,
        pred=tuple(pred or ()),
        ref=ref,
        protocol=named_protocol(protocol),
        vividness=vividness,
        limit=limit,
        seed=seed,
        rank_by=rank_by,
        critic=critic,
        skip_missing=skip_missing,
        device=device,
        batch=batch or None,
        gallery=out is not None,
    )
    with _progress("Measuring", quiet) as on_picture:
        found = measure(job, on_picture, console.notice)
    if out is not None:
        write_reports(found, out)
    if as_json:
        console.print_json(to_json(found))
    else:
        _show(found)
    if out is not None and not quiet:
        console.stderr.print(f"Report: {out / 'report.html'}", markup=False)
    raise typer.Exit(found.exit_status)


def _parts(typed: list[str] | None) -> tuple[str, ...]:
    """Values that were repeated or joined by commas; a path that holds a comma stays whole."""
    parts: list[str] = []
    for text in typed or []:
        parts += [text] if Path(text).exists() else [part.strip() for part in text.split(",") if part.strip()]
    return tuple(dict.fromkeys(parts))


@contextmanager
def _progress(title: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left; where stderr is no terminal, a line now and then."""
    if quiet:
        yield lambda done, total: None
    elif console.stderr.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        rates = (TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
        with Progress(*columns, *rates, console=console.stderr) as bar:
            task, started = bar.add_task(title, total=None, rate=""), time.monotonic()

            def move(done: int, total: int) -> None:
                rate = f"{done / max(time.monotonic() - started, 1e-6):.1f} photos/s"
                bar.update(task, total=total, completed=done, rate=rate)

            yield move
    else:
        started = said = time.monotonic()

        def line(done: int, total: int) -> None:
            nonlocal said
            now = time.monotonic()
            if now - said >= _LINE_EVERY or done == total:
                said, rate = now, done / max(now - started, 1e-6)
                left = timedelta(seconds=round((total - done) / max(rate, 1e-9)))
                console.stderr.print(f"{title}: {done} of {total}, {rate:.1f} photos/s, {left} left")

        yield line


def _cell(figure: Figure | None, column: Column) -> str:
    if figure is None:
        return "–"
    text = f"{figure.value:.{column.digits}f}"
    if figure.low is None or figure.high is None:
        return text
    return f"{text}\n[dim]{figure.low:.{column.digits}f}–{figure.high:.{column.digits}f}[/dim]"


def _show(found: Evaluation) -> None:
    """The table on stdout; what went wrong on stderr."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", overflow="fold")
    for column in found.columns:
        arrow = {"higher": " ↑", "lower": " ↓"}.get(column.better.value, "")
        unit = f" {column.unit}" if column.unit else ""
        table.add_column(f"{column.title}{unit}{arrow}", justify="right")
    for row in found.rows:
        table.add_row(escape(row.name), *(_cell(row.figures.get(column.name), column) for column in found.columns))
    settings = ", ".join(f"{key} {value}" for key, value in found.settings.items() if value != "none")
    console.stdout.print(f"{len(found.names)} photos; {settings}", markup=False)
    console.stdout.print(table)
    console.stdout.print("Means over photos, with 95 % bootstrap intervals.", *found.notes, sep="\n", markup=False)
    for line in found.remarks:
        console.stderr.print(line, markup=False)
    for name, reason in found.failed:
        console.stderr.print(f"[red]failed[/red] {escape(printable(name))}: {escape(printable(reason))}")
