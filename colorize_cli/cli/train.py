"""`colorize train`: a recipe and a data set in, a checkpoint that `colorize` reads out."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from colorize_cli.cli import console
from colorize_cli.cli.data_options import LicenseOpt, RootOpt
from colorize_cli.cli.interrupts import heeded
from colorize_cli.cli.memory import keep_everything
from colorize_cli.cli.options import (
    DeviceOpt,
    PrecisionOpt,
)
from colorize_cli.cli.quantities import parse_duration
from colorize_cli.cli.training_options import (
    BatchOpt,
    BestOpt,
    CompileOpt,
    ContentOpt,
    DataOpt,
    EpochsOpt,
    InitOpt,
    LimitOpt,
    ListOpt,
    OutOpt,
    PushOpt,
    RateOpt,
    RecipeOpt,
    ResumeOpt,
    SaveOpt,
    SeedOpt,
    SetOpt,
    SizeOpt,
    TimeOpt,
    ValOpt,
    WorkersOpt,
)
from colorize_cli.cli.training_screen import TrainingScreen
from colorize_cli.cli.work_options import (
    QuietOpt,
)
from colorize_cli.errors import ExitStatus, UsageError, counted, printable
from colorize_cli.inference.option_values import Precision

if TYPE_CHECKING:
    from colorize_cli.training.config import TrainConfig
    from colorize_cli.training.loop import Result, RunSettings


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
    epochs: EpochsOpt = None,
    lr: RateOpt = None,
    seed: SeedOpt = None,
    best_by: BestOpt = None,
    save_recipe: SaveOpt = None,
    workers: WorkersOpt = None,
    resume: ResumeOpt = False,
    init: InitOpt = None,
    time_limit: TimeOpt = None,
    content_weights: ContentOpt = None,
    accept_license: LicenseOpt = False,
    device: DeviceOpt = "auto",
    precision: PrecisionOpt = Precision.auto,
    compile: CompileOpt = False,
    push: PushOpt = None,
    quiet: QuietOpt = False,
) -> None:
    """Train a network on color photos; the checkpoint goes to --model of colorize and eval.

    On several GPUs: accelerate launch -m colorize_cli train --data celeba
    """
    overrides = tuple(set_ or ())

    def adjust(config: TrainConfig) -> TrainConfig:
        from colorize_cli.training.recipes import adjusted

        if content_weights is not None and not any(term.loss == "content" for term in config.terms):
            raise UsageError(f"{config.recipe} has no content loss", hint="Leave --content-weights out.")
        return adjusted(
            config, size, batch, limit=limit, val=val, workers=workers, content_weights=content_weights,
            epochs=epochs, lr=lr, seed=seed, best_by=best_by,
        )  # fmt: skip

    if list_recipes:
        _list_recipes(recipe, overrides, adjust)
        return
    seconds = parse_duration(time_limit, "--time-limit") if time_limit else math.inf
    keep_everything()

    from colorize_cli.data.named import Access  # torch loads here, not for --help
    from colorize_cli.training.export_checkpoint import check_push
    from colorize_cli.training.loop import RunSettings
    from colorize_cli.training.loop import train as run
    from colorize_cli.training.recipe_text import with_own_sources, write_recipe
    from colorize_cli.training.recipes import load_recipe, recipe_for
    from colorize_cli.training.resuming import run_to_resume
    from colorize_cli.training.run_sources import data_names
    from colorize_cli.training.runs import check_new, latest_folder

    if resume:
        named = recipe or (recipe_for(data) if data else None)
        saved, config = run_to_resume(
            out or latest_folder(named), overrides, adjust, recipe=recipe, data=data or (), init=init
        )
        names, out, root, init = saved.data, saved.folder, data_root or saved.root, saved.weights
    else:
        named = recipe or recipe_for(data or ())
        config = adjust(load_recipe(named, overrides))
        if save_recipe is not None:
            write_recipe(with_own_sources(config, load_recipe(named)), save_recipe)
            console.stderr.print(f"Written: {printable(save_recipe)}", markup=False)
            return
        names, root = data_names(config, data or ()), data_root
        if out is not None:
            check_new(out)
    if push is not None:
        check_push(push)
    _start_missing_processes(device)
    quiet = quiet or int(os.environ.get("RANK", "0")) > 0  # of several processes the first one speaks
    with TrainingScreen(config, quiet, seconds) as screen:
        access = Access(
            root=root,
            accepted=accept_license,
            ask=screen.ask if sys.stdin.isatty() else None,
            on_bytes=screen.on_bytes,
            on_photo=screen.on_photo,
            on_note=screen.note,
        )
        wanted = RunSettings(
            config=config, data=names, out=out, access=access, init=init, time_limit=seconds,
            device=_device(device), precision=precision.value, compile=compile,
        )  # fmt: skip
        begun: list[Path] = []
        with _stopping(begun) as asked:
            watcher = screen.watcher(lambda: bool(asked))

            def begin(folder: Path, *counts: Any) -> None:
                begun.append(folder)
                watcher.on_start(folder, *counts)

            result = run(wanted, replace(watcher, on_start=begin))
    _end(result, wanted, push, bool(asked), quiet)


def _device(choice: str) -> str:
    if choice.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise UsageError("no CUDA device here", hint="Give --device cpu, or leave it out.")
        return "auto"
    return choice


def _start_missing_processes(device: str) -> None:
    """Under an `accelerate launch` that started fewer processes than it was asked for: become torchrun, which does."""
    if "ACCELERATE_DYNAMO_BACKEND" not in os.environ:
        return
    from colorize_cli.training.launchers import missing_processes, torchrun_command
    from colorize_cli.training.placement import on_cpu

    count = missing_processes()
    if count and on_cpu(device):
        command = [sys.executable, *torchrun_command(count, sys.argv[1:])]
        console.stderr.print(
            f"accelerate launch started one process, as it does on CPUs; torchrun starts the {count} asked for."
        )
        os.execv(command[0], command)


def _list_recipes(name: str | None, overrides: Sequence[str], adjust: Callable[[TrainConfig], TrainConfig]) -> None:
    from rich import box
    from rich.table import Table

    from colorize_cli.training.recipe_text import settings_of
    from colorize_cli.training.recipes import load_recipe, recipe_names

    if name is not None:
        config = adjust(load_recipe(name, overrides))
        console.stdout.print(f"{config.recipe}: {config.about}\n\n{config.notes}".strip() + "\n", markup=False)
        table = Table("setting", "value", "where from", box=box.SIMPLE)
        own = {one.key: one.value for one in settings_of(load_recipe(name))}
        for one in settings_of(config):
            source = one.source if own.get(one.key) == one.value else "changed by you"
            table.add_row(escape(one.key), escape(one.value), escape(source))
        console.stdout.print(table)
        return
    table = Table("recipe", "generator", "data", "what it restates", box=box.SIMPLE)
    for name in recipe_names():
        config = load_recipe(name)
        table.add_row(name, config.generator, ", ".join(one.name for one in config.data) or "any", escape(config.about))
    console.stdout.print(table)


_PASSED_ON = 2.0  # seconds


@contextmanager
def _stopping(begun: Sequence[Path]) -> Iterator[list[int]]:
    """While it is open, a first Ctrl-C, SIGTERM or SIGHUP fills the list, a second one interrupts at once.

    So does the first one as long as no run has `begun`: while photos are surveyed there is nothing to be kept.
    """
    asked: list[int] = []
    first = 0.0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if asked and "TORCHELASTIC_RUN_ID" in os.environ and time.monotonic() - first < _PASSED_ON:
            return  # torchrun passes on what the whole group has had: one Ctrl-C, two signals
        first = time.monotonic()
        if asked or not begun:
            _say_at_once("Interrupted.")
            raise KeyboardInterrupt
        asked.append(number)
        _say_at_once("Ending after this step; once more to end at once.")

    before = {number: signal.signal(number, stop) for number in heeded()}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_at_once(text: str) -> None:
    """A line from within a signal's handler, where the console may be in the middle of another one."""
    try:
        os.write(sys.stderr.fileno(), f"{text}\n".encode())
    except (OSError, ValueError):  # no file: a console of a test or a notebook
        console.stderr.print(text)


