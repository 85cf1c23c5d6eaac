"""`colorize eval`: measure any colorizer by one pinned protocol."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from colorize_cli.cli import console
from colorize_cli.cli.figures import show_answers, show_table
from colorize_cli.cli.options import BatchOpt, DeviceOpt, JsonOpt, QuietOpt, VividnessOpt
from colorize_cli.cli.threads import wait_asleep

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
DataOpt = Annotated[
    str,
    typer.Option(
        metavar="DIR|NAME", help="Colour photos to measure on; or samples, celeba, places365, coco, imagenet."
    ),
]
RootOpt = Annotated[
    Path | None,
    typer.Option(metavar="DIR", envvar="COLORIZE_DATA_ROOT", help="Folder of data sets; local copies are found there."),
]
LicenceOpt = Annotated[bool, typer.Option("--accept-license", help="Accept the data set's terms.")]
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
HumanOpt = Annotated[
    bool, typer.Option("--human", help="Write a page that asks people which of two pictures is real: human.html.")
]
AnswersOpt = Annotated[
    list[Path] | None,
    typer.Option("--human-results", metavar="FILE.json...", help="Count the answers that the page saved."),
]
PairsOpt = Annotated[int, typer.Option(min=1, metavar="PAIRS", help="With --human: pairs for each participant.")]
SecondsOpt = Annotated[float, typer.Option(min=0.02, metavar="S", help="With --human: how long a pair is seen.")]
ReportsOpt = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write report.json, report.csv and report.html.")
]


def evaluate(
    metrics: MetricsOpt = None,
    model: ModelsOpt = None,
    data: DataOpt = "samples",
    data_root: RootOpt = None,
    accept_license: LicenceOpt = False,
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
    human: HumanOpt = False,
    human_results: AnswersOpt = None,
    pairs: PairsOpt = 20,
    seconds: SecondsOpt = 1.0,
    device: DeviceOpt = "auto",
    batch: BatchOpt = 0,
    as_json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Measure models, or files that any tool made, and say how sure the figures are."""
    wait_asleep()
    from colorize_cli.data.named import Access  # torch loads here, not for --help
    from colorize_cli.evaluation.evaluate import EvaluateJob
    from colorize_cli.evaluation.evaluate import evaluate as measure
    from colorize_cli.evaluation.human import HumanTest
    from colorize_cli.evaluation.human import human_results as count
    from colorize_cli.evaluation.protocol import named_protocol
    from colorize_cli.evaluation.report import answers_to_json, to_json, write_human_test, write_reports

    if human_results:
        answers = count([Path(name) for name in _parts([str(path) for path in human_results])])
        if as_json:
            console.print_json(answers_to_json(answers))
        else:
            show_answers(answers)
        raise typer.Exit(answers.exit_status)
    if human:
        out = out or Path("colorize-eval")
    job = EvaluateJob(
        models=_parts(model) or (() if pred else ("mini",)),
        metrics=metrics or _DEFAULT,
        data=data,
        access=Access(data_root, accept_license, _ask if sys.stdin.isatty() else None, _bringing(quiet)),
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
    if human and out is not None:
        page = write_human_test(found, HumanTest(pairs=pairs, seconds=seconds, seed=seed), out)
        console.stderr.print(f"Real-or-fake test: {page}", markup=False)
    if as_json:
        console.print_json(to_json(found))
    else:
        show_table(found)
    if out is not None and not quiet:
        console.stderr.print(f"Report: {out / 'report.html'}", markup=False)
    raise typer.Exit(found.exit_status)


def _parts(typed: list[str] | None) -> tuple[str, ...]:
    """Values that were repeated or joined by commas; a path that holds a comma stays whole."""
    parts: list[str] = []
    for text in typed or []:
        parts += [text] if Path(text).exists() else [part.strip() for part in text.split(",") if part.strip()]
    return tuple(dict.fromkeys(parts))


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)


def _bringing(quiet: bool) -> Callable[[str, int, int], None]:
    """Says now and then how far the bringing of a data set is."""
    said = time.monotonic()

    def line(name: str, done: int, total: int) -> None:
        nonlocal said
        if not quiet and time.monotonic() - said >= _LINE_EVERY:
            said = time.monotonic()
            console.stderr.print(f"Bringing {name}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", markup=False)

    return line


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
