"""A film's frames in the order in which they are shown, each with its time.

In:  a path
Out: `FilmFrame`s; what was lost on the way, where that was allowed
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any

from colorize_cli.errors import DecodeError
from colorize_cli.formats.video.av_package import film_error, load_av
from colorize_cli.formats.video.film_info import FilmInfo

_DEINTERLACE = ("bwdif", "mode=send_frame:parity=auto:deint=all")


@dataclass(frozen=True)
class FilmFrame:
    """One frame.

    Attributes:
        index: counted from 0.
        time: at which it is shown, in units of the film's time base.
        picture: PyAV's frame.
        interlaced: its rows are of two moments.
        turn: quarter turns, counter-clockwise, by which a player shows it.
    """

    index: int
    time: int
    picture: Any
    interlaced: bool
    turn: int


@dataclass
class Lost:
    """What could not be decoded: how many packets, and when the first was to be shown, seconds."""

    packets: int = 0
    first: float = 0.0
    notes: list[str] = field(default_factory=list)


def read_frames(
    info: FilmInfo, *, deinterlace: bool = False, salvage: bool = False, lost: Lost | None = None
) -> Generator[FilmFrame, None, None]:
    """Decode a film from its start to its end, a frame at a time.

    Args:
        info: the film.
        deinterlace: make both moments of an interlaced frame one.
        salvage: go on after what cannot be decoded.
        lost: is told what that was.

    Raises:
        DecodeError: a frame cannot be decoded.
    """
    av = load_av()
    lost = Lost() if lost is None else lost
    try:
        with av.open(str(info.path)) as container:
            stream = container.streams[info.stream]
            # threads that decode frames side by side lose other frames each time where some are damaged
            stream.thread_type = "SLICE" if salvage else "AUTO"
            decoded = _decoded(av, container, stream, info, salvage, lost)
            if deinterlace:
                decoded = _deinterlaced(av, stream, decoded)
            yield from _timed(info, decoded)
    except av.FFmpegError as error:
        raise DecodeError(f"it cannot be read: {film_error(error)}", path=info.path) from None


def _decoded(av: Any, container: Any, stream: Any, info: FilmInfo, salvage: bool, lost: Lost) -> Iterator[Any]:
    packets = container.demux(stream)
    last = 0.0
    while True:
        try:
            packet = next(packets)
            if packet.pts is not None:
                last = float(packet.pts * info.time_base)
            if packet.is_corrupt and not salvage:
                raise _damaged(info, last, "its data are incomplete")
            frames = packet.decode()
        except StopIteration:
            return
        except av.FFmpegError as error:
            if not salvage:
                raise _damaged(info, last, film_error(error)) from None
            lost.first = lost.first if lost.packets else last
            lost.packets += 1
            if isinstance(error, av.error.EOFError):
                return
            continue
        for frame in frames:
            if frame.is_corrupt and not salvage:
                raise _damaged(info, last, "its data are damaged")
            yield frame


def _damaged(info: FilmInfo, seconds: float, why: str) -> DecodeError:
    text = f"the file is damaged: the frame at {clock(seconds)} cannot be decoded ({why})"
    return DecodeError(text, path=info.path, hint="Use --salvage to keep what is there.")


def _deinterlaced(av: Any, stream: Any, frames: Iterator[Any]) -> Iterator[Any]:
    graph, last = av.filter.Graph(), None
    for frame in frames:
        if last is None:
            last = _built(graph, stream)
        graph.push(frame)
        yield from _pulled(av, graph)
    if last is not None:
        graph.push(None)
        yield from _pulled(av, graph)


def _built(graph: Any, stream: Any) -> Any:
    source, filter, sink = graph.add_buffer(template=stream), graph.add(*_DEINTERLACE), graph.add("buffersink")
    source.link_to(filter)
    filter.link_to(sink)
    graph.configure()
    return sink


def _pulled(av: Any, graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _timed(info: FilmInfo, frames: Iterator[Any]) -> Iterator[FilmFrame]:
    """Frames with times that grow: those that a container does not say, or says twice, follow at the film's rate."""
    step = max(1, round(1 / (info.rate * info.time_base)))
    last: int | None = None
    for index, frame in enumerate(frames):
        time = None if frame.pts is None else round(frame.pts * Fraction(frame.time_base) / info.time_base)
        if time is None or last is not None and time <= last:
            time = 0 if last is None else last + (step if time is None else 1)
        last = time
        yield FilmFrame(index, time, frame, bool(frame.interlaced_frame), quarters(frame))


def quarters(frame: Any) -> int:
    """Quarter turns, counter-clockwise, by which a player shows PyAV's frame."""
    return int(round(frame.rotation / 90) % 4)


def clock(seconds: float) -> str:
    """A time as films have it: h:mm:ss."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


_LOOKED_THROUGH = 300  # frames from a key frame to the one that is wanted


def sample_frames(info: FilmInfo, count: int) -> Generator[Any, None, None]:
    """Frames from all over a film, fewer where it cannot be sought in or is damaged; PyAV's own.

    Args:
        info: the film.
        count: of frames, evenly spread.
    """
    av = load_av()
    try:
        with av.open(str(info.path)) as container:
            stream = container.streams[info.stream]
            start = stream.start_time or 0
            for number in range(count):
                at = start
                if info.seconds and number:
                    at = start + int(info.seconds * (number + 0.5) / count / info.time_base)
                    container.seek(at, stream=stream)
                frame = None
                for frame in islice(container.decode(stream), _LOOKED_THROUGH):  # from the key frame before
                    if frame.pts is None or not number or frame.pts >= at:
                        break
                if frame is not None:
                    yield frame
    except (av.FFmpegError, StopIteration):
        return
