"""Tell a lossless JPEG (process 14 of ITU-T T.81, annex H) before a decoder is asked for a smaller copy of one.

In:  the bytes of a JPEG
Out: whether its frame may be lossless

libjpeg makes smaller copies from the coefficients of a cosine transform. A lossless JPEG has none: libjpeg-turbo gives
all of its pixels though a smaller copy was asked for, and writes them past the end of the memory that was set aside.
"""

from __future__ import annotations

from mmap import mmap

LOSSLESS = 0xC3  # the marker of its frame
_FRAME = bytes((0xFF, LOSSLESS))
_MOST = 1 << 14  # places that are looked at; a file with more of them has been made up


def is_lossless(data: bytes | mmap) -> bool:
    """Whether a frame header of lossless JPEG may stand anywhere in a file.

    A coded scan cannot hold these bytes, and in metadata they are rare: a false yes costs a copy of full size.
    """
    at = data.find(_FRAME)
    for _ in range(_MOST):
        if at < 0:
            return False
        head = data[at + 2 : at + 10]
        if len(head) == 8 and int.from_bytes(head[:2]) == 8 + 3 * head[7]:
            return True
        at = data.find(_FRAME, at + 1)
    return True
