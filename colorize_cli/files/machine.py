"""What of the machine this process may use: memory and cores.

In:  nothing; what the system, the container and the shell (`ulimit -v`) say
Out: bytes and counts

Source: Linux's proc(5), cgroups(7) and its documentation of the memory and cpu controllers, versions 1 and 2.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_UNKNOWN = 8 << 30  # bytes that are taken to be free where nothing tells
_PROC, _CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60


def cores() -> int:
    """Cores that this process may use: of the machine, by its affinity, and by its container's quota; at least 1."""
    return max(1, min([_own_cores(), *_quotas()]))


def _own_cores() -> int:
    """Cores that this process may run on; of the machine where the system knows no affinity."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    try:
        return os.sysconf("SC_NPROCESSORS_ONLN")
    except (AttributeError, ValueError, OSError):  # Windows
        number = os.environ.get("NUMBER_OF_PROCESSORS", "")
        return int(number) if number.isdecimal() else 1


def half_of_memory() -> int:
    """Half of what is available, in bytes: what one batch may take unless it is told otherwise."""
    return available_memory() // 2


def available_memory() -> int:
    """Bytes that this process could take now without swapping, or being killed or refused: the least of three limits.

    The system's free memory (what it only keeps as a cache included), that of each container around this process, and
    the address space that the shell's `ulimit -v` leaves.
    """
    left = address_space()
    return max(0, min([_system(), *_containers(), *([] if left is None else [left])]))


def resident_memory() -> int:
    """Bytes of memory that this process has now; 0 where the system does not tell."""
    try:
        return int((_PROC / "self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def _system() -> int:
    fields = _fields(_PROC / "meminfo")
    if "MemAvailable" in fields:
        return fields["MemAvailable"] * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN


def _containers() -> Iterator[int]:
    """What is left below the limit of each control group that this process is in, from its own up to the root."""
    for folder in _groups("memory"):
        # version 2, then version 1; what is only a cache of files is given back when it is needed
        for limit, usage, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, used = _number(folder / limit), _number(folder / usage)
            if most is not None and used is not None and most < _NO_LIMIT:
                yield most - max(0, used - _fields(folder / "memory.stat").get(cache, 0))


def address_space() -> int | None:
    """Bytes of address space that a limit of the shell (`ulimit -v`) leaves; None where there is none."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return None
    try:
        used = int((_PROC / "self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        used = 0
    return most - used


def _quotas() -> Iterator[int]:
    """Cores that a container's quota of time amounts to, rounded up."""
    for folder in _groups("cpu"):
        words = _text(folder / "cpu.max").split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
            yield max(1, -(-int(words[0]) // int(words[1])))
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        if quota is not None and period and quota > 0:
            yield max(1, -(-quota // period))


def _groups(controller: str) -> Iterator[Path]:
    """The folders of the control groups that this process is in, of either version."""
    for line in _text(_PROC / "self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if names and controller not in names.split(","):
            continue
        root = _CGROUP / controller if names else _CGROUP
        own = root / path.strip("/")
        # inside a container the path may be the host's, which is not there: then the root is the container's own
        yield from (folder for folder in (own, *own.parents) if folder.is_dir() and folder.is_relative_to(root))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    try:
        return int(text)
    except ValueError:
        return None


def _fields(path: Path) -> dict[str, int]:
    """Lines like `MemAvailable:  123 kB` or `inactive_file 123`."""
    found = dict[str, int]()
    for line in _text(path).splitlines():
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            found[words[0].rstrip(":")] = int(words[1])
    return found
