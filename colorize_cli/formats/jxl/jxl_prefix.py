"""Prefix codes of JPEG XL, which are Brotli's: read from a codestream, a bit at a time.

In:  bits of a codestream, and how many symbols there are
Out: `Prefix`, which reads symbols

Source: ISO/IEC 18181-1, annex C; RFC 7932, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from colorize_cli.formats.jxl.jxl_file import JxlError

LENGTHS = (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_SAME, _LONGEST = 16, 15  # the symbol for a repeated length; bits of a code


class Bits(Protocol):
    """Bits of a codestream, the lowest of a byte first."""

    def u(self, count: int) -> int:
        """The next bits as a number."""

    def pick(self, *ways: tuple[int, int]) -> int:
        """One of four: a base, and bits that are added to it."""


class Prefix:
    """A code, from the length of each symbol's; a symbol that is alone takes no bits."""

    def __init__(self, lengths: Sequence[int]) -> None:
        used = [symbol for symbol, length in enumerate(lengths) if length]
        self._only = used[0] if len(used) == 1 else None
        self._codes, code = dict[tuple[int, int], int](), 0
        for length in range(1, _LONGEST + 1):
            code <<= 1
            for symbol in used:
                if lengths[symbol] == length:
                    self._codes[length, code] = symbol
                    code += 1

    @classmethod
    def read(cls, bits: Bits, size: int) -> Prefix:
        """Read the code of an alphabet of `size` symbols.

        Raises:
            JxlError: it is damaged.
        """
        if size == 1:
            return cls([1])
        skipped = bits.u(2)
        return cls(_few(bits, size) if skipped == 1 else _many(bits, size, skipped))

    def next(self, bits: Bits) -> int:
        """The next symbol.

        Raises:
            JxlError: no symbol has these bits.
        """
        if self._only is not None:
            return self._only
        code = 0
        for length in range(1, _LONGEST + 1):
            code = code << 1 | bits.u(1)
            symbol = self._codes.get((length, code))
            if symbol is not None:
                return symbol
        raise JxlError("its prefix code is damaged")


def _few(bits: Bits, size: int) -> list[int]:
    """The lengths of one to four symbols, which are named."""
    symbols = [bits.u((size - 1).bit_length()) for _ in range(1 + bits.u(2))]
    if max(symbols) >= size or len(set(symbols)) < len(symbols):
        raise JxlError("its prefix code is damaged")
    ways = {1: (1,), 2: (1, 1), 3: (1, 2, 2)}
    found = ways.get(len(symbols)) or ((1, 2, 3, 3) if bits.u(1) else (2, 2, 2, 2))
    lengths = [0] * size
    for symbol, length in zip(symbols, found, strict=True):
        lengths[symbol] = length
    return lengths


def _many(bits: Bits, size: int, skipped: int) -> list[int]:
    """The lengths of all symbols, which have a code of their own."""
    own, space = [0] * len(LENGTHS), 32
    for place in LENGTHS[skipped:]:
        if space <= 0:
            break
        own[place] = _own_length(bits)
        space -= 32 >> own[place] if own[place] else 0
    if space and sum(map(bool, own)) != 1:
        raise JxlError("its prefix code is damaged")
    code, lengths = Prefix(own), list[int]()
    before, run, repeated, space = 8, 0, 0, 1 << _LONGEST
    while len(lengths) < size and space > 0:
        length = code.next(bits)
        if length < _SAME:
            run, count = 0, 1
            before = length or before
        else:
            length, extra = (before, 2) if length == _SAME else (0, 3)
            run = run if repeated == length else 0
            repeated, was = length, run
            run = ((run - 2) << extra if run else 0) + bits.u(extra) + 3
            count = run - was
        lengths += [length] * count
        space -= count << (_LONGEST - length) if length else 0
    if space or len(lengths) > size:
        raise JxlError("its prefix code is damaged")
    return lengths + [0] * (size - len(lengths))


def _own_length(bits: Bits) -> int:
    two = bits.u(2)
    if two < 3:
        return (0, 4, 3)[two]
    return 2 if not bits.u(1) else 5 if bits.u(1) else 1
