r"""The rows of a report: kept on disk until the report is written, or streamed into it as JSON Lines.

In:  rows, one for each photo
Out: a JSON file with the summary first and the rows under `photos`; or, for many photos, JSON Lines: a first line with
     what is known at the start, a line for each photo as it ends, the summary last. Whole or not at all
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from colorize_cli.errors import json_text
from colorize_cli.files.atomic import replacing

MANY = 10_000  # photos; with more of them a report is JSON Lines
LINES_SUFFIX = ".jsonl"

_ODD = "backslashreplace"  # half a character in a library's message becomes an escape that JSON knows


class ReportRows:
    """Rows of one report. Of rows of one photo that follow each other the last is written."""

    def __init__(self) -> None:
        self._file: IO[str] | None = None
        self._streamed, self._stack = False, ExitStack()
        self._last: tuple[int, str] | None = None

    def stream(self, path: Path, head: Mapping[str, Any]) -> None:
        """From now on write the rows into the report itself, beside its name until it is whole.

        Raises:
            OSError: it cannot be written.
        """
        with ExitStack() as stack:
            self._file = _opened(path, stack)
            self._stack = stack.pop_all()
        self._streamed = True
        self._file.write(json_text({"report": "colorize-cli", **head}) + "\n")
        self._file.flush()

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
            OSError: it cannot be written; nothing is left of it.
        """
        self._put()
        if self._streamed and self._file is not None:
            self._file.write(json_text({"summary": summary}) + "\n")
            self._file.close()
            self._stack.close()  # it gets its name
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

    def close(self) -> None:
        """Drop the rows; of a report that was streamed and not written, nothing is left."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._stack.__exit__(RuntimeError, RuntimeError("not written"), None)


def _opened(path: Path, stack: ExitStack) -> IO[str]:
    """The report's file, open for writing until the stack ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # a device or a pipe, whose place no file may take
        return stack.enter_context(path.open("w", encoding="utf-8", errors=_ODD))
    part = stack.enter_context(replacing(path))
    return stack.enter_context(part.open("w", encoding="utf-8", errors=_ODD))
