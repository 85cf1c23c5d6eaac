"""When what happens in a run: its batches in order, its epochs, its learning rate.

In:  a configuration, the number of training photos, the number of processes
Out: `Row`s, one a step; a factor on the learning rates
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from colorize_cli.errors import DataError, UsageError
from colorize_cli.training.config import TrainConfig


@dataclass(frozen=True)
class Row:
    """One step.

    Attributes:
        step: its number.
        start, count, size: position of its first sample, samples on all processes together, side in pixels.
        epoch: which epoch it belongs to, from 0.
        closes: whether its epoch ends with it.
        done: position behind it.
    """

    step: int
    start: int
    count: int
    size: int
    epoch: int
    closes: bool
    done: int


def total_samples(config: TrainConfig, photos: int, processes: int = 1) -> int:
    """How many samples the whole run takes.

    Raises:
        UsageError: the configuration does not say.
    """
    if config.samples:
        return config.samples
    if config.epochs:
        return config.epochs * photos
    if config.steps:
        return math.ceil(config.steps * config.stages[0].batch * processes * _whole(config, photos, processes))
    raise UsageError("the recipe does not say how long", hint="Give --set epochs=N, --set steps=N or --set samples=N.")


def _whole(config: TrainConfig, photos: int, processes: int) -> float:
    """Positions that a sample of a step takes: a little over 1 where every epoch ends with an unfilled batch."""
    batch = config.stages[0].batch * processes
    return photos / (photos // batch * batch) if config.sampling == "epochs" and photos >= batch else 1.0


def plan(config: TrainConfig, photos: int, processes: int = 1) -> list[Row]:
    """Every step of the run.

    Args:
        config: the run; a stage's batch is that of one process.
        photos: how many to train on.
        processes: how many share a step.

    Raises:
        DataError: there are fewer photos than an epoch's batch takes.
    """
    total, position = total_samples(config, photos, processes), 0
    rows: list[Row] = []
    every = config.every or photos
    if config.sampling == "epochs" and photos < (most := max(stage.batch for stage in config.stages) * processes):
        raise DataError(
            f"a batch of {most} is larger than the {photos} photos to train on",
            hint=f"Give --batch {photos // processes}.",
        )
    for stage in config.stages:
        count = stage.batch * processes
        while position < stage.until * total - 1e-6:
            if config.sampling == "epochs":
                epoch, into = divmod(position, photos)
                after = position + count
                closes = into + 2 * count > photos  # the next batch would not be full: the epoch ends here
                done = (epoch + 1) * photos if closes else after
            else:
                done = position + count
                epoch, closes = position // every, done // every > position // every
            rows.append(Row(len(rows), position, count, stage.size, epoch, closes, done))
            position = done
    if config.sampling == "epochs" and config.every:
        rows = [_by_samples(row, config.every) for row in rows]
    if rows and not rows[-1].closes:
        rows[-1] = Row(**{**vars(rows[-1]), "closes": True})
    return rows


def _by_samples(row: Row, every: int) -> Row:
    return Row(**{**vars(row), "closes": row.done // every > row.start // every})


def rate_factor(config: TrainConfig, total: int, done: int) -> float:
    """Factor on the learning rates after `done` of `total` samples: linear warm-up, then as the schedule says."""
    rise = min(1.0, (done + 1) / config.warmup) if config.warmup else 1.0
    if config.schedule == "wsd":
        left = (total - done) / max(1.0, config.decay * total)
        return min(rise, max(0.0, min(1.0, left)))
    if config.schedule == "cosine":
        into = max(0.0, done - config.warmup) / max(1, total - config.warmup)
        return rise * (1 + math.cos(math.pi * min(1.0, into))) / 2
    return rise
