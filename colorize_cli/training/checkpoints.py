"""What is written between epochs: figures, sheet, exported weights, the state to resume from.

In:  the trainer, held-out photos
Out: files in the run's folder
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from colorize_cli.data.photosets import PhotoSet
from colorize_cli.models.discriminator_file import save_discriminator
from colorize_cli.models.generator import Generator
from colorize_cli.training.best import best_by, network_metric, score_of
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.export_checkpoint import export, info_of
from colorize_cli.training.journal import Journal
from colorize_cli.training.schedule import Row
from colorize_cli.training.state import Ema, RunState, cannot_write, check_finite, save_state
from colorize_cli.training.step import Trainer
from colorize_cli.training.tasks import task_of
from colorize_cli.training.validation import encode_png

_COMPARED = 64  # photos on which weights with and without EMA are compared


class Checkpoints:
    """Writes a run's checkpoints.

    Args:
        out: the run's folder.
        config, data: the run, for the header.
        trainer, ema: whose weights.
        ema_copy: a generator of the same kind, into which the mean weights are put to measure them.
        photos, validation: what to measure on.
        state: where the run begins.
        on_note: told what the user should know.
    """

    def __init__(
        self,
        out: Path,
        config: TrainConfig,
        data: str,
        trainer: Trainer,
        ema: Ema,
        ema_copy: Generator,
        photos: PhotoSet,
        validation: Sequence[int],
        state: RunState,
        on_note: Callable[[str], None] = lambda note: None,
    ) -> None:
        self.out, self.config, self.data, self.trainer = out, config, data, trainer
        self.ema, self.ema_copy = ema, ema_copy
        self.photos, self.validation = photos, validation
        self.best = state.best if state.best_by in ("", best_by(config)) else -math.inf  # of another metric: forgotten
        self.waited = state.waited if state.waited < config.patience else 0  # whoever goes on has patience again
        self.seconds, self.interrupted = state.seconds, False
        self.measure = network_metric(best_by(config))
        self.journal = Journal(out, state.done, on_note) if trainer.accelerator.is_main_process else None
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    @property
    def best_file(self) -> Path:
        """The checkpoint that is the best so far, by what the recipe says."""
        return self.out / "best.safetensors"

    def note(self, losses: dict[str, float]) -> None:
        """Take a step's losses into the epoch's means."""
        for key, value in losses.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
            self.counts[key] = self.counts.get(key, 0) + 1

    def state(self, done: int, seconds: float) -> RunState:
        """The run as it stands, `seconds` after it was begun or resumed."""
        discriminator = self.trainer.trained_discriminator
        return RunState(
            done,
            self.trainer.generator.state_dict(),
            self.ema.state,
            self.ema.steps,
            self.trainer.trained_generator.optimizer.state_dict(),
            discriminator.network.state_dict() if discriminator else {},
            discriminator.optimizer.state_dict() if discriminator else {},
            self.best,
            self.seconds + seconds,
            {
                "generator": self.trainer.trained_generator.scaler.state_dict(),
                "discriminator": discriminator.scaler.state_dict() if discriminator else {},
            },
            best_by(self.config),
            self.waited,
        )

    def log_step(self, row: Row, losses: dict[str, float], speed: float, rate: float) -> None:
        """Write a step's losses to the log, every `log_every` steps."""
        if self.journal is not None and self.config.log_every and (row.step + 1) % self.config.log_every == 0:
            line = {"step": row.step + 1, "samples": row.done, "lr": rate, "photos_per_s": speed, **losses}
            self.journal.step(line)

    @property
    def exhausted(self) -> bool:
        """Whether nothing has become better for as many checkpoints as the recipe is patient."""
        return bool(self.config.patience) and self.waited >= self.config.patience

    def write(self, row: Row, seconds: float, should_stop: Callable[[], bool] = lambda: False) -> dict[str, float]:
        """Measure, export, and write the state, the latter last; returns the figures.

        Raises:
            TrainingError: the disk refuses.
        """
        config, device = self.config, self.trainer.accelerator.device
        check_finite(self.state(row.done, seconds), self.out)
        self.ema_copy.load_state_dict(self.ema.state)
        self.ema_copy.eval()

        def asked() -> bool:  # in the middle of the measuring, which is then cut short
            self.interrupted = self.interrupted or should_stop()
            return self.interrupted

        figures = self._figures(device, asked)
        if self.measure is not None and self.validation and not self.interrupted:
            figures |= self.measure(self.ema_copy, self.photos, self.validation, config, device, asked)
        shown = self.validation[: config.sheet]
        picture = task_of(config).sheet(self.ema_copy, self.photos, shown, config, device)
        info = info_of(config, self.data, figures)
        export(self.out / "last.safetensors", self.ema.state, info, config)
        score = score_of(figures, best_by(config))
        if not self.interrupted and row.closes:  # the one where a run was stopped counts for no patience
            self.waited = 0 if score > self.best else self.waited + 1
        better = score >= self.best and not self.interrupted  # a measuring that was cut short is compared with none
        self.best = score if better else self.best
        if better or not self.best_file.exists():
            export(self.best_file, self.ema.state, info, config)
        if config.keep and row.closes:
            export(self.out / f"epoch-{row.epoch + 1:03d}.safetensors", self.ema.state, info, config)
        self._save_discriminator()
        losses = {key: value / self.counts[key] for key, value in self.sums.items()}
        self.sums, self.counts = {}, {}
        elapsed = self.seconds + seconds
        line = {
            "epoch": row.epoch + 1,
            "samples": row.done,
            "steps": row.step + 1,
            "seconds": elapsed,
            "lr": self.trainer.rate,
            **losses,
            **figures,
        }
        if self.journal is not None:
            self.journal.write(line, None if picture is None else encode_png(picture))
        save_state(self.state(row.done, seconds), self.out / "state.pt")
        return line

    def _figures(self, device: torch.device, asked: Callable[[], bool]) -> dict[str, float]:
        """What the recipe's task is measured by; with a mean of the weights also what the weights themselves give."""
        config, photos, measured = self.config, self.photos, task_of(self.config).figures
        levels = config.vividness if config.classifies else ()
        figures = measured(self.ema_copy, photos, self.validation, config, device, levels, asked)
        if config.ema and "psnr" in figures:
            own, few = self.trainer.generator.eval(), self.validation[:_COMPARED]
            plain = measured(own, photos, few, config, device, (), asked)
            mean = measured(self.ema_copy, photos, few, config, device, (), asked)
            figures |= {"psnr_without_ema": plain.get("psnr", math.nan), "psnr_with_ema": mean.get("psnr", math.nan)}
        return figures

    def _save_discriminator(self) -> None:
        discriminator = self.trainer.discriminator
        if discriminator is None:
            return
        file = self.out / "discriminator.safetensors"
        size = max(stage.size for stage in self.config.stages)
        try:
            how = discriminator.how
            colors = self.trainer.generator.channels
            save_discriminator(file, discriminator.network, how.network, how.network_args, how.kind, colors, size)
        except OSError as error:
            raise cannot_write(file, error) from error

    def close(self) -> None:
        """Close the log."""
        if self.journal is not None:
            self.journal.close()
