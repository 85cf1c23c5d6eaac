"""Find the photos that a command line names: files, folders, globs, lists.

In:  what was typed
Out: `Source`s in an order that depends on their names alone, each once; counts of what was passed over
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorize_cli.errors import NothingToDoError, UsageError, printable, quoted
from colorize_cli.files.compact_index import CompactIndex
from colorize_cli.files.mirror import Mirror
from colorize_cli.files.natural import in_natural_order
from colorize_cli.files.passed_over import PhotoNames, why_passed_over
from colorize_cli.files.source_list import Source as Source
from colorize_cli.files.source_list import SourceList, TextList


@dataclass
class Discovery:
    """What was found.

    Attributes:
        sources: the files to be done, each once; and what should be done and cannot be, with its fault.
        passed_over: files and folders that were left, by kind.
    """

    sources: SourceList = field(default_factory=SourceList)
    passed_over: Counter[str] = field(default_factory=Counter)


def discover(
    inputs: Iterable[str | Path],
    *,
    photos: PhotoNames,
    recursive: bool = True,
    leave: Path | None = None,
    is_product: Callable[[Path], bool] = lambda _: False,
    listed: Sequence[str] = (),
) -> Discovery:
    """Find the photos that `inputs` name.

    A file that exists under a name wins over the glob that the name may also be. In a folder, files count as photos
    by their suffix, or by their first bytes where the suffix says nothing; hidden ones are passed over.
    Links are followed, but no file and no folder is taken twice.

    Args:
        inputs: files, folders and globs.
        photos: what tells photos from other files in a folder.
        recursive: go into folders within folders.
        leave: a folder not to go into (the output).
        is_product: whether a file in a folder is a result of an earlier run that lies among the sources.
        listed: files and folders from a list: taken as they stand there, no globs; one that does not exist fails alone.

    Raises:
        NothingToDoError: one of `inputs` does not exist, or a glob matches nothing.
        UsageError: no inputs, or a folder that is the whole disk, or holds all that is the user's.
    """
    found = Found()
    leave = leave.resolve() if leave is not None else None
    paths = _Inputs(inputs, listed)
    if not len(paths):
        raise UsageError("no photos given", hint="Try: colorize photos/ --out colored/")
    mirror = Mirror(paths)
    for path, kind in paths.all():
        place = mirror.place(path)
        if kind != _FOLDER:
            found.take(Source(path, place, Path(path.name), _why_missing(path) if kind == _MISSING else ""))
            continue
        if recursive and (whole := _too_much(path)):
            every = f", or {printable(path / '*')} for all" if whole == _HOME else ""
            hint = f"Name the folders with photos{every}; or add --no-recursive."
            raise UsageError(f"{printable(path)} {whole}", hint=hint)
        for file, fault in _walk(path, recursive, leave, found.passed_over):
            if fault:
                within = file.relative_to(path) / "unreadable folder"  # no file has this name
                found.sources.append(Source(file, place / within, within, fault))
                continue
            junk = why_passed_over(file, photos) or ("made by colorize" if is_product(file) else None)
            if junk:
                found.passed_over[junk] += 1
            else:
                within = file.relative_to(path)
                found.take(Source(file, place / within, within))
    return Discovery(found.sources, found.passed_over)


_FILE, _FOLDER, _MISSING = range(3)
_HOME = "is your home folder"


def _too_much(folder: Path) -> str:
    """Why nobody means a folder with all that is below it; empty for others."""
    whole = folder.resolve()
    if whole == whole.parent:
        return "is the whole disk"
    try:
        home = Path.home().resolve()
    except (RuntimeError, OSError):  # a user without one
        return ""
    if whole == home:
        return _HOME
    return "holds your home folder" if home.is_relative_to(whole) else ""


class _Inputs:
    """What was named, and whether each is a folder; to be gone through several times.

    Going through them leaves out the names of a list that are not there: where results lie does not depend on those.
    """

    def __init__(self, inputs: Iterable[str | Path], listed: Sequence[str]) -> None:
        self._names, self._kinds, self._listed = TextList(), bytearray(), listed
        for name in inputs:
            for path in _expand(str(name)):
                self._names.append(str(path))
        typed = len(self._names)
        for number, path in enumerate(self._paths()):
            missing = number >= typed and not os.path.lexists(path)
            self._kinds.append(_MISSING if missing else _FOLDER if _is_folder(path) else _FILE)

    def __len__(self) -> int:
        return len(self._kinds)

    def _paths(self) -> Iterator[Path]:
        """All of them; of a list, which may be long, there is no copy."""
        yield from map(Path, self._names)
        yield from map(_as_listed, self._listed)

    def __iter__(self) -> Iterator[tuple[Path, bool]]:
        return ((path, kind == _FOLDER) for path, kind in self.all() if kind != _MISSING)

    def all(self) -> Iterator[tuple[Path, int]]:
        """Each with what it is, missing ones included."""
        return zip(self._paths(), self._kinds, strict=True)


class Found:
    """Sources, each once, under whatever links; hard links are files of their own."""

    def __init__(self) -> None:
        self.sources, self.passed_over = SourceList(), Counter[str]()
        self._seen = CompactIndex()

    def take(self, source: Source) -> None:
        """Add a file; of one that another input named, too, the better name is kept, whichever comes first."""
        file = source.path
        try:
            status = file.stat()
        except OSError:
            self.sources.append(source)  # it fails later, by name
            return
        key = (status.st_dev, status.st_ino)
        real = os.path.realpath(file) if status.st_nlink > 1 and not file.is_symlink() else None
        known = self._named(real) if real is not None else self._lying(key)
        if known is None:
            if real is not None:
                self._seen.add(hash(real), len(self.sources))
            self._seen.add(hash(key), len(self.sources))
            self.sources.append(source)
            return
        self.passed_over["file seen already"] += 1
        if _top(source) != _top(self.sources[known]):
            self.sources.replace(known, min(self.sources[known], source, key=_quality))

    def _named(self, real: str) -> int | None:
        """The source with this name that is no link."""
        return next((i for i in self._seen.find(hash(real)) if os.path.realpath(self.sources[i].path) == real), None)

    def _lying(self, key: tuple[int, int]) -> int | None:
        """The first source that is this file, by its device and inode."""
        for i in self._seen.find(hash(key)):
            try:
                status = self.sources[i].path.stat()
            except OSError:  # it is gone since
                continue
            if (status.st_dev, status.st_ino) == key:
                return i
        return None


def _top(source: Source) -> Path:
    """The folder that a source was found in or under."""
    return source.path.parents[len(source.within.parts) - 1]


def _quality(source: Source) -> tuple[bool, int, str]:
    """Less for a better name of the same file: no link, and short."""
    linked = source.path.is_symlink() or os.path.realpath(source.path) != os.path.abspath(source.path)
    return linked, len(source.relative.parts), str(source.relative)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # its own folder cannot be entered; it fails later, by name
        return False


def _as_listed(name: str) -> Path:
    path = Path(name)
    return path if os.path.lexists(path) or not name.startswith("~") else path.expanduser()


def _why_missing(path: Path) -> str:
    try:
        os.lstat(path)
    except PermissionError as error:
        return f"it cannot be read: {error.strerror}"
    except OSError:
        pass
    return "no such file or folder"


def _expand(name: str) -> Iterator[Path]:
    path = Path(name).expanduser()
    try:
        path.lstat()
        yield path
        return
    except PermissionError as error:
        raise NothingToDoError(f"{printable(name)} cannot be read: {error.strerror}") from error
    except (OSError, ValueError):
        pass
    if glob.has_magic(name):
        some = False
        for match in in_natural_order(glob.iglob(str(path), recursive=True)):
            some = True
            yield Path(match)
        if some:
            return
        raise NothingToDoError(f"nothing matches {quoted(name)}")
    hint = "Is it spelt right? Quote names that contain spaces."
    raise NothingToDoError(f"no such file or folder: {quoted(name)}", hint=hint)


def _walk(top: Path, recursive: bool, leave: Path | None, passed_over: Counter[str]) -> Iterator[tuple[Path, str]]:
    """Files below a folder with "", and folders that cannot be read with the reason; files before folders."""
    seen, waiting = set[tuple[int, int]](), [top]
    while waiting:
        folder = waiting.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                passed_over["folder seen already"] += 1
                continue
            seen.add((status.st_dev, status.st_ino))
            folders, files = _entries(folder)
        except OSError as error:
            yield folder, f"the folder cannot be read: {error.strerror or error}"
            continue
        for name in in_natural_order(files):
            yield folder / name, ""
        below = list[Path]()
        for name in in_natural_order(folders):
            path = folder / name
            if name.startswith(".") or name in ("__MACOSX", "@eaDir"):
                passed_over["hidden folder"] += 1
            elif recursive and (leave is None or path.resolve() != leave):
                below.append(path)
        waiting += reversed(below)


def _entries(folder: Path) -> tuple[TextList, TextList]:
    """The names in a folder: of folders, and of all else.

    Raises:
        OSError: it cannot be read.
    """
    folders, files = TextList(), TextList()
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link that leads to itself
                is_folder = False
            (folders if is_folder else files).append(entry.name)
    return folders, files
