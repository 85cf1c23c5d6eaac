"""TIFF's tags as plain values, for the second reader: of EXIF blocks and of TIFF files, of either byte order.

In:  bytes that start with a TIFF header
Out: directories with their tags; values that are equal for equal contents in whatever byte order

Source: TIFF 6.0; BigTIFF; EXIF 2.32.
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass, field

from colorize_cli.metadata.audit.file_blocks import AuditError, Data
from colorize_cli.metadata.audit.stored import unpack

_KINDS = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I", 16: "Q",
          17: "q", 18: "Q"}  # fmt: skip
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
EXIF, GPS, INTEROP = 34665, 34853, 40965
MAKER_NOTE = 37500
_POINTERS = {EXIF: "ExifIFD", GPS: "GPS", INTEROP: "InteropIFD"}
_MOST_TAGS, _MOST_DIRECTORIES = 4096, 10_000
NAMES = {
    254: "SubfileType", 270: "ImageDescription", 271: "Make", 272: "Model", 274: "Orientation", 282: "XResolution",
    283: "YResolution", 285: "PageName", 296: "ResolutionUnit", 297: "PageNumber", 305: "Software",
    306: "ModifyDate", 315: "Artist", 316: "HostComputer", 33432: "Copyright", 33434: "ExposureTime",
    33437: "FNumber", 34855: "ISO", 36864: "ExifVersion", 36867: "DateTimeOriginal", 36868: "CreateDate",
    37386: "FocalLength", 37396: "SubjectArea", 37500: "MakerNote", 37510: "UserComment", 40961: "ColorSpace",
    40962: "ExifImageWidth", 40963: "ExifImageHeight", 41492: "SubjectLocation", 42016: "ImageUniqueID",
    42032: "OwnerName", 42033: "SerialNumber", 42036: "LensModel",
}  # fmt: skip
Value = tuple[int | float, ...] | bytes


@dataclass(frozen=True)
class Entry:
    """A tag's value, and where in the block it stands."""

    value: Value
    where: int


@dataclass
class Directory:
    """One directory of the chain, with those that its pointers lead to.

    Attributes:
        tags: (name of the directory, code) -> entry; a main directory is "IFD0".
        thumbnail: the JPEG that the directory points to by EXIF's tags for that; b"" for none.
    """

    tags: dict[tuple[str, int], Entry] = field(default_factory=dict)
    thumbnail: bytes = b""

    def number(self, code: int, default: int = 0) -> int:
        """The first value of a tag of the main directory, as an integer."""
        entry = self.tags.get(("IFD0", code))
        found = entry.value if entry else ()
        return int(found[0]) if found else default

    def data(self, code: int) -> bytes:
        """The value of a tag of the main directory that is plain bytes."""
        entry = self.tags.get(("IFD0", code))
        if entry is None:
            return b""
        if isinstance(entry.value, bytes):
            return entry.value
        try:
            return bytes(int(part) for part in entry.value)  # IPTC is often written as LONG: see `Reader.value`
        except ValueError:
            return b""


def name_of(group: str, code: int) -> str:
    """A tag as a person finds it."""
    return f"{group} {NAMES.get(code, 'tag')} ({code})"


def directories(block: Data) -> list[Directory]:
    """The chain of directories.

    Raises:
        AuditError: there is no readable first one.
    """
    return _Reader(block).chain()


class _Reader:
    def __init__(self, data: Data) -> None:
        self.data, self.order = data, {b"II": "<", b"MM": ">"}.get(data[:2], "")
        if not self.order or len(data) < 8:
            raise AuditError("no TIFF header")
        magic = self._unpack("H", 2)[0]
        if magic not in (42, 43):
            raise AuditError("no TIFF header")
        self.big = magic == 43
        self.entry, self.room = (20, 8) if self.big else (12, 4)
        self.first = int(self._unpack("Q", 8)[0] if self.big else self._unpack("I", 4)[0])

    def chain(self) -> list[Directory]:
        found, offset, seen = list[Directory](), self.first, set[int]()
        while offset and offset not in seen and len(seen) < _MOST_DIRECTORIES:
            seen.add(offset)
            try:
                directory = Directory()
                offset = self._read(offset, "IFD0", directory, 0)
            except (AuditError, struct.error):
                if not found:
                    raise AuditError("its first directory cannot be read") from None
                break
            found.append(directory)
        return found

    def _unpack(self, form: str, at: int) -> tuple[int | float, ...]:
        return unpack(self.order + form, self.data, at)

    def _read(self, offset: int, group: str, into: Directory, depth: int) -> int:
        """Read a directory; gives the next one's offset."""
        count = int(self._unpack("Q" if self.big else "H", offset)[0])
        start = offset + (8 if self.big else 2)
        if count > _MOST_TAGS or start + count * self.entry > len(self.data):
            raise AuditError(f"the directory at byte {offset:,} is damaged")
        for at in range(start, start + count * self.entry, self.entry):
            self._tag(at, group, into, depth)
        end = start + count * self.entry
        places = [into.tags.get((group, code)) for code in (513, 514)]
        if all(places):
            where, size = (int(place.value[0]) if place and place.value else 0 for place in places)
            into.thumbnail = into.thumbnail or self.data[where : where + size]
        if end + self.room > len(self.data):
            return 0
        return int(self._unpack("Q" if self.big else "I", end)[0])

    def _tag(self, at: int, group: str, into: Directory, depth: int) -> None:
        code, kind = (int(part) for part in self._unpack("HH", at))
        count = int(self._unpack("Q" if self.big else "I", at + 4)[0])
        size = SIZES.get(kind, 0) * count
        where = at + self.entry - self.room
        if size > self.room:
            where = int(self._unpack("Q" if self.big else "I", where)[0])
        if kind not in SIZES or where + size > len(self.data):
            return  # damaged in the source: nobody can say what it was
        if code in _POINTERS and depth < 3 and kind in (4, 13, 16, 18) and count == 1:
            child = int(self._unpack(_KINDS[kind], where)[0])
            with contextlib.suppress(AuditError, struct.error):
                self._read(child, _POINTERS[code], into, depth + 1)
            return
        into.tags.setdefault((group, code), Entry(self._value(code, kind, count, where, size), where))

    def _value(self, code: int, kind: int, count: int, where: int, size: int) -> Value:
        raw = self.data[where : where + size]
        if kind == 2:
            return raw.rstrip(b"\0")
        if kind in (1, 7) or code == 33723:  # the last is IPTC, which some write as LONG without turning its bytes
            return raw
        if kind in (5, 10):
            flat = self._unpack(_KINDS[kind][0] * 2 * count, where)
            pairs = zip(flat[::2], flat[1::2], strict=True)
            return tuple(a / b if b else (float("inf") if a else 0.0) for a, b in pairs)
        if kind in (11, 12):  # bit for bit: NaN is not equal to itself
            width = SIZES[kind]
            parts = (raw[i : i + width] for i in range(0, len(raw), width))
            return raw if self.order == "<" else b"".join(part[::-1] for part in parts)
        return self._unpack(f"{count}{_KINDS[kind]}", where)
