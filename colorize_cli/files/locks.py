"""Locks on results, so that two runs into one folder do each photo once.

In:  an output folder; names of results in it
Out: whether a name is ours now; the system drops a lock when its process ends, however it ends

All locks are bytes of one file in the folder, `.colorize.lock`, which the last run removes. Nothing but locks is in it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
import time
from pathlib import Path

LOCK_NAME = ".colorize.lock"
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class _LockFile:
    """The open lock file of a folder; one for the whole process, since closing any descriptor drops all its locks."""

    def __init__(self, path: Path) -> None:
        self.path, self.users, self.held = path, 0, set[int]()
        self.number: int | None = None
        with contextlib.suppress(OSError):
            self._open()

    def _open(self) -> None:
        for _ in range(100):
            self.number = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            try:
                _lock(self.number, 0, shared=True)  # while a run has this byte, no other removes the file
                if os.path.samestat(os.fstat(self.number), os.stat(self.path)):
                    return
            except OSError as error:
                if error.errno not in (*_TAKEN, errno.ENOENT):
                    self._close()
                    raise
            self._close()
            time.sleep(0.01)

    def take(self, byte: int) -> bool:
        """Lock a byte; False where another run has it. Where the file system has no locks every byte is free."""
        if byte in self.held:
            return False
        if self.number is not None:
            try:
                _lock(self.number, byte)
            except OSError as error:
                if error.errno in _TAKEN:
                    return False
        self.held.add(byte)
        return True

    def release(self, byte: int) -> None:
        """Unlock a byte."""
        self.held.discard(byte)
        if self.number is not None:
            with contextlib.suppress(OSError):
                _unlock(self.number, byte)

    def end(self) -> None:
        """Remove the file if no other run uses it, and close it."""
        if self.number is None:
            return
        with contextlib.suppress(OSError):
            _lock(self.number, 0)
            self.path.unlink()
        self._close()

    def _close(self) -> None:
        if self.number is not None:
            os.close(self.number)
            self.number = None


_FILES: dict[str, _LockFile] = {}
_GUARD = threading.Lock()


class ResultLocks:
    """The locks of one run; its methods may be called in any thread.

    Args:
        folder: the output folder. It is there when the first lock is taken.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: _LockFile | None = None
        self._mine: set[int] = set()

    def take(self, name: str) -> bool:
        """Take a result for this run; False where another run has it."""
        byte = _byte(name)
        with _GUARD:
            if self._file is None:
                path = Path(os.path.realpath(self.folder)) / LOCK_NAME
                if str(path) not in _FILES:
                    _FILES[str(path)] = _LockFile(path)
                self._file = _FILES[str(path)]
                self._file.users += 1
            if not self._file.take(byte):
                return False
            self._mine.add(byte)
            return True

    def release(self, name: str) -> None:
        """Give a result back; one that was not taken stays as it is."""
        byte = _byte(name)
        with _GUARD:
            if self._file is not None and byte in self._mine:
                self._mine.discard(byte)
                self._file.release(byte)

    def close(self) -> None:
        """Give all back."""
        with _GUARD:
            if self._file is None:
                return
            for byte in self._mine:
                self._file.release(byte)
            self._mine.clear()
            self._file.users -= 1
            if not self._file.users:
                self._file.end()
                _FILES.pop(str(self._file.path), None)
            self._file = None


def _byte(name: str) -> int:
    """The byte that stands for a name, 1 and on."""
    return 1 + int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:7], "big") // 2


if os.name == "posix":
    import fcntl

    def _lock(number: int, byte: int, shared: bool = False) -> None:
        fcntl.lockf(number, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, 1, byte)

    def _unlock(number: int, byte: int) -> None:
        fcntl.lockf(number, fcntl.LOCK_UN, 1, byte)

else:  # locks of Windows are never shared, so the file stays where it is
    import msvcrt

    def _lock(number: int, byte: int, shared: bool = False) -> None:
        if byte == 0:
            if not shared:
                raise OSError(errno.EACCES, "the file stays")
            return
        os.lseek(number, byte, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

    def _unlock(number: int, byte: int) -> None:
        os.lseek(number, byte, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
