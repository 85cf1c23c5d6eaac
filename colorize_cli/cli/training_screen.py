"""What a person sees of a training run: a bar with loss, photos/s and time left; where stderr is no terminal, lines.

In:  what the road tells
Out: stderr
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from colorize_cli.cli import console
from colorize_cli.errors import counted, printable

if TYPE_CHECKING:
    from colorize_cli.training.config import TrainConfig
    from colorize_cli.training.loop import Progress as Step
    from colorize_cli.training.loop import Watcher

_LINE_EVERY = 10.0  # seconds between lines where stderr is no terminal
_SHOWN = ("psnr", "psnr@0", "grey_psnr", "ssim", "grey_ssim", "colorfulness", "truth_colorfulness")


class TrainingScreen:
    """Says how a run gets on.

    Args:
        config: the run.
        quiet: say nothing.
        time_limit: seconds after which the run ends.
    """

    def __init__(self, config: TrainConfig, quiet: bool, time_limit: float = math.inf) -> None:
        self.config, self.quiet, self.said = config, quiet, 0.0
        self.limit, self.began, self.stepped = time_limit, time.monotonic(), False
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[info]}"))
        self.bar = Progress(*columns, console=console.stderr) if console.stderr.is_terminal and not quiet else None
        self.task = None if self.bar is None else self.bar.add_task("Opening", total=None, info="")

    def __enter__(self) -> TrainingScreen:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def ask(self, question: str) -> bool:
        """A question that the user answers with yes or no."""
        if self.bar is not None:
            self.bar.stop()
        return typer.confirm(question, err=True)

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

    def watcher(self, should_stop: Callable[[], bool]) -> Watcher:
        """What the road calls."""
        from colorize_cli.training.loop import Watcher

        return Watcher(self.on_start, self.on_step, self.on_figures, should_stop)

    def on_start(self, out: Path, training: int, held_out: int, dropped: dict[str, int]) -> None:
        """The run begins, or a part of one."""
        if not self.stepped:
            self.began, self.stepped = time.monotonic(), True
        lost = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
        left_out = f"; left out: {lost}" if lost else ""
        self._line(
            f"{self.config.recipe}: {counted(training, 'photo')} to learn from, {held_out} to measure on{left_out}"
        )
        self._line(f"The run: {printable(out)}")

    def on_step(self, step: Step) -> None:
        """A step is done."""
        loss = step.losses.get("G", step.losses.get("loss", step.losses.get("D", math.nan)))
        info = f"loss {loss:.4g}  {step.photos_per_s:.1f} photos/s"
        self._show(f"Epoch {step.epoch + 1}", step.done, step.total, f"{info}, {self._left(step)} left")

    def _left(self, step: Step) -> str:
        """Time until the run ends: when all is learned, or when its time is up."""
        work = (step.total - step.done) / max(step.photos_per_s, 1e-9)
        limit = max(0.0, self.limit - (time.monotonic() - self.began))
        return str(timedelta(seconds=round(min(work, limit, timedelta.max.total_seconds() / 2))))

    def on_figures(self, figures: dict[str, float]) -> None:
        """A checkpoint is written."""
        shown = ", ".join(f"{key} {figures[key]:.4g}" for key in _SHOWN if key in figures)
        where = f"epoch {figures['epoch']:.0f}, {counted(round(figures['samples']), 'photo')}"
        self._line(f"{where}: {shown or 'no held-out photos to measure on'}")

    def _line(self, text: str) -> None:
        if not self.quiet:
            console.stderr.print(escape(text))

    def _show(self, what: str, done: int, total: int, info: str) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.start()
            self.bar.update(self.task, description=escape(what), completed=done, total=total or None, info=info)
        elif not self.quiet and time.monotonic() - self.said > _LINE_EVERY:
            self.said = time.monotonic()
            self._line(f"{what}: {info}" if not total else f"{what}: {100 * done / total:.1f} %, {info}")
