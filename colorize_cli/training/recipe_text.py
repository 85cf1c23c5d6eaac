"""Recipes as text: every setting with where it is from, and TOML files.

In:  `TrainConfig`
Out: `Setting`s; TOML that `recipes.load_recipe` reads back
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from colorize_cli.errors import UsageError
from colorize_cli.files.atomic import write_text
from colorize_cli.training.config import DiscriminatorConfig, Term, TrainConfig

_TERM = {key: value for key, value in asdict(Term("l1")).items() if key != "loss"}


@dataclass(frozen=True)
class Setting:
    """One setting of a recipe: its key as `--set` takes it, its value, and where the value comes from."""

    key: str
    value: str
    source: str


def settings_of(config: TrainConfig) -> list[Setting]:
    """Every setting of a recipe, those of tables one by one, with the source that the recipe gives for each.

    Where it gives none, "the default", or of another value "chosen here".
    """
    plain = dict(_flat(asdict(replace(TrainConfig(config.recipe), discriminator=DiscriminatorConfig())), ""))
    plain |= {f"terms.{i}.{key}": value for i in range(len(config.terms)) for key, value in _TERM.items()}
    found = []
    for key, value in _flat(asdict(config), ""):
        if key.split(".")[0] in ("recipe", "about", "notes", "sources"):
            continue
        parts = key.split(".")
        keys = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
        own = "the default" if key in plain and plain[key] == value else "chosen here"
        source = next((config.sources[one] for one in keys if one in config.sources), own)
        found.append(Setting(key, _toml(value), source))
    return found


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}".strip("."))
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{key}.{number}")
    else:
        yield key, value


def recipe_toml(config: TrainConfig) -> str:
    """A recipe as TOML that `--recipe FILE.toml` reads back as the same: values first, then a table for each group."""
    plain, default = asdict(config), asdict(TrainConfig(config.recipe))
    kept = {
        key: value
        for key, value in plain.items()
        if key != "recipe" and value is not None and (value != default[key] or key in ("generator", "terms", "stages"))
    }
    lines = [f"{key} = {_toml(value)}" for key, value in kept.items() if not isinstance(value, dict)]
    for name, table in kept.items():
        if isinstance(table, dict):
            lines += [
                "",
                f"[{name}]",
                *(f"{_toml(key)} = {_toml(one)}" for key, one in table.items() if one is not None),
            ]
    return "\n".join(lines) + "\n"


def with_own_sources(config: TrainConfig, original: TrainConfig) -> TrainConfig:
    """A recipe whose changed settings name no section of a paper any more, but the user."""
    before = {one.key: one.value for one in settings_of(original)}
    changed = {one.key: "changed by you" for one in settings_of(config) if before.get(one.key) != one.value}
    return replace(config, sources={**config.sources, **changed})


def write_recipe(config: TrainConfig, file: Path) -> None:
    """Write a recipe as TOML.

    Raises:
        UsageError: the name does not end in .toml, another recipe is there, or the file cannot be written.
    """
    if file.suffix != ".toml":
        raise UsageError(f"--save-recipe {file} must end in .toml")
    text = recipe_toml(config)
    try:
        if file.exists() and file.read_bytes() != text.encode():
            raise UsageError(f"{file} is there already, and differs", hint="Name another file, or remove that one.")
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", hint="Name another file.") from error


def _toml(value: Any) -> str:
    """A plain value as TOML writes it, in one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return repr(value)
