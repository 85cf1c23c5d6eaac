"""Find the photos of a data set and read them: folders, and tar shards with members `[source/]label/name.ext`.

Out: `Member`s, each with a stable name, the source and label that its path says, and a way to its bytes
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from colorize_cli.errors import DataError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})


@dataclass(frozen=True)
class Member:
    """One photo of a data set.

    Attributes:
        name: its path inside the data set; decides the split, so it never depends on where the set lies.
        source: where the set took it from (the first folder), or "" where the path does not say.
        label: its class, or None where there is none (folder `_`, or no folder).
        data: the encoded file.
    """

    name: str
    source: str
    label: str | None
    data: bytes


def _member(name: str, data: bytes) -> Member:
    parts = PurePosixPath(name).parts
    source = parts[0] if len(parts) > 2 else ""
    label = parts[-2] if len(parts) > 1 and parts[-2] != "_" else None
    return Member(name, source, f"{source}/{label}" if label else None, data)


def shards_of(path: Path) -> list[Path]:
    """The tar shards at `path`, a shard or a folder of them; empty where there are none."""
    if path.is_file():
        return [path] if path.suffix == ".tar" else []
    return sorted(path.glob("*.tar"))


def read_members(path: Path) -> Iterator[Member]:
    """Read a data set's photos one after the other, in an order that depends on their names alone.

    Raises:
        DataError: nothing is there, or a shard is broken.
    """
    if not path.exists():
        raise DataError(f"no data set at {path}", hint="Give --data a folder of photos, or a folder of .tar shards.")
    shards = shards_of(path)
    if shards:
        for shard in shards:
            yield from _read_shard(shard)
        return
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in PHOTO_SUFFIXES and file.is_file():
            yield _member(file.relative_to(path).as_posix(), file.read_bytes())


def _read_shard(shard: Path) -> Iterator[Member]:
    try:
        with tarfile.open(shard) as archive:
            for entry in archive:
                handle = archive.extractfile(entry) if entry.isfile() else None
                if handle is not None and PurePosixPath(entry.name).suffix.lower() in PHOTO_SUFFIXES:
                    yield _member(entry.name, handle.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"cannot read the shard {shard}: {error}", hint="Copy or pull it again.") from error
