"""What a person sees of a training run: a bar with loss, photos/s and time left; where stderr is no terminal, lines.

In:  what the training tells
Out: stderr
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from colorize_cli.cli import console
from colorize_cli.cli.progress import Meter
from colorize_cli.cli.quantities import duration
from colorize_cli.errors import counted, printable

if TYPE_CHECKING:
    from colorize_cli.training.config import TrainConfig
    from colorize_cli.training.loop import Progress as Step
    from colorize_cli.training.loop import Watcher

_SHOWN = (
    "psnr",
    "psnr@0",
    "grey_psnr",
    "ssim",
    "grey_ssim",
    "colorfulness",
    "truth_colorfulness",
    "precision",
    "recall",
    "f1",
)


class TrainingScreen:
    """Says how a run gets on.

    Args:
        config: the run.
        quiet: say nothing.
        time_limit: seconds after which the run ends.
    """

    def __init__(self, config: TrainConfig, quiet: bool, time_limit: float = math.inf) -> None:
        self.config, self.quiet, self.meter = config, quiet, Meter("Opening", quiet=quiet, at_once=True)
        self.limit, self.began, self.stepped = time_limit, time.monotonic(), False

    def __enter__(self) -> TrainingScreen:
        return self

    def __exit__(self, *_: object) -> None:
        self.meter.stop()

    def ask(self, question: str) -> bool:
        """A question that the user answers with yes or no."""
        self.meter.stop()
        return typer.confirm(question, err=True)

    def note(self, text: str) -> None:
        """Something that the user should know."""
        if not self.quiet:
            console.notice(text)

    def on_bytes(self, name: str, done: int, total: int) -> None:
        """A data set is being downloaded."""
        self.meter.show(done, total, f"Downloading {name}", f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def on_photo(self, seen: int, total: int) -> None:
        """Photos are being decoded."""
        self.meter.show(seen, total, "Decoding photos", f"{seen} of {total}")

    def watcher(self, should_stop: Callable[[], bool]) -> Watcher:
        """What the training calls."""
        from colorize_cli.training.loop import Watcher

        return Watcher(self.on_start, self.on_step, self.on_figures, should_stop)

    def on_start(self, out: Path, training: int, held_out: int, dropped: dict[str, int]) -> None:
        """The run begins, or a part of one."""
        if not self.stepped:
            self.began, self.stepped = time.monotonic(), True
        lost = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count)
        left_out = f"; left out: {lost}" if lost else ""
        wanted = self.config.train_photos
        fewer = f", fewer than the {wanted:,} of the recipe," if training < wanted else ","
        learned = f"{counted(training, 'photo')} to learn from{fewer}"
        self._line(f"{self.config.recipe}: {learned} {held_out} to measure on{left_out}")
        self._line(f"The run: {printable(out)}")

    def on_step(self, step: Step) -> None:
        """A step is done."""
        losses = "  ".join(f"{name} {value:.4g}" for name, value in step.losses.items())
        info = f"{losses}  lr {step.rate:.2g}  {step.photos_per_s:.1f} photos/s"
        self.meter.show(step.done, step.total, f"Epoch {step.epoch + 1}", f"{info}, {self._left(step)} left")

    def _left(self, step: Step) -> str:
        """Time until the run ends: when all is learned, or when its time is up."""
        work = (step.total - step.done) / max(step.photos_per_s, 1e-9)
        limit = max(0.0, self.limit - (time.monotonic() - self.began))
        return duration(min(work, limit))

    def on_figures(self, figures: dict[str, float]) -> None:
        """A checkpoint is written."""
        shown = ", ".join(f"{key} {figures[key]:.4g}" for key in _SHOWN if key in figures)
        where = f"epoch {figures['epoch']:.0f}, {counted(round(figures['samples']), 'photo')}"
        self._line(f"{where}: {shown or 'no held-out photos to measure on'}")

    def _line(self, text: str) -> None:
        if not self.quiet:
            console.stderr.print(escape(text))
