"""A stretch of a film that is coded already: one file each, written whole, so that a run can go on behind it.

In:  packets of one encoder, which began with the stretch; what the next stretch has to know
Out: the file; the same packets again

File: a line of JSON (`Segment`), then for each packet, in the order of decoding, its frame's index within the film
(int64), whether it is a key frame (uint8), its size (uint32), all little-endian, and its bytes; then the state.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from colorize_cli.files.atomic import not_written, replacing

_RECORD = struct.Struct("<qBI")


@dataclass(frozen=True)
class Packet:
    """One coded frame: its index within the film, whether it is a key frame, its bytes."""

    index: int
    key: bool
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Segment:
    """What a segment's file says of itself.

    Attributes:
        first: index of its first frame.
        times: when each of its frames is shown, in units of the film's time base.
        colored: how many of its frames were given color.
        packets: how many there are.
        state: bytes of what the next segment has to know.
        last: nothing comes after it.
        lost: packets of the film that could not be decoded up to its end, and when the first was, seconds.
    """

    first: int
    times: tuple[int, ...]
    colored: int
    packets: int
    state: int
    last: bool
    lost: tuple[int, float] = (0, 0.0)

    @property
    def end(self) -> int:
        """Index of the frame after its last."""
        return self.first + len(self.times)


def write_segment(path: Path, segment: Segment, packets: Sequence[Packet], state: bytes) -> None:
    """Write a segment, whole or not at all.

    Raises:
        EncodeError: it cannot be written.
    """
    try:
        with replacing(path, synced=True) as part, part.open("wb") as file:
            file.write(json.dumps(asdict(segment)).encode() + b"\n")
            for packet in packets:
                file.write(_RECORD.pack(packet.index, packet.key, len(packet.data)))
                file.write(packet.data)
            file.write(state)
    except OSError as error:
        raise not_written(path, error) from None


def read_segment(path: Path) -> tuple[Segment, bytes] | None:
    """What a segment says of itself, and its state; None where the file is none, or not whole."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            said = json.loads(file.readline())
            segment = Segment(**{**said, "times": tuple(said["times"]), "lost": tuple(said["lost"])})
            for _ in range(segment.packets):
                file.seek(_RECORD.unpack(file.read(_RECORD.size))[2], 1)
            if file.tell() + segment.state != size:
                return None
            return segment, file.read(segment.state)
    except (OSError, ValueError, TypeError, KeyError, struct.error):
        return None


def read_packets(path: Path, count: int) -> Iterator[Packet]:
    """The packets of a segment, one at a time."""
    with path.open("rb") as file:
        file.readline()
        for _ in range(count):
            index, key, size = _RECORD.unpack(file.read(_RECORD.size))
            yield Packet(index, bool(key), file.read(size))


def read_order(path: Path, count: int) -> list[int]:
    """The indices of a segment's frames in the order in which they are decoded."""
    found = list[int]()
    with path.open("rb") as file:
        file.readline()
        for _ in range(count):
            index, _, size = _RECORD.unpack(file.read(_RECORD.size))
            found.append(index)
            file.seek(size, 1)
    return found
