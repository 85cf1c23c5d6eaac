"""The ICC profile that a JPEG XL codestream holds: read, and written.

In:  a codestream; or a profile
Out: the profile's bytes, and where the frames start behind it; or the bits that stand for it

Source: ISO/IEC 18181-1, annex E.
"""

from __future__ import annotations

from collections.abc import Iterator

from colorize_cli.formats.jxl.jxl_entropy import Symbols
from colorize_cli.formats.jxl.jxl_file import JxlError
from colorize_cli.formats.jxl.jxl_header import HeaderBits
from colorize_cli.formats.jxl.jxl_prefix import LENGTHS

_MOST = 4 << 20  # of a profile; those of printers have two
_CONTEXTS = 41
_HEADER = 128
_TAGS = b"cprt wtpt bkpt rXYZ gXYZ bXYZ kXYZ rTRC gTRC bTRC kTRC chad desc chrm dmnd dmdd lumi".split()
_TYPES = (b"XYZ ", b"desc", b"text", b"mluc", b"para", b"curv", b"sf32", b"gbd ")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_OF_20_BYTES = frozenset({b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"wtpt", b"bkpt", b"lumi"})


def read_profile(coded: bytes, end: int) -> tuple[bytes, int]:
    """Read the profile of a naked codestream; and the byte at which its frames start.

    Args:
        coded: the codestream.
        end: the bit at which its header ends; 0 where that is unclear.

    Raises:
        JxlError: it is damaged, or too large.
    """
    if not end:
        raise JxlError("its header has extensions, which no reader here knows")
    bits = HeaderBits(coded, end)
    profile = _unpacked(bits)
    return profile, (bits.at + 7) // 8


def _unpacked(bits: HeaderBits) -> bytes:
    size = _size(bits)
    if size > _MOST:
        raise JxlError("its color profile is too large")
    symbols, coded = Symbols(bits, _CONTEXTS), bytearray()
    one = two = 0
    for at in range(size):
        context = 1 + _kind(one) + 8 * _kind_before(two) if at > _HEADER else 0
        number = symbols.next(context)
        if number > 255:
            raise JxlError("its color profile is damaged")
        coded.append(number)
        one, two = number, one
    symbols.end()
    try:
        return _Unpacker(bytes(coded)).profile()
    except (IndexError, OverflowError):
        raise JxlError("its color profile is damaged") from None


def _size(bits: HeaderBits) -> int:
    way = bits.u(2)
    if way < 3:
        return bits.u((0, 4, 8)[way]) + (0, 1, 17)[way]
    value, shift = bits.u(12), 12
    while bits.u(1):
        if shift == 60:
            return value | bits.u(4) << 60
        value |= bits.u(8) << shift
        shift += 8
    return value


def _kind(byte: int) -> int:
    letter = _letter(byte)
    if letter is not None:
        return letter
    if byte < 16:
        return {0: 2, 1: 3}.get(byte, 4)
    return 7 if byte <= 240 else 6 if byte == 255 else 5


def _kind_before(byte: int) -> int:
    letter = _letter(byte)
    if letter is not None:
        return letter
    return 2 if byte < 16 else 3 if byte > 240 else 4


def _letter(byte: int) -> int | None:
    if chr(byte) in "0123456789.,":
        return 1
    return 0 if byte < 128 and chr(byte).isalpha() else None


def _header_bytes(size: int, so_far: bytes | bytearray) -> Iterator[int]:
    """What is expected of each byte of a profile's header; `so_far` grows between them, or is the whole."""
    expected = bytearray(_HEADER)
    expected[:4] = size.to_bytes(4, "big")
    expected[8], expected[12:24], expected[36:40] = 4, b"mntrRGB XYZ ", b"acsp"
    expected[68:80] = bytes((0, 0, 246, 214, 0, 1, 0, 0, 0, 0, 211, 45))
    for i in range(min(_HEADER, size)):
        if i == 8:
            expected[80:84] = so_far[4:8]
        elif i == 41 and (makers := {65: b"PPL", 77: b"SFT"}.get(so_far[40])):
            expected[41:44] = makers
        elif i == 42 and (makers := {b"SG": b"I ", b"SU": b"NW"}.get(bytes(so_far[40:42]))):
            expected[42:44] = makers
        yield expected[i]


def can_hold(profile: bytes) -> bool:
    """Whether a codestream can hold a profile, of RGB."""
    return _HEADER < len(profile) <= _MOST and profile[16:20] == b"RGB "


