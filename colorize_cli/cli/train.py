"""`colorize train`: a recipe and a data set in, a checkpoint that `colorize` reads out."""

from __future__ import annotations

import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from colorize_cli.cli import console
from colorize_cli.cli.options import DeviceOpt, PrecisionOpt, QuietOpt
from colorize_cli.errors import ExitStatus, UsageError
from colorize_cli.inference.choices import Precision
from colorize_cli.report import printable

if TYPE_CHECKING:
    from colorize_cli.training.config import TrainConfig
    from colorize_cli.training.loop import Progress as Step
    from colorize_cli.training.loop import Result, TrainJob, Watcher

_LINE_EVERY = 10.0  # seconds between lines where stderr is no terminal
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHOWN = ("psnr", "psnr@0", "grey_psnr", "ssim", "grey_ssim", "colorfulness", "truth_colorfulness")

DataOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="NAME|PATH",
        help="samples, celeba, places365, coco, imagenet, kaggle-colorization; or a folder of photos, tars or parquet.",
        show_default="the recipe's",
    ),
]
RootOpt = Annotated[
    Path | None,
    typer.Option(metavar="DIR", envvar="COLORIZE_DATA_ROOT", help="Folder of data sets; local copies are found there."),
]
RecipeOpt = Annotated[
    str | None,
    typer.Option(
        "--recipe", "-r", metavar="NAME|FILE.toml", help="What to train.", show_default="by --data, else mini"
    ),
]
ListOpt = Annotated[bool, typer.Option("--list-recipes", help="List the recipes and exit.")]
SetOpt = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a field: lr=5e-4, adversary.lr=1e-4, terms.0.weight=10."),
]
OutOpt = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="The run's folder.", show_default="runs/RECIPE-N")
]
LimitOpt = Annotated[int | None, typer.Option(min=1, metavar="PHOTOS", help="Use so many, drawn by a hash of names.")]
ValOpt = Annotated[
    float | None, typer.Option(min=0.0, max=0.9, metavar="SHARE", help="Share that is held out, by a hash of names.")
]
SizeOpt = Annotated[int | None, typer.Option(min=8, metavar="PX", help="Side of the training pictures in pixels.")]
BatchOpt = Annotated[int | None, typer.Option(min=1, metavar="PHOTOS", help="Photos a step, on each process.")]
WorkersOpt = Annotated[int | None, typer.Option(min=0, metavar="N", help="Processes that prepare photos.")]
ResumeOpt = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, or with the last one.")]
InitOpt = Annotated[str | None, typer.Option(metavar="NAME|FILE", help="Start from these weights.")]
TimeOpt = Annotated[str | None, typer.Option(metavar="45m|2h|90s", help="End cleanly after this time.")]
ContentOpt = Annotated[
    str | None, typer.Option(metavar="FILE|random", help="VGG-19's weights for content losses.")
]  # fmt: skip
LicenceOpt = Annotated[bool, typer.Option("--accept-license", help="Accept the data set's terms.")]
CompileOpt = Annotated[bool, typer.Option("--compile", help="Compile the generator: slow to start, then faster.")]
PushOpt = Annotated[
    str | None, typer.Option(metavar="USER/REPO", help="Send the best checkpoint to the Hub at the end.")
]


def train(
    data: DataOpt = None,
    data_root: RootOpt = None,
    recipe: RecipeOpt = None,
    list_recipes: ListOpt = False,
    set_: SetOpt = None,
    out: OutOpt = None,
    limit: LimitOpt = None,
    val: ValOpt = None,
    size: SizeOpt = None,
    batch: BatchOpt = None,
    workers: WorkersOpt = None,
    resume: ResumeOpt = False,
    init: InitOpt = None,
    time_limit: TimeOpt = None,
    content_weights: ContentOpt = None,
    accept_license: LicenceOpt = False,
    device: DeviceOpt = "auto",
    precision: PrecisionOpt = Precision.auto,
    compile: CompileOpt = False,
    push: PushOpt = None,
    quiet: QuietOpt = False,
) -> None:
    """Train a network on colour photos; the checkpoint goes to --model of colorize and eval.

    On several GPUs: accelerate launch -m colorize_cli train --data celeba
    """
    if list_recipes:
        _list_recipes()
        return
    seconds = parse_duration(time_limit) if time_limit else math.inf

    from colorize_cli.data.named import Access  # torch loads here, not for --help
    from colorize_cli.training.loop import TrainJob
    from colorize_cli.training.loop import train as run
    from colorize_cli.training.recipes import adjusted, load_recipe, recipe_for
    from colorize_cli.training.runs import check_new, latest_folder, read_run
    from colorize_cli.training.sources import data_names

    overrides = tuple(set_ or ())
    if resume:
        named = recipe or (recipe_for(data) if data else None)
        saved = read_run(out or latest_folder(named), overrides)
        config, names, out, root = saved.config, saved.data, saved.folder, data_root or saved.root
    else:
        config = load_recipe(recipe or recipe_for(data or ()), overrides)
        names, root = data_names(config, data or ()), data_root
        if out is not None:
            check_new(out)
    config = adjusted(
        config, size, batch, limit=limit, val=val, workers=workers, content_weights=content_weights
    )  # fmt: skip
    quiet = quiet or int(os.environ.get("RANK", "0")) > 0  # of several processes the first one speaks
    with _Screen(config, quiet) as screen:
        access = Access(
            root,
            accept_license,
            typer.confirm if sys.stdin.isatty() else None,
            screen.on_bytes,
            screen.on_photo,
            screen.note,
        )
        job = TrainJob(
            config=config, data=names, out=out, access=access, init=init, time_limit=seconds,
            device=_device(device), precision=precision.value, compile=compile,
        )  # fmt: skip
        with _stopping() as asked:
            result = run(job, screen.watcher(lambda: bool(asked)))
    _end(result, job, push, bool(asked), quiet)


