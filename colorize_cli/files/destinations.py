"""Where each result goes: a mirror of the inputs under one folder, in which no two results share a name.

In:  sources, an output folder
Out: a path for each source. It comes of the source's own place alone, except where two would be one file: then all of
     those get something of their own added, their old suffix or a hash of their place, whatever their order
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from colorize_cli.errors import EncodeError, UsageError, printable
from colorize_cli.files.discover import Source
from colorize_cli.files.names import digest, escape, fit, key, same_file

_ANY: frozenset[str] | None = None


class Destinations:
    """The plan of names for one batch.

    Args:
        sources: all photos of the batch.
        out: the folder that mirrors them.
        suffix: text added to each stem, such as `_color`.
        single: the file that the only source becomes, instead of a mirror.
        possible: the suffixes, in lower case, that the result of a source may have, by its place in the batch; None
            where any. Asked only of photos whose names differ in their suffixes alone.

    Raises:
        UsageError: a result would land on its own source.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        out: Path,
        suffix: str = "",
        single: Path | None = None,
        possible: Callable[[int], frozenset[str] | None] = lambda _: _ANY,
    ) -> None:
        self.sources, self.out, self.single = sources, out, single
        self._possible = possible
        self._places: dict[str, int] | None = None
        self._planned = [_mirrored(source, suffix) for source in sources]
        self._folders = {key(folder) for path in {path.parent for path in self._planned} for folder in _above(path)}
        self._names: dict[str, int] = {}  # how many photos have a name, and which have a stem
        self._stems: dict[str, list[int]] = {}
        self._lift_apart()
        self._guarded = _inside(sources, single.parent if single is not None else out)
        for place, source in self._guarded.values() if single is None else ():
            if same_file(out / self._planned[place], source.path):
                hint = "Give another --out, or --suffix _color"
                raise UsageError(f"the result of {printable(source.path)} would overwrite it", hint=hint)
        if single is not None and sources and same_file(single, sources[0].path):
            raise UsageError(
                f"the result of {printable(sources[0].path)} would overwrite it", hint="Give another --out"
            )

    def _lift_apart(self) -> None:
        """Give photos whose names would be one file a hash each, and note who has which name."""
        for path in self._planned:
            self._names[key(path)] = self._names.get(key(path), 0) + 1
        for place, path in enumerate(self._planned):
            if self._names[key(path)] > 1 or key(path) in self._folders:
                self._planned[place] = _with_hash(path, self.sources[place], path.suffix)
        self._names.clear()
        for place, path in enumerate(self._planned):
            own = key(path)
            self._names[own] = self._names.get(own, 0) + 1
            self._stems.setdefault(key(path.with_suffix("")), []).append(place)

    def path(self, index: int, file_suffix: str | None = None) -> Path:
        """Where a source's result goes.

        Args:
            index: the source's place in the batch.
            file_suffix: the suffix that the result's format needs, with its dot; None keeps the source's.

        Raises:
            EncodeError: the file there is another photo of the batch.
        """
        if self.single is not None:
            return self.single
        planned = self._planned[index]
        if file_suffix is not None and planned.suffix != file_suffix:
            planned = self._with_suffix(index, planned, file_suffix)
        out = self.out / planned
        found = self._guarded.get(key(planned)) if self._guarded else None
        if found is not None and same_file(out, found[1].path):
            raise EncodeError(
                f"its result would overwrite the photo {printable(found[1].path)}",
                path=self.sources[index].path,
                hint="Give another --out or --suffix",
            )
        return out

    def has_elsewhere(self, relative: str, out: Path) -> bool:
        """Whether a photo of the batch, by its place as one line, has its result elsewhere: what is at `out` is old."""
        if self._places is None:
            self._places = {printable(source.relative.as_posix()): i for i, source in enumerate(self.sources)}
        place = self._places.get(relative)
        return place is not None and key(self._planned[place]) != key(out.relative_to(self.out))

    def lock_name(self, index: int) -> str:
        """What stands for a source's result, and all beside it, when runs agree who makes it."""
        return self.single.name if self.single is not None else key(self._planned[index])

    def _with_suffix(self, index: int, planned: Path, suffix: str) -> Path:
        """The first of `a.png`, `a.gif.png` and `a~hash.png` that no other photo's result may have."""
        for stem in (planned.stem, planned.name):
            if self._is_free(index, planned.with_name(stem), suffix):
                return planned.with_name(fit(stem, suffix))
        return _with_hash(planned, self.sources[index], suffix)

    def _is_free(self, index: int, stem: Path, suffix: str) -> bool:
        wanted = key(stem.with_name(fit(stem.name, suffix)))
        own = key(self._planned[index])
        if wanted in self._folders or self._names.get(wanted, 0) > (wanted == own):
            return False
        others = [place for place in self._stems.get(key(stem), ()) if place != index]
        if key(stem) != own and key(stem) in self._names:  # whose suffix may be added to its whole name
            others += [place for place in self._named(stem) if place != index]
        return not any(_may_have(self._possible(place), suffix) for place in others)

    def _named(self, path: Path) -> list[int]:
        """The photos whose planned name is a path."""
        return [i for i in self._stems.get(key(path.with_suffix("")), ()) if key(self._planned[i]) == key(path)]

    def beside(self, source: Source, out: Path, ending: str) -> Path:
        """Where a picture that goes with a source's result goes; no other has its name, nor any result.

        Args:
            source: one of the batch.
            out: its result.
            ending: `.compare.jpg` or `.variants.jpg`.
        """
        if self.single is not None:
            return out.with_name(fit(out.stem, ending))
        folder = out.relative_to(self.out).parent
        if self._is_first(source, folder / out.stem) and self._is_no_result(folder / fit(out.stem, ending)):
            return out.with_name(fit(out.stem, ending))
        if self._is_no_result(folder / fit(out.name, ending)):
            return out.with_name(fit(out.name, ending))
        return out.with_name(fit(f"{out.stem}~{digest(source.relative)}", ending))

    def _is_first(self, source: Source, stem: Path) -> bool:
        """Whether a photo is the first of those that share a stem, and the stem is no other result's whole name."""
        sharing = [self.sources[place] for place in self._stems.get(key(stem), ())]
        if any(str(other.relative) < str(source.relative) for other in sharing):
            return False
        if not stem.suffix:
            return True
        named = self._stems.get(key(stem.with_suffix("")), ())
        return not any(self.sources[i] != source and _may_have(self._possible(i), stem.suffix) for i in named)

    def _is_no_result(self, path: Path) -> bool:
        return key(path) not in self._names


def _mirrored(source: Source, suffix: str) -> Path:
    relative = Path(*(escape(part) for part in source.relative.parts))
    return relative.with_name(fit(relative.stem + suffix, relative.suffix))


def _with_hash(path: Path, source: Source, suffix: str) -> Path:
    return path.with_name(fit(f"{path.stem}~{digest(source.relative)}", suffix))


def _above(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if path.parts]


def _may_have(suffixes: frozenset[str] | None, suffix: str) -> bool:
    return suffixes is None or suffix.lower() in suffixes


def _inside(sources: Sequence[Source], out: Path) -> dict[str, tuple[int, Source]]:
    """The sources that lie under the output folder, by their place in it: no result may go there."""
    top = os.path.realpath(out)
    real = dict[Path, str]()
    found = dict[str, tuple[int, Source]]()
    for place, source in enumerate(sources):
        parent = source.path.parent
        if parent not in real:
            real[parent] = os.path.realpath(parent)
        if real[parent] == top or real[parent].startswith(top.rstrip(os.sep) + os.sep):
            found[key(Path(os.path.relpath(os.path.join(real[parent], source.path.name), top)))] = (place, source)
    return found
