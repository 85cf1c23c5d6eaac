"""How the process keeps memory between photos, and between the steps of a training.

In:  nothing
Out: the C library's allocator told, where it is glibc's; Python's collector told at the end
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4  # of mallopt
_BLOCK, _KEPT = 32 << 20, 128 << 20  # bytes: the planes of a usual photo; what a few of them take
_GROWTH = 64 << 20  # bytes that a training's heap grows by


def keep_pages() -> None:
    """Use the memory of one photo again for the next.

    As it comes, the allocator gives every large block back to the system, which has to clear each page of the next
    one: with photos that is a tenth of the whole time. Blocks as large as a giant scan's are given back as ever.
    """
    _tell({_MMAP_THRESHOLD: _BLOCK, _TRIM_THRESHOLD: _KEPT})


def keep_everything() -> None:
    """Use all memory of one training step again for the next, which needs just as much.

    A network's maps are larger than any block that the allocator keeps by itself: on a CPU a sixth of the time of a
    step went into clearing pages.
    """
    _tell({_MMAP_MAX: 0, _TRIM_THRESHOLD: -1, _TOP_PAD: _GROWTH})


def _tell(options: dict[int, int]) -> None:
    """Set the allocator's options, unless the user has."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        for option, value in options.items():
            mallopt(option, value)


def end_at_once() -> None:
    """Let the process end without a last search for garbage, which all libraries' objects make a tenth of a second.

    Not where torch is loaded: libraries of its own take objects that are not searched for leaks, and say so at length.
    """
    if "torch" not in sys.modules:
        gc.freeze()
