"""Look whether a GIF's frames are whole: their code must make sense, and give as many pixels as they declare.

In:  the bytes of a GIF
Out: what is wrong with its first frames; a GIF in which they are filled up

A code word stands for a run of pixels; the length of each follows from those before it, so no pixel has to be decoded.

Source: GIF89a Specification, appendix F.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_FRAME, _EXTENSION = 0x2C, 0x21
_MOST_CODES = 4096
_CHUNK, _WINDOW = 1 << 16, 1 << 8  # code words that are looked at together, at most and at first


def fault(data: bytes, most: int = 1) -> str:
    """What is wrong with the first frames: a few words, or "" where they are whole.

    Args:
        data: the file.
        most: how many frames are looked at.
    """
    for number, (at, size) in enumerate(_frames(data, most), 1):
        pixels, said = count_pixels(_joined(data, at + 1)[0], data[at])
        which = "" if number == 1 else f"frame {number}: "
        if pixels < size:
            return f"{which}{size - pixels:,} of {size:,} pixels are missing" + (f" ({said})" if said else "")
        if said or pixels > size:
            return which + (said or f"its code goes on for {pixels - size:,} pixels too many")
    return ""


def filled_up(data: bytes, most: int = 1) -> bytes:
    """The file with its first frames' code replaced by one that gives what there is of them, and the first color."""
    out, done = list[bytes](), 0
    for at, size in _frames(data, most):
        coded, end = _joined(data, at + 1)
        bits = min(max(data[at], 2), 8)
        pixels = unpack(coded, bits, size).ljust(size, b"\0")
        raw = _plain_code(pixels, bits)
        blocks = b"".join(bytes((len(raw[i : i + 255]),)) + raw[i : i + 255] for i in range(0, len(raw), 255))
        out += [data[done:at], bytes((bits,)), blocks, b"\0"]
        done = end
    return b"".join((*out, data[done:] or b"\x3b"))


def _frames(data: bytes, most: int) -> Iterator[tuple[int, int]]:
    """Where the first frames' code starts (with the size of its first words), and the pixels that they declare."""
    at, seen = 13 + _table(data[10] if len(data) > 10 else 0), 0
    while at + 1 < len(data) and seen < most:
        if data[at] == _FRAME and at + 10 < len(data):
            width, height = struct.unpack_from("<HH", data, at + 5)
            at += 10 + _table(data[at + 9])
            if at >= len(data):
                return
            yield at, width * height
            seen += 1
            at = _joined(data, at + 1)[1]
        elif data[at] == _EXTENSION:
            at = _joined(data, at + 2)[1]
        else:
            at += 1


def _table(flags: int) -> int:
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _joined(data: bytes, at: int) -> tuple[bytes, int]:
    """The sub-blocks from an offset on, joined, and the offset after the empty one that ends them."""
    parts = list[bytes]()
    while at < len(data) and (size := data[at]):
        parts.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return b"".join(parts), min(at + 1, len(data))


def count_pixels(coded: bytes, bits: int) -> tuple[int, str]:
    """How many pixels the code gives, and what is wrong with it.

    Args:
        coded: the sub-blocks, joined.
        bits: of a pixel, as the frame declares them.
    """
    if not 1 <= bits <= 8:
        return 0, f"it declares {bits} bits per pixel"
    total, clear = 0, 1 << bits
    for codes, starts in _runs(coded, bits):
        beyond = codes - clear - 2 >= np.arange(len(codes)) - starts
        broken = bool(beyond.any())
        stop = int(np.argmax(beyond)) if broken else len(codes)
        total += _sum(codes[:stop], starts[:stop], clear)
        if broken:
            return total, "a code word has no meaning"
    return total, ""


def _sum(codes: NDArray[np.int64], starts: NDArray[np.int64], clear: int) -> int:
    """Pixels of code words; `starts` says of each which of them was the first after a clearing of the table."""
    parent = np.where(codes < clear, np.arange(len(codes)), starts + codes - clear - 2)
    length = np.where(codes < clear, 0, 1)
    while length[parent].any():
        length, parent = length + length[parent], parent[parent]
    return len(codes) + int(length.sum())


