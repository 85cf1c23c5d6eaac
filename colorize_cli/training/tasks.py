"""What a recipe's task decides: how samples are made, what a step minimizes, how a checkpoint is measured and shown.

In:  a recipe
Out: its `TrainingTask`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.data.damaged import damaged_sample
from colorize_cli.data.pairs import Batch, MakeSample
from colorize_cli.data.photosets import PhotoSet
from colorize_cli.data.transforms import make_sample
from colorize_cli.models.generator import Generator
from colorize_cli.training.config import Task, TrainConfig
from colorize_cli.training.damage_training import damage_losses, damage_sheet, validate_damage
from colorize_cli.training.validation import sheet, validate

if TYPE_CHECKING:
    from colorize_cli.training.step import Trainer

Terms: TypeAlias = "Callable[[Trainer, Batch], dict[str, Tensor]]"
Sheet = Callable[[Generator, PhotoSet, Sequence[int], TrainConfig, torch.device], NDArray[np.uint8] | None]


class Figures(Protocol):
    """Measures a generator in eval mode on held-out photos; see `validation.validate`."""

    def __call__(
        self,
        model: Generator,
        photos: PhotoSet,
        indices: Sequence[int],
        config: TrainConfig,
        device: torch.device,
        levels: Sequence[float] = (),
        should_stop: Callable[[], bool] = ...,
    ) -> dict[str, float]:
        """The figures, by name."""


@dataclass(frozen=True)
class TrainingTask:
    """What a task decides.

    Attributes:
        sample: makes a sample of a photo.
        terms: the losses of a step without a discriminator, weights included, by name.
        figures: how good a generator is on held-out photos.
        sheet: a picture of what it makes of them, sRGB, (H, W, 3); None without photos.
        best_by: by which figure a checkpoint is the best; "": by what suits the losses.
    """

    sample: MakeSample
    terms: Terms
    figures: Figures
    sheet: Sheet
    best_by: str = ""


_TASKS: dict[Task, TrainingTask] = {
    "colorize": TrainingTask(make_sample, lambda trainer, batch: trainer.color_terms(batch), validate, sheet),
    "find_damage": TrainingTask(
        damaged_sample,
        lambda trainer, batch: damage_losses(trainer.call(batch.lightness), batch),
        validate_damage,
        damage_sheet,
        best_by="f1",
    ),
}


def task_of(config: TrainConfig) -> TrainingTask:
    """The task of a recipe."""
    return _TASKS[config.task]
