"""Training examples in an order that a seed decides, whatever was interrupted.

In:  a `PhotoSet`, a seed
Out: batches of tensors: lightness (N, 1, S, S), ab (N, 2, S, S), hints (N, 3, S, S), label (N,), -1 where unknown
"""

from __future__ import annotations

import fnmatch
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from colorize_cli.data.photosets import PhotoSet
from colorize_cli.data.transforms import Augmentation, Sample, make_sample
from colorize_cli.errors import DataError

MakeSample = Callable[[NDArray[np.uint8], int, Augmentation, np.random.Generator], Sample]


@dataclass(frozen=True)
class Place:
    """Where in the stream a sample stands, and how large it is to be."""

    position: int
    size: int


@dataclass(frozen=True)
class Batch:
    """Training examples, stacked."""

    lightness: Tensor
    ab: Tensor
    hints: Tensor
    label: Tensor

    def to(self, device: torch.device, channels_last: bool = False) -> Batch:
        """The same on a device."""
        layout = torch.channels_last if channels_last else torch.contiguous_format
        lightness, ab, hints = (
            part.to(device, non_blocking=True, memory_format=layout) for part in (self.lightness, self.ab, self.hints)
        )
        return Batch(lightness, ab, hints, self.label.to(device, non_blocking=True))


class Pairs(Dataset[tuple[Tensor, Tensor, Tensor, int]]):
    """An endless stream of samples; each is a function of the seed and its position alone.

    Args:
        photos: what to draw from.
        indices: numbers of the training part.
        how: what happens to them.
        seed: decides everything drawn.
        classes: labels in the order of the class head's outputs.
        source_power: a source of n photos is drawn with weight n ** source_power (1 = every photo alike);
            None goes through all photos once in every `len(indices)` positions, in an order of that epoch.
        source_weights: factors on these weights by the source's name, with wildcards; sources without one have 1.

        make: turns a photo into a sample.

    Raises:
        DataError: the factors leave no source.
    """

    def __init__(
        self,
        photos: PhotoSet,
        indices: Sequence[int],
        how: Augmentation,
        seed: int,
        classes: Sequence[str] = (),
        source_power: float | None = 0.5,
        source_weights: Mapping[str, float] | None = None,
        make: MakeSample = make_sample,
    ) -> None:
        self.photos, self.how, self.seed, self.make = photos, how, seed, make
        self.indices, self.by_epoch = np.asarray(indices, np.int64), source_power is None
        number = {label: i for i, label in enumerate(classes)}
        self.labels = [number.get(label, -1) if label else -1 for label in photos.labels]
        by_source: dict[str, list[int]] = {}
        for index in indices:
            by_source.setdefault(photos.sources[index], []).append(index)
        self.groups: list[NDArray[np.int64]] = [np.asarray(group) for _, group in sorted(by_source.items())]
        weight = np.asarray([len(group) for group in self.groups], float) ** (source_power or 0.0)
        weight *= [_factor(source, source_weights or {}) for source in sorted(by_source)]
        if not by_source or weight.sum() <= 0:
            raise DataError("source_weights leave no photo to train on", hint="Give one source a weight above 0.")
        self.cumulative = np.cumsum(weight / weight.sum())
        self._epoch, self._order = -1, self.indices

    def __len__(self) -> int:
        return len(self.indices)

    def draw(self, position: int) -> tuple[int, np.random.Generator]:
        """The photo at a position of the stream, and the generator that its augmentation draws from."""
        if self.by_epoch:
            epoch, slot = divmod(position, len(self.indices))
            if epoch != self._epoch:
                self._epoch, self._order = epoch, np.random.default_rng((self.seed, 2, epoch)).permutation(self.indices)
            index = int(self._order[slot])
            return index, np.random.default_rng((self.seed, epoch, index))
        rng = np.random.default_rng((self.seed, position))
        which = min(int(np.searchsorted(self.cumulative, rng.random())), len(self.groups) - 1)
        return int(rng.choice(self.groups[which])), rng

    def __getitem__(self, place: Place) -> tuple[Tensor, Tensor, Tensor, int]:
        index, rng = self.draw(place.position)
        sample = self.make(self.photos.rgb(index), place.size, self.how, rng)
        lightness, ab, hints = (torch.from_numpy(part) for part in (sample.lightness, sample.ab, sample.hints))
        return lightness, ab, hints, self.labels[index]


def _factor(source: str, factors: Mapping[str, float]) -> float:
    found = [factor for pattern, factor in factors.items() if fnmatch.fnmatchcase(source, pattern)]
    return max(0.0, found[0]) if found else 1.0


class _Places:
    def __init__(self, batches: Sequence[tuple[int, int, int]]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[list[Place]]:
        for start, count, size in self.batches:
            yield [Place(start + i, size) for i in range(count)]

    def __len__(self) -> int:
        return len(self.batches)


def load_batches(
    pairs: Pairs, batches: Sequence[tuple[int, int, int]], workers: int, pin: bool = False
) -> Iterator[Batch]:
    """Load batches in order.

    Args:
        pairs: the samples.
        batches: of each batch its first position, its count, and its size in pixels.
        workers: processes that prepare batches beside the training; 0 prepares them in this one.
        pin: into memory from which a GPU copies fast.
    """
    loader: DataLoader[tuple[Tensor, Tensor, Tensor, int]] = DataLoader(
        pairs,
        batch_sampler=_Places(batches),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=pin,
        worker_init_fn=_helper,
    )
    for lightness, ab, hints, label in loader:
        yield Batch(lightness, ab, hints, torch.as_tensor(label))


def _helper(_: int) -> None:
    import cv2

    for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")):
        if number is not None:
            signal.signal(number, signal.SIG_IGN)  # all processes of a run get it: the training one decides when to end
    cv2.setNumThreads(0)  # each worker has one core; cv2 would start a thread for every core in every worker
