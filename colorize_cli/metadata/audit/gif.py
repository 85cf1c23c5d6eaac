"""Blocks of GIF, for the second reader; and whether its first picture is there to its last pixel.

In:  the file's bytes
Out: an `Inventory`

Source: GIF89a specification, appendix F for its LZW; Adobe's XMP Specification Part 3.
"""

from __future__ import annotations

from colorize_cli.metadata.audit.file_blocks import Data, Inventory
from colorize_cli.metadata.audit.stored import unpack


def read(data: Data) -> Inventory:
    """Extensions, and how many frames there are; the canvas may grow with them, so there is no size."""
    found, frames, at = Inventory("gif", bits=8), 0, 13
    at += 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            label, start = data[at + 1], at + 2
            parts, at = _sub_blocks(data, start)
            if label == 0xFE:
                found.comments.append(b"".join(parts))
            elif label == 0xFF and parts and parts[0] == b"XMP DataXMP":
                raw = bytes(data[start + 12 : at])  # not in blocks: a trailer of 258 bytes leads readers out of it
                end = raw.rfind(b"\x01\xff\xfe\xfd\xfc")
                found.xmp.append(raw[:end] if end >= 0 else b"".join(parts[1:]))
            elif label == 0xFF and parts and parts[0] == b"ICCRGBG1012":
                found.icc = b"".join(parts[1:])
        elif data[at] == 0x2C and at + 10 < len(data):
            frames += 1
            sides = unpack("<HH", data, at + 5)
            at += 10 + (3 * 2 ** ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
            bits = data[at]
            parts, at = _sub_blocks(data, at + 1)
            if (
                frames == 1
                and not 1 <= bits <= 11
                or frames == 1
                and _pixels(b"".join(parts), bits) < sides[0] * sides[1]
            ):
                found.faults.append("its picture is damaged: pixels are missing at its end")
        else:
            found.faults.append("its blocks do not follow one another")
            break
    if at > len(data) or not frames:  # many lack the trailer, which says nothing
        found.faults.append("the file ends before its picture does")
    found.frames = max(frames, 1)
    return found


def _sub_blocks(data: Data, at: int) -> tuple[list[bytes], int]:
    """Sub-blocks, and where what follows them starts: beyond the data where their end is missing."""
    parts = list[bytes]()
    while at < len(data) and data[at]:
        parts.append(bytes(data[at + 1 : at + 1 + data[at]]))
        at += 1 + data[at]
    return parts, at + 1


def _pixels(code: bytes, bits: int) -> int:
    """How many pixels a picture's code gives: of each string of the table, its length alone is kept."""
    clear, width, total, previous = 1 << bits, bits + 1, 0, 0
    lengths = [1] * clear + [0, 0]
    held = count = 0
    for byte in code:
        held |= byte << count
        count += 8
        while count >= width:
            found, held, count = held & (1 << width) - 1, held >> width, count - width
            if found == clear:
                lengths, width, previous = lengths[: clear + 2], bits + 1, 0
                continue
            if found == clear + 1:
                return total
            if previous and len(lengths) < 4096:
                lengths.append(previous + 1)
                if len(lengths) == 1 << width and width < 12:
                    width += 1
            if found >= len(lengths):
                return total
            previous = lengths[found]
            total += previous
    return total
