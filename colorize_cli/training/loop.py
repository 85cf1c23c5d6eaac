"""The training pipeline: data, networks, steps, checkpoints.

In:  `RunSettings`: a recipe, data sets, a folder for the run
Out: in that folder `run.json` and `state.pt` (to resume), `best.safetensors` and `last.safetensors`, `log.jsonl`,
     `sheets/`; with a discriminator `discriminator.safetensors`
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from colorize_cli.data.named import Access
from colorize_cli.data.pairs import Batch, Pairs, load_batches
from colorize_cli.errors import PredictionError, TrainingError
from colorize_cli.files.machine import cores
from colorize_cli.training import prepare
from colorize_cli.training.batch_memory import check_memory
from colorize_cli.training.checkpoints import Checkpoints
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.part_runs import train_parts, trained_parts
from colorize_cli.training.placement import (
    check_device,
    clear_memory_error,
    device_name,
    make_accelerator,
    place_network,
)
from colorize_cli.training.resuming import resumed
from colorize_cli.training.run_sources import check_sources, described, open_sources
from colorize_cli.training.runs import next_folder, nothing_left_of_a_failure, write_run
from colorize_cli.training.schedule import Row, plan, rate_factor
from colorize_cli.training.state import Ema, lower_rate, save_state
from colorize_cli.training.step import NotFiniteError, Trainer
from colorize_cli.training.tasks import task_of

_LOOK_EVERY = {"cpu": 1}  # steps between looks at the losses; elsewhere looking means waiting for the device
_LOOK_ELSEWHERE = 20
_SAVE_EVERY = 600.0  # seconds between states within an epoch


@dataclass(frozen=True)
class RunSettings:
    """What to train, on what, where to.

    Attributes:
        config: the recipe with its overrides.
        data: names or paths of the data sets.
        out: the run's folder, in which a state is resumed; None for a new `runs/RECIPE-N`.
        access: how data sets are reached.
        init: a checkpoint or a model's name whose weights to start from.
        time_limit: seconds after which the run ends cleanly; it can be resumed.
        device: "auto" or "cpu".
        precision: "auto", "fp32", "bf16" or "fp16"; auto is bf16 on GPUs that have it.
        compile: compile the generator.
        channels_last: memory layout of pictures and networks.
    """

    config: TrainConfig
    data: tuple[str, ...]
    out: Path | None = None
    access: Access = Access()  # noqa: RUF009 - frozen
    init: str | None = None
    time_limit: float = math.inf
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    channels_last: bool = True


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a step: samples done and in all, epoch, the last step's losses, photos/s, rate."""

    done: int
    total: int
    epoch: int
    losses: dict[str, float]
    photos_per_s: float
    rate: float = 0.0


@dataclass(frozen=True)
class Watcher:
    """Whom training tells.

    Attributes:
        on_start: the run's folder, photos to train on, held-out photos, and what was left out, by reason.
        on_step: after each look at the losses.
        on_figures: after each checkpoint, the figures.
        should_stop: asked after each step; true ends the run cleanly.
    """

    on_start: Callable[[Path, int, int, dict[str, int]], None] = lambda out, training, held_out, dropped: None
    on_step: Callable[[Progress], None] = lambda progress: None
    on_figures: Callable[[dict[str, float]], None] = lambda figures: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Result:
    """How a run ended: the best checkpoint, whether all samples were done, samples done and in all.

    `idle` says that it was finished before it was begun, and nothing was done; `exhausted`, that it ended for want of
    a better checkpoint.
    """

    best: Path
    finished: bool
    done: int
    total: int
    idle: bool = False
    exhausted: bool = False


