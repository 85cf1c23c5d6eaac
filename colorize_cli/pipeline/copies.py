"""Which files in the output folder are copies that an earlier run made: a copy carries no note, the report tells.

In:  the report that the last run left
Out: whether a file, of a size, is a copy by that report
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

from colorize_cli.errors import printable


class KnownCopies:
    """The copies that a report tells of; it is read when they are first asked for, a row at a time.

    Args:
        report: the report's file, which need not be there.
        out: the folder that it tells of.
    """

    def __init__(self, report: Path | None, out: Path) -> None:
        self.report, self.out = report, out

    def has(self, path: Path, size: int) -> bool:
        """Whether a file in the folder is one of them, and still as long as it was."""
        if self.report is None or not path.is_relative_to(self.out):
            return False
        place = printable(path.relative_to(self.out).as_posix())
        return any(told == place or told.endswith("/" + place) for told in self._by_size.get(size, ()))

    @cached_property
    def _by_size(self) -> dict[int, list[str]]:
        found = dict[int, list[str]]()
        try:
            if self.report is None or not self.report.is_file():  # a pipe would be waited for
                return found
            with self.report.open(encoding="utf-8") as file:
                for line in file:
                    if '"copy_bytes"' in line:
                        row = json.loads(line.strip().removesuffix(","))
                        found.setdefault(int(row["copy_bytes"]), []).append(str(row["output"]).replace("\\", "/"))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # the report is gone or another's: nothing is known
        return found
