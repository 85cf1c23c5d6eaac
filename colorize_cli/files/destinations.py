"""Where each result goes: a mirror of the inputs under one folder, in which no two results share a name.

In:  sources, an output folder
Out: a path for each source. It comes of the source's own place alone, except where two would be one file: then all of
     those get something of their own added, their old suffix or a hash of their place, whatever their order
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

from colorize_cli.errors import EncodeError, UsageError, printable
from colorize_cli.files.compact_index import TextIndex
from colorize_cli.files.names import digest, escaped, fit, key, same_file
from colorize_cli.files.source_list import Source

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
        lifted: photos whose names are told apart by a hash since others, that are not here, have them, too.

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
        lifted: Iterable[int] = (),
    ) -> None:
        self.sources, self.out, self.single = sources, out, single
        self._possible = possible
        self._suffix, self._lock = suffix, Lock()
        self._places: TextIndex | None = None
        self._lifted = bytearray(len(sources))  # 1 for photos whose names would be one file: each gets a hash
        for place in lifted:
            self._lifted[place] = 1
        self._folders = TextIndex(lambda place, folder: folder in map(key, _above(self._mirrored(place).parent)))
        self._index()
        self._name_of = lru_cache(maxsize=256)(self._planned)  # asked for several times while a photo is done
        self._guarded = _Guarded(sources, os.path.realpath(single.parent if single is not None else out))
        for place in self._guarded.numbers() if single is None else ():
            if same_file(out / self._planned(place), sources[place].path):
                hint = "Give another --out, or --suffix _color"
                raise UsageError(f"the result of {printable(sources[place].path)} would overwrite it", hint=hint)
        if single is not None and sources and same_file(single, sources[0].path):
            raise UsageError(
                f"the result of {printable(sources[0].path)} would overwrite it", hint="Give another --out"
            )

    def _index(self) -> None:
        """Note who has which name; photos whose names would be one file, or a folder's, get a hash each."""
        self._note_names()
        last: Path | None = None
        for place in range(len(self.sources)):
            folder = self._mirrored(place).parent
            for above in _above(folder) if folder != last else ():
                if (own := key(above)) not in self._folders:
                    self._folders.add(own, place)
                    for other in self._names.find(own):
                        self._lifted[other] = 1
            last = folder
        if any(self._lifted):
            self._note_names()

    def _note_names(self) -> None:
        """Which photos have a name, and which have a stem; those that share a name are marked."""
        self._names = TextIndex(lambda place, name: key(self._planned(place)) == name)
        self._stems = TextIndex(lambda place, stem: key(self._planned(place).with_suffix("")) == stem)
        shared, marked = list[int](), bytes(self._lifted)
        for place in range(len(self.sources)):
            planned = self._planned(place)
            own = key(planned)
            if not marked[place]:
                for other in self._names.find(own):
                    shared += [other, place]
            self._names.add(own, place)
            self._stems.add(key(planned.with_suffix("")), place)
        for place in shared if not any(marked) else ():
            self._lifted[place] = 1

    def _mirrored(self, index: int) -> Path:
        return _mirrored(self.sources[index], self._suffix)

    def _planned(self, index: int) -> Path:
        """Where a result goes by its source's place, and those that share a name, apart."""
        planned = self._mirrored(index)
        return _with_hash(planned, self.sources[index], planned.suffix) if self._lifted[index] else planned

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
        planned = self._name_of(index)
        if file_suffix is not None and planned.suffix != file_suffix:
            planned = self._with_suffix(index, planned, file_suffix)
        out = self.out / planned
        guarded = self._guarded.find(key(planned)) if self._guarded else ()
        found = next((self.sources[place].path for place in guarded), None)
        if found is not None and same_file(out, found):
            raise EncodeError(
                f"its result would overwrite the photo {printable(found)}",
                path=self.sources[index].path,
                hint="Give another --out or --suffix",
            )
        return out

    def has_elsewhere(self, relative: str, out: Path) -> bool:
        """Whether a photo of the batch, by its place as one line, has its result elsewhere: what is at `out` is old."""
        with self._lock:
            if self._places is None:
                self._places = TextIndex(lambda place, told: _told(self.sources[place]) == told)
                for i, source in enumerate(self.sources):
                    self._places.add(_told(source), i)
        place = next(self._places.find(relative), None)
        return place is not None and key(self._planned(place)) != key(out.relative_to(self.out))

    def lock_name(self, index: int) -> str:
        """What stands for a source's result, and all beside it, when runs agree who makes it."""
        return self.single.name if self.single is not None else key(self._name_of(index))

    def _with_suffix(self, index: int, planned: Path, suffix: str) -> Path:
        """The first of `a.png`, `a.gif.png` and `a~hash.png` that no other photo's result may have."""
        for stem in (planned.stem, planned.name):
            if self._is_free(index, planned.with_name(stem), suffix):
                return planned.with_name(fit(stem, suffix))
        return _with_hash(planned, self.sources[index], suffix)

    def _is_free(self, index: int, stem: Path, suffix: str) -> bool:
        wanted = key(stem.with_name(fit(stem.name, suffix)))
        own = key(self._planned(index))
        if wanted in self._folders or any(place != index or wanted != own for place in self._names.find(wanted)):
            return False
        others = [place for place in self._stems.find(key(stem)) if place != index]
        if key(stem) != own and key(stem) in self._names:  # whose suffix may be added to its whole name
            others += [place for place in self._named(stem) if place != index]
        return not any(_may_have(self._possible(place), suffix) for place in others)

    def _named(self, path: Path) -> list[int]:
        """The photos whose planned name is a path."""
        return list(self._names.find(key(path)))

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

    def is_lifted(self, index: int) -> bool:
        """Whether a photo's name is told apart from others by a hash."""
        return bool(self._lifted[index])

    def rivals(self, index: int, suffixes: Iterable[str], endings: Iterable[str], variants: int = 1) -> set[int]:
        """The photos on which a photo's names depend.

        Args:
            index: the photo's place in the batch.
            suffixes: that results may have.
            endings: of pictures that go beside results.
            variants: of each photo, with the first.
        """
        planned, found = self._planned(index), set[int]()
        whole, stem = planned, planned.with_suffix("")
        for name in (whole, stem, stem.with_suffix("") if stem.name else stem):
            found.update(self._stems.find(key(name)), self._names.find(key(name)))
        for name in (whole, stem):
            for suffix in suffixes:
                path = key(name.with_name(fit(name.name, suffix)))
                found.update(self._folders.find(path), self._guarded.find(path))
            for ending in endings:
                found.update(self._names.find(key(name.with_name(fit(name.name, ending)))))
            for number in range(2, variants + 1):
                variant = key(name.with_name(fit(f"{name.name}.variant{number}", "")))
                found.update(self._stems.find(variant))
                for suffix in suffixes:
                    found.update(self._folders.find(variant + suffix))
        found.discard(index)
        return found

    def variant(self, source: Source, out: Path, number: int) -> Path:
        """Where a photo's variant goes, `number` 2 and on; no result of another photo has its name.

        Args:
            source: one of the batch.
            out: its result, the first variant.
            number: of the variant.
        """
        plain = out.with_name(fit(f"{out.stem}.variant{number}", out.suffix))
        if self.single is not None:
            return plain
        planned = plain.relative_to(self.out)
        others = self._stems.find(key(planned.with_suffix("")))
        if key(planned) not in self._folders and not any(_may_have(self._possible(i), out.suffix) for i in others):
            return plain
        return out.with_name(fit(f"{out.stem}~{digest(source.relative)}.variant{number}", out.suffix))

    def _is_first(self, source: Source, stem: Path) -> bool:
        """Whether a photo is the first of those that share a stem, and the stem is no other result's whole name."""
        sharing = [self.sources[place] for place in self._stems.find(key(stem))]
        if any(str(other.relative) < str(source.relative) for other in sharing):
            return False
        if not stem.suffix:
            return True
        named = self._stems.find(key(stem.with_suffix("")))
        return not any(self.sources[i] != source and _may_have(self._possible(i), stem.suffix) for i in named)

    def _is_no_result(self, path: Path) -> bool:
        return key(path) not in self._names


