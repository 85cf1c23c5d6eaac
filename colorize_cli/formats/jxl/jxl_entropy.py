"""JPEG XL's entropy coding, as color profiles are stored: prefix codes or ANS, and repeats.

In:  bits of a codestream
Out: numbers

A few kilobytes a profile: plain Python is quick enough.

Source: ISO/IEC 18181-1, annex C.
"""

from __future__ import annotations

from dataclasses import dataclass

from colorize_cli.formats.jxl.jxl_file import JxlError
from colorize_cli.formats.jxl.jxl_prefix import Bits, Prefix

_RANGE, _LOG_RANGE = 4096, 12
_END = 0x130000  # the state of a coder that was left in order
_RUN = 12  # in the place of a count's logarithm: the count before is repeated


@dataclass(frozen=True)
class _Split:
    """How a number is split into a symbol and bits that follow it."""

    exponent: int
    high: int
    low: int

    @classmethod
    def read(cls, bits: Bits, largest: int) -> _Split:
        exponent, high, low = bits.u(largest.bit_length()), 0, 0
        if exponent != largest:
            high = bits.u(exponent.bit_length())
            low = bits.u(max(exponent - high, 0).bit_length())
        if high + low > exponent:
            raise JxlError("its entropy code is damaged")
        return cls(exponent, high, low)

    def number(self, symbol: int, bits: Bits) -> int:
        first = 1 << self.exponent
        if symbol < first:
            return symbol
        inside = self.high + self.low
        count = self.exponent - inside + ((symbol - first) >> inside)
        if count > 32:
            raise JxlError("its entropy code is damaged")
        low, symbol = symbol & ((1 << self.low) - 1), symbol >> self.low
        top = 1 << self.high | symbol & ((1 << self.high) - 1)
        return (top << count | bits.u(count)) << self.low | low


class Symbols:
    """A stream of numbers, each coded by the distribution of its context.

    Args:
        bits: they stand next in these.
        contexts: how many kinds of numbers there are.

    Raises:
        JxlError: it is damaged.
    """

    def __init__(self, bits: Bits, contexts: int) -> None:
        self._bits = bits
        self._repeats = bool(bits.u(1))
        if self._repeats:
            self._first_repeat = bits.pick((224, 0), (512, 0), (4096, 0), (8, 15))
            self._shortest = bits.pick((3, 0), (4, 0), (5, 2), (9, 8))
            self._lengths = _Split.read(bits, 8)
            contexts += 1
        self._map = _context_map(bits, contexts)
        count, by_prefix = max(self._map) + 1, bits.u(1)
        log_size = 15 if by_prefix else 5 + bits.u(2)
        self._splits = [_Split.read(bits, log_size) for _ in range(count)]
        self._prefixes, self._tables, self._state = list[Prefix](), list[_Alias](), _END
        if by_prefix:
            sizes = [1 + _varied(bits, 4) for _ in range(count)]
            self._prefixes = [Prefix.read(bits, size) for size in sizes]
        else:
            self._tables = [_Alias(_distribution(bits), log_size) for _ in range(count)]
            self._state = bits.u(32)
        self._read = list[int]()
        self._copies = self._from = 0

    def next(self, context: int) -> int:
        """The next number."""
        if not self._copies:
            place = self._map[context]
            symbol = self._symbol(place)
            if not self._repeats or symbol < self._first_repeat:
                self._read.append(self._splits[place].number(symbol, self._bits))
                return self._read[-1]
            self._copies = self._lengths.number(symbol - self._first_repeat, self._bits) + self._shortest
            place = self._map[-1]
            distance = 1 + self._splits[place].number(self._symbol(place), self._bits)
            self._from = len(self._read) - min(distance, len(self._read))
        self._copies -= 1
        self._read.append(self._read[self._from] if self._from < len(self._read) else 0)
        self._from += 1
        return self._read[-1]

    def end(self) -> None:
        """Check that the stream ended as it was made."""
        if self._state != _END:
            raise JxlError("its entropy code is damaged")

    def _symbol(self, place: int) -> int:
        if self._prefixes:
            return self._prefixes[place].next(self._bits)
        symbol, offset, count = self._tables[place].find(self._state & (_RANGE - 1))
        self._state = count * (self._state >> _LOG_RANGE) + offset
        if self._state < 1 << 16:
            self._state = self._state << 16 | self._bits.u(16)
        return symbol


