"""Whether a thread may still put files in their places: one whose photo has failed meanwhile may not.

In:  the work of a thread, under its `Permit`
Out: files that get their names while the permit stands; what is half-written when it is taken away goes

A thread that hangs cannot be ended. Where its photo has been told as failed, a result that it writes later would stand
for a photo that has none, or take an older one's place.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 1.0  # seconds that a file takes to get its name, at most
_own = threading.local()


class Permit:
    """Lets the thread that works under it write files, until it is taken away by another thread."""

    def __init__(self) -> None:
        self._lock, self._parts, self._revoked = threading.Lock(), set[Path](), False

    def revoke(self) -> None:
        """Take it away: no file gets its name any more, and what is half-written is removed."""
        locked = self._lock.acquire(timeout=_PATIENCE)  # where a rename hangs, so would whoever waits for it
        self._revoked = True
        for part in tuple(self._parts):
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        if locked:
            self._lock.release()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """In this block it stands, and cannot be taken away.

        Raises:
            OSError: it was taken away.
        """
        with self._lock:
            if self._revoked:
                raise OSError(errno.ECANCELED, "the photo has failed meanwhile")
            yield

    @contextlib.contextmanager
    def writing(self, part: Path) -> Iterator[None]:
        """In this block a temporary file is made, which goes when the permit does.

        Raises:
            OSError: the permit was taken away.
        """
        with self.held():
            self._parts.add(part)
        try:
            yield
        finally:
            with self._lock:
                self._parts.discard(part)


@contextlib.contextmanager
def under(permit: Permit) -> Iterator[None]:
    """What this thread writes in this block, it writes under a permit."""
    before, _own.permit = getattr(_own, "permit", None), permit
    try:
        yield
    finally:
        _own.permit = before


def current() -> Permit:
    """The permit that this thread works under; where it has none, one that nobody takes away."""
    return getattr(_own, "permit", None) or Permit()
