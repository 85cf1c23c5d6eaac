"""Find numbers by what they stand for, at a few bytes each: for lists of millions of files.

In:  hashes of keys, each with a number (a photo's place, say)
Out: the numbers whose key may be the one that is asked for; the caller compares the keys themselves
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator

_LEAST = 1024  # slots
_WHOLE, _HALF = (1 << 64) - 1, (1 << 32) - 1


class CompactIndex:
    """A table of hashes and numbers with open addressing, at most two thirds of its slots in use.

    A Python dictionary of the same content takes about ten times as much.

    Args:
        wide: 16 bytes a slot: hashes of 64 bits, any number; else 8 bytes: of a hash only 32 bits count, numbers are
            less than 2**32 - 1.
    """

    def __init__(self, wide: bool = True) -> None:
        self._wide = wide
        self._empty = _WHOLE if wide else _HALF
        self._hashes, self._numbers = self._slots(_LEAST)
        self._used = 0

    def __len__(self) -> int:
        """How many numbers are in it."""
        return self._used

    def add(self, hashed: int, number: int) -> None:
        """Add a number, 0 and on, under the hash of its key; several may share one."""
        if 3 * self._used >= 2 * len(self._numbers):
            self._grow()
        self._put(self._kept(hashed), number)
        self._used += 1

    def find(self, hashed: int) -> Iterator[int]:
        """The numbers with this hash, in the order in which they came."""
        hashed = self._kept(hashed)
        hashes, numbers, empty = self._hashes, self._numbers, self._empty
        mask = len(numbers) - 1
        slot = _slot(hashed, mask)
        while (number := numbers[slot]) != empty:
            if hashes[slot] == hashed:
                yield number
            slot = (slot + 1) & mask

    def _kept(self, hashed: int) -> int:
        hashed &= _WHOLE
        return hashed if self._wide else (hashed ^ hashed >> 32) & _HALF

    def _put(self, hashed: int, number: int) -> None:
        mask, empty = len(self._numbers) - 1, self._empty
        slot = _slot(hashed, mask)
        while self._numbers[slot] != empty:
            slot = (slot + 1) & mask
        self._hashes[slot], self._numbers[slot] = hashed, number

    def _grow(self) -> None:
        hashes, numbers = self._hashes, self._numbers
        self._hashes, self._numbers = self._slots(2 * len(numbers))
        first = numbers.index(self._empty)  # entries that share a hash keep their order only if none is cut by the end
        for slots in (range(first, len(numbers)), range(first)):
            for slot in slots:
                if numbers[slot] != self._empty:
                    self._put(hashes[slot], numbers[slot])

    def _slots(self, count: int) -> tuple[array[int], array[int]]:
        kind = "Q" if self._wide else "I"
        empty = array(kind, [self._empty])
        return array(kind, [0]) * count, empty * count


class TextIndex:
    """Find numbers by texts, which are not kept.

    Args:
        belongs: whether a number stands for a text, asked of those whose hash is the text's.
    """

    def __init__(self, belongs: Callable[[int, str], bool]) -> None:
        self._belongs, self._index = belongs, CompactIndex(wide=False)

    def add(self, text: str, number: int) -> None:
        """Add a number for a text."""
        self._index.add(hash(text), number)

    def find(self, text: str) -> Iterator[int]:
        """The numbers that stand for a text, in the order in which they came."""
        return (number for number in self._index.find(hash(text)) if self._belongs(number, text))

    def __contains__(self, text: str) -> bool:
        return any(True for _ in self.find(text))


def _slot(hashed: int, mask: int) -> int:
    return (hashed ^ hashed >> 32) & mask
