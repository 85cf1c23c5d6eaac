"""Which files in the output folder are copies that earlier runs made: a copy carries no note, their reports tell.

In:  the reports that earlier runs left
Out: whether a file, of a size, is a copy by one of them
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from colorize_cli.errors import printable
from colorize_cli.files.compact_index import CompactIndex

_Told = tuple[int, str]  # size and place of a copy
_LONGEST = 1 << 20  # bytes of a line that are read at once: a row has fewer


class KnownCopies:
    """The copies that reports tell of; of each row only its place in the file is kept.

    Args:
        reports: files, which need not be there.
        out: the folder that they tell of.
    """

    def __init__(self, reports: Sequence[Path], out: Path) -> None:
        self.reports, self.out = reports, out
        self._files, self._lock = list[BinaryIO](), Lock()

    def has(self, path: Path, size: int) -> bool:
        """Whether a file in the folder is one of them, and still as long as it was."""
        if not self.reports or not path.is_relative_to(self.out):
            return False
        place = printable(path.relative_to(self.out).as_posix())
        with self._lock:
            for number in self._index.find(_hash(size, place)):
                at, file = divmod(number, len(self._files))
                self._files[file].seek(at)
                told = _told(self._files[file].readline(_LONGEST))
                if told is not None and told[0] == size and (told[1] == place or told[1].endswith("/" + place)):
                    return True
        return False

    def close(self) -> None:
        """Close the reports."""
        with self._lock:
            while self._files:
                self._files.pop().close()
            self.reports = ()

    @cached_property
    def _index(self) -> CompactIndex:
        index = CompactIndex()
        for report in self.reports:
            with suppress(OSError):
                if report.is_file():  # a pipe would be waited for
                    self._files.append(report.open("rb"))
        for number, file in enumerate(self._files):
            at = 0
            with suppress(OSError):
                while line := file.readline(_LONGEST):
                    if (told := _told(line)) is not None:
                        index.add(_hash(*told), at * len(self._files) + number)
                    at += len(line)
        return index


def _hash(size: int, place: str) -> int:
    return hash((size, place.rpartition("/")[2]))


def _told(line: bytes) -> _Told | None:
    """The copy that a row tells of; None where it tells of none, or is another's."""
    if b'"copy_bytes"' not in line:
        return None
    try:
        row = json.loads(line.decode("utf-8").strip().removesuffix(","))
        return int(row["copy_bytes"]), str(row["output"]).replace("\\", "/")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
