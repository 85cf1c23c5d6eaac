"""How the process keeps memory between photos.

In:  nothing
Out: the C library's allocator told, where it is glibc's; Python's collector told at the end
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt
_BLOCK, _KEPT = 32 << 20, 128 << 20  # bytes: the planes of a usual photo; what a few of them take


def keep_pages() -> None:
    """Use the memory of one photo again for the next.

    As it comes, the allocator gives every large block back to the system, which has to clear each page of the next
    one: with photos that is a tenth of the whole time. Blocks as large as a giant scan's are given back as ever.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _BLOCK)
        mallopt(_TRIM_THRESHOLD, _KEPT)


def end_at_once() -> None:
    """Let the process end without a last search for garbage, which all libraries' objects make a tenth of a second."""
    gc.freeze()
