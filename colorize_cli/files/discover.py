"""Find the photos that a command line names: files, folders, globs, lists.

In:  what was typed
Out: `Source`s in an order that depends on their names alone, each once; counts of what was passed over
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from colorize_cli.errors import NothingToDoError, UsageError, printable, quoted
from colorize_cli.files.mirror import Mirror

_JUNK_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", ".ds_store", "ehthumbs.db", "icon\r", ".picasa.ini", ".colorize.lock"}
)
_SIDECAR = re.compile(r"\.hints\.(png|json)$", re.IGNORECASE)
_PART = re.compile(r"^\..*\.part$")


@dataclass(frozen=True)
class PhotoNames:
    """How photos are told from other files.

    Attributes:
        suffixes: of photos, in lower case.
        sniff: gives something for the first 64 bytes of a photo, None for others.
    """

    suffixes: frozenset[str]
    sniff: Callable[[bytes], object | None]


@dataclass(frozen=True)
class Source:
    """One file to be done.

    Attributes:
        path: where it lies, as the user named it.
        relative: its place below the deepest common parent of all inputs, see `Mirror`; its result's name comes of it.
        within: its place under the input that it was found in; its name alone for a file that was named itself.
        fault: why it cannot be done, where that is known already: a folder that cannot be read, a name of a list that
            is not there. It fails by name, like any other that cannot be done.
    """

    path: Path
    relative: Path
    within: Path = Path()
    fault: str = ""

    def __post_init__(self) -> None:
        """What is not said is the same."""
        if self.within == Path():
            object.__setattr__(self, "within", self.relative)


@dataclass
class Discovery:
    """What was found.

    Attributes:
        sources: the files to be done, each once; and what should be done and cannot be, with its fault.
        passed_over: files and folders that were left, by kind.
    """

    sources: list[Source] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


def kinds_of(passed_over: Mapping[str, int]) -> str:
    """What was passed over, in words: "1 hidden folder, 2 system files"."""
    told = [(n, kind if n == 1 else _THING.sub(r"\1s", kind, count=1)) for kind, n in sorted(passed_over.items())]
    return ", ".join(f"{n:,} {kind}" for n, kind in told)


_THING = re.compile(r"\b(file|folder|link|photo)\b")


def discover(
    inputs: Iterable[str | Path],
    *,
    photos: PhotoNames,
    recursive: bool = True,
    leave: Path | None = None,
    is_product: Callable[[Path], bool] = lambda _: False,
    listed: Iterable[str] = (),
) -> Discovery:
    """Find the photos that `inputs` name.

    A file that exists under a name wins over the glob that the name may also be. In a folder, files count as photos
    by their suffix, or by their first bytes where the suffix says nothing. Links are followed, but no file and no
    folder is taken twice.

    Args:
        inputs: files, folders and globs.
        photos: what tells photos from other files in a folder.
        recursive: go into folders within folders.
        leave: a folder not to go into (the output).
        is_product: whether a file in a folder is a result of an earlier run that lies among the sources.
        listed: files and folders from a list: taken as they stand there, no globs; one that does not exist fails alone.

    Raises:
        NothingToDoError: one of `inputs` does not exist, or a glob matches nothing.
        UsageError: no inputs.
    """
    found = Found()
    leave = leave.resolve() if leave is not None else None
    names, more = [str(item) for item in inputs], list(listed)
    if not names and not more:
        raise UsageError("no photos given", hint="Try: colorize photos/ --out colored/")
    typed = [path for name in names for path in _expand(name)]
    paths = [(path, _is_folder(path)) for path in (*typed, *map(_as_listed, more))]
    mirror = Mirror(paths)
    for number, (path, is_folder) in enumerate(paths):
        place = mirror.place(path)
        if not is_folder:
            missing = number >= len(typed) and not os.path.lexists(path)
            found.take(Source(path, place, Path(path.name), "no such file or folder" if missing else ""))
            continue
        for file, fault in _walk(path, recursive, leave, found.passed_over):
            if fault:
                within = file.relative_to(path) / "unreadable folder"  # no file has this name
                found.sources.append(Source(file, place / within, within, fault))
                continue
            kind = _kind_of_junk(file, photos) or ("made by colorize" if is_product(file) else None)
            if kind:
                found.passed_over[kind] += 1
            else:
                within = file.relative_to(path)
                found.take(Source(file, place / within, within))
    return Discovery(found.sources, found.passed_over)


class Found:
    """Sources, each once, under whatever links; hard links are files of their own."""

    def __init__(self) -> None:
        self.sources, self.passed_over = list[Source](), Counter[str]()
        self._seen = dict[tuple[int, int] | str, int]()

    def take(self, source: Source) -> None:
        """Add a file; of one that another input named, too, the better name is kept, whichever comes first."""
        file = source.path
        try:
            status = file.stat()
        except OSError:
            self.sources.append(source)  # it fails later, by name
            return
        own = status.st_nlink > 1 and not file.is_symlink()
        key = os.path.realpath(file) if own else (status.st_dev, status.st_ino)
        known = self._seen.get(key)
        if known is None:
            for seen in (key, (status.st_dev, status.st_ino)):
                self._seen.setdefault(seen, len(self.sources))
            self.sources.append(source)
            return
        self.passed_over["file seen already"] += 1
        if _top(source) != _top(self.sources[known]):
            self.sources[known] = min(self.sources[known], source, key=_quality)


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


def _expand(name: str) -> list[Path]:
    path = Path(name).expanduser()
    try:
        path.lstat()
        return [path]
    except PermissionError as error:
        raise NothingToDoError(f"{printable(name)} cannot be read: {error.strerror}") from error
    except (OSError, ValueError):
        pass
    if glob.has_magic(name):
        matches = sorted(glob.glob(str(path), recursive=True), key=_natural)
        if matches:
            return [Path(match) for match in matches]
        raise NothingToDoError(f"nothing matches {quoted(name)}")
    hint = "Is it spelt right? Quote names that contain spaces."
    raise NothingToDoError(f"no such file or folder: {quoted(name)}", hint=hint)


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


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
            with os.scandir(folder) as entries:
                items = sorted(entries, key=lambda entry: _natural(entry.name))
        except OSError as error:
            yield folder, f"the folder cannot be read: {error.strerror or error}"
            continue
        folders = []
        for item in items:
            path = folder / item.name
            try:
                is_folder = item.is_dir()
            except OSError:  # a link that leads to itself
                is_folder = False
            if not is_folder:
                yield path, ""
            elif item.name.startswith(".") or item.name in ("__MACOSX", "@eaDir"):
                passed_over["hidden folder"] += 1
            elif recursive and (leave is None or path.resolve() != leave):
                folders.append(path)
        waiting += reversed(folders)


def _kind_of_junk(file: Path, photos: PhotoNames) -> str | None:
    """Why a file in a folder is no photo; None where it may be one. A broken photo is no junk: it must fail by name."""
    name = file.name.lower()
    if name in _JUNK_NAMES or name.startswith("._") or _PART.match(name):
        return "system file"
    if _SIDECAR.search(name):
        return "hints"
    if name.endswith("colorize-report.json"):
        return "made by colorize"
    suffix = file.suffix.lower()
    if suffix in photos.suffixes:
        return None
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return "special file"
        with file.open("rb") as handle:
            is_photo = photos.sniff(handle.read(64)) is not None
            return None if is_photo else f"no photo ({suffix or 'no suffix'})"
    except OSError:
        return "broken link" if file.is_symlink() else f"no photo ({suffix or 'no suffix'})"
