r"""The rows of a report: kept on disk until the report is written, or streamed into it as JSON Lines.

In:  rows, one for each photo
Out: a JSON file with the summary first and the rows under `photos`; or, for many photos, JSON Lines: a first line with
     what is known at the start, a line for each photo as it ends, the summary last. Whole or not at all

Until it is whole, a report that is streamed has a name of its own, NAME.unfinished-HOST-PROCESS.jsonl. It stays where
the run is killed, and says line by line what that run did.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from colorize_cli.errors import json_text
from colorize_cli.files.atomic import replacing
from colorize_cli.files.leftovers import is_left, own_mark

MANY = 10_000  # photos; with more of them a report is JSON Lines
LINES_SUFFIX = ".jsonl"
UNFINISHED = ".unfinished-"

_ODD = "backslashreplace"  # half a character in a library's message becomes an escape that JSON knows


class ReportRows:
    """Rows of one report. Of rows of one photo that follow each other the last is written."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self._streamed: Path | None = None
        self._last: tuple[int, str] | None = None

    def stream(self, path: Path, head: Mapping[str, Any]) -> None:
        """From now on write the rows into the report itself, under a name of its own until it is whole.

        Raises:
            OSError: it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._streamed = path if _is_special(path) else unfinished_name(path)
        # a line at once: what a killed process has not handed over is lost
        self._file = self._streamed.open("w", 1, encoding="utf-8", errors=_ODD)
        self._file.write(json_text({"report": "colorize-cli", **head}) + "\n")

    def add(self, place: int, row: Mapping[str, Any]) -> None:
        """Add a photo's row.

        Raises:
            OSError: the disk is full.
        """
        text = json_text(row)
        if self._last is not None and self._last[0] != place:
            self._put()
        self._last = place, text

    def _put(self) -> None:
        if self._last is None:
            return
        if self._file is None:
            self._file = tempfile.SpooledTemporaryFile(4 << 20, "w+", encoding="utf-8", errors=_ODD)  # noqa: SIM115
        (_, text), self._last = self._last, None
        self._file.write(text + "\n")

    def write(self, path: Path, summary: Mapping[str, Any]) -> None:
        """Write the report; of one that was streamed, its end.

        Raises:
            OSError: it cannot be written; of one that was streamed, the rows stay under `unfinished`.
        """
        self._put()
        if self._streamed is not None and self._file is not None:
            self._file.write(json_text({"summary": summary}) + "\n")
            self._file.close()
            if self._streamed != path:
                os.replace(self._streamed, path)
            self._file = self._streamed = None
            return
        with ExitStack() as stack:
            file = _opened(path, stack)
            if path.suffix.lower() == LINES_SUFFIX:
                file.write(json_text({"report": "colorize-cli"}) + "\n")
                for row in self._rows():
                    file.write(row + "\n")
                file.write(json_text({"summary": summary}) + "\n")
            else:
                file.write(json_text(summary, indent=1)[:-2] + ',\n "photos": [')
                for number, row in enumerate(self._rows()):
                    file.write((",\n  " if number else "\n  ") + row)
                file.write("\n ]\n}\n")

    def _rows(self) -> Iterator[str]:
        if self._file is not None:
            self._file.seek(0)
            for line in self._file:
                yield line.rstrip("\n")

    @property
    def unfinished(self) -> Path | None:
        """Where the rows of a report are that was streamed and is not whole."""
        return self._streamed

    def drop(self) -> None:
        """Drop the rows, those that were streamed, too."""
        unfinished, self._last = self.unfinished, None
        self.close()
        if unfinished is not None and not _is_special(unfinished):
            unfinished.unlink(missing_ok=True)

    def close(self) -> None:
        """Drop the rows; those that were streamed stay."""
        if self._file is not None:
            with suppress(OSError):
                self._put()
                self._file.close()
            self._file = None


def unfinished_name(path: Path) -> Path:
    """The name of a report of this process until it is whole."""
    return path.with_name(f"{path.stem}{UNFINISHED}{own_mark()}-{secrets.token_hex(2)}{LINES_SUFFIX}")


def unfinished_beside(path: Path) -> list[Path]:
    """The reports that runs of any process began for a path, and have not finished."""
    names = glob.escape(f"{path.stem}{UNFINISHED}") + "*" + LINES_SUFFIX
    return sorted(path.parent.glob(names))


def left_unfinished(path: Path) -> list[Path]:
    """Those of `unfinished_beside` whose process, of this machine, is no more: it was killed."""
    mark = re.compile(re.escape(UNFINISHED) + r"(\w+-\d+)-\w+" + re.escape(LINES_SUFFIX) + "$")
    return [found for found in unfinished_beside(path) if (m := mark.search(found.name)) and is_left(m[1])]


def _is_special(path: Path) -> bool:
    """Whether a path is a device or a pipe, whose place no file may take."""
    return path.exists() and not path.is_file()


def _opened(path: Path, stack: ExitStack) -> IO[str]:
    """The report's file, open for writing until the stack ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if _is_special(path):
        return stack.enter_context(path.open("w", encoding="utf-8", errors=_ODD))
    part = stack.enter_context(replacing(path))
    return stack.enter_context(part.open("w", encoding="utf-8", errors=_ODD))
