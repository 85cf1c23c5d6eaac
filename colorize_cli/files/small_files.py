"""Read small files that a person names: never a pipe that nobody writes to, never without an end.

In:  a path, and the most bytes that it may have
Out: its bytes; or `NotPlain`, whose message says what is wrong with it
"""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path

_PATIENCE = 2  # seconds


class NotPlain(OSError):
    """There is no file of a bearable size; the message says what there is instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.strerror = reason


def read_plain(path: Path, most: int) -> bytes:
    """A file's bytes.

    Args:
        path: a plain file; pipes, devices and folders are refused before they are opened.
        most: bytes that it may have.

    Raises:
        NotPlain: it is none, or it is larger.
        OSError: it cannot be read.
    """
    return _read(path, most, streams=False)


def read_stream(path: Path, most: int) -> bytes:
    """The same, but a pipe that somebody writes to is read to its end: the shell's `<(find ...)` is one.

    Raises:
        NotPlain: it is a folder or a pipe that nobody writes to, or it is larger, or has no end.
        OSError: it cannot be read.
    """
    return _read(path, most, streams=True)


def kind_of(mode: int) -> str:
    """What something is that is no plain file, for a message."""
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def open_at_once(path: Path) -> int:
    """A descriptor for reading; a pipe that took a file's place since somebody looked is not waited for.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))


def _read(path: Path, most: int, streams: bool) -> bytes:
    try:
        _check(os.stat(path).st_mode, streams)
        number = open_at_once(path)
    except ValueError as error:  # a null byte in its name
        raise NotPlain(str(error)) from None
    with open(number, "rb", buffering=0) as file:
        mode = os.fstat(number).st_mode
        _check(mode, streams)
        if stat.S_ISFIFO(mode):
            _await_writer(number)
        os.set_blocking(number, True)  # where there is no writer, it is at its end at once
        parts, size = list[bytes](), 0
        while part := file.read(min(1 << 20, most + 1 - size)):
            parts.append(part)
            size += len(part)
            if size > most:
                raise NotPlain(f"it has more than {most:,} bytes")
    if not stat.S_ISREG(mode) and not size:
        raise NotPlain(f"it is {kind_of(mode)}, and nothing is in it")
    return b"".join(parts)


def _await_writer(number: int) -> None:
    """Give the one who is to write into a pipe the time to open it; where that has happened, there is no limit."""
    waiting = select.poll()
    waiting.register(number, select.POLLIN | select.POLLHUP)
    waiting.poll(1000 * _PATIENCE)


def _check(mode: int, streams: bool) -> None:
    if not stat.S_ISREG(mode) and not (streams and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode))):
        raise NotPlain(f"it is {kind_of(mode)}, not a file")