class _Alias:
    """A distribution whose symbols are found in one step: each piece of the range holds two of them."""

    def __init__(self, counts: list[int], log_size: int) -> None:
        size, self._log = 1 << log_size, _LOG_RANGE - log_size
        if len(counts) > size:
            raise JxlError("its entropy code is damaged")
        self._counts = counts + [0] * (size - len(counts))
        piece = _RANGE >> log_size
        self._cut, self._other, self._offset = list(self._counts), list(range(size)), [0] * size
        if _RANGE in self._counts:
            self._cut, self._other = [0] * size, [self._counts.index(_RANGE)] * size
            self._offset = [piece * i for i in range(size)]
            return
        over = [i for i in range(size) if self._cut[i] > piece]
        under = [i for i in range(size) if self._cut[i] < piece]
        while over:
            one, two = over.pop(), under.pop()
            self._cut[one] -= piece - self._cut[two]
            self._other[two], self._offset[two] = one, self._cut[one]
            if self._cut[one] != piece:
                (under if self._cut[one] < piece else over).append(one)
        for i in range(size):
            if self._cut[i] == piece:
                self._cut[i], self._other[i], self._offset[i] = 0, i, 0
            else:
                self._offset[i] -= self._cut[i]

    def find(self, value: int) -> tuple[int, int, int]:
        """The symbol of a place in the range, the place inside the symbol's share, and that share."""
        piece, inside = value >> self._log, value & ((1 << self._log) - 1)
        if inside < self._cut[piece]:
            return piece, inside, self._counts[piece]
        symbol = self._other[piece]
        return symbol, self._offset[piece] + inside, self._counts[symbol]


def _context_map(bits: Bits, contexts: int) -> list[int]:
    if contexts == 1:
        return [0]
    if bits.u(1):
        width = bits.u(2)
        return [bits.u(width) for _ in range(contexts)]
    to_front = bits.u(1)
    symbols = Symbols(bits, 1)
    places = [symbols.next(0) for _ in range(contexts)]
    symbols.end()
    if max(places) > 255:
        raise JxlError("its entropy code is damaged")
    if to_front:
        order = list(range(256))
        for i, place in enumerate(places):
            places[i] = order.pop(place)
            order.insert(0, places[i])
    return places


def _byte(bits: Bits) -> int:
    return _varied(bits, 3)


def _varied(bits: Bits, size: int) -> int:
    if not bits.u(1):
        return 0
    width = bits.u(size)
    return bits.u(width) + (1 << width)


def _distribution(bits: Bits) -> list[int]:
    """How often each symbol comes, of 4096."""
    if bits.u(1):
        symbols = [_byte(bits) for _ in range(1 + bits.u(1))]
        counts = [0] * (max(symbols) + 1)
        counts[symbols[0]] = bits.u(_LOG_RANGE) if len(symbols) == 2 else _RANGE
        if len(symbols) == 2:
            counts[symbols[1]] = _RANGE - counts[symbols[0]]
        return counts
    if bits.u(1):
        size = _byte(bits) + 1
        return [_RANGE // size + (i < _RANGE % size) for i in range(size)]
    width = 0
    while width < 3 and bits.u(1):
        width += 1
    shift = (bits.u(width) | 1 << width) - 1
    logs, runs = _logarithms(bits, _byte(bits) + 3)
    largest = max((i for i in range(len(logs)) if i not in runs), key=lambda i: (logs[i], -i), default=-1)
    if shift > 13 or largest < 0 or logs[largest] < 0:
        raise JxlError("its entropy code is damaged")
    counts, same, before = [0] * len(logs), 0, 0
    for i, log in enumerate(logs):
        if i in runs:
            same, before = runs[i], counts[i - 1] if i else 0
        if same:
            counts[i], same = before, same - 1
        elif i != largest and log >= 0:
            width = max(min(log, shift - ((_LOG_RANGE - log) >> 1)), 0)
            counts[i] = (1 << log) + (bits.u(width) << (log - width))
    counts[largest] = _RANGE - sum(counts)
    if counts[largest] <= 0:
        raise JxlError("its entropy code is damaged")
    return counts


def _logarithms(bits: Bits, size: int) -> tuple[list[int], dict[int, int]]:
    """The logarithm of each symbol's count, -1 for none; and where runs of one count start, with their lengths."""
    logs, runs, at = [-1] * size, dict[int, int](), 0
    while at < size:
        logs[at] = _logarithm(bits)
        if logs[at] == _RUN:
            run = _byte(bits)
            runs[at] = run + 4
            at += run + 3
        at += 1
    if any(at + run > size for at, run in runs.items()):
        raise JxlError("its entropy code is damaged")
    return logs, runs


def _logarithm(bits: Bits) -> int:
    three = bits.u(3)
    if three in (0, 2, 4, 5, 6):
        return {0: 9, 2: 6, 4: 5, 5: 7, 6: 8}[three]
    four = three | bits.u(1) << 3
    if four != 1:
        return {3: 2, 7: 4, 9: 3, 11: 0, 15: 1}[four]
    if bits.u(1):
        return -1
    if bits.u(1):
        return 10
    return _RUN if bits.u(1) else 11
