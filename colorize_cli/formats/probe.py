"""Say what a file is from its header alone, for dry runs, batching and the prediction of memory.

In:  a path
Out: a `ProbeResult`; no pixel is decoded
"""

from __future__ import annotations

import os
from pathlib import Path

from colorize_cli.errors import DecodeError
from colorize_cli.files.facts import open_plain
from colorize_cli.files.machine import half_of_memory
from colorize_cli.formats.base import Format
from colorize_cli.formats.decoded import Damaged
from colorize_cli.formats.photo import ProbeResult
from colorize_cli.formats.table import sniff, why_none
from colorize_cli.metadata.ifd import FileData

_HEAD = 1 << 18


def probe(path: Path) -> ProbeResult:
    """Read what the header declares.

    Raises:
        DecodeError: it is no plain file, or no picture.
    """
    format: Format | None = None
    try:
        number = open_plain(path)
        with open(number, "rb") as file:
            head = file.read(_HEAD)
            format = sniff(head[:64])
            if format is None:
                raise DecodeError(why_none(head[:64]), path=path)
            size = os.fstat(number).st_size
            if format.header_anywhere:
                return format.probe(path, FileData(file), size)
            may_read_all = len(head) < size <= half_of_memory()
            if may_read_all and format.is_short(head):
                head += file.read()
            try:
                return format.probe(path, head, size)
            except Damaged:
                if not may_read_all:
                    raise
                file.seek(0)
                return format.probe(path, file.read(), size)  # much stands before its header
    except DecodeError:
        raise
    except Damaged as error:
        raise DecodeError(error.reason, path=path, hint=error.advice()) from None
    except MemoryError:
        raise DecodeError("not enough memory to read it", path=path) from None
    except Exception as error:  # every library has its own errors, all of which mean the same here
        if isinstance(error, OSError) and error.strerror or format is None:
            said = error.strerror if isinstance(error, OSError) else error
            raise DecodeError(f"it cannot be read: {said}", path=path) from None
        raise DecodeError(format.damaged(error).reason, path=path) from None
