"""Whether what was found fits the output that was named.

In:  the photos of a batch; what was asked for
Out: nothing, or an error in one line
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from colorize_cli.errors import NothingToDoError, UsageError, counted, printable
from colorize_cli.files.discover import Discovery
from colorize_cli.files.passed_over import kinds_of
from colorize_cli.pipeline.run_options import BatchOptions

_FORMAT = re.compile(r"\.(?=.*[a-z])[a-z0-9]{2,5}", re.IGNORECASE)  # a suffix that names a format; `.2024` does not


def check_sources(found: Discovery, batch: BatchOptions, single: Path | None) -> None:
    """Refuse a batch without photos, and an output that cannot hold them.

    Raises:
        NothingToDoError: there is no photo.
        UsageError: `out` is one file for many photos, or no folder.
    """
    if not found.sources:
        left = kinds_of(found.passed_over)
        inputs = ", ".join(map(_named, batch.photos)) or "the list"
        raise NothingToDoError(f"no photos in {inputs}" + (f" (passed over: {left})" if left else ""))
    if single is not None and len(found.sources) > 1:
        hint = f"Give a folder, e.g. --out {batch.out.stem}/"
        raise UsageError(
            f"--out {printable(batch.out)} is one file, but there are {counted(len(found.sources), 'photo')}", hint=hint
        )
    if single is None and not batch.out.exists() and _one_file(found, batch) and _FORMAT.fullmatch(batch.out.suffix):
        raise UsageError(
            f"--out {printable(batch.out)}: no such format: {batch.out.suffix}",
            hint="Name a file like a.png, .jpg, .tif or .webp; or make that folder first, if it is to be one.",
        )
    if single is None and batch.out.exists() and not batch.out.is_dir():
        raise UsageError(f"--out {printable(batch.out)} is a file, not a folder")


def _named(name: str | Path) -> str:
    """An input as people tell it from the words around it: a folder ends with a slash."""
    shown = printable(name)
    return shown + os.sep if not shown.endswith(("/", os.sep)) and Path(name).is_dir() else shown


def _one_file(found: Discovery, batch: BatchOptions) -> bool:
    """Whether the user named one photo, and so may mean one file by --out."""
    return len(found.sources) == len(batch.photos) == 1 and not batch.listed and not Path(batch.photos[0]).is_dir()