def _longer(wanted: RunSettings) -> str:
    """The option that makes a run longer."""
    config = wanted.config
    if config.samples:
        return f"--set samples={2 * config.samples}"
    return f"--epochs {2 * config.epochs}" if config.epochs else f"--set steps={2 * config.steps}"


def _end(result: Result, wanted: RunSettings, push: str | None, interrupted: bool, quiet: bool) -> None:
    """Say what came of it, send it where it was asked to go, and set the exit status."""
    run = printable(result.best.parent)
    if not quiet:
        if result.idle:
            console.stderr.print(
                f"This run is finished. To prolong it: colorize train --resume --out {run} {_longer(wanted)}",
                markup=False,
            )
        elif not result.finished:
            count = counted(wanted.config.patience, "checkpoint")
            why = f", after {count} without a better one" if result.exhausted else ""
            console.stderr.print(f"Ended early{why}. To go on: colorize train --resume --out {run}", markup=False)
        if wanted.config.task == "colorize":
            console.stderr.print(f"Use it: colorize photos/ --model {printable(result.best)}", markup=False)
    if interrupted:
        raise typer.Exit(int(ExitStatus.interrupted))
    if push and int(os.environ.get("RANK", "0")) == 0:
        from colorize_cli.training.export_checkpoint import push_checkpoint

        console.stderr.print(f"Pushed: {push_checkpoint(result.best, push, wanted.data)}", markup=False)
