"""Names that every file system can hold, and when two of them are one.

In:  parts of paths
Out: names without what Windows reserves, of at most 255 bytes; a key that is equal for names that may be one file
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"\\|?*]|[. ]$')
_MAX_BYTES = 255  # of one name, on every common file system


def key(path: Path) -> str:
    """Equal for paths that a case-insensitive or normalizing file system takes for one."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def escape(name: str) -> str:
    """One part of a path in a form that every system can hold; reserved characters and names become %XX."""
    name = _FORBIDDEN.sub(lambda match: f"%{ord(match[0]):02X}", name) if name not in (".", "..") else name
    stem, dot, rest = name.partition(".")
    return f"%{ord(stem[0]):02X}{stem[1:]}{dot}{rest}" if _RESERVED.match(stem) else name


def escaped(relative: Path) -> Path:
    """A place whose parts every system can hold."""
    return Path(*map(escape, relative.parts))


def fit(stem: str, suffix: str) -> str:
    """`stem + suffix`, shortened with a hash of the whole where the name is longer than file systems allow."""
    name = stem + suffix
    if len(name.encode("utf-8", "surrogateescape")) <= _MAX_BYTES:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    room = _MAX_BYTES - len(suffix.encode()) - 9
    return stem.encode("utf-8", "surrogateescape")[:room].decode("utf-8", "ignore") + f"~{digest}" + suffix


def digest(relative: Path) -> str:
    """Eight digits that stand for a source's own place, whatever else is there."""
    return hashlib.sha256(os.fsencode(relative.as_posix())).hexdigest()[:8]


def same_file(first: Path, second: Path) -> bool:
    """Whether two paths are one file; a path that does not exist is no file."""
    try:
        return first.samefile(second)
    except OSError:
        return False
