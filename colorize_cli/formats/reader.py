"""Read what a written file says of itself, fast: headers alone, no pixel is decoded, no file is read as a whole.

In:  a path
Out: its provenance note, its size and times, and whether it ends as its format ends
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from colorize_cli.errors import DecodeError
from colorize_cli.files.facts import open_plain
from colorize_cli.formats.declared import FileParts
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.table import FORMATS, sniff
from colorize_cli.formats.video.film_names import sniff_film
from colorize_cli.formats.video.film_note import read_film_note
from colorize_cli.metadata.provenance import Provenance

_HEAD = 16 << 10  # bytes read at once: a note stands here in nearly every result


@dataclass(frozen=True)
class ResultFile:
    """A file in a result's place.

    Attributes:
        format: what it is; None where it is no picture.
        note: what it says of how it was made, if it says anything.
        size: its bytes.
        mtime_ns: its modification time.
        ends: whether it ends as its format ends.
    """

    format: PhotoFormat | None
    note: Provenance | None
    size: int
    mtime_ns: int
    ends: bool

    @property
    def whole(self) -> bool:
        """Whether it has the size that it says it has, and its end."""
        return self.ends and self.note is not None and self.note.size in (None, self.size)

    @property
    def cut(self) -> bool:
        """Whether its end is missing; of formats without an end, whether it is shorter than it says."""
        said = self.note.size if self.note else None
        return not self.ends or said is not None and self.size < said and _has_no_end(self.format)


def read_provenance(path: Path) -> Provenance | None:
    """The note that a file carries; None where it has none, cannot be read, or is no picture."""
    found = read_result(path)
    return found.note if found else None


def read_result(path: Path) -> ResultFile | None:
    """What a file says of itself; None where it is no plain file or cannot be read."""
    try:
        number = open_plain(path)
        with open(number, "rb", buffering=0) as file:
            status = os.fstat(number)
            return read_open_result(cast(BinaryIO, file), status.st_size, status.st_mtime_ns)
    except (DecodeError, OSError, MemoryError):
        return None


def read_open_result(file: BinaryIO, size: int, mtime_ns: int) -> ResultFile:
    """`read_result` of a file that is open, wherever it lies; it is read where the note and the end stand.

    Raises:
        OSError: it cannot be read.
    """
    head = file.read(_HEAD)
    format = sniff(head[:64])
    if format is None:
        is_film = sniff_film(head[:64])
        film = read_film_note(file, size) if is_film else None
        return ResultFile(None, film, size, mtime_ns, is_film)
    parts, note, ends = FileParts(file, head, size), None, False
    with suppress(ValueError, struct.error, IndexError, StopIteration):
        note = format.note(parts)
    with suppress(ValueError, struct.error, OSError):
        ends = format.ends(parts)
    return ResultFile(format.name, note, size, mtime_ns, ends)


def _has_no_end(format: PhotoFormat | None) -> bool:
    return format is not None and not FORMATS[format].has_end
