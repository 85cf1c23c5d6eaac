"""How the process keeps memory between photos, and between the steps of a training.

In:  nothing
Out: the C library's allocator told, where it is glibc's; Python's collector told after the start and at the end
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path

from colorize_cli.cli.threads import wait_asleep
from colorize_cli.errors import NothingToDoError
from colorize_cli.files.machine import address_space, half_of_memory
from colorize_cli.inference.option_values import Precision

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -2, -3, -4, -8  # of mallopt
_BLOCK, _KEPT = 32 << 20, 128 << 20  # bytes: the planes of a usual photo; what a few of them take
_LEAST, _LIBRARIES = 800 << 20, 4 << 30  # bytes: without torch; threads' stacks and a network's maps, generously
_OUT_OF_MEMORY = (
    "failed to map segment",
    "cannot allocate memory",
    "can't allocate memory",
    "bad_alloc",
    "out of memory",
)
_SMALL = 1 << 20  # bytes: of what is given back at once
_GROWTH = 64 << 20  # bytes that a training's heap grows by


def bound_process(max_memory: int, device: str, precision: Precision) -> None:
    """How a process that colors photos waits, keeps pages and is bounded; before numpy is loaded.

    Args:
        max_memory: bytes that photos may take, all at once; 0 is half of what is available.
        device: as the user named it.
        precision: the same.
    """
    wait_asleep()
    pages_between_photos(limited=bool(max_memory))
    from colorize_cli.inference.devices import surely_cpu

    if surely_cpu(device, precision):  # a GPU's driver takes address space as it likes
        bound_data(max_memory or half_of_memory())


def pages_between_photos(limited: bool) -> None:
    """Use the memory of one photo again for the next; or give it back, where the user set a limit: that counts more.

    As it comes, the allocator gives every large block back to the system, which has to clear each page of the next
    one: with photos that is a tenth of the whole time. Blocks as large as a giant scan's are given back as ever.
    All threads share one heap: with one each, every thread keeps what its own largest photo took.
    """
    if limited:
        _tell({_MMAP_THRESHOLD: _SMALL, _TRIM_THRESHOLD: _SMALL, _ARENA_MAX: 1})
    else:
        _tell({_MMAP_THRESHOLD: _BLOCK, _TRIM_THRESHOLD: _KEPT, _ARENA_MAX: 1})


def keep_everything() -> None:
    """Use all memory of one training step again for the next, which needs just as much.

    A network's maps are larger than any block that the allocator keeps by itself: on a CPU a sixth of the time of a
    step went into clearing pages.
    """
    _tell({_MMAP_MAX: 0, _TRIM_THRESHOLD: -1, _TOP_PAD: _GROWTH})


def check_address_space() -> None:
    """Refuse to start where a limit of the shell leaves less than the libraries take, some of which would abort.

    Raises:
        NothingToDoError: it does.
    """
    left = address_space()
    if left is not None and left < _LEAST:
        raise lack_of_memory()


def lack_of_memory() -> NothingToDoError:
    """What is said where there is not even the memory to start."""
    left = address_space()
    if left is None:
        return NothingToDoError("not enough memory to start", hint="Close other programs, or use a smaller model.")
    return NothingToDoError(
        f"not enough memory to start: a limit of the shell (ulimit -v) leaves {max(left, 0) >> 20:,} MiB",
        hint="Raise it: ulimit -v unlimited; about 1 GiB is needed, and 8 GiB by models that are run by torch.",
    )


def is_lack_of_memory(problem: BaseException) -> bool:
    """Whether an error is that memory ran out, whichever way a library says so."""
    return isinstance(problem, MemoryError) or any(words in str(problem).lower() for words in _OUT_OF_MEMORY)


def bound_data(most: int) -> None:
    """Let the system refuse memory beyond what photos may take: for a decoder that takes more than its file declares.

    Args:
        most: bytes that photos may take, all at once. What the libraries take comes on top of it.
    """
    try:
        import resource

        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
        wanted = int(fields["VmData"].split()[0]) * 1024 + most + _LIBRARIES
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        if soft == resource.RLIM_INFINITY or wanted < soft:
            resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    except (ImportError, OSError, ValueError, KeyError):
        pass  # not Linux: the limits on what files declare remain


def _tell(options: dict[int, int]) -> None:
    """Set the allocator's options, unless the user has."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        for option, value in options.items():
            mallopt(option, value)


def collect_from_now_on() -> None:
    """Search for garbage again, but not in what the libraries made while they loaded.

    All of it stays to the end of the process; going through it again and again is a twelfth of a start's time. Nothing
    changes where the collector was not stopped, as in a program that calls the command line.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def end_at_once() -> None:
    """Let the process end without a last search for garbage, which all libraries' objects make a tenth of a second.

    Not where torch is loaded: libraries of its own take objects that are not searched for leaks, and say so at length.
    """
    if "torch" not in sys.modules:
        gc.freeze()
