"""JPEG XL's ANS coder: what an encoder of the test's own writes is read back."""

from __future__ import annotations

import random

import pytest

from colorize_cli.formats.jxl.jxl_entropy import Symbols
from colorize_cli.formats.jxl.jxl_file import JxlError
from colorize_cli.formats.jxl.jxl_header import HeaderBits

RANGE, END, LOG_SIZE = 4096, 0x130000, 5


class Written:
    """Bits, the lowest of a byte first."""

    def __init__(self) -> None:
        self.value = self.count = 0

    def put(self, value: int, count: int) -> None:
        self.value |= value << self.count
        self.count += count

    def number(self, value: int) -> None:
        """A number as distributions store it."""
        width = value.bit_length() - 1
        for part in ((1, 1), (width, 3), (value - (1 << width), width)):
            self.put(*part)

    def bits(self) -> HeaderBits:
        return HeaderBits(self.value.to_bytes(self.count // 8 + 9, "little"), 0)


def places(counts: list[int]) -> dict[tuple[int, int], int]:
    """Where in the range each symbol's shares lie: by the standard's alias table, written another way."""
    size, piece = 1 << LOG_SIZE, RANGE >> LOG_SIZE
    rest = counts + [0] * (size - len(counts))
    own = dict(enumerate(rest))
    over, under = [i for i in own if own[i] > piece], [i for i in own if own[i] < piece]
    lent = dict[int, tuple[int, int]]()  # piece: who has its upper part, and from which share on
    while over:
        rich, poor = over.pop(), under.pop()
        own[rich] -= piece - own[poor]
        lent[poor] = (rich, own[rich])
        if own[rich] != piece:
            (under if own[rich] < piece else over).append(rich)
    found = {}
    for i in range(size):
        for inside in range(piece):
            if i in lent and inside >= own[i]:
                found[lent[i][0], lent[i][1] + inside - own[i]] = i * piece + inside
            else:
                found[i, inside] = i * piece + inside
    return found


def stream(flat: bool, count: int) -> tuple[Written, list[int]]:
    """Symbols by a flat distribution of 20, or by one of two symbols that is named."""
    out = Written()
    for part in ((0, 1), (0, 1), (0, 2), (LOG_SIZE, 3)):  # no repeats; ANS; 32 symbols; each is its own number
        out.put(*part)
    if flat:
        out.put(0b10, 2)
        out.number(19)
        counts = [RANGE // 20 + (i < RANGE % 20) for i in range(20)]
    else:
        out.put(0b11, 2)
        out.number(3)
        out.number(7)
        out.put(1000, 12)
        counts = [0, 0, 0, 1000, 0, 0, 0, RANGE - 1000]
    where = places(counts)
    symbols = random.Random(4).choices(range(len(counts)), counts, k=count)
    state, words = END, list[int]()
    for symbol in reversed(symbols):
        if state >= counts[symbol] << 20:
            words.append(state & 0xFFFF)
            state >>= 16
        state = (state // counts[symbol] << 12) + where[symbol, state % counts[symbol]]
    out.put(state, 32)
    for word in reversed(words):
        out.put(word, 16)
    return out, symbols


@pytest.mark.parametrize("flat", [False, True])
def test_what_is_coded_is_read(flat: bool) -> None:
    written, symbols = stream(flat, 500)
    read = Symbols(written.bits(), 1)
    assert [read.next(0) for _ in symbols] == symbols
    read.end()


def test_a_stream_that_does_not_end_as_it_was_made_is_damaged() -> None:
    written, symbols = stream(True, 500)
    written.value ^= 1 << (written.count - 100)
    read = Symbols(written.bits(), 1)
    with pytest.raises(JxlError):
        [read.next(0) for _ in symbols]
        read.end()
