"""Find the side-car of each photo by its name, and list what fits no photo.

In:  photos, and the folder or the file that `--hints` names
Out: the side-cars of each photo, and those that belong to none
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import NothingToDoError, UsageError
from colorize_cli.files.below import files_below

SUFFIXES = (".hints.png", ".hints.json")


@dataclass(frozen=True)
class Matches:
    """Which side-cars belong to which photo.

    Attributes:
        by_photo: side-cars of each photo that has any; a photo may have scribbles and points.
        unmatched: side-cars that fit no photo, sorted.
    """

    by_photo: Mapping[Path, tuple[Path, ...]]
    unmatched: tuple[Path, ...]


def list_sidecars(hints: Path) -> tuple[Path, ...]:
    """All side-cars in a folder and below, sorted; or the one file.

    Raises:
        NothingToDoError: there is no such folder or file.
    """
    if hints.is_dir():
        return tuple(path for path in files_below(hints, special=True) if _called(path) is not None)
    if not hints.exists():
        raise NothingToDoError(f"no hints at {hints}", hint="Give --hints a folder of side-cars, or one side-car.")
    return (hints,)


def _called(sidecar: Path) -> str | None:
    """The photo's name that a side-car's name carries ("x" or "x.jpg"), None if it is not named as one."""
    lower = sidecar.name.lower()
    return next((sidecar.name[: -len(end)] for end in SUFFIXES if lower.endswith(end) and len(lower) > len(end)), None)


def _places(hints: Path, photo: Path, root: Path | None) -> list[Path]:
    """Folders in which a photo's side-cars may lie, the mirrored one first."""
    top = hints if hints.is_dir() else hints.parent
    if root is not None and photo.is_relative_to(root):
        return [top / photo.relative_to(root).parent, top]
    return [top]


def _find(photo: Path, root: Path | None, hints: Path, sidecars: Iterable[Path]) -> tuple[Path, ...]:
    for place in _places(hints, photo, root):
        for name in (photo.name, photo.stem):
            found = [path for path in sidecars if path.parent == place and _called(path) == name]
            if found:
                return tuple(sorted(found, key=lambda path: (path.suffix.lower() != ".png", path.name)))
    return ()


def find_sidecar(photo: Path, hints: Path, root: Path | None = None) -> tuple[Path, ...]:
    """The side-cars of one photo, scribbles before points; empty if there are none.

    Args:
        photo: its path.
        hints: a folder that mirrors `root`, or that simply holds the side-cars; or one file.
        root: the folder that the photo was found under.

    Returns:
        Side-cars called `name.hints.png`, `name.hints.json`, or after the whole name, `name.jpg.hints.png`. The
        mirrored place comes before the top of the folder, and the whole name before the stem.

    Raises:
        NothingToDoError: `hints` does not exist.
    """
    return _find(photo, root, hints, list_sidecars(hints))


def match_sidecars(photos: Iterable[tuple[Path, Path | None]], hints: Path) -> Matches:
    """Give each photo its side-cars; one file and one photo belong together whatever their names.

    Args:
        photos: each photo, and the folder it was found under (None if it was named itself).
        hints: what `--hints` names.

    Raises:
        NothingToDoError: `hints` does not exist.
        UsageError: one side-car fits photos of different folders.
    """
    sidecars, photos = list_sidecars(hints), list(photos)
    if not hints.is_dir() and len(photos) == 1:
        return Matches({photos[0][0]: sidecars}, ())
    by_name: dict[str | None, list[Path]] = {}
    for path in sidecars:
        by_name.setdefault(_called(path), []).append(path)
    by_photo, owners = dict[Path, tuple[Path, ...]](), dict[Path, Path]()
    for photo, root in photos:
        found = _find(photo, root, hints, by_name.get(photo.name, []) + by_name.get(photo.stem, []))
        for path in found:
            other = owners.setdefault(path, photo)
            if other.parent != photo.parent:
                raise UsageError(
                    f"{path} fits {other} and {photo}",
                    hint="Put the side-cars into folders as the photos are.",
                )
        if found:
            by_photo[photo] = found
    return Matches(by_photo, tuple(path for path in sidecars if path not in owners))


def unmatched(sidecars: Sequence[Path], photos: Iterable[Path]) -> tuple[Path, ...]:
    """The side-cars whose names fit none of the photos, in their order."""
    names = {name for photo in photos for name in (photo.name, photo.stem)}
    return tuple(path for path in sidecars if _called(path) not in names)
