"""Runs on disk: their folders, and what they were started with.

In:  a folder of runs, a recipe's name
Out: a new run's folder, or an old run's configuration and data
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from colorize_cli import __version__
from colorize_cli.errors import UsageError
from colorize_cli.files.atomic import write_text
from colorize_cli.files.small_files import read_plain
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.recipes import config_from, override_all
from colorize_cli.training.state import cannot_write

RUNS = Path("runs")
_MOST_BYTES = 16 << 20  # of what a run says of itself


@dataclass(frozen=True)
class SavedRun:
    """A run that was begun.

    Attributes:
        folder: where it lies.
        config: its configuration.
        data: names or paths of its data sets; root, the folder of data sets it was given, or None.
        init: the weights that it started from, or None; of a recipe with parts, each part that has no other.
    """

    folder: Path
    config: TrainConfig
    data: tuple[str, ...]
    root: Path | None
    init: str | None = None

    @property
    def weights(self) -> str | None:
        """Where what is left of it starts; None where its own state says it."""
        return self.init if self.config.parts or not (self.folder / "state.pt").exists() else None


def next_folder(recipe: str, runs: Path = RUNS) -> Path:
    """The first `runs/RECIPE-N` that is not there."""
    number = 1
    while (runs / f"{recipe}-{number}").exists():
        number += 1
    return runs / f"{recipe}-{number}"


def latest_folder(recipe: str | None, runs: Path = RUNS) -> Path:
    """The run that was begun or went on last, of a recipe or of any.

    Raises:
        UsageError: there is none that could go on.
    """
    states = [
        file
        for pattern in ("*/state.pt", "*/*/state.pt")  # the second: of a part of a run
        for file in runs.glob(pattern)
        if recipe is None or re.fullmatch(f"{re.escape(Path(recipe).stem)}-[0-9]+", file.relative_to(runs).parts[0])
    ]
    if not states:
        of = f" of {recipe}" if recipe else ""
        raise UsageError(f"no run{of} under {runs}/ to go on with", hint="Name its folder: --resume --out runs/NAME")
    latest = max(states, key=lambda file: file.stat().st_mtime)
    return runs / latest.relative_to(runs).parts[0]


def check_new(folder: Path) -> None:
    """See to it that a run can be begun in a folder.

    Raises:
        UsageError: there is a run in it, or it cannot be one.
    """
    if (folder / "run.json").exists():
        raise UsageError(
            f"there is a run in {folder}", hint=f"Go on with it: --resume --out {folder}; or give another --out."
        )
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise UsageError(f"--out {folder}: {nearest} is a file", hint="Give the run a folder: --out runs/NAME")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"--out {folder}: {nearest} cannot be written to", hint="Give another --out.")


# What a run writes before its first checkpoint: other files in its folder are not its own.
_WRITTEN = ("run.json", "log.jsonl", "steps.jsonl", "wandb-id.txt", "loss.png", "report.html")
_WRITTEN_FOLDERS = ("sheets", "tensorboard", "wandb")


@contextlib.contextmanager
def nothing_left_of_a_failure(folder: Path, active: bool, parts: Collection[str] = ()) -> Iterator[None]:
    """While it is open, a run that fails before its first state and weights leaves no file and no folder behind.

    Args:
        folder: the run's; what lay there before stays.
        active: whether this process is the one that writes.
        parts: folders in it that are of the run.
    """
    before = set(folder.iterdir()) if folder.is_dir() else set[Path]()
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        if active and folder.is_dir() and not any(any(folder.rglob(kept)) for kept in ("state.pt", "*.safetensors")):
            own = {folder / name for name in (*_WRITTEN, *_WRITTEN_FOLDERS, *parts)}
            for path in own & set(folder.iterdir()) - before:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                for path in made:
                    path.rmdir()
        raise


def machine() -> dict[str, Any]:
    """What a run is made with: versions, the machine, and the commit of the program where it is a checkout."""
    versions = {"colorize-cli": __version__, "python": platform.python_version()}
    for package in ("torch", "torchvision", "accelerate", "numpy"):
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {"versions": versions, "machine": platform.platform(), "git": git_state(Path(__file__).resolve().parents[2])}


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit of a checkout and whether files in it are changed; None where the folder is none.

    Nothing is written into the checkout: `git status` would refresh its index, and leave a lock where a disk is full.
    """
    if not (folder / ".git").exists():
        return None
    try:
        commit, changed = (
            subprocess.run(
                ["git", "--no-optional-locks", "-C", str(folder), *arguments],
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            ).stdout.strip()
            for arguments in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": bool(changed)}


def write_run(
    folder: Path,
    config: TrainConfig,
    data: Sequence[str],
    root: Path | None,
    device: str = "",
    init: str | None = None,
) -> None:
    """Write down what a run is, and with what it is made; `--recipe FOLDER/run.json` repeats it.

    Raises:
        TrainingError: the folder cannot be written.
    """
    file = folder / "run.json"
    if init is None and file.is_file():  # a run that is resumed from its state is still what it was
        init = read_run(folder).init
    about = {
        "data": list(data),
        "root": str(root.resolve()) if root else None,
        **({"init": str(Path(init).resolve()) if os.path.exists(init) else init} if init else {}),
        "config": asdict(config),
        "made": {"command": shlex.join(sys.argv), **machine(), **({"device": device} if device else {})},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(about, indent=1) + "\n")
    except OSError as error:
        raise cannot_write(file, error) from error


def read_run(folder: Path, overrides: Sequence[str] = ()) -> SavedRun:
    """Read what a run was started with.

    Args:
        folder: the run's.
        overrides: `key=value`, as recipes take them; `epochs=30` prolongs a run of 20.

    Raises:
        UsageError: there is no run, or an override does not fit.
    """
    file = folder / "run.json"
    try:
        about = json.loads(read_plain(file, _MOST_BYTES))
        table, data, init = about["config"], tuple(about["data"]), about.get("init")
        root = Path(about["root"]) if about["root"] else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"no run in {folder}", hint="Name a folder that `colorize train` made.") from error
    override_all(table, overrides)
    return SavedRun(folder, config_from(table), data, root, init)
