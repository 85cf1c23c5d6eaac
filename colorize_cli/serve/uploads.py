"""Photos that come from the page, where `--upload` allows it.

In:  a name, and bytes as they come
Out: a new file in the folder of photos; never over another one
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from colorize_cli.errors import UsageError, printable
from colorize_cli.files.names import escape, fit
from colorize_cli.formats.table import PHOTO_NAMES

_HEAD = 64  # bytes by which a photo is known
_MOST_NAMES = 1000


class TooLarge(UsageError):
    """More bytes came than are taken."""


async def receive(folder: Path, name: str, pieces: AsyncIterator[bytes], most: int) -> Path:
    """Keep an upload.

    Args:
        folder: of the photos.
        name: as the page gives it.
        pieces: the file.
        most: bytes that are taken.

    Raises:
        UsageError: the name is none, or the file is no photo.
        TooLarge: it has more bytes.
        OSError: it cannot be written.
    """
    stem, suffix = _checked(name)
    part = folder / f".{os.urandom(8).hex()}.part"
    size, head = 0, b""
    try:
        with part.open("xb") as file:
            async for piece in pieces:
                size += len(piece)
                if size > most:
                    raise TooLarge(f"{printable(name)} is larger than {most >> 20} MB", hint="Raise --max-upload.")
                if len(head) < _HEAD:
                    head += piece[: _HEAD - len(head)]
                    if len(head) == _HEAD and PHOTO_NAMES.sniff(head) is None:
                        break
                file.write(piece)
        if PHOTO_NAMES.sniff(head) is None:
            raise UsageError(f"{printable(name)} is no photo that is known")
        return _placed(part, folder, stem, suffix)
    finally:
        part.unlink(missing_ok=True)


def _checked(name: str) -> tuple[str, str]:
    bad = not name or name != os.path.basename(name) or set(name) & set("/\\\0") or name.startswith(".")
    stem, suffix = os.path.splitext(escape(name)) if not bad else ("", "")
    if not stem or suffix.lower() not in PHOTO_NAMES.suffixes:
        raise UsageError(f"{printable(name)} is no name for a photo", hint="Upload files like a.jpg, .png or .tif.")
    return stem, suffix


def _placed(part: Path, folder: Path, stem: str, suffix: str) -> Path:
    """Give a file a name that no other has."""
    for number in range(1, _MOST_NAMES):
        path = folder / fit(stem if number == 1 else f"{stem}-{number}", suffix)
        try:
            os.link(part, path)
        except FileExistsError:
            continue
        return path
    raise UsageError(f"there are too many files called {printable(stem)}")
