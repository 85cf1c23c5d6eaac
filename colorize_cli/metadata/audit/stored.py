"""The bytes of a file, read where they are asked for.

In:  an open file
Out: what `bytes` gives: length, items, slices, `find`, `rfind`

No memory map: where another program shortens a file that is mapped, the next access ends the process (SIGBUS).
"""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO, overload

_WINDOW = 1 << 16
_KEPT = 32  # windows that stay in memory


class ChangedError(OSError):
    """The file has become shorter since it was opened."""


class Stored:
    """A file's bytes; the file must stay open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._windows: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, where: int) -> int: ...
    @overload
    def __getitem__(self, where: slice) -> bytes: ...
    def __getitem__(self, where: int | slice) -> int | bytes:
        if isinstance(where, int):
            if not -self._size <= where < self._size:
                raise IndexError(f"byte {where:,} of {self._size:,}")
            where %= self._size
            return self._window(where // _WINDOW)[where % _WINDOW]
        start, stop, step = where.indices(self._size)
        if step != 1:
            raise ValueError("slices of every byte only")
        first, last = start // _WINDOW, (max(stop, start + 1) - 1) // _WINDOW
        if first == last:
            base = first * _WINDOW
            return self._window(first)[start - base : stop - base] if stop > start else b""
        return self._read(start, stop - start)

    def find(self, what: bytes, start: int = 0) -> int:
        """Where `what` is found first, from `start` on; -1 where it is not."""
        while start + len(what) <= self._size:
            base = start // _WINDOW * _WINDOW
            block = self[base : base + _WINDOW + len(what) - 1]
            if (at := block.find(what, start - base)) >= 0:
                return base + at
            start = base + _WINDOW
        return -1

    def rfind(self, what: bytes) -> int:
        """Where `what` is found last; -1 where it is not."""
        for number in range((self._size - 1) // _WINDOW, -1, -1):
            base = number * _WINDOW
            if (at := self[base : base + _WINDOW + len(what) - 1].rfind(what)) >= 0:
                return base + at
        return -1

    def _window(self, number: int) -> bytes:
        if (found := self._windows.get(number)) is None:
            if len(self._windows) >= _KEPT:
                del self._windows[next(iter(self._windows))]
            start = number * _WINDOW
            found = self._windows[number] = self._read(start, min(_WINDOW, self._size - start))
        return found

    def _read(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        found = self._file.read(count)
        if len(found) < count:
            raise ChangedError("it has become shorter while it was read")
        return found


def unpack(form: str, data: bytes | Stored, at: int = 0) -> tuple[Any, ...]:
    """`struct.unpack_from`, of a file's bytes, too."""
    if isinstance(data, bytes):
        return struct.unpack_from(form, data, at)
    size = struct.calcsize(form)
    return struct.unpack(form, data[at : at + size] if at >= 0 else b"")