def train(wanted: RunSettings, watcher: Watcher) -> Result:
    """Train, resuming where a state lies in the run's folder.

    Raises:
        UsageError: the recipe's parts do not fit each other.
        WeightsError: weights that the recipe asks for are not there.
        DataError: nothing to learn from.
        TrainingError: a loss is not a number, or the disk refuses.
        OutOfMemoryError: the batch is too large for the device.
    """
    if wanted.config.parts:
        parts = [prepare.validated(one) for one in trained_parts(wanted.config)]
        accelerator = make_accelerator(wanted.device, wanted.precision, wanted.config.deterministic)
        for one in parts:
            check_memory(one, accelerator.device)
        folder = _agreed_folder(wanted, wanted.config, accelerator)
        names = [part.name for part in wanted.config.parts]
        with nothing_left_of_a_failure(folder, accelerator.is_main_process, names):
            return train_parts(wanted, folder, watcher, train)
    config = prepare.validated(wanted.config)
    check_device(wanted.device, wanted.precision)
    prepare.check_start(config, wanted.init)
    accelerator = make_accelerator(wanted.device, wanted.precision, config.deterministic)
    check_memory(config, accelerator.device)
    with accelerator.main_process_first():
        check_sources(wanted.data, wanted.access)
        needed = prepare.needed_files(config, wanted.init is not None, wanted.access.on_bytes)
    with accelerator.main_process_first():
        photos = open_sources(config, wanted.data, wanted.access)
    training, validation = prepare.split_photos(photos, config)
    labels = prepare.class_labels(photos, config)
    rows = plan(config, len(training), accelerator.num_processes)
    out = _agreed_folder(wanted, config, accelerator)
    watcher.on_start(out, len(training), len(validation), photos.dropped)

    torch.manual_seed(config.seed)
    generator = prepare.make_generator(config, len(labels), needed, wanted.init)
    classes = prepare.make_classes(config, generator, photos, training)
    content = prepare.make_content(config, needed)
    discriminator = prepare.make_discriminator(config, generator)
    for network in [generator] + ([discriminator.network] if discriminator else []):
        place_network(network, accelerator, wanted.channels_last)
    for part in (content, classes):
        if part is not None:
            part.to(accelerator.device)
    call = torch.compile(generator) if wanted.compile else generator
    trainer = Trainer(config, accelerator, generator, call, classes, content, discriminator)
    ema = Ema(generator, config.ema)

    with nothing_left_of_a_failure(out, accelerator.is_main_process):
        if accelerator.is_main_process:
            write_run(out, config, wanted.data, wanted.access.root, device_name(accelerator), wanted.init)
        accelerator.wait_for_everyone()
        state = resumed(out / "state.pt", trainer, ema, wanted.access.on_note)
        ema_copy = prepare.make_generator(config, len(labels), prepare.Needed(None, None), None).to(accelerator.device)
        checkpoints = Checkpoints(
            out, config, described(wanted.data), trainer, ema, ema_copy, photos, validation, state,
            wanted.access.on_note,
        )  # fmt: skip
        pairs = Pairs(
            photos, training, config.augmentation, config.seed, labels,
            config.source_power if config.sampling == "sources" else None, config.source_weights,
            task_of(config).sample,
        )  # fmt: skip
        loop = _Loop(wanted, config, accelerator, trainer, ema, checkpoints, rows, watcher)
        try:
            return loop.run([row for row in rows if row.start >= state.done], pairs)
        except NotFiniteError as error:
            raise TrainingError(f"{error} {loop.where}", hint=lower_rate(out)) from error
        except PredictionError as error:
            text = f"the generator answers with NaN or infinite numbers, {loop.where}: no checkpoint is written"
            raise TrainingError(text, hint=lower_rate(out)) from error
        except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
            raise clear_memory_error(error, config) from error
        finally:
            checkpoints.close()


def _agreed_folder(wanted: RunSettings, config: TrainConfig, accelerator: Accelerator) -> Path:
    """The run's folder, the same for all processes."""
    if wanted.out is not None:
        return wanted.out
    chosen = [str(next_folder(config.recipe))]
    if accelerator.num_processes > 1:
        broadcast_object_list(chosen)
    return Path(chosen[0])


