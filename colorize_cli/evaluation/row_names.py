"""What the rows of the table are called.

In:  model names, checkpoint files, folders of runs, folders of colored files
Out: a name for each, and what it stands for
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from colorize_cli.errors import DataError, UsageError, WeightsError
from colorize_cli.evaluation.columns import GREY, TRUTH


def checkpoints_of(run: Path) -> list[Path]:
    """The checkpoints in a run's folder, by name; its discriminators and other files are left out.

    Raises:
        DataError: it holds none.
    """
    from colorize_cli.models.checkpoint import read_info  # torch loads here

    found = []
    for file in sorted(run.rglob("*.safetensors")):
        try:
            read_info(file)
        except (WeightsError, TypeError, KeyError):
            continue
        if not file.name.startswith("discriminator"):
            found.append(file)
    if not found:
        raise DataError(f"no checkpoint in {run}", hint="Give --model the folder that `colorize train` wrote.")
    return found


def _short(checkpoint: Path) -> str:
    """A checkpoint's row: its run and its name."""
    path = checkpoint.resolve()
    return f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem


def name_models(models: Sequence[str]) -> dict[str, str]:
    """Row names and what to load, from what `--model` was given; a run's folder stands for all its checkpoints.

    Raises:
        DataError: a folder holds no checkpoint.
        UsageError: a row would have the name of another.
    """
    wanted: dict[str, str] = {}
    for text in models:
        path = Path(text).expanduser()
        if path.is_dir():
            rows = {f"{path.name}/{file.relative_to(path).with_suffix('')}": str(file) for file in checkpoints_of(path)}
        elif path.is_file():
            rows = {_short(path): str(path)}
        else:
            rows = {text: text}
        for name, model in rows.items():
            if wanted.get(name, model) != model or name in (GREY, TRUTH):
                raise UsageError(f'two rows would be named "{name}"', hint="Rename one of the folders.")
            wanted[name] = model
    return wanted


def name_folders(folders: Sequence[Path], taken: Sequence[str]) -> dict[str, Path]:
    """Row names of folders of colored files: the last part of the path, or the whole where that is taken."""
    named: dict[str, Path] = {}
    for folder in folders:
        short = folder.resolve().name
        name = short if short not in named and short not in taken and short not in (GREY, TRUTH) else str(folder)
        if name in named or name in taken:
            raise UsageError(f'two rows would be named "{name}"', hint="Give each folder to --pred once.")
        named[name] = folder
    return named
