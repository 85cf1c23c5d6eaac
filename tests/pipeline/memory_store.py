"""A store in memory, by fsspec: files put into it, and what lies in it."""

from __future__ import annotations

import uuid
from pathlib import Path

import fsspec

MEMORY = fsspec.filesystem("memory")


def new_bucket() -> str:
    """The address of an empty folder."""
    return f"memory://{uuid.uuid4().hex}"


def upload(folder: Path, url: str) -> None:
    for path in sorted(folder.rglob("*.*")):
        MEMORY.pipe_file(f"{url}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def objects(url: str) -> dict[str, bytes]:
    root = MEMORY._strip_protocol(url)
    return {name.removeprefix(f"{root}/"): MEMORY.cat_file(name) for name in MEMORY.find(root)}
