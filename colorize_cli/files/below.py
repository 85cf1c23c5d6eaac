"""All files below a folder, or the reason why they cannot be told.

In:  a folder
Out: its files, sorted; an error where a folder within cannot be read, as what is in it would be missing without a word
"""

from __future__ import annotations

import os
from pathlib import Path

from colorize_cli.errors import UnreadableFolderError


def files_below(folder: Path, special: bool = False) -> list[Path]:
    """The files below a folder, in the order of their paths; links to folders are not followed.

    Args:
        folder: where to look.
        special: pipes, devices and broken links too, so that who reads them fails by name.

    Raises:
        UnreadableFolderError: the folder, or one within it that is not hidden, cannot be read.
    """
    closed: list[OSError] = []
    found: list[Path] = []
    for place, _, names in os.walk(folder, onerror=closed.append):
        found += [Path(place, name) for name in names]
    told = [error for error in closed if not _hidden(Path(error.filename), folder)]
    if told:
        raise UnreadableFolderError([(Path(error.filename), error.strerror or str(error)) for error in told])
    return sorted(file for file in found if special or file.is_file())


def _hidden(path: Path, top: Path) -> bool:
    return path != top and any(part.startswith(".") for part in path.relative_to(top).parts)
