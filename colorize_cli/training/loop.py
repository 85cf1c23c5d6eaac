"""The training road: data, network, steps, checkpoints.

In:  `TrainJob`: a recipe, a data set, a folder for the run
Out: in that folder `state.pt` (to resume), `best.safetensors` and `last.safetensors`, `log.jsonl`
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from colorize_cli import __version__
from colorize_cli.color.bins import rebalancing_weights, smooth_prior, soft_encode, srgb_bins
from colorize_cli.data.dataset import PhotoSet, held_out, open_photos
from colorize_cli.data.pairs import Pairs, load_batches
from colorize_cli.errors import DataError, TrainingError
from colorize_cli.models.checkpoint import CheckpointInfo, read_tensors, save_checkpoint
from colorize_cli.models.mini import Mini
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.state import Ema, RunState, load_state, save_state
from colorize_cli.training.step import classification_step, validate

VIVIDNESS = (0.0, 0.25, 0.5, 0.75, 1.0)  # at which validation measures


@dataclass(frozen=True)
class TrainJob:
    """What to train, on what, where to.

    Attributes:
        config: the recipe with its overrides.
        data: a folder of photos or of tar shards.
        out: the run's folder; a state in it is resumed.
        init: a checkpoint whose weights to start from.
        time_limit: seconds after which the run ends cleanly; it can be resumed.
    """

    config: TrainConfig
    data: Path
    out: Path
    init: Path | None = None
    time_limit: float = math.inf


Progress = Callable[[int, dict[str, float]], None]


def batch_plan(config: TrainConfig) -> list[tuple[int, int, int]]:
    """First position, count and size of every batch of the run."""
    plan, position = [], 0
    for stage in config.stages:
        while position < stage.until * config.samples:
            plan.append((position, stage.batch, stage.size))
            position += stage.batch
    return plan


def learning_rate(config: TrainConfig, done: int) -> float:
    """Linear warm-up, a plateau, then a linear fall to zero over the last `decay` share of the samples."""
    rise = min(1.0, (done + 1) / max(1, config.warmup))
    left = (config.samples - done) / max(1.0, config.decay * config.samples)
    return config.lr * min(rise, max(0.0, min(1.0, left)))


def colour_prior(photos: PhotoSet, chosen: list[int], seed: int, most: int = 4000) -> Tensor:
    """Smoothed probability of each ab bin over the training photos, (Q,), from at most `most` of them."""
    rng = np.random.default_rng((seed, 1))
    counts = torch.zeros(len(srgb_bins()))
    for index in rng.permutation(np.asarray(chosen))[:most]:
        small = cv2.resize(photos.rgb(int(index)), (32, 32), interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        nearest, weight = soft_encode(torch.from_numpy(lab[..., 1:].transpose(2, 0, 1))[None])
        counts.scatter_add_(0, nearest.flatten(), weight.flatten())
    return smooth_prior(counts)


def train(job: TrainJob, on_step: Progress, on_figures: Progress) -> Path:
    """Train, resuming where a state lies in the run's folder.

    Args:
        job: what to do.
        on_step: called after each step with the samples done and the losses.
        on_figures: called after each validation with the samples done and the figures.

    Returns:
        The best checkpoint's path.

    Raises:
        DataError: nothing to learn from.
        TrainingError: a loss is not a number, or the disk refuses.
    """
    config, started = job.config, time.monotonic()
    photos = open_photos(job.data, config.short_side)
    training = [i for i, name in enumerate(photos.names) if not held_out(name, config.val)]
    validation = [i for i, name in enumerate(photos.names) if held_out(name, config.val)][: config.val_limit]
    if not training:
        raise DataError(f"no photo to train on in {job.data}")
    classes = sorted({label for label in photos.labels if label}) if config.class_weight else []
    job.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(config.seed)
    model = Mini(**config.generator_args, classes=len(classes)).to(memory_format=torch.channels_last)
    weights = rebalancing_weights(colour_prior(photos, training, config.seed), config.uniform, config.power)
    model.set_rebalancing(weights)
    if job.init is not None:
        model.load_state_dict(read_tensors(job.init), strict=False)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
    )
    ema, done = Ema(model, config.ema), 0
    state_file = job.out / "state.pt"
    if state_file.exists():
        state = load_state(state_file)
        model.load_state_dict(state.generator)
        ema.state, ema.steps, done = state.ema, state.ema_steps, state.done
        optimizer.load_state_dict(state.optimizer)

    pairs = Pairs(photos, training, config.augmentation, config.seed, classes, config.source_power)
    plan = [batch for batch in batch_plan(config) if batch[0] >= done]
    smoother = Mini(**config.generator_args, classes=len(classes))
    best = max((row["psnr@0"] for row in _read_log(job.out)), default=-math.inf)

    def checkpoint() -> None:
        nonlocal best
        smoother.load_state_dict(ema.state)
        figures = validate(smoother, photos, validation, config.val_size, VIVIDNESS)
        save_state(RunState(done, model.state_dict(), ema.state, ema.steps, optimizer.state_dict()), state_file)
        arguments = {**config.generator_args, "classes": 0}
        info = CheckpointInfo(config.generator, arguments, config.recipe, str(job.data.name), __version__, figures)
        shipped = {key: value for key, value in ema.state.items() if not key.startswith("classifier.")}
        save_checkpoint(job.out / "last.safetensors", shipped, info, torch.float16)
        if figures["psnr@0"] >= best:
            best = figures["psnr@0"]
            save_checkpoint(job.out / "best.safetensors", shipped, info, torch.float16)
        with (job.out / "log.jsonl").open("a") as file:
            file.write(json.dumps({"samples": done, "seconds": round(time.monotonic() - started), **figures}) + "\n")
            os.fsync(file.fileno())
        on_figures(done, figures)

    (job.out / "recipe.json").write_text(json.dumps(asdict(config), indent=1))
    model.train()
    last_check = done
    for (start, count, _), batch in zip(plan, load_batches(pairs, plan, config.workers), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, start)
        losses = classification_step(model, batch, weights, optimizer, config)
        if not math.isfinite(losses.total):
            raise TrainingError(f"the loss is {losses.total} after {done} samples", hint="Lower it: --set lr=...")
        ema.update(model)
        done = start + count
        on_step(done, asdict(losses))
        late = time.monotonic() - started > job.time_limit
        if done - last_check >= config.every or late:
            checkpoint()
            last_check = done
        if late:
            break
    if done != last_check:
        checkpoint()
    return job.out / "best.safetensors"


def _read_log(folder: Path) -> list[dict[str, float]]:
    file = folder / "log.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
