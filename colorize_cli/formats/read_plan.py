"""Decide from its header how a large file is read: in strips, or as a whole; and how much memory that takes.

In:  what `probe` found, and the format of the result
Out: a `ReadPlan`; or `TooLargeError`, in one line that says how to go on
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import partial

from colorize_cli.errors import DecodeError, TooLargeError
from colorize_cli.files.machine import half_of_memory
from colorize_cli.formats.decoded import Damaged
from colorize_cli.formats.limits import amount
from colorize_cli.formats.photo import PhotoFormat, ProbeResult
from colorize_cli.formats.row_cache import CAPACITY
from colorize_cli.formats.table import FORMATS

_BASE = 200 << 20  # bytes that a streamed photo takes whatever its size: libraries, threads, the reduced copy
_SMALL = 40 << 20  # bytes that any photo takes: the network's maps, and what is kept between the stages
_PAGE = 512 << 10  # bytes of each page beyond the first: what the network sees of it, until all are colored
_STRIP_ROWS = 256
_STRIPS = 8  # strips in one state or another at once: read, painted, coded
_MOST_MEMORY = 4 << 40  # bytes that a machine might have


@dataclass(frozen=True)
class ReadPlan:
    """How a file is read.

    Attributes:
        streamed: in strips.
        memory: bytes that it takes, above what the process has at its start; an upper estimate.
        reason: why it is not streamed; "" where it is, or need not be.
        in_strips: one that is read as a whole is colored and written in strips.
        apart: its decoder has been seen to crash: it runs in a process of its own.
        cached: of a streamed one, its rows stay in memory between the two times that they are needed, if there is room.
    """

    streamed: bool
    memory: int
    reason: str = ""
    in_strips: bool = False
    cached: bool = False
    apart: bool = False


def plan(found: ProbeResult, target: PhotoFormat, stream_from: int, max_memory: int, used: int = 0) -> ReadPlan:
    """Choose how a file is read.

    Args:
        found: its header.
        target: the format of the result.
        stream_from: pixels from which a JPEG is streamed if it can be; other formats are from half as many.
        max_memory: bytes that it may take; 0 is `half_of_memory`.
        used: bytes of those that the process has already.

    Raises:
        TooLargeError: it cannot be done within `max_memory`.
        DecodeError: its header is damaged.
    """
    whole, most = memory_of_whole(found, target), max_memory or used + half_of_memory()
    limit = max(0, most - used)
    faster_whole = FORMATS[found.format].faster_whole
    way = partial(ReadPlan, apart=FORMATS[found.format].apart)
    least = stream_from if faster_whole else stream_from // 2
    if found.total_pixels < stream_from // 2 and whole <= limit:
        return way(False, whole)
    reason, segment = why_not_streamed(found, target)
    if found.total_pixels < least and whole <= limit:
        return way(False, whole, in_strips=not reason)
    if not reason:
        streamed = _memory_in_strips(found, segment)
        if streamed <= limit or streamed <= whole:
            rows = found.total_pixels * max(found.channels, 1)
            # a JPEG's are cheap to write: there a second reading would be a fifth of the work
            if faster_whole and rows <= CAPACITY and streamed + rows <= limit:
                return way(True, streamed + rows, cached=True)
            whole, reason = min(streamed, whole), ""
    if whole > limit:
        width, height = found.size
        kind = f"{reason}, so it is held as a whole: " if reason else ""
        pages = f" on {found.pages:,} pages" if found.pages > 1 else ""
        raise TooLargeError(
            f"{width:,} x {height:,} pixels{pages}; {kind}about {amount(whole + used, 1024)} of memory are needed, "
            f"more than --max-memory {amount(most, 1024)} allows",
            path=found.path,
            hint=_way_out(whole + used, bool(reason)),
        )
    return way(not reason, whole, reason)


def _way_out(needed: int, held: bool) -> str:
    """What to do with a file that needs more memory than it may have; one that no machine holds is a header's claim."""
    if needed > _MOST_MEMORY:
        return "Its header is probably damaged."
    raised = f"--max-memory {amount(needed, 1024)} allows it"
    return raised + ("; or save it as a tiled TIFF first, which is read in pieces." if held else ".")


def described(found: ProbeResult, way: ReadPlan) -> tuple[str, ...]:
    """What is said beforehand of how a large file will be read; nothing of others."""
    if not way.streamed and not way.reason:
        return ()
    how = "in strips" if way.streamed else f"as a whole ({way.reason})"
    return (f"{found.total_pixels / 1e6:,.0f} megapixels, read {how}, in about {amount(way.memory, 1024)} of memory",)


def memory_of_whole(found: ProbeResult, target: PhotoFormat) -> int:
    """What a file takes that is decoded as a whole: while it is decoded, or while its result is made and coded."""
    sample = 2 if found.depth > 8 else 1
    channels = min(max(found.channels, 1), 4)
    each = sample * (1.5 * channels + 6) + FORMATS[target].coder_bytes * sample
    pixels = max(found.memory, os.stat(found.path).st_size + int(found.total_pixels * each))
    return _SMALL + pixels + (found.pages - 1) * _PAGE


def _memory_in_strips(found: ProbeResult, segment: int) -> int:
    sample = 2 if found.depth > 8 else 1
    line = found.size[0] * sample * (max(found.channels, 1) + 3 + 3)
    coded = os.stat(found.path).st_size if FORMATS[found.format].faster_whole else 0  # it is read whole for its damage
    return _BASE + (found.pages - 1) * _PAGE + coded + 4 * segment + _STRIPS * min(_STRIP_ROWS * line, 96 << 20)


def why_not_streamed(found: ProbeResult, target: PhotoFormat) -> tuple[str, int]:
    """Why a file has to be held as a whole, "" where it has not; and bytes of its largest strip or row of tiles.

    Raises:
        DecodeError: its header is damaged.
    """
    if not FORMATS[target].in_strips:
        return f"{target.upper()} is not written in strips", 0
    try:
        return FORMATS[found.format].why_whole(found)
    except Damaged as error:
        raise DecodeError(error.reason, path=found.path, hint=error.advice()) from None
    except (OSError, ValueError, struct.error) as error:
        raise DecodeError(f"it cannot be read: {error}", path=found.path) from None
