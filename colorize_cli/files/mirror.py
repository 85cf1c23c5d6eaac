"""Where a source stands among all inputs: its path below their deepest common parent.

In:  the files and folders that a command names
Out: for each a relative path, from which its result's name comes

A single folder is mirrored by what is in it, a single file has its name alone. Of several inputs each folder keeps its
name, and all stand below the deepest folder that has them all. Paths are compared as they are typed, not where links
lead; only where that leaves nothing in common, by where they lie.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def logical(path: Path, base: Path) -> Path:
    """A path made absolute as the shell shows it: links in it stay, but for those before a `..`.

    Args:
        path: as typed.
        base: the working folder.
    """
    if ".." in path.parts:
        return Path(os.path.realpath(base / path))
    return Path(os.path.normpath(base / path))


def working_folder() -> Path:
    """The working folder by the name that led to it, where the shell tells it."""
    real, told = os.getcwd(), os.environ.get("PWD", "")
    try:
        if os.path.isabs(told) and os.path.samefile(told, real):
            return Path(os.path.normpath(told))
    except OSError:
        pass
    return Path(real)


class Mirror:
    """The places of inputs below their deepest common parent.

    Args:
        inputs: files and folders, and whether each is a folder; gone through several times.
    """

    def __init__(self, inputs: Iterable[tuple[Path, bool]]) -> None:
        self._base = working_folder()
        folders = {logical(path, self._base) for path, is_folder in inputs if is_folder}
        self._names = _names(folders)
        self._really = False
        first, more = self._first(inputs)
        if not more:
            self.root: Path | None = first if first in folders or first is None else first.parent
            return
        self.root = _common(top.parent for top in self._tops(inputs))
        if self.root is None or self.root == Path(self.root.anchor):
            real = _common(_lies(top).parent for top in self._tops(inputs))
            if real is not None and real != Path(real.anchor):
                self.root, self._really = real, True

    def _tops(self, inputs: Iterable[tuple[Path, bool]]) -> Iterator[Path]:
        for path, _ in inputs:
            top = logical(path, self._base)
            yield self._names.get(top, top)

    def _first(self, inputs: Iterable[tuple[Path, bool]]) -> tuple[Path | None, bool]:
        """The first input, and whether there is another."""
        first: Path | None = None
        for top in self._tops(inputs):
            if first is not None and top != first:
                return first, True
            first = top
        return first, False

    def place(self, path: Path) -> Path:
        """An input's place; `.` for the only folder."""
        path = logical(path, self._base)
        path = self._names.get(path, path)
        if self._really:
            path = _lies(path)
        if self.root is not None and path.is_relative_to(self.root):
            return path.relative_to(self.root)
        return Path(path.drive.replace(":", "").strip("\\/"), *path.parts[1:])


def _names(folders: Iterable[Path]) -> dict[Path, Path]:
    """For each folder the name that it goes by: of one that was named twice, that which is no link."""
    found = dict[tuple[int, int] | Path, list[Path]]()
    for path in folders:
        try:
            status = os.stat(path)
            found.setdefault((status.st_dev, status.st_ino), []).append(path)
        except OSError:
            found[path] = [path]
    best = (min(paths, key=lambda path: (path.is_symlink(), str(path))) for paths in found.values())
    return {path: name for paths, name in zip(found.values(), best, strict=True) for path in paths}


def _lies(path: Path) -> Path:
    """Where a path lies, under its own name."""
    return Path(os.path.realpath(path.parent)) / path.name


def _common(paths: Iterable[Path]) -> Path | None:
    """The deepest folder above or at all paths; None on different drives."""
    common: str | None = None
    try:
        for path in paths:
            text = str(path)
            if common is None or text == common:
                common = text
            elif not text.startswith(common + os.sep):
                common = os.path.commonpath((common, text))
    except ValueError:
        return None
    return None if common is None else Path(common)
