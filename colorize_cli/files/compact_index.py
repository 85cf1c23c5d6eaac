"""Find numbers by what they stand for, at a few bytes each: for lists of millions of files.

In:  hashes of keys, each with a number (a photo's place, say)
Out: the numbers whose key may be the one that is asked for; the caller compares the keys themselves
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

_LEAST = 1024  # slots
_EMPTY = -1
_WHOLE = (1 << 64) - 1


class CompactIndex:
    """A table of hashes and numbers with open addressing: 16 bytes a slot, at most two thirds of them in use.

    A Python dictionary of the same content takes about ten times as much.
    """

    def __init__(self) -> None:
        self._hashes, self._numbers = _empty(_LEAST)
        self._used = 0

    def __len__(self) -> int:
        """How many numbers are in it."""
        return self._used

    def add(self, hashed: int, number: int) -> None:
        """Add a number, 0 and on, under the hash of its key; several may share one."""
        if 3 * self._used >= 2 * len(self._numbers):
            self._grow()
        self._put(hashed & _WHOLE, number)
        self._used += 1

    def find(self, hashed: int) -> Iterator[int]:
        """The numbers with this hash, in the order in which they came."""
        hashed &= _WHOLE
        hashes, numbers = self._hashes, self._numbers
        mask = len(numbers) - 1
        slot = _slot(hashed, mask)
        while (number := numbers[slot]) != _EMPTY:
            if hashes[slot] == hashed:
                yield number
            slot = (slot + 1) & mask

    def _put(self, hashed: int, number: int) -> None:
        mask = len(self._numbers) - 1
        slot = _slot(hashed, mask)
        while self._numbers[slot] != _EMPTY:
            slot = (slot + 1) & mask
        self._hashes[slot], self._numbers[slot] = hashed, number

    def _grow(self) -> None:
        hashes, numbers = self._hashes, self._numbers
        self._hashes, self._numbers = _empty(2 * len(numbers))
        first = numbers.index(_EMPTY)  # entries that share a hash keep their order only if none is cut off by the end
        for slot in (*range(first, len(numbers)), *range(first)):
            if numbers[slot] != _EMPTY:
                self._put(hashes[slot], numbers[slot])


class TextIndex:
    """Find numbers by texts, which are not kept.

    Args:
        belongs: whether a number stands for a text, asked of those whose hash is the text's.
    """

    def __init__(self, belongs: Callable[[int, str], bool]) -> None:
        self._belongs, self._index = belongs, CompactIndex()

    def add(self, text: str, number: int) -> None:
        """Add a number for a text."""
        self._index.add(hash(text), number)

    def find(self, text: str) -> Iterator[int]:
        """The numbers that stand for a text, in the order in which they came."""
        return (number for number in self._index.find(hash(text)) if self._belongs(number, text))

    def __contains__(self, text: str) -> bool:
        return any(True for _ in self.find(text))


def _empty(slots: int) -> tuple[array[int], array[int]]:
    return array("Q", bytes(8 * slots)), array("q", b"\xff" * (8 * slots))


def _slot(hashed: int, mask: int) -> int:
    return (hashed ^ hashed >> 32) & mask
