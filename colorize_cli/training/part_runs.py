"""A run of several parts: each a run of its own, or the mean of earlier ones' weights.

In:  a wanted whose recipe has parts
Out: in the run's folder one folder for each part, and `best.safetensors` and `last.safetensors`, those of the last part
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from colorize_cli.errors import UsageError
from colorize_cli.models.checkpoint import read_info, read_tensors
from colorize_cli.training.config import Part, TrainConfig
from colorize_cli.training.export_checkpoint import export
from colorize_cli.training.recipes import config_from, merged
from colorize_cli.training.runs import write_run
from colorize_cli.training.state import cannot_write

if TYPE_CHECKING:
    from colorize_cli.training.loop import Result, RunSettings, Watcher

BEST = "best.safetensors"
WEIGHTS = "last.safetensors"  # of a part: what later parts start from, and what means are made of


def check_parts(parts: Sequence[Part]) -> None:
    """See to it that parts have names of their own and refer to earlier ones alone.

    Raises:
        UsageError: they do not.
    """
    known: list[str] = []
    for part in parts:
        if not part.name or part.name in known or part.name != Path(part.name).name:
            raise UsageError(f"a part needs a name of its own that can be a folder's, not {part.name!r}")
        for other in (*part.mean, *((part.init,) if part.init else ())):
            if other not in known:
                raise UsageError(f"part {part.name}: there is no part {other!r} before it")
        if part.mean and (part.changes or part.init):
            raise UsageError(f"part {part.name}: a mean is not trained", hint="Leave init and changes out.")
        known.append(part.name)


def config_of(config: TrainConfig, part: Part) -> TrainConfig:
    """A part's configuration: the recipe with the part's changes.

    Raises:
        UsageError: a change fits no field.
    """
    return config_from({**merged(asdict(config), part.changes), "parts": ()})


def trained_parts(config: TrainConfig) -> list[TrainConfig]:
    """The configurations of a recipe's parts, in order, without those that are means.

    Raises:
        UsageError: a part fits neither the others nor the recipe.
    """
    check_parts(config.parts)
    return [config_of(config, part) for part in config.parts if not part.mean]


def mean_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of state dicts with the same keys; of whole numbers, such as counts of steps, the first's.

    Raises:
        UsageError: the keys or shapes differ.
    """
    first = states[0]
    for other in states[1:]:
        if {key: value.shape for key, value in other.items()} != {key: value.shape for key, value in first.items()}:
            raise UsageError("weights of different networks have no mean")
    return {
        key: torch.stack([state[key] for state in states]).mean(0) if value.is_floating_point() else value
        for key, value in first.items()
    }


def train_parts(
    wanted: RunSettings, folder: Path, watcher: Watcher, run: Callable[[RunSettings, Watcher], Result]
) -> Result:
    """Run a recipe's parts in their order; one that is finished does nothing more.

    Args:
        wanted: its recipe has parts; `init` is where parts without one start.
        folder: the run's.
        watcher: told of each part as of a run.
        run: trains one part.

    Raises:
        UsageError, WeightsError, DataError, TrainingError, OutOfMemoryError: as `loop.train`.
    """
    started, result = time.monotonic(), None

    def begun(out: Path, training: int, held_out: int, dropped: dict[str, int]) -> None:
        # not before there is something to learn from
        write_run(folder, wanted.config, wanted.data, wanted.access.root, init=wanted.init)
        watcher.on_start(out, training, held_out, dropped)

    watched = replace(watcher, on_start=begun)
    for part in wanted.config.parts:
        weights = folder / part.name / WEIGHTS
        if part.mean:
            _write_mean(weights, [folder / name / WEIGHTS for name in part.mean], wanted.config)
            continue
        has_state = (folder / part.name / "state.pt").exists()  # the weights that it started from may be gone
        init = str(folder / part.init / WEIGHTS) if part.init else None if has_state else wanted.init
        left = wanted.time_limit - (time.monotonic() - started)
        inner = replace(
            wanted, config=config_of(wanted.config, part), out=folder / part.name, init=init, time_limit=max(left, 0.0)
        )
        result = run(inner, watched)
        if not result.finished:  # what there is so far
            return replace(result, best=_copied(result.best, folder / BEST))
    assert result is not None  # the first part is trained: a mean is of earlier ones
    last = folder / wanted.config.parts[-1].name / WEIGHTS
    _copied(last, folder / WEIGHTS)
    return replace(result, best=_copied(last, folder / BEST))


def _copied(file: Path, to: Path) -> Path:
    try:
        shutil.copyfile(file, to)
    except OSError as error:
        raise cannot_write(to, error) from error
    return to


def _write_mean(file: Path, sources: Sequence[Path], config: TrainConfig) -> None:
    info = replace(read_info(sources[0]), recipe=config.recipe, figures={})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(file, error) from error
    export(file, mean_weights([read_tensors(source) for source in sources]), info, config)