def unpack(coded: bytes, bits: int, most: int) -> bytes:
    """The pixels, as far as the code makes sense."""
    out, clear = bytearray(), 1 << bits
    for codes, starts in _runs(coded, bits):
        strings: list[bytes] = []
        for number, (code, start) in enumerate(zip(codes.tolist(), starts.tolist(), strict=True)):
            i = number - start
            if not i:
                strings = []
            if code < clear:
                now = bytes((code,))
            elif (entry := code - clear - 2) < i - 1:
                now = strings[entry] + strings[entry + 1][:1]
            elif entry == i - 1:
                now = strings[entry] + strings[entry][:1]
            else:
                return bytes(out[:most])
            strings.append(now)
            out += now
        if len(out) >= most:
            break
    return bytes(out[:most])


def _runs(coded: bytes, bits: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The code words between clearings of the table, without the marks themselves.

    Yields:
        Code words of one such run, or of many short ones; and of each the place of the first of its run among them.
    """
    clear, limit = 1 << bits, 8 * len(coded)
    padded = np.frombuffer(coded + bytes(4), np.uint8).astype(np.int64)
    at, window = 0, _WINDOW
    while at < limit:
        # runs that end before the words get longer: there may be one for every word, so they are taken many at once
        codes = _words(padded, at + (bits + 1) * np.arange(min(window, (limit - at) // (bits + 1))), bits + 1)
        marks = np.flatnonzero((codes == clear) | (codes == clear + 1))
        short = np.diff(marks, prepend=-1) < clear
        count = len(marks) if short.all() else int(np.argmin(short))
        ends = np.flatnonzero(codes[marks[:count]] == clear + 1)
        if len(ends):
            count = int(ends[0]) + 1
        if count:
            stop = int(marks[count - 1]) + 1
            at += (bits + 1) * stop
            lengths = np.diff(marks[:count], prepend=-1) - 1
            starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
            if len(starts):
                yield np.delete(codes[:stop], marks[:count]), starts
            if len(ends):
                return
            window = min(2 * window, _CHUNK)
            continue
        window = _WINDOW
        found, at, ended = _long_run(padded, at, limit, bits)
        if len(found):
            yield found, np.zeros(len(found), np.int64)
        if ended:
            return


def _long_run(padded: NDArray[np.int64], at: int, limit: int, bits: int) -> tuple[NDArray[np.int64], int, bool]:
    """One run from a bit on, the bit after its mark, and whether that was the last."""
    parts, count, ended, clear = list[NDArray[np.int64]](), 0, False, 1 << bits
    while not ended:
        widths = _widths(bits, count, _MOST_CODES if not count else _CHUNK)
        starts = at + np.cumsum(widths) - widths
        there = starts + widths <= limit
        starts, widths = starts[there], widths[there]
        codes = _words(padded, starts, widths)
        marks = np.flatnonzero((codes == clear) | (codes == clear + 1))
        ended = bool(len(marks)) or not there.all()
        stop = int(marks[0]) if len(marks) else len(codes)
        parts.append(codes[:stop])
        count += stop
        at = int(starts[stop] + widths[stop]) if len(marks) else limit if ended else int(starts[-1] + widths[-1])
    return np.concatenate(parts), at, bool(len(marks)) and bool(codes[stop] == clear + 1)


def _words(padded: NDArray[np.int64], starts: NDArray[np.int64], widths: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """The code words that start at some bits."""
    byte = starts >> 3
    words = padded[byte] | padded[byte + 1] << 8 | padded[byte + 2] << 16
    found: NDArray[np.int64] = (words >> (starts & 7)) & ((1 << widths) - 1)
    return found


def _widths(bits: int, first: int, count: int) -> NDArray[np.int64]:
    """Bits of the code words from the `first` on after a clearing: they grow with the table, up to 12."""
    table = (1 << bits) + 1 + np.arange(first, first + count)  # the highest entry there is before the word is read
    return np.minimum(np.maximum(np.int64(bits) + 1, np.floor(np.log2(table)).astype(np.int64) + 1), 12)


def _plain_code(pixels: bytes, bits: int) -> bytes:
    """Code that any decoder reads: words of one pixel, and the table cleared before words get longer."""
    clear, run = 1 << bits, (1 << bits) - 2
    words = list[int]()
    for start in range(0, len(pixels), run):
        words += [clear, *pixels[start : start + run]]
    words.append(clear + 1)
    wide = (np.array(words, np.int64)[:, None] >> np.arange(bits + 1)) & 1
    return np.packbits(wide.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
