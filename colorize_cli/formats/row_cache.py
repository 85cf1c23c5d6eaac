"""Keep the rows of a large file between the two times that they are needed, where memory is meant for them.

In:  a `BlockReader` of one page
Out: the same reader, which reads its file once
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from colorize_cli.formats.blocks import BlockReader
from colorize_cli.formats.declared import Rows
from colorize_cli.formats.decoded import DecodedPage

CAPACITY = 512 << 20  # bytes for the rows of all files at once: 400 megapixels of grey, and some


class RowCache:
    """Memory for rows, which many threads share.

    Args:
        capacity: bytes.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._free, self._lock = capacity, Lock()

    def caching(self, reader: BlockReader) -> BlockReader:
        """The reader, with its rows kept from the first whole reading on, until nobody refers to it any more.

        Where there is no room at the moment they are read again. Whether or not, they are the file's own rows, so that
        what is made of them does not depend on what else is under way; a decoder's reduced copy is not asked for.
        """
        pixels = reader.photo.pages[0].pixels
        read, size = reader.readers[0], pixels.size * pixels.itemsize
        if not self._took(size):
            return replace(reader, reduced=None)
        rows = _CachedRows(read, reader.read_whole or read)
        weakref.finalize(rows, self._put_back, size).atexit = False
        return replace(reader, readers=(rows,), reduced=None, let_go=rows.let_go)

    def _took(self, size: int) -> bool:
        with self._lock:
            if size > self._free:
                return False
            self._free -= size
            return True

    def _put_back(self, size: int) -> None:
        with self._lock:
            self._free += size


class _CachedRows:
    """A reader that reads once, until it is to let go; see `BlockReader.readers`."""

    def __init__(self, read: Callable[[], Rows], first: Callable[[], Rows]) -> None:
        self._read, self._first, self._rows = read, first, list[tuple[int, DecodedPage]]()
        self._whole = self._gone = False

    def __call__(self) -> Rows:
        if self._whole or self._gone:
            yield from self._rows if self._whole else self._read()
            return
        self._rows.clear()
        for rows in self._first():
            self._rows.append(rows)
            yield rows
        self._whole = True

    def let_go(self) -> None:
        """Free the rows, and keep none any more."""
        self._rows, self._whole, self._gone = [], False, True
