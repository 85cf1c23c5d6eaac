"""A part of a batch, for one of many machines: which photos are in it follows from their own paths alone.

In:  text such as `3/16`; the relative paths of photos
Out: whether a photo belongs to that part; every photo belongs to exactly one of the 16
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import UsageError, quoted

_FORM = re.compile(r"\s*(\d{1,7})\s*/\s*(\d{1,7})\s*")


@dataclass(frozen=True)
class Shard:
    """One of `of` parts, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `3/16`.

        Raises:
            UsageError: it is no such part.
        """
        found = _FORM.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"--shard {quoted(text)} is no part of a whole", hint="Give 1/16 to 16/16, say.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, relative: Path) -> bool:
        """Whether a photo belongs to it, by its place below the common parent of all inputs."""
        return shard_of(relative, self.of) == self.number


def shard_of(relative: Path, count: int) -> int:
    """The number of a photo's part, 1 to `count`; the same on every machine and in every version."""
    digest = hashlib.sha256(os.fsencode(relative.as_posix())).digest()
    return 1 + int.from_bytes(digest[:8], "big") % count
