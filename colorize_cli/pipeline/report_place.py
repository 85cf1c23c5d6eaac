"""Whether a report can be written, asked before any work is done.

In:  the path that the user named
Out: nothing, or a `UsageError` in one line
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from colorize_cli.errors import UsageError, printable
from colorize_cli.files.atomic import reason_of
from colorize_cli.files.leftovers import part_of
from colorize_cli.pipeline.report_rows import LINES_SUFFIX

_SUFFIXES = (".json", LINES_SUFFIX)
_FORMAT = re.compile(r"\.(?=.*[a-z])[a-z0-9]{2,5}", re.IGNORECASE)  # a suffix that names a format; `.2024` does not


def check_report_place(path: Path, option: str = "--report") -> None:
    """Refuse a report that could not be written in the end, or would take another file's place.

    Raises:
        UsageError: it is called as another format, is a folder or another program's file, or cannot be written.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise _refused(path, reason_of(error), option) from error
    try:
        if mode is None or stat.S_ISREG(mode):
            if mode is not None and not _may_be_report(path):
                raise UsageError(
                    f"{option} {printable(path)} is a file that is no report", hint="Give another name, or remove it."
                )
            if _FORMAT.fullmatch(path.suffix) and path.suffix.lower() not in _SUFFIXES:
                raise UsageError(
                    f"{option} {printable(path)}: no such format: {path.suffix}; reports are JSON",
                    hint=f"Name it {printable(path.with_suffix('.json').name)}",
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = part_of(path)
            beside.touch()
            beside.unlink()
        elif stat.S_ISDIR(mode):
            raise UsageError(
                f"{option} {printable(path)} is a folder", hint=f"Name a file: {printable(path / 'report.json')}"
            )
        else:  # a device or a pipe: JSON may begin with blanks
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(descriptor, b"\n")
            finally:
                os.close(descriptor)
    except OSError as error:
        raise _refused(path, reason_of(error), option) from error


def _refused(path: Path, reason: str | None, option: str) -> UsageError:
    return UsageError(f"cannot write the report {printable(path)}: {reason}", hint=f"Give {option} another place.")


def _may_be_report(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(64).lstrip()
    return not head or head.startswith(b"{")
