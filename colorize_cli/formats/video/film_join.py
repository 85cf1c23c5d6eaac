"""Join the coded picture with all else that the source has: sound, subtitles, chapters, tags, the turn of the picture.

In:  the source; the segments of its picture
Out: the film, in a file that is open for writing

What is not the picture is copied packet by packet, byte for byte, with its times.
"""

from __future__ import annotations

import contextlib
import heapq
import io
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from colorize_cli.errors import DecodeError, EncodeError
from colorize_cli.formats.video.av_package import film_error, load_av
from colorize_cli.formats.video.film_encoders import FilmCoding, configure
from colorize_cli.formats.video.film_info import FilmInfo, is_cover
from colorize_cli.formats.video.film_names import Container
from colorize_cli.formats.video.film_tags import has_odd_tags, kept_tags
from colorize_cli.formats.video.segments import Segment, read_order, read_packets


@dataclass(frozen=True)
class Part:
    """One segment's file and what it says."""

    path: Path
    segment: Segment


def check_streams(info: FilmInfo, container: Container, coding: FilmCoding) -> list[str]:
    """Which streams of a film its result cannot hold, each a sentence, before anything is coded.

    Raises:
        EncodeError: sound or subtitles would be lost; or nothing can be written with that picture.
    """
    av, left = load_av(), list[str]()
    suffix = container.suffixes[0]
    if (why := _trial(info, container, coding, None)) is not None:
        raise EncodeError(f"a {suffix} film cannot hold its picture: {why}", path=info.path, hint=_OTHER)
    with av.open(str(info.path)) as source:
        if source.chapters() and not container.chapters:
            left.append(f"its chapters were left out: {suffix} cannot hold them")
        for stream in source.streams:
            if stream.index == info.stream or _trial(info, container, coding, stream) is None:
                continue
            kind, name = stream.type or "data", stream.codec_context.name if stream.codec_context else "no known codec"
            if kind in ("audio", "subtitle", "video") and not is_cover(stream):
                what = {"audio": "sound", "subtitle": "subtitles", "video": "second picture"}[kind]
                hint = "Give --out a film.mp4 or .mov." if name == "mov_text" else _OTHER
                raise EncodeError(f"a {suffix} film cannot hold its {what} ({name})", path=info.path, hint=hint)
            if kind == "data" and "timecode" in stream.metadata:
                continue  # it is written by the picture's tag of it
            if kind == "data" and 0 < len(source.chapters()) == stream.frames and stream.name == "bin_data":
                continue  # QuickTime's track of the chapters' titles: it is written by the chapters
            what = (
                "its cover" if is_cover(stream) else "an attached file" if kind == "attachment" else "a stream of data"
            )
            name = stream.metadata.get("filename") or stream.name or name
            left.append(f"{what} ({name}) was left out: {suffix} cannot hold it")
    return left


_OTHER = "Give --out a film.mkv."


def _trial(info: FilmInfo, container: Container, coding: FilmCoding, stream: Any | None) -> str | None:
    """Begin a film with the picture and one stream beside it; None where that can be written, else why not."""
    av = load_av()
    out = av.open(io.BytesIO(), "w", format=container.muxer)
    try:
        configure(out.add_stream(coding.encoder, rate=coding.rate).codec_context, coding, info, container.headers_apart)
        if stream is not None and _added(out, stream) is None:
            return "no place for it"
        out.start_encoding()
        return None
    except (av.FFmpegError, ValueError) as error:
        return film_error(error)
    finally:
        with contextlib.suppress(av.FFmpegError, ValueError):
            out.close()


def join(
    file: BinaryIO,
    info: FilmInfo,
    container: Container,
    coding: FilmCoding,
    parts: Sequence[Part],
    *,
    turn: Any = None,
    strip: str = "none",
    salvage: bool = False,
    on_packet: Callable[[], None] = lambda: None,
) -> None:
    """Write the whole film.

    Args:
        file: where to; it can be read and sought.
        info: the source.
        container: what is written.
        coding: how its picture is coded.
        parts: the picture, from start to end.
        turn: the source's display matrix, 9 integers, where a player is to turn the picture.
        strip: `none`, `gps` or `all`: which tags are left out.
        salvage: the source may end early.
        on_packet: called after each packet of the picture.

    Raises:
        DecodeError: the source's other streams cannot be read.
        EncodeError: it cannot be written.
    """
    av = load_av()
    options = {"fflags": "+bitexact"}  # no numbers drawn by chance: the same film gives the same bytes
    if container.muxer in ("mp4", "mov") and has_odd_tags(info):
        options["movflags"] = "use_metadata_tags"
    try:
        with av.open(str(info.path)) as source:
            with av.open(file, "w", format=container.muxer, container_options=options) as out:
                picture, others = _streams(out, source, info, container, coding, strip)
                out.metadata.update(kept_tags(source.metadata, strip))
                if strip != "all":
                    out.set_chapters([{**c, "metadata": dict(c["metadata"])} for c in source.chapters()])
                ours = _pictures(av, picture, info, parts)
                theirs = _copied(av, source, others, info, salvage)
                for _, packet, is_ours in heapq.merge(ours, theirs, key=lambda item: item[0]):
                    out.mux(packet)
                    if is_ours:
                        on_packet()
            if turn is not None and container.turns:
                _turn(file, picture_number(info, others), turn)
    except av.FFmpegError as error:
        raise EncodeError(f"the film cannot be written: {film_error(error)}", path=info.path) from None