class _Loop:
    """The steps, and what happens between them."""

    def __init__(
        self, wanted: RunSettings, config: TrainConfig, accelerator: Accelerator, trainer: Trainer, ema: Ema,
        checkpoints: Checkpoints, rows: list[Row], watcher: Watcher,
    ) -> None:  # fmt: skip
        self.wanted, self.config, self.accelerator, self.trainer, self.ema = wanted, config, accelerator, trainer, ema
        self.checkpoints, self.rows, self.watcher = checkpoints, rows, watcher
        self.total = rows[-1].done
        self.look_every = _LOOK_EVERY.get(accelerator.device.type, _LOOK_ELSEWHERE)
        self.where = "before the first step"  # where the run is, for an error's message

    def batches(self, rows: list[Row], pairs: Pairs) -> Iterator[tuple[Row, Batch]]:
        """This process's part of every step's batch, on its device."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        mine = [(row.start + rank * (row.samples // world), row.samples // world, row.size) for row in rows]
        cuda = self.accelerator.device.type == "cuda"
        for row, batch in zip(rows, load_batches(pairs, mine, self._workers(cuda), pin=cuda), strict=True):
            yield row, batch.to(self.accelerator.device, self.wanted.channels_last)

    def _workers(self, cuda: bool) -> int:
        if self.config.workers >= 0:
            return self.config.workers
        return max(1, min(8, cores() // self.accelerator.num_processes - 1)) if cuda else 1

    def run(self, rows: list[Row], pairs: Pairs) -> Result:
        """Go through the rows that are left."""
        started = saved = time.monotonic()
        done, taken, stopped = (rows[0].start if rows else self.total), 0, False
        self.trainer.set_to_train()
        for row, batch in self.batches(rows, pairs):
            self.where = f"at step {row.step}, after {row.start} samples"
            losses = self._step(row, batch)
            done, taken = row.done, taken + row.samples
            now = time.monotonic()
            logged = self.config.log_every and (row.step + 1) % self.config.log_every == 0
            looked = row.step % self.look_every == 0 or logged or row.closes
            if looked:
                late = now - started > self.wanted.time_limit or self.watcher.should_stop()
                known, wish = self._look(losses, row, late)
                stopped = stopped or wish
                self.checkpoints.note(known)
                speed, rate = taken / max(now - started, 1e-9), self.trainer.rate
                self.watcher.on_step(Progress(done, self.total, row.epoch, known, speed, rate))
                self.checkpoints.log_step(row, known, speed, rate)
            if not row.turn.last:  # gradients that wait for an update are in no checkpoint
                continue
            if row.closes or stopped:
                self._checkpoint(row, now - started)
                saved = time.monotonic()
                stopped = stopped or self._agreed(self.checkpoints.interrupted or self.checkpoints.exhausted)
            elif looked and now - saved > _SAVE_EVERY and self.accelerator.is_main_process:
                save_state(self.checkpoints.state(done, now - started), self.checkpoints.out / "state.pt")
                saved = time.monotonic()
            if stopped:
                break
        self.accelerator.wait_for_everyone()
        finished, exhausted = done >= self.total, self.checkpoints.exhausted
        return Result(self.checkpoints.best_file, finished, done, self.total, not rows, exhausted and not finished)

    def _step(self, row: Row, batch: Batch) -> dict[str, torch.Tensor]:
        # what a step draws at random is a function of seed, step and process: nothing of it needs keeping
        torch.manual_seed((self.config.seed * 1_000_003 + row.step) * 64 + self.accelerator.process_index)
        how = self.config.discriminator
        adversarial = how is not None and row.epoch >= how.after
        first = row.step == 0 or self.rows[row.step - 1].epoch < row.epoch
        if how is not None and how.after and row.epoch == how.after and first:
            self.trainer.trained_generator.optimizer.state.clear()
        losses = self.trainer.step(batch, row.turn, rate_factor(self.config, self.total, row.start), adversarial)
        self.ema.update(self.trainer.generator)
        return losses

    def _agreed(self, wish: bool) -> bool:
        """Whether any process wants to end."""
        if self.accelerator.num_processes == 1:
            return wish
        return bool(self.accelerator.reduce(torch.tensor(float(wish), device=self.accelerator.device), "sum") > 0)

    def _look(self, losses: dict[str, torch.Tensor], row: Row, late: bool) -> tuple[dict[str, float], bool]:
        """The losses' means over all processes, and whether any process wants to end."""
        names = sorted(losses)
        values = torch.stack(
            [losses[name].float() for name in names] + [torch.tensor(float(late)).to(losses[names[0]])]
        )
        values = self.accelerator.reduce(values, "mean") if self.accelerator.num_processes > 1 else values
        *numbers, lateness = values.tolist()
        known = dict(zip(names, numbers, strict=True))
        return known, lateness > 0

    def _checkpoint(self, row: Row, seconds: float) -> None:
        if self.accelerator.is_main_process:
            self.watcher.on_figures(self.checkpoints.write(row, seconds, self.watcher.should_stop))
        self.accelerator.wait_for_everyone()
        self.trainer.set_to_train()
