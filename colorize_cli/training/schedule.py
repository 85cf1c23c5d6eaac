"""When what happens in a run: its batches in order, its epochs, its learning rate.

In:  a configuration, the number of training photos, the number of processes
Out: `Row`s, one a step; a factor on the learning rates
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from colorize_cli.errors import DataError, UsageError, counted
from colorize_cli.training.config import TrainConfig


class Turn(NamedTuple):
    """The update of the weights to which a step belongs: its number, its batches in all, whether this is the last."""

    number: int
    batches: int = 1
    last: bool = True


class Row(NamedTuple):
    """One step.

    Attributes:
        step: its number.
        start: position of its first sample; done, position behind it.
        samples: on all processes together; size, their side in pixels.
        epoch: which epoch it belongs to, from 0.
        closes: whether a checkpoint is due behind it.
        turn: the update of the weights that it is part of.
    """

    step: int
    start: int
    samples: int
    size: int
    epoch: int
    closes: bool
    done: int
    turn: Turn = Turn(0)


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
        batch = config.stages[0].batch * processes
        if config.sampling == "sources" or photos < batch:
            return config.steps * batch
        epochs, rest = divmod(config.steps, photos // batch)  # an epoch ends before a batch that could not be filled
        return epochs * photos + rest * batch
    raise UsageError("the recipe does not say how long", hint="Give --set epochs=N, --set steps=N or --set samples=N.")


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
            f"a batch of {most} is larger than the {counted(photos, 'photo')} to train on",
            hint=f"Give --batch {photos // processes}.",
        )
    for stage in config.stages:
        count = stage.batch * processes
        while position < stage.until * total - 1e-6:
            done, epoch = position + count, position // every
            if config.sampling == "epochs":
                epoch, into = divmod(position, photos)
                closes = into + 2 * count > photos  # the next batch would not be full: the epoch ends here
                done = (epoch + 1) * photos if closes else done
            if config.sampling == "sources" or config.every:
                closes = done // every > position // every
            rows.append(Row(len(rows), position, count, stage.size, epoch, closes, done))
            position = done
    if rows and not rows[-1].closes:
        rows[-1] = rows[-1]._replace(closes=True)
    return with_turns(rows, config.accumulate)


def with_turns(rows: Sequence[Row], batches: int) -> list[Row]:
    """Give each step its part in an update, which ends early at a checkpoint: no gradient of a batch is lost."""
    found: list[Row] = []
    waiting: list[Row] = []
    number = 0
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        waiting.append(row)
        if len(waiting) == batches or row.closes or after is None or after.epoch > row.epoch:
            last = len(waiting)
            found += [one._replace(turn=Turn(number, last, i == last)) for i, one in enumerate(waiting, 1)]
            waiting, number = [], number + 1
    return found


def linear_factor(config: TrainConfig, total: int, done: int) -> float:
    """pix2pix's fall: constant, then a step down at each epoch of the last `decay` share, so that none is at zero.

    A run that counts samples or steps is taken in hundredths instead of epochs.
    """
    epochs = config.epochs or 100
    epoch = min(epochs - 1, done * epochs // max(1, total))
    falling = max(1, round(config.decay * epochs))
    return 1.0 - max(0, epoch + 1 - (epochs - falling)) / (falling + 1)


def rate_factor(config: TrainConfig, total: int, done: int) -> float:
    """Factor on the learning rates after `done` of `total` samples: linear warm-up, then as the schedule says."""
    rise = min(1.0, (done + 1) / config.warmup) if config.warmup else 1.0
    if config.schedule == "wsd":
        left = (total - done) / max(1.0, config.decay * total)
        return min(rise, max(0.0, min(1.0, left)))
    if config.schedule == "linear":
        return rise * linear_factor(config, total, done)
    if config.schedule == "cosine":
        into = max(0.0, done - config.warmup) / max(1, total - config.warmup)
        return rise * (1 + math.cos(math.pi * min(1.0, into))) / 2
    return rise
