"""The photos of a batch, at a few bytes each: a list of a million is no burden.

In:  `Source`s, one after the other
Out: a sequence of them, in which each is made anew when it is asked for
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, overload


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


Item = TypeVar("Item")


class CompactList(Sequence[Item]):
    """A list whose items are made anew when they are asked for; equal to any sequence of equal items."""

    def _at(self, place: int) -> Item:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        places = range(len(self))[index]
        return self._at(places) if isinstance(places, int) else [self._at(place) for place in places]

    def __iter__(self) -> Iterator[Item]:
        for place in range(len(self)):
            yield self._at(place)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class TextList(CompactList[str]):
    """Texts in one block of bytes; what stands in them for bytes that are no UTF-8 is kept."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("Q", [0])

    def append(self, text: str) -> None:
        """Add a text."""
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _at(self, place: int) -> str:
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")


class SourceList(CompactList[Source]):
    """Sources of which only names are kept; those of one folder that follow each other share what they have in common.

    A source that does not fit (its result is named unlike it, say) is kept as it is.
    """

    def __init__(self) -> None:
        self._names, self._folders = TextList(), TextList()
        self._folder_of, self._odd = array("I"), dict[int, Source]()
        self._last = ""  # the folder that was added last
        self._read: tuple[int, str, str, int, str] = (-1, "", "", 0, "")  # the one that was read last

    def append(self, source: Source) -> None:
        """Add a source."""
        folder, name = os.path.split(str(source.path))
        relative = os.path.split(str(source.relative))
        depth = len(source.within.parts)
        shared = f"{folder}\0{relative[0]}\0{depth}\0{source.fault}"
        if shared != self._last:
            self._folders.append(shared)
            self._last = shared
        self._names.append(name)
        self._folder_of.append(len(self._folders) - 1)
        if relative[1] != name or source.within.name != name or self[-1] != source:
            self._odd[len(self) - 1] = source

    def replace(self, place: int, source: Source) -> None:
        """Put another source in a place."""
        self._odd[place] = source

    def __len__(self) -> int:
        return len(self._folder_of)

    def _at(self, place: int) -> Source:
        if place in self._odd:
            return self._odd[place]
        number, read = self._folder_of[place], self._read
        if read[0] != number:
            folder, above, depth, fault = self._folders[number].split("\0", 3)
            read = self._read = (number, folder, above, int(depth), fault)
        name = self._names[place]
        relative = Path(read[2], name)
        within = Path(name) if read[3] == 1 else Path(*relative.parts[-read[3] :])
        return Source(Path(read[1], name), relative, within, read[4])