def picture_number(info: FilmInfo, others: dict[int, Any]) -> int:
    """Which track, from 0, the picture is in the result: streams keep their order."""
    return sum(index < info.stream for index in others)


def _streams(
    out: Any, source: Any, info: FilmInfo, container: Container, coding: FilmCoding, strip: str
) -> tuple[Any, dict[int, Any]]:
    picture, others = None, dict[int, Any]()
    for stream in source.streams:
        if stream.index == info.stream:
            added = picture = out.add_stream(coding.encoder, rate=coding.rate)
            configure(added.codec_context, coding, info, container.headers_apart)
            added.time_base = info.time_base if container.has_times else 1 / coding.rate
        else:
            added = _added(out, stream)
            if added is None:
                continue
            others[stream.index] = added
        added.metadata.update(kept_tags(stream.metadata, strip, container.muxer))
        added.disposition = stream.disposition
    assert picture is not None
    return picture, others


def _added(out: Any, stream: Any) -> Any | None:
    """A stream of the result that is a copy of one of the source's; None where the container cannot hold it."""
    try:
        if stream.type == "data" and stream.codec_context is None:
            return None  # PyAV would begin a stream, and fail
        if is_cover(stream) and out.format.name == "matroska":  # which holds it as a file
            data = next((bytes(p) for p in stream.container.demux(stream) if p.size), b"")
            stream.container.seek(0)
            kind = stream.codec_context.name.replace("mjpeg", "jpeg")
            name = stream.metadata.get("filename", f"cover.{kind.replace('jpeg', 'jpg')}")
            return out.add_attachment(name, stream.metadata.get("mimetype", f"image/{kind}"), data)
        if stream.type == "attachment":
            return out.add_attachment(stream.metadata.get("filename", "file"), stream.mimetype or "", stream.data)
        added = out.add_stream_from_template(stream, opaque=True)
        added.time_base = stream.time_base
        return added
    except (ValueError, TypeError, AttributeError, OSError):
        return None


def _pictures(av: Any, stream: Any, info: FilmInfo, parts: Sequence[Part]) -> Iterator[tuple[float, Any, bool]]:
    """The coded frames with their times; a frame is decoded as long before it is shown as the order of all needs."""
    times = [time for part in parts for time in part.segment.times]
    order = [index for part in parts for index in read_order(part.path, part.segment.packets)]
    delay = max((number - index for number, index in enumerate(order)), default=0)
    step = max(1, round(1 / (info.rate * info.time_base)))
    ends = [*times[1:], times[-1] + step] if times else []
    number = 0
    for part in parts:
        for coded in read_packets(part.path, part.segment.packets):
            packet = av.Packet(coded.data)
            packet.stream, packet.time_base = stream, info.time_base
            packet.pts = times[coded.index]
            early = number - delay
            packet.dts = times[early] if early >= 0 else times[0] + early * step
            packet.duration = ends[coded.index] - times[coded.index]
            packet.is_keyframe = coded.key
            yield float(packet.dts * info.time_base), packet, True
            number += 1


def _copied(
    av: Any, source: Any, others: dict[int, Any], info: FilmInfo, salvage: bool
) -> Iterator[tuple[float, Any, bool]]:
    """The other streams' packets, as they are."""
    streams = [s for s in source.streams if s.index in others and others[s.index].type != "attachment"]
    if not streams:
        return
    last = 0.0
    try:
        for packet in source.demux(streams):
            if packet.size == 0 and packet.dts is None:
                continue  # says that a stream has ended
            if packet.dts is None and is_cover(packet.stream):
                packet.pts = packet.dts = 0  # Matroska says no time of it, and without one MP4 drops it
            at = packet.dts if packet.dts is not None else packet.pts
            last = max(last, float(at * packet.time_base)) if at is not None else last
            packet.stream = others[packet.stream_index]
            yield last, packet, False
    except av.FFmpegError as error:
        if not salvage:
            raise DecodeError(f"its sound cannot be read: {film_error(error)}", path=info.path) from None


def _turn(file: BinaryIO, track: int, matrix: Sequence[int]) -> None:
    """Write a display matrix into the header of a track of an ISO file that is complete."""
    for start, end in _children(file, 0, file.seek(0, 2), b"moov"):
        tracks = list(_children(file, start, end, b"trak"))
        for header, _ in _children(file, *tracks[track], b"tkhd"):
            file.seek(header)
            version = file.read(1)[0]
            file.seek(header + (52 if version else 40))
            file.write(struct.pack(">9i", *matrix))


def _children(file: BinaryIO, start: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Where the boxes of a kind have what they hold, between two offsets."""
    at = start
    while at + 8 <= end:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            (length,), head = struct.unpack(">Q", file.read(8)), 16
        if length < head:
            return
        if kind == wanted:
            yield at + head, at + length
        at += length


def display_matrix(frame: Any) -> tuple[int, ...] | None:
    """How a player is to turn a frame, 9 integers of ISO/IEC 14496-12; None where it is not to."""
    side = frame.side_data.get("DISPLAYMATRIX")
    return None if side is None else struct.unpack("=9i", bytes(side)[:36])
