"""Recipes: what a training run is, as data.

In:  a recipe's name or TOML file, overrides `key=value`
Out: `TrainConfig`, checked
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

from colorize_cli.data.transforms import Augmentation
from colorize_cli.errors import UsageError


@dataclass(frozen=True)
class Stage:
    """A part of training at one picture size.

    Attributes:
        until: end of the stage, as a share of all samples, (0, 1].
        size: side of the training pictures, pixels.
        batch: samples a step.
    """

    until: float
    size: int
    batch: int


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        recipe: its name.
        generator: catalogue name of the network; generator_args its arguments.
        samples: how many samples in all.
        stages: sizes and batches, in order; the last one's `until` is 1.
        lr: peak learning rate; warmup, samples over which it rises; decay, share of the samples over which it
            falls to zero at the end (a constant rate in between lets a run be prolonged).
        weight_decay, betas: AdamW's.
        clip: largest norm of the gradient.
        ema: decay of the generator's running mean, per step.
        uniform, power: of the rebalancing weights.
        class_weight: weight of the auxiliary class head's loss; 0 for no head.
        source_power: a source of n photos is drawn with weight n ** source_power.
        short_side: photos are decoded to this, pixels.
        val: held-out share; val_limit, most photos measured; val_size, their side in pixels.
        every: samples between checkpoints.
    """

    recipe: str
    generator: str = "mini"
    generator_args: dict[str, Any] = field(default_factory=dict)
    samples: int = 500_000
    stages: tuple[Stage, ...] = (Stage(1.0, 64, 64),)
    lr: float = 1e-3
    warmup: int = 10_000
    decay: float = 0.25
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0
    ema: float = 0.998
    uniform: float = 0.5
    power: float = 0.5
    class_weight: float = 0.1
    source_power: float = 0.5
    augmentation: Augmentation = Augmentation()
    short_side: int = 128
    val: float = 0.02
    val_limit: int = 384
    val_size: int = 128
    every: int = 20_000
    seed: int = 0
    workers: int = 1


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("colorize_cli.training") / "recipes"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_recipe(name: str, overrides: tuple[str, ...] = ()) -> TrainConfig:
    """Read a recipe and apply overrides such as `lr=5e-4` or `augmentation.film=0`.

    Raises:
        UsageError: no such recipe, no such field, or a value of the wrong type.
    """
    if name.endswith(".toml"):
        table = tomllib.loads(Path(name).read_text())
    else:
        file = resources.files("colorize_cli.training") / "recipes" / f"{name}.toml"
        if not file.is_file():
            raise UsageError(f"no recipe {name!r}", hint=f"There are: {', '.join(recipe_names())}")
        table = tomllib.loads(file.read_text())
    for override in overrides:
        key, sign, value = override.partition("=")
        if not sign:
            raise UsageError(f"--set {override!r} is not KEY=VALUE")
        _set(table, key.strip(), value.strip())
    return _build(table, name)


def _set(table: dict[str, Any], key: str, value: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
    try:
        table[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = value


def _build(table: dict[str, Any], name: str) -> TrainConfig:
    known = {item.name for item in fields(TrainConfig)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise UsageError(f"recipe {name!r} has no field {unknown[0]!r}", hint=f"Fields: {', '.join(sorted(known))}")
    try:
        if "stages" in table:
            table["stages"] = tuple(Stage(**stage) for stage in table["stages"])
        if "augmentation" in table:
            table["augmentation"] = Augmentation(**table["augmentation"])
        if "betas" in table:
            table["betas"] = tuple(table["betas"])
        return TrainConfig(**{"recipe": name, **table})
    except TypeError as error:
        raise UsageError(f"recipe {name!r}: {error}") from error
