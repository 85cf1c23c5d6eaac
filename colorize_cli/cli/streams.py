"""stdout and stderr that cannot end the work: closed, full or with nobody who reads them.

In:  the process's standard streams
Out: streams that take everything; what could not be written is remembered, not raised
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TextIO

_GONE = (errno.EPIPE, errno.EBADF, errno.EIO)  # nobody is there to miss it


class Unfailing(io.FileIO):
    """A file whose writes always succeed.

    Attributes:
        failure: the first error, after which nothing more is written; None while all is well.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.failure: OSError | None = None

    def write(self, data: object) -> int:
        """Write what can be written; the rest counts as written."""
        view = memoryview(data)  # type: ignore[arg-type]
        if self.failure is None:
            try:
                while (written := super().write(view)) is None:  # a pipe that somebody else made non-blocking
                    select.select([], [self], [])
                return written
            except OSError as error:
                self.failure = error
        return view.nbytes


def make_unfailing() -> None:
    """Put unfailing streams in the place of stdout and stderr.

    A stream that was closed leads nowhere from now on: otherwise the next file that is opened, a photo say, would get
    its number, and whatever a library writes there would land in that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(nowhere, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    if sys.platform != "win32" or sys.stdout is None:
        sys.stdout = _text(1, sys.stdout)
    if sys.platform != "win32" or sys.stderr is None:
        sys.stderr = _text(2, sys.stderr)


def _text(descriptor: int, before: TextIO | None) -> io.TextIOWrapper:
    raw = Unfailing(descriptor)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=descriptor == 2 or raw.isatty(),
        write_through=descriptor == 2,
    )


def not_written() -> str | None:
    """Why stdout did not take what was asked for; None where it did, or where nobody is there to read it."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        return None  # not one of ours
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = raw.failure if isinstance(raw, Unfailing) else None
    return None if failure is None or failure.errno in _GONE else os.strerror(failure.errno or 0)
