"""The decoded photos of data sets that are kept for the next run: what lies there, and to clear it.

In:  nothing
Out: one entry for each kept set
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.data.dataset import cache_folder
from colorize_cli.errors import DataError, quoted


@dataclass(frozen=True)
class KeptSet:
    """A data set that is kept decoded.

    Attributes:
        folder: where it lies.
        source: the data set's path, as it was opened; "" where an earlier version kept it.
        photos: how many.
        bytes: how much disk it takes.
    """

    folder: Path
    source: str
    photos: int
    bytes: int


def kept_sets() -> list[KeptSet]:
    """Every data set that is kept decoded, the largest first."""
    found = []
    for folder in sorted((cache_folder() / "decoded").glob("*")):
        if not folder.is_dir() or not any(folder.iterdir()):  # an interrupted survey leaves an empty one
            continue
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found.append(KeptSet(folder, _source(folder), _photos(folder), size))
    return sorted(found, key=lambda one: -one.bytes)


def _source(folder: Path) -> str:
    try:
        return (folder / "source.txt").read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return ""


def _photos(folder: Path) -> int:
    try:
        return len(json.loads((folder / "index.json").read_text(encoding="utf-8"))["names"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def clear(source: str = "") -> int:
    """Remove the kept sets, or those of one source, its path or the folder that `colorize data list` names.

    Returns:
        How many bytes that frees.

    Raises:
        DataError: nothing of that source is kept.
    """
    path = str(Path(source).expanduser().resolve())
    chosen = [
        one for one in kept_sets()
        if not source or one.folder.name == source or path in (_resolved(one.source), str(one.folder.resolve()))
    ]  # fmt: skip
    if source and not chosen:
        raise DataError(f"no decoded photos of {quoted(source)} are kept", hint="See them all: colorize data list")
    for one in chosen:
        shutil.rmtree(one.folder, ignore_errors=True)
    return sum(one.bytes for one in chosen)


def _resolved(source: str) -> str:
    return str(Path(source).resolve()) if source else ""
