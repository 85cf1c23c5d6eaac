"""Recipes: training runs as TOML files.

In:  a recipe's name or file, overrides `key=value`
Out: `TrainConfig`, checked field by field
"""

from __future__ import annotations

import json
import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from colorize_cli.errors import UsageError, counted, in_words, quoted
from colorize_cli.files.small_files import read_plain
from colorize_cli.models.registry import did_you_mean
from colorize_cli.training.config import TrainConfig

# what `--data NAME` trains when no recipe is named; anything else trains the bundled network's recipe
_DEFAULTS = {
    "celeba": "cgan-celeba",
    "places365": "patchgan-places",
    "coco": "resunet-coco",
    "kaggle-colorization": "eccv16-vgg",
    "imagenet": "eccv16",
}
_MOST_BYTES = 16 << 20  # of a recipe, or of what a run says of itself
_LENGTHS = ("samples", "epochs", "steps")  # of a run; see `TrainConfig`
# fields by the names that older recipes and runs have for them
_RENAMED = {
    "adversary": "discriminator",
    "critic_steps": "discriminator_steps",
    "wear": "degradation",
    "film": "spectral_response",
    "tone": "tone_curve",
}
_RENAMED_RECIPES = {"mini-taught": "mini-distilled"}  # by the names that they had before


def recipe_for(data: Sequence[str]) -> str:
    """The recipe that a data set trains unless another is named."""
    return _DEFAULTS.get(data[0], "mini") if len(data) == 1 else "mini"


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("colorize_cli.training") / "recipes"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a recipe and apply overrides such as `lr=5e-4`, `augmentation.spectral_response=0` or `terms.0.weight=10`.

    Raises:
        UsageError: no such recipe, no such field, or a value of the wrong type.
    """
    name = _RENAMED_RECIPES.get(name, name)
    table = _table(name)
    override_all(table, overrides)
    return config_from({"recipe": Path(name).stem, **table})


def _table(name: str) -> dict[str, Any]:
    """A recipe's plain values; what it leaves out is as in its `base`, another recipe of the package."""
    if name.endswith(".json"):
        return _run_table(Path(name))
    if name.endswith(".toml"):
        text = _read_file(Path(name))
    else:
        file = resources.files("colorize_cli.training") / "recipes" / f"{name}.toml"
        if not file.is_file():
            guess = did_you_mean(name, recipe_names())
            raise UsageError(f"no recipe {quoted(name)}.{guess}", hint=f"There are: {', '.join(recipe_names())}")
        text = file.read_text(encoding="utf-8")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the recipe {name} is no TOML: {in_words(error)}") from error
    base = table.pop("base", None)
    return table if base is None else _upon(_table(str(base).removesuffix(".toml")), table)


def _upon(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """A recipe over its base; what the base says of where a value is from holds for the values that stay."""
    stays = {key: text for key, text in base.get("sources", {}).items() if key.split(".")[0] not in table}
    return {**base, **table, "sources": {**stays, **table.get("sources", {})}}


def _run_table(path: Path) -> dict[str, Any]:
    """The recipe in a run's `run.json`."""
    try:
        about = json.loads(_read_file(path))
        table, data = about["config"], about.get("data", [])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} is no run", hint="Give the run.json that `colorize train` wrote.") from error
    if not isinstance(table, dict) or not isinstance(data, list) or not all(isinstance(one, str) for one in data):
        raise UsageError(f"{path} is no run", hint="Give the run.json that `colorize train` wrote.")
    listed = [one for one in table.get("data", []) if isinstance(one, dict)]
    known = {one.get("name"): one for one in listed}
    limit = listed[0].get("limit", 0) if len(listed) == len(data) == 1 else 0
    return {**table, "data": [known.get(name, {"name": name, "limit": limit}) for name in data] or listed}


