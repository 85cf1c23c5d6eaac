"""How fast `mini` trains, and what its loader costs: `python tests/benchmarks/training.py [--data DIR] [--steps N]`.

On a CPU: photos/s of the recipe's steps at 128 px with the loader on, beside the same steps on batches that are in
memory already; and, which a busy machine disturbs less, the processor time that a photo takes in each. The loader must
cost at most 15 %.
On a GPU: photos/s in bf16 as the batch grows, and the share of the chip's bf16 peak that the convolutions reach.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from colorize_cli.data.dataset import open_photos
from colorize_cli.data.pairs import Batch, Pairs, load_batches
from colorize_cli.data.photosets import HeldPhotos, PhotoSet
from colorize_cli.training import prepare
from colorize_cli.training.placement import make_accelerator
from colorize_cli.training.recipes import load_recipe
from colorize_cli.training.schedule import Turn
from colorize_cli.training.step import Trainer

SIZE = 128
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40": 181e12, "4090": 165e12}  # dense bf16, FLOP/s
MOST_LOADER_COST = 0.15


def made_photos(count: int = 256) -> PhotoSet:
    """Smooth noise in color, of the size that the recipe keeps photos at."""
    rng = np.random.default_rng(0)
    pictures = [np.asarray(rng.integers(0, 256, (128, 170, 3)), np.uint8) for _ in range(count)]
    return HeldPhotos([str(i) for i in range(count)], [""] * count, [None] * count, [""] * count, {}, pictures)


def make_trainer(photos: PhotoSet, device: str) -> Trainer:
    """The recipe's networks and objective."""
    config = prepare.validated(load_recipe("mini", ("class_weight=0",)))
    accelerator = make_accelerator(device, "auto")
    generator = prepare.make_generator(config, 0, prepare.Needed(None, None), None)
    classes = prepare.make_classes(config, generator, photos, range(min(64, len(photos))))
    assert classes is not None
    generator.to(accelerator.device, memory_format=torch.channels_last)
    classes.to(accelerator.device)
    return Trainer(config, accelerator, generator, generator, classes, None, None)


def photos_per_second(trainer: Trainer, batches: Iterable[Batch], steps: int) -> float:
    """Steps on batches that arrive one by one, the first two of them not timed."""
    device, count, started = trainer.accelerator.device, 0, 0.0
    for number, batch in enumerate(itertools.islice(batches, steps + 2)):
        if number == 2:
            _wait(device)
            started = time.perf_counter()
        trainer.step(batch.to(device, channels_last=True), Turn(number), 1.0, False)
        count += len(batch.label) if number >= 2 else 0
    _wait(device)
    return count / (time.perf_counter() - started)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def loaded(photos: PhotoSet, batch: int, steps: int, workers: int) -> Iterator[Batch]:
    """Batches as training gets them."""
    config = replace(load_recipe("mini"), workers=workers)
    pairs = Pairs(photos, range(len(photos)), config.augmentation, 0)
    return load_batches(pairs, [(i * batch, batch, SIZE) for i in range(steps + 2)], workers)


def processor_ms(trainer: Trainer, photos: PhotoSet, batch: int, steps: int) -> tuple[float, float]:
    """Milliseconds of processor time a photo, to prepare it and to train on it."""
    start = time.process_time()
    held = list(loaded(photos, batch, steps - 2, 0))
    ready = time.process_time()
    for number, one in enumerate(held):
        trainer.step(one.to(trainer.accelerator.device, channels_last=True), Turn(number), 1.0, False)
    end, count = time.process_time(), batch * len(held)
    return 1000 * (ready - start) / count, 1000 * (end - ready) / count


def flops_per_photo(trainer: Trainer) -> float:
    """Of a training step, forwards and backwards."""
    generator: nn.Module = trainer.generator
    lightness = torch.rand(2, 1, SIZE, SIZE, device=trainer.accelerator.device) * 100
    with FlopCounterMode(display=False) as counter:
        generator(lightness)[0].sum().backward()
    return counter.get_total_flops() / 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a data set; made-up photos without it")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    photos = open_photos(asked.data, 128) if asked.data else made_photos()
    trainer = make_trainer(photos, asked.device)
    if trainer.accelerator.device.type == "cuda":
        on_gpu(trainer, photos, asked.steps)
        return
    held = list(loaded(photos, asked.batch, 1, 0))
    # in turn, twice: a machine that others use too is seldom as fast for a minute as for the next
    rates = [
        (
            photos_per_second(trainer, itertools.cycle(held), asked.steps),
            photos_per_second(trainer, loaded(photos, asked.batch, asked.steps, asked.workers), asked.steps),
        )
        for _ in range(2)
    ]
    memory, loader = (max(rate[i] for rate in rates) for i in (0, 1))
    cost = 1 - loader / memory
    print(f"in memory {memory:.2f} photos/s, loader on {loader:.2f} photos/s: the loader costs {100 * cost:.1f} %")
    prepare_ms, step_ms = processor_ms(trainer, photos, asked.batch, asked.steps)
    share = prepare_ms / step_ms
    print(f"processor time a photo: {prepare_ms:.2f} ms to prepare, {step_ms:.1f} ms to train: {100 * share:.1f} %")
    if min(cost, share) > MOST_LOADER_COST:
        raise SystemExit(f"more than {100 * MOST_LOADER_COST:.0f} %")


def on_gpu(trainer: Trainer, photos: PhotoSet, steps: int) -> None:
    """A line for each size of the batch."""
    name = torch.cuda.get_device_name()
    peak = next((value for key, value in PEAKS.items() if key in name), None)
    work = flops_per_photo(trainer)
    print(f"{name}: {work / 1e9:.2f} GFLOP a photo at {SIZE} px")
    for batch in (16, 32, 64, 128, 256, 512, 1024):
        held = list(loaded(photos, batch, 0, 0))
        rate = photos_per_second(trainer, itertools.cycle(held), max(steps, 20))
        share = f", {100 * rate * work / peak:.1f} % of its bf16 peak" if peak else ""
        print(f"batch {batch}: {rate:.0f} photos/s{share}")


if __name__ == "__main__":
    main()