def packed(profile: bytes) -> list[tuple[int, int]]:
    """The bits, (value, count) each, that stand for a profile behind a header: its bytes, none shorter than others."""
    commands = b"\0\1" + _as_varint(len(profile) - _HEADER)
    expected = _header_bytes(len(profile), profile)
    head = bytes((byte - one) & 255 for byte, one in zip(profile, expected, strict=False))
    data = _as_varint(len(profile)) + _as_varint(len(commands)) + commands + head + profile[_HEADER:]
    code = [(0, 1), (1, 1), (0, 2), (1, 1), (8, 4), (0, 4), (0, 4)]  # no repeats, one code for all, by prefix; bytes
    code += [(1, 1), (7, 4), (127, 7), (0, 2)]  # 256 symbols, and how the lengths of their codes are told:
    code += [(1 if place == 8 else 0, 2) for place in LENGTHS]  # all are 8
    return [*_as_size(len(data)), *code, (int.from_bytes(data.translate(_REVERSED), "little"), 8 * len(data))]


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def _as_size(value: int) -> list[tuple[int, int]]:
    pieces, value = [(3, 2), (value & 4095, 12)], value >> 12
    while value:
        pieces += [(1, 1), (value & 255, 8)]
        value >>= 8
    return [*pieces, (0, 1)]


class _Unpacker:
    """Commands, and the bytes that they lay down or add to what was expected."""

    def __init__(self, coded: bytes) -> None:
        self._coded, self._at = coded, 0
        self._size = self._varint()
        count = self._varint()
        self._commands, self._at = coded[self._at : self._at + count], self._at + count
        if self._size > _MOST or self._at > len(coded):
            raise JxlError("its color profile is damaged")
        self._out = bytearray()

    def profile(self) -> bytes:
        self._header()
        data, self._data = self._coded, self._at
        commands, self._coded, self._at = len(self._commands), self._commands, 0
        self._source = data
        if len(self._out) < self._size:
            self._tags()
            while self._at < commands:
                self._command(self._next())
                if len(self._out) > self._size:
                    break
        if len(self._out) != self._size or self._data != len(data) or self._at != commands:
            raise JxlError("its color profile is damaged")
        return bytes(self._out)

    def _next(self) -> int:
        self._at += 1
        return self._coded[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._next()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 56:
                return value

    def _take(self, count: int) -> bytes:
        if count > len(self._source) - self._data:
            raise JxlError("its color profile is damaged")
        self._data += count
        return self._source[self._data - count : self._data]

    def _header(self) -> None:
        for expected in _header_bytes(self._size, self._out):
            self._out.append((self._next() + expected) & 255)

    def _tags(self) -> None:
        count = self._varint() - 1
        if count < 0:
            return
        self._out += count.to_bytes(4, "big")
        start, size = _HEADER + 12 * count, 0
        while self._at < len(self._coded):
            command = self._next()
            code = command & 63
            if code == 0:
                return
            name = self._take(4) if code == 1 else {2: b"rTRC", 3: b"rXYZ"}.get(code) or _TAGS[code - 4]
            place = self._varint() if command & 64 else start + size
            size = 20 if name in _OF_20_BYTES else size
            size = self._varint() if command & 128 else size
            start = place
            further = {2: ((b"gTRC", 0), (b"bTRC", 0)), 3: ((b"gXYZ", size), (b"bXYZ", 2 * size))}.get(code, ())
            for tag, after in ((name, 0), *further):
                self._out += tag + (start + after).to_bytes(4, "big") + size.to_bytes(4, "big")
            if len(self._out) > self._size:
                raise JxlError("its color profile is damaged")

    def _command(self, command: int) -> None:
        if command == 1:
            self._out += self._take(self._varint())
        elif command in (2, 3):
            self._out += _unshuffled(self._take(self._varint()), 2 * command - 2)
        elif command == 4:
            self._predicted()
        elif command == 10:
            self._out += b"XYZ \0\0\0\0" + self._take(12)
        elif 16 <= command < 16 + len(_TYPES):
            self._out += _TYPES[command - 16] + bytes(4)
        else:
            raise JxlError("its color profile is damaged")

    def _predicted(self) -> None:
        flags = self._next()
        width, order = (flags & 3) + 1, flags >> 2 & 3
        stride = self._varint() if flags & 16 else width
        if width == 3 or order == 3 or stride < width or 4 * stride >= len(self._out):
            raise JxlError("its color profile is damaged")
        added, start = _unshuffled(self._take(self._varint()), width), len(self._out)
        weights = ((1,), (2, -1), (3, -3, 1))[order]
        for i, byte in enumerate(added):
            at = start + i - i % width
            before = (at - stride * n for n in range(1, len(weights) + 1))
            values = (int.from_bytes(self._out[place : place + width], "big") for place in before)
            value = sum(weight * v for weight, v in zip(weights, values, strict=True))
            self._out.append((byte + (value >> 8 * (width - 1 - i % width))) & 255)


def _unshuffled(data: bytes, width: int) -> bytes:
    """Bytes that were sorted by their place in values of so many bytes, in sequence again."""
    rows = -(-len(data) // width)
    out, at, start = bytearray(), 0, 0
    for _ in range(len(data)):
        out.append(data[at])
        at += rows
        if at >= len(data):
            start += 1
            at = start
    return bytes(out)