def _mirrored(source: Source, suffix: str) -> Path:
    relative = escaped(source.relative)
    return relative.with_name(fit(relative.stem + suffix, relative.suffix))


def _with_hash(path: Path, source: Source, suffix: str) -> Path:
    return path.with_name(fit(f"{path.stem}~{digest(source.relative)}", suffix))


def _above(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if path.parts]


def _may_have(suffixes: frozenset[str] | None, suffix: str) -> bool:
    return suffixes is None or suffix.lower() in suffixes


def _told(source: Source) -> str:
    """A source's place as one line, as results tell it."""
    return printable(source.relative.as_posix())


class _Guarded:
    """The sources that lie under the output folder, by their place in it: no result may go there."""

    def __init__(self, sources: Sequence[Source], top: str) -> None:
        self.sources, self.top = sources, top
        self._real = lru_cache(maxsize=256)(os.path.realpath)
        self._places, self._index = array("I"), TextIndex(lambda place, own: self._key(sources[place]) == own)
        for place, source in enumerate(sources):
            if self._is_inside(source):
                self._places.append(place)
                self._index.add(self._key(source), place)

    def __bool__(self) -> bool:
        return bool(self._places)

    def numbers(self) -> Iterator[int]:
        """Their places in the batch."""
        return iter(self._places)

    def find(self, name: str) -> Iterator[int]:
        """Those with a place under the output folder."""
        return self._index.find(name)

    def _is_inside(self, source: Source) -> bool:
        real: str = self._real(str(source.path.parent))
        return real == self.top or real.startswith(self.top.rstrip(os.sep) + os.sep)

    def _key(self, source: Source) -> str:
        real = os.path.join(self._real(str(source.path.parent)), source.path.name)
        return key(Path(os.path.relpath(real, self.top)))