def _device(choice: str) -> str:
    if choice.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise UsageError("no CUDA device here", hint="Give --device cpu, or leave it out.")
        return "auto"
    return choice


def parse_duration(text: str) -> float:
    """`45m`, `1h30m`, `90s` or a plain number of seconds, as seconds.

    Raises:
        UsageError: it is none of these.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd])+", text):
        raise UsageError(f"--time-limit {text!r} is no duration", hint="Write it like 45m, 2h or 1h30m.")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", text))


def _list_recipes() -> None:
    from rich import box
    from rich.table import Table

    from colorize_cli.training.recipes import load_recipe, recipe_names

    table = Table("recipe", "generator", "data", "what it restates", box=box.SIMPLE)
    for name in recipe_names():
        config = load_recipe(name)
        table.add_row(name, config.generator, ", ".join(one.name for one in config.data) or "any", escape(config.about))
    console.stdout.print(table)


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """While it is open, a first Ctrl-C or SIGTERM fills the list, a second one interrupts at once."""
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        console.stderr.print("Ending after this step; once more to end at once.")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Screen:
    """What a person sees of a run: a bar with loss, photos/s and time left; where stderr is no terminal, lines."""

    def __init__(self, config: TrainConfig, quiet: bool) -> None:
        self.config, self.quiet, self.said = config, quiet, 0.0
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[info]}"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=console.stderr) if console.stderr.is_terminal and not quiet else None
        self.task = None if self.bar is None else self.bar.add_task("Opening", total=None, info="")

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def note(self, text: str) -> None:
        """Something that the user should know."""
        if not self.quiet:
            console.notice(text)

    def on_bytes(self, name: str, done: int, total: int) -> None:
        """A data set is being brought."""
        self._show(f"Bringing {name}", done, total, f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def on_photo(self, seen: int, total: int) -> None:
        """Photos are being decoded."""
        self._show("Decoding photos", seen, total, f"{seen} of {total}")

    def watcher(self, should_stop: object) -> Watcher:
        """What the road calls."""
        from colorize_cli.training.loop import Watcher

        return Watcher(self.on_start, self.on_step, self.on_figures, should_stop)  # type: ignore[arg-type]

    def on_start(self, out: Path, training: int, held_out: int, dropped: dict[str, int]) -> None:
        """The run begins."""
        lost = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
        left_out = f"; left out: {lost}" if lost else ""
        self._line(f"{self.config.recipe}: {training} photos to learn from, {held_out} to measure on{left_out}")
        self._line(f"The run: {printable(out)}")

    def on_step(self, step: Step) -> None:
        """A step is done."""
        loss = step.losses.get("G", step.losses.get("loss", step.losses.get("D", math.nan)))
        info = f"loss {loss:.4g}  {step.photos_per_s:.1f} photos/s"
        left = (step.total - step.done) / max(step.photos_per_s, 1e-9)
        self._show(f"Epoch {step.epoch + 1}", step.done, step.total, info, f", {console._duration(left)} left")

    def on_figures(self, figures: dict[str, float]) -> None:
        """A checkpoint is written."""
        shown = ", ".join(f"{key} {figures[key]:.4g}" for key in _SHOWN if key in figures)
        self._line(f"epoch {figures['epoch']:.0f}: {shown or 'no held-out photos to measure on'}")

    def _line(self, text: str) -> None:
        if not self.quiet:
            console.stderr.print(escape(text))

    def _show(self, what: str, done: int, total: int, info: str, rest: str = "") -> None:
        if self.bar is not None and self.task is not None:
            self.bar.start()
            self.bar.update(self.task, description=what, completed=done, total=total or None, info=info)
        elif not self.quiet and time.monotonic() - self.said > _LINE_EVERY:
            self.said = time.monotonic()
            self._line(f"{what}: {info}{rest}" if not total else f"{what}: {100 * done / total:.1f} %, {info}{rest}")


def _end(result: Result, job: TrainJob, push: str | None, interrupted: bool, quiet: bool) -> None:
    """Say what came of it, send it where it was asked to go, and set the exit status."""
    run = printable(result.best.parent)
    if not quiet:
        if not result.finished:
            console.stderr.print(f"Ended early. To go on: colorize train --resume --out {run}", markup=False)
        console.stderr.print(f"Use it: colorize photos/ --model {printable(result.best)}", markup=False)
    if interrupted:
        raise typer.Exit(int(ExitStatus.interrupted))
    if push and int(os.environ.get("RANK", "0")) == 0:
        from colorize_cli.training.export import push_checkpoint

        console.stderr.print(f"Pushed: {push_checkpoint(result.best, push, job.data)}", markup=False)
