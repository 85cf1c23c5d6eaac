"""The photos of a run: each data set as the recipe wants it, joined.

In:  a configuration, names or paths of data sets
Out: one `PhotoSet`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from colorize_cli.data.dataset import Choice
from colorize_cli.data.named import NAMED, Access, check_reachable, open_data
from colorize_cli.data.photosets import JoinedPhotos, PhotoSet
from colorize_cli.errors import UsageError
from colorize_cli.training.config import TrainConfig


def data_names(config: TrainConfig, given: Sequence[str]) -> tuple[str, ...]:
    """The data sets of a run: those given, or those that the recipe names. Paths are made absolute.

    Raises:
        UsageError: neither.
    """
    names = tuple(given) or tuple(one.name for one in config.data)
    if not names:
        raise UsageError(
            f"what shall {config.recipe} learn from?", hint=f"Give --data PATH, or one of: samples, {', '.join(NAMED)}"
        )
    return tuple(_absolute(name) for name in names)


def _absolute(name: str) -> str:
    if name == "samples" or name in NAMED:
        return name
    return str(Path(name).expanduser().resolve()) if Path(name).expanduser().exists() else name


def choice_of(config: TrainConfig, name: str, count: int) -> Choice:
    """Which photos of a data set: as the recipe says for it, or, of the only one, as it says for its only one."""
    known = next((one for one in config.data if one.name == name), None)
    if known is None and len(config.data) == count == 1:
        known = replace(config.data[0], select=())  # another set's classes have other names
    limit = config.limit // count if config.limit else (known.limit if known else 0)
    return Choice(limit, known.select if known else ())


def check_sources(names: Sequence[str], access: Access) -> None:
    """See to it, before weights are pulled for them, that a run's data sets are there or may be brought.

    Raises:
        UsageError, DataError: see `check_reachable`.
    """
    for name in names:
        check_reachable(name, access)


def open_sources(config: TrainConfig, names: Sequence[str], access: Access) -> PhotoSet:
    """Open a run's photos.

    Raises:
        UsageError, DataError, DownloadError: see `open_data`.
    """
    opened = {
        _short(name): open_data(name, config.short_side, choice_of(config, name, len(names)), access) for name in names
    }
    return next(iter(opened.values())) if len(opened) == 1 else JoinedPhotos(opened)


def _short(name: str) -> str:
    return Path(name).name


def described(names: Sequence[str]) -> str:
    """The data sets in a checkpoint's header: names, and of paths the last part alone."""
    return ", ".join(_short(name) for name in names)
