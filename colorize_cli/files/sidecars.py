"""Which files beside a photo say something about it, and how they are named beside its result.

In:  a photo's path; the names in its folder
Out: `Sidecar`s, and what was left since it may belong to another photo

`photo.jpg.xmp` (darktable, digiKam) is `photo.jpg`'s. `photo.xmp` (Adobe) is so if no other photo of that stem lies
there, or if it names the suffix. Google Takeout's `photo.jpg.json` has longer names, too, cut at 46 characters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Literal

RAW_SUFFIXES = frozenset(
    {".3fr", ".ari", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25"}
    | {".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".raw", ".rw2", ".rwl", ".sr2"}
    | {".srf", ".srw", ".x3f"}
)
_FILMS = frozenset({".mp4", ".mov", ".avi", ".mts", ".m2ts", ".3gp"})
_FOLDERS = 64  # whose names are kept
_LONGEST = 46  # characters of a Takeout name before .json
_TAIL = ".supplemental-metadata"
_NUMBERED = re.compile(r"^(.*)(\(\d+\))(\.[^.]*)$")


@dataclass(frozen=True)
class Sidecar:
    """A file that says something about a photo.

    Attributes:
        path: the file.
        kind: what is in it.
        owner: "name" where its name holds the photo's whole name; "stem" where only the stem; "cut" where the photo's
            name was too long for it. What only has the stem, or part of the name, may be another photo's.
        rivals: other photos in the folder that it may belong to.
    """

    path: Path
    kind: Literal["xmp", "json"]
    owner: Literal["name", "stem", "cut"]
    rivals: tuple[str, ...] = ()


class Folders:
    """The names in the folders of a batch, each folder read once; those of the last are kept, for many threads.

    Args:
        suffixes: of photos, in lower case.
    """

    def __init__(self, suffixes: Collection[str]) -> None:
        self._pictures = frozenset(suffixes) | RAW_SUFFIXES | _FILMS
        self._names = lru_cache(maxsize=_FOLDERS)(partial(_Names.of, pictures=self._pictures))
        self._lock = Lock()

    def sidecars_of(self, photo: Path) -> list[Sidecar]:
        """The files in a photo's folder that say, or may say, something about it."""
        with self._lock:
            names = self._names(photo.parent)
        return [*_xmp(photo, names), *_json(photo, names)] if names.any else []


@dataclass(frozen=True)
class _Names:
    """What lies in a folder.

    Attributes:
        any: it has a file that may be a side-car.
        spelt: by its lower-case form, each name that may be a side-car's.
        stems: by their stems, pictures.
        cut: by their first 46 characters, the pictures whose names are longer.
        pictures: suffixes of what a side-car may be of.
    """

    any: bool
    spelt: dict[str, str]
    stems: dict[str, list[str]]
    cut: dict[str, list[str]]
    pictures: frozenset[str]

    @classmethod
    def of(cls, folder: Path, pictures: frozenset[str]) -> _Names:
        try:
            with os.scandir(folder) as entries:
                some = any(entry.name.lower().endswith((".xmp", ".json")) for entry in entries)
            names = sorted(os.listdir(folder)) if some else []
        except OSError:
            names = []
        spelt = {name.lower(): name for name in names if name.lower().endswith((".xmp", ".json"))}
        stems, cut = dict[str, list[str]](), dict[str, list[str]]()
        for name in names if spelt else ():
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in pictures:
                stems.setdefault(stem, []).append(name)
                if len(name) > _LONGEST:
                    cut.setdefault(name[:_LONGEST], []).append(name)
        return cls(bool(spelt), spelt, stems, cut, pictures)


def _xmp(photo: Path, names: _Names) -> Iterator[Sidecar]:
    whole = names.spelt.get(f"{photo.name}.xmp".lower())
    if whole and whole[:-4] == photo.name:
        yield Sidecar(photo.with_name(whole), "xmp", "name")
    short = names.spelt.get(f"{photo.stem}.xmp".lower())
    if short and short[:-4] == photo.stem:
        # a stem with a photo's suffix of its own is that photo's name: a.jpg.xmp is a.jpg's, not a.jpg.tif's
        owner = [photo.stem] if os.path.splitext(photo.stem)[1].lower() in names.pictures else []
        rivals = [name for name in names.stems.get(photo.stem, ()) if name != photo.name]
        yield Sidecar(photo.with_name(short), "xmp", "stem", tuple(owner + rivals))


def _json(photo: Path, names: _Names) -> Iterator[Sidecar]:
    name, number = photo.name, ""
    if match := _NUMBERED.match(name):
        name, number = match[1] + match[3], match[2]
    for count in range(len(_TAIL) + 1):
        tails = {f"{name}{_TAIL[:count]}{number}.json", *((f"{photo.name}{_TAIL[:count]}.json",) if number else ())}
        for tail in sorted(tails):
            if found := names.spelt.get(tail.lower()):
                yield Sidecar(photo.with_name(found), "json", "name")
                return
    if len(photo.name) > _LONGEST and (found := names.spelt.get(f"{photo.name[:_LONGEST]}.json".lower())):
        rivals = [other for other in names.cut.get(photo.name[:_LONGEST], ()) if other != photo.name]
        yield Sidecar(photo.with_name(found), "json", "cut", tuple(rivals))


def beside(sidecar: Sidecar, photo: Path, result: Path) -> Path:
    """Where a side-car goes: named after the result as it is after the photo."""
    own = sidecar.path.name
    if result.name == photo.name:
        return result.with_name(own)
    if sidecar.kind == "xmp":
        return result.with_name((result.stem if sidecar.owner == "stem" else result.name) + own[-4:])
    if sidecar.owner == "name" and own.startswith(photo.name):
        return result.with_name(result.name + own[len(photo.name) :])
    before, after = _NUMBERED.match(photo.name), _NUMBERED.match(result.name)
    if sidecar.owner == "name" and before and after and before[2] == after[2]:
        return result.with_name(after[1] + after[3] + own[len(before[1] + before[3]) :])
    return result.with_name(f"{result.name}.json")
