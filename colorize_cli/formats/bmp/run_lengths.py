"""Decode the run lengths of BMP: 4 and 8 bits of Windows and OS/2, 24 bits of OS/2.

In:  coded bytes, the size of the picture
Out: indices, (H, W), or BGR, (H, W, 3), rows as the file has them, and whether the code was whole
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray


def decode_runs(
    data: bytes, width: int, height: int, coding: Literal["rle8", "rle4", "rle24", "plain", "jpeg", "png"]
) -> tuple[NDArray[np.uint8], bool]:
    """Decode run lengths; what they leave out is 0.

    Returns:
        The picture, and False where the code ends before it says so, or leads beyond the picture.
    """
    step = 3 if coding == "rle24" else 1
    rows = bytearray(width * height * step)
    line = width * step
    # pixels of a row with the zeros that fill it up to whole words where it is not coded; some writers code them, too
    full = (width + 7) // 8 * 8 if coding == "rle4" else (width + 3) // 4 * 4
    at, x, y, size, whole = 0, 0, 0, len(data), True
    while at + 1 < size:
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            if coding == "rle24":
                run = data[at - 1 : at + 2] * count
                at += 2
            elif coding == "rle8":
                run = bytes((value,)) * count
            else:
                run = (bytes((value >> 4, value & 15)) * ((count + 1) // 2))[:count]
        elif value == 0:
            x, y = 0, y + 1
            continue
        elif value == 1:
            return _array(rows, width, height, step), whole
        elif value == 2:
            if at + 1 >= size:
                break
            x, y = x + data[at], y + data[at + 1]
            at += 2
            if x > full or y > height:
                whole = False
            continue
        else:
            length = value * 3 if coding == "rle24" else value if coding == "rle8" else (value + 1) // 2
            raw = data[at : at + length]
            at += length + (length & 1)
            if len(raw) < length:
                break
            run = bytes(half for byte in raw for half in (byte >> 4, byte & 15))[:value] if coding == "rle4" else raw
        start, count = y * line + x * step, len(run) // step
        if y >= height or x + count > width:
            whole = whole and y < height and x + count <= full
            run = run[: max(line - x * step, 0)] if y < height else b""
        rows[start : start + len(run)] = run
        x += count
    # writers may leave out the mark of the end once the last row is full
    return _array(rows, width, height, step), whole and (y >= height or y == height - 1 and x >= width)


def _array(rows: bytearray, width: int, height: int, step: int) -> NDArray[np.uint8]:
    array = np.frombuffer(rows, np.uint8)
    return array.reshape(height, width, 3) if step == 3 else array.reshape(height, width)
