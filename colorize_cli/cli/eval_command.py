"""`colorize eval`: measure any colorizer by one pinned protocol."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from colorize_cli.cli import console
from colorize_cli.cli.completion import complete_data, complete_metrics, complete_models
from colorize_cli.cli.data_options import LicenseOpt, RootOpt
from colorize_cli.cli.figures import show_answers, show_table
from colorize_cli.cli.options import (
    FILES,
    MODEL,
    DeviceOpt,
    VividnessOpt,
    option,
)
from colorize_cli.cli.progress import DownloadMeters, Meter
from colorize_cli.cli.threads import wait_asleep
from colorize_cli.cli.work_options import (
    BatchOpt,
    JsonOpt,
    QuietOpt,
)

_PLAIN = ("psnr", "ssim")  # measured without torch
_DEFAULT = ("psnr", "ssim", "colorfulness", "delta_e")
_ALL = (*_DEFAULT, "auc", "raw_accuracy", "lpips", "fid", "inception_score", "vgg_accuracy", "discriminator")

METRICS, PEOPLE = "Metrics", "Test with people"

MetricsOpt = Annotated[
    list[str] | None,
    option(
        METRICS,
        "--metrics",
        metavar="NAME...",
        help=f"Metrics, several in a row: {', '.join(_ALL)}.",
        show_default=" ".join(_DEFAULT),
        autocompletion=complete_metrics,
    ),
]
ModelsOpt = Annotated[
    list[str] | None,
    option(
        MODEL,
        "--model",
        "-m",
        metavar="NAME|FILE|RUN...",
        help="Models to measure, a row each; a run's folder stands for all its checkpoints.",
        show_default="mini",
        autocompletion=complete_models,
    ),
]
DataOpt = Annotated[
    str,
    option(
        FILES,
        metavar="DIR|NAME",
        help="Color photos to measure on; or samples, celeba, places365, coco, imagenet.",
        autocompletion=complete_data,
    ),
]
PredOpt = Annotated[
    list[Path] | None, option(FILES, metavar="DIR", help="Files that any tool made of --ref; a row each folder.")
]
RefOpt = Annotated[Path | None, option(FILES, metavar="DIR", help="True photos that --pred belongs to.")]
LimitOpt = Annotated[int | None, option(FILES, min=1, metavar="PHOTOS", help="Use at most N photos, drawn by --seed.")]
ReportsOpt = Annotated[
    Path | None, option(FILES, "--out", "-o", metavar="DIR", help="Write report.json, report.csv and report.html.")
]
ProtocolOpt = Annotated[str, option(METRICS, metavar="center256|resize256|native", help="Way to bring photos to size.")]
SeedOpt = Annotated[int, option(METRICS, min=0, help="Random seed of the draw and of the intervals.")]
RankOpt = Annotated[
    str | None,
    option(
        METRICS, metavar="METRIC", help="Sort the rows by this metric, the best first.", autocompletion=complete_metrics
    ),
]
DiscriminatorOpt = Annotated[
    Path | None,
    option(
        METRICS,
        metavar="RUN",
        help="Run whose discriminator is that metric.",
        show_default="--model's run",
    ),
]
CriticOpt = Annotated[Path | None, option(METRICS, "--critic", hidden=True, help="Former name of --discriminator.")]
SkipOpt = Annotated[bool, option(METRICS, "--skip-missing", help="Leave out metrics whose weights are not downloaded.")]
HumanOpt = Annotated[
    bool, option(PEOPLE, "--human", help="Write a page that asks people which of two pictures is real: human.html.")
]
AnswersOpt = Annotated[
    list[Path] | None,
    option(PEOPLE, "--human-results", metavar="FILE.json...", help="Count the answers that the page saved."),
]
PairsOpt = Annotated[int, option(PEOPLE, min=1, metavar="PAIRS", help="Pairs that each participant sees.")]
SecondsOpt = Annotated[float, option(PEOPLE, min=0.02, metavar="S", help="Seconds that a pair is seen.")]


def evaluate(
    metrics: MetricsOpt = None,
    model: ModelsOpt = None,
    data: DataOpt = "samples",
    data_root: RootOpt = None,
    accept_license: LicenseOpt = False,
    pred: PredOpt = None,
    ref: RefOpt = None,
    protocol: ProtocolOpt = "center256",
    vividness: VividnessOpt = None,
    limit: LimitOpt = None,
    seed: SeedOpt = 0,
    rank_by: RankOpt = None,
    discriminator: DiscriminatorOpt = None,
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
    from colorize_cli.evaluation.evaluate import EvalSettings
    from colorize_cli.evaluation.evaluate import evaluate as measure
    from colorize_cli.evaluation.human import HumanTest
    from colorize_cli.evaluation.human import human_results as count
    from colorize_cli.evaluation.protocol import named_protocol
    from colorize_cli.evaluation.report_files import answers_to_json, to_json, write_human_test, write_reports

    if human_results:
        answers = count([Path(name) for name in _parts([str(path) for path in human_results])])
        if as_json:
            console.print_json(answers_to_json(answers))
        else:
            show_answers(answers)
        raise typer.Exit(answers.exit_status)
    if human:
        out = out or Path("colorize-eval")
    downloads = DownloadMeters(quiet)
    wanted = EvalSettings(
        models=_parts(model) or (() if pred else ("mini",)),
        metrics=metrics or _usual_metrics(),
        data=data,
        access=Access(
            root=data_root,
            accepted=accept_license,
            ask=_ask if sys.stdin.isatty() else None,
            on_bytes=downloads.on_bytes,
        ),
        pred=tuple(pred or ()),
        ref=ref,
        protocol=named_protocol(protocol),
        vividness=vividness,
        limit=limit,
        seed=seed,
        rank_by=rank_by,
        discriminator=discriminator or critic,
        skip_missing=skip_missing,
        device=device,
        batch=batch or None,
        gallery=out is not None,
    )
    with downloads, Meter("Measuring", quiet=quiet) as meter:
        found = measure(wanted, meter.show, console.notice)
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


def _usual_metrics() -> tuple[str, ...]:
    """What is measured where nothing is named: what needs no weights; without torch, what needs none."""
    from colorize_cli.inference.devices import has_torch

    if has_torch():
        return _DEFAULT
    console.notice(f"Measured by {' and '.join(_PLAIN)} alone: the other metrics need torch, which is not installed.")
    return _PLAIN


def _parts(typed: list[str] | None) -> tuple[str, ...]:
    """Values that were repeated or joined by commas; a path that holds a comma stays whole."""
    parts: list[str] = []
    for text in typed or []:
        parts += [text] if Path(text).exists() else [part.strip() for part in text.split(",") if part.strip()]
    return tuple(dict.fromkeys(parts))


def _ask(question: str) -> bool:
    return typer.confirm(question, err=True)