def _read_file(path: Path) -> str:
    try:
        return read_plain(path, _MOST_BYTES).decode()
    except OSError as error:
        raise UsageError(f"cannot read the recipe {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"cannot read the recipe {path}: it is no text in UTF-8") from None


def config_from(table: dict[str, Any]) -> TrainConfig:
    """Build a configuration from a table of plain values, as TOML or JSON has them.

    Raises:
        UsageError: a field is unknown or has a value of the wrong type.
    """
    name = str(table.get("recipe", ""))
    table = {**_with_todays_names(table), "recipe": _RENAMED_RECIPES.get(name, name)}
    config = _build(TrainConfig, table, f"recipe {quoted(name)}", "")
    assert isinstance(config, TrainConfig)
    return config


def _with_todays_names(table: dict[str, Any]) -> dict[str, Any]:
    """A table with the fields of older recipes and runs under the names that they have today."""
    inner = ((key, _with_todays_names(value) if isinstance(value, dict) else value) for key, value in table.items())
    return {_RENAMED.get(key, key): value for key, value in inner}


def merged(table: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table of plain values with some of them changed; tables within it are changed field by field."""
    new = dict(table)
    for key, value in changes.items():
        inner = new.get(key)
        new[key] = merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return new


def override_all(table: dict[str, Any], assignments: Sequence[str]) -> None:
    """Set fields of a table of plain values; where one says how long a run is, what else says so counts no more.

    Raises:
        UsageError: as `override`.
    """
    had_one = bool(table.get("discriminator"))
    for text in assignments:
        override(table, text)
    made = table.get("discriminator")
    if isinstance(made, dict) and not had_one and "kind" not in made:
        raise UsageError(
            "this recipe has no discriminator", hint="To give it one, say which: --set discriminator.kind=gan"
        )
    given = {
        key for key in _LENGTHS if table.get(key) and any(text.partition("=")[0].strip() == key for text in assignments)
    }
    table |= {key: 0 for key in _LENGTHS if given and key not in given}


def override(table: dict[str, Any], assignment: str) -> None:
    """Set one field of a table of plain values: `lr=5e-4`, `discriminator.lr=1e-4`, `terms.0.weight=10`.

    Raises:
        UsageError: it is no assignment, or names no place in the table.
    """
    key, sign, text = assignment.partition("=")
    if not sign or not key.strip():
        raise UsageError(f"--set {quoted(assignment)} is not KEY=VALUE", hint="For example: --set lr=5e-4")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    place: Any = table
    *parents, last = (_RENAMED.get(part, part) for part in key.strip().split("."))
    try:
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
        place[int(last) if isinstance(place, list) else last] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise UsageError(f"--set {quoted(assignment)}: there is no {quoted(key.strip())} in this recipe") from error


def adjusted(config: TrainConfig, size: int | None, batch: int | None, **plain: Any) -> TrainConfig:
    """Apply what has an option of its own; None leaves a field as the recipe has it.

    Args:
        config: what to change.
        size: side of all training and validation pictures, pixels.
        batch: samples a step, in all stages.
        plain: other fields by name.
    """
    changes = {key: value for key, value in plain.items() if value is not None}
    if "val" in changes:
        changes |= {"train_photos": 0, "val_photos": 0}
    elif config.train_photos and "limit" in changes:  # the same shares of fewer or more photos
        held = round(changes["limit"] * config.val_photos / (config.train_photos + config.val_photos))
        changes |= {"train_photos": changes["limit"] - held, "val_photos": held}
    if "epochs" in changes:
        changes |= {"samples": 0, "steps": 0}
    stages = tuple(
        replace(stage, size=stage.size if size is None else size, batch=stage.batch if batch is None else batch)
        for stage in config.stages
    )
    if size is not None:
        changes |= {"val_size": size, "short_side": max(size, min(config.short_side, 2 * size))}
    return replace(config, stages=stages, **changes)


def _build(kind: Any, value: Any, recipe: str, key: str) -> Any:
    """Turn plain values into `kind`, a dataclass, tuple, union, literal or plain type."""
    origin, arguments = get_origin(kind), get_args(kind)
    where = f"{recipe}: {key}" if key else recipe
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise UsageError(f"{where} must be a table, not {quoted(value)}")
        known = [item.name for item in fields(kind)]
        if unknown := sorted(set(value) - set(known)):
            raise UsageError(f"{where} has no field {quoted(unknown[0])}", hint=f"Fields: {', '.join(sorted(known))}")
        hints = get_type_hints(kind)
        built = {name: _build(hints[name], value[name], recipe, f"{key}.{name}".strip(".")) for name in value}
        try:
            return kind(**built)  # type: ignore[operator]
        except TypeError as error:
            raise UsageError(f"{where}: {error}") from error
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise UsageError(f"{where} must be a list, not {quoted(value)}")
        open_ended = arguments[-1] is Ellipsis
        if not open_ended and len(value) != len(arguments):
            raise UsageError(f"{where} must have {counted(len(arguments), 'value')}, not {len(value)}")
        kinds = [arguments[0]] * len(value) if open_ended else list(arguments)
        return tuple(_build(a, b, recipe, f"{key}.{i}") for i, (a, b) in enumerate(zip(kinds, value, strict=True)))
    if origin in (Union, types.UnionType):
        if value is None or value == "none":
            return None
        return _build(next(a for a in arguments if a is not type(None)), value, recipe, key)
    if origin is Literal:
        if value not in arguments:
            raise UsageError(f"{where} must be one of {', '.join(map(str, arguments))}, not {quoted(value)}")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = origin or kind
    if plain in (bool, int, float, str, dict) and (type(value) is not plain):
        names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", dict: "a table"}
        raise UsageError(f"{where} must be {names[plain]}, not {quoted(value)}")
    return value
