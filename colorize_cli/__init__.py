"""Restore the color of black-and-white photos, a folder at a time.

>>> from colorize_cli import Colorizer
>>> colorizer = Colorizer("mini", device="cpu")

What is named here loads when it is first used: importing the package loads no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from colorize_cli.version import __version__

if TYPE_CHECKING:
    from colorize_cli.inference.network import ModelInfo
    from colorize_cli.inference.photo_options import FilmOptions, GuidanceOptions, ReadOptions, WriteOptions
    from colorize_cli.models.load import load_model
    from colorize_cli.pipeline.colorizer import Colorizer
    from colorize_cli.pipeline.one_file import colorize_file
    from colorize_cli.pipeline.outcome import Outcome, Status
    from colorize_cli.restore.choices import Repair, RestoreOptions

__all__ = [
    "Colorizer",
    "FilmOptions",
    "GuidanceOptions",
    "ModelInfo",
    "Outcome",
    "ReadOptions",
    "Repair",
    "RestoreOptions",
    "Status",
    "WriteOptions",
    "__version__",
    "colorize_file",
    "load_model",
]

_HOMES = {
    "FilmOptions": "colorize_cli.inference.photo_options",
    "Colorizer": "colorize_cli.pipeline.colorizer",
    "GuidanceOptions": "colorize_cli.inference.photo_options",
    "ModelInfo": "colorize_cli.inference.network",
    "ReadOptions": "colorize_cli.inference.photo_options",
    "Repair": "colorize_cli.restore.choices",
    "RestoreOptions": "colorize_cli.restore.choices",
    "WriteOptions": "colorize_cli.inference.photo_options",
    "Outcome": "colorize_cli.pipeline.outcome",
    "Status": "colorize_cli.pipeline.outcome",
    "colorize_file": "colorize_cli.pipeline.one_file",
    "load_model": "colorize_cli.models.load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
