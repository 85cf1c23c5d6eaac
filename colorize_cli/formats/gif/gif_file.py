"""The block structure of GIF files: where each frame lies, and how large the canvas is.

In:  the bytes of a GIF
Out: `GifFile`; a GIF of its first frame alone

A frame has to lie on the logical screen. Decoders that let the canvas grow with frames that do not can be made to take
any amount of memory by a file of a few hundred bytes; viewers cut such frames off, and so does what is said here.

Source: GIF89a specification (CompuServe, 1990).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B


class GifError(ValueError):
    """The structure is damaged beyond reading."""


@dataclass(frozen=True)
class GifFrame:
    """One frame.

    Attributes:
        left, top, width, height: where it lies on the canvas; it may reach beyond it.
        start: offset of the first extension that belongs to it, or of its descriptor.
        descriptor: offset of its descriptor.
        end: offset after its data.
        whole: its data are closed by an empty block.
    """

    left: int
    top: int
    width: int
    height: int
    start: int
    descriptor: int
    end: int
    whole: bool


@dataclass(frozen=True)
class GifFile:
    """A GIF taken apart.

    Attributes:
        screen: width and height of the logical screen as declared.
        blocks: offset of the first block after the header and the global palette.
        frames: in order.
        complete: it ends with its end marker.
    """

    screen: tuple[int, int]
    blocks: int
    frames: tuple[GifFrame, ...]
    complete: bool

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height of the picture: the logical screen, or the first frame where that is larger."""
        first = self.frames[0]
        return max(self.screen[0], first.left + first.width), max(self.screen[1], first.top + first.height)


def parse(data: bytes, most: int | None = None) -> GifFile:
    """Take a GIF apart, without inflating anything.

    Args:
        data: the file, or its begin.
        most: stop after as many frames.

    Raises:
        GifError: it is none, or it ends before its first frame's data start.
    """
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        raise GifError("it ends before its picture starts")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = blocks = 13 + _palette(flags)
    frames, start, complete = list[GifFrame](), at, False
    while at < len(data) and (most is None or len(frames) < most):
        kind = data[at]
        if kind == _END:
            complete = True
            break
        if kind == _FRAME and at + 10 <= len(data):
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            end, whole = _skip(data, at + 11 + _palette(flags))
            frames.append(GifFrame(left, top, wide, high, start, at, end, whole))
            at = start = end
        elif kind == _EXTENSION:
            at, _ = _skip(data, at + 2)
        else:
            at += 1  # stray bytes between blocks, which every reader passes over
    if not frames:
        raise GifError("it ends before its picture starts")
    return GifFile((width, height), blocks, tuple(frames), complete)


def only(data: bytes, found: GifFile, number: int = 0, extensions: Sequence[int] = (0xF9, 0xFE, 0xFF)) -> bytes:
    """A GIF that holds one frame alone, on a canvas of the file's own size; its extensions of other kinds are left out.

    Args:
        data: the file.
        found: as `parse` gives it.
        number: which frame.
        extensions: kinds of extension that go with it: by default its timing, comments and application blocks.
    """
    frame, parts = found.frames[number], [data[:6], struct.pack("<HH", *found.canvas), data[10 : found.blocks]]
    at = frame.start
    while at < frame.descriptor:
        if data[at] != _EXTENSION:
            at += 1
            continue
        end, _ = _skip(data, at + 2)
        if data[at + 1] in extensions:
            parts.append(data[at:end])
        at = end
    return b"".join((*parts, data[frame.descriptor : frame.end], bytes((_END,)) if frame.whole else b""))


def after_sub_blocks(data: bytes, at: int) -> int:
    """The offset after a chain of sub-blocks that starts here."""
    return _skip(data, at)[0]


def _palette(flags: int) -> int:
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _skip(data: bytes, at: int) -> tuple[int, bool]:
    """The offset after a chain of sub-blocks that starts here, and whether an empty one ends it."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    return min(at + 1, len(data)), at < len(data)
