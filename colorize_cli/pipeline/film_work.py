"""One film, from its first frame to the joined file, in segments: a run that was stopped goes on behind the last one.

In:  a film, how its result is coded, the network
Out: the result, written whole or not at all; what was done
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO

from colorize_cli.errors import DecodeError
from colorize_cli.files.atomic import not_written, write_text, write_whole_by
from colorize_cli.files.facts import FileFacts, unchanged
from colorize_cli.files.leftovers import sweep
from colorize_cli.formats.seal import seal
from colorize_cli.formats.video.film_encoders import FilmCoding
from colorize_cli.formats.video.film_frames import FilmFrame, Lost, clock, read_frames
from colorize_cli.formats.video.film_info import FilmInfo, turned
from colorize_cli.formats.video.film_join import Part, display_matrix, join
from colorize_cli.formats.video.film_names import Container
from colorize_cli.formats.video.film_note import append_note
from colorize_cli.formats.video.planes import pixels_of
from colorize_cli.formats.video.segments import Segment, read_segment, write_segment
from colorize_cli.inference.large_files import Stopped
from colorize_cli.inference.option_values import OnColor
from colorize_cli.inference.predictor import Predictor
from colorize_cli.inference.temporal.film_painting import FilmPainter, SegmentCoder
from colorize_cli.inference.temporal.shots import Shots, ShotState, Shown, Stretch
from colorize_cli.metadata.provenance import Provenance

if TYPE_CHECKING:
    import torch

_SHORTEST = 48  # frames of a segment, but for the last
_METHOD = 5  # of coloring films: segments that another way made are not gone on with


@dataclass(frozen=True, kw_only=True)
class FilmJob:
    """What is to be done with one film.

    Attributes:
        info: the film.
        facts: of its file.
        out: the result.
        folder: for its segments; who made the job removes it when the result is where it belongs.
        container: of the result.
        coding: how its picture is coded.
        note: what the result says of how it was made, with the source.
        predictor: the network.
        on_color: what becomes of shots that have color of their own.
        vividness, saturation: as for photos.
        deinterlace: make both moments of an interlaced frame one.
        salvage: take what is there of a damaged film.
        strip: which tags are left out: `none`, `gps` or `all`.
        turn: quarter turns by which the pixels are turned, since the container cannot say that a player is to do so.
        gpu: joins lightness and color, where there is one.
    """

    info: FilmInfo
    facts: FileFacts
    out: Path
    folder: Path
    container: Container
    coding: FilmCoding
    note: Provenance
    predictor: Predictor
    on_color: OnColor
    vividness: float | None
    saturation: float
    deinterlace: bool
    salvage: bool
    strip: str
    turn: int = 0
    gpu: torch.device | None = None

    @property
    def shown(self) -> FilmInfo:
        """The film as its result is coded."""
        return turned(self.info, self.turn)


@dataclass(frozen=True)
class FilmDone:
    """What became of a film: frames, of which so many were given color; shots; what was lost, each a sentence."""

    frames: int
    colored: int
    resumed: int
    notes: tuple[str, ...]


class FilmWork:
    """Colors one film.

    Args:
        job: which, and how.
        on_frames: told how many more frames are done; it may raise to stop the film.
    """

    def __init__(self, job: FilmJob, on_frames: Callable[[int], None] = lambda _: None) -> None:
        self.job, self.on_frames = job, on_frames
        self.folder = job.folder
        self._stop, self._turn, self._interlaced = Event(), None, False
        self._lost = Lost()

    def run(self) -> FilmDone:
        """Color the film, or go on with it.

        Raises:
            DecodeError: a frame cannot be decoded.
            EncodeError: the result cannot be written.
        """
        self._prepare_folder()
        parts = self._done_before()
        resumed = parts[-1].segment.end if parts else 0
        self.on_frames(resumed)
        if not parts or not parts[-1].segment.last:
            self._color(parts)
        if not parts:
            raise DecodeError("it has no frame that can be decoded", path=self.job.info.path)
        self._join(parts)
        segments = [part.segment for part in parts]
        frames, colored = segments[-1].end, sum(segment.colored for segment in segments)
        return FilmDone(frames, colored, resumed, tuple(self._notes(segments[-1])))

    def _notes(self, last: Segment) -> Iterator[str]:
        if last.lost[0]:
            yield f"{last.lost[0]:,} of its packets could not be decoded, the first at {clock(last.lost[1])}"

    def _prepare_folder(self) -> None:
        """Make the folder of the segments; what is in it of another film, or of other settings, goes."""
        job, key = self.job, self.folder / "film.json"
        source = job.note.source
        said = {
            "method": _METHOD,
            "source": source.sha256 if source else "",
            "note": [job.note.version, job.note.model, job.note.sha256, *map(list, job.note.settings)],
            "coding": asdict(job.coding),
            "container": job.container.muxer,
            "device": job.predictor.device,
        }
        text = json.dumps(said, default=str, indent=1)
        try:
            if key.exists() and key.read_text("utf-8") != text:
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            sweep(self.folder)
            if not key.exists():
                write_text(key, text)
        except OSError as error:
            raise not_written(self.folder, error) from None

    def _done_before(self) -> list[Part]:
        parts, end = list[Part](), 0
        while (found := read_segment(path := self.folder / f"{end:09d}.segment")) is not None:
            segment, _ = found
            if segment.first != end or not segment.times:
                break
            parts.append(Part(path, segment))
            end = segment.end
            if segment.last:
                break
        return parts

    def _color(self, parts: list[Part]) -> None:
        """Color what is left of the film: one thread looks and decides, another paints and codes."""
        job, begin, state = self.job, 0, None
        if parts:
            found = read_segment(parts[-1].path)
            assert found is not None
            begin, state = parts[-1].segment.end, ShotState.from_bytes(found[1])
        shots = Shots(job.predictor, job.on_color, job.vividness, self._check)
        painter = _Painting(job, begin, self._stop, self.folder, self.on_frames)
        waiting: Future[list[Part]] | None = None
        with ThreadPoolExecutor(1, "film") as thread, closing(self._frames(begin)) as frames:
            try:
                for stretch in shots.stretches(frames, state):
                    if waiting is not None:
                        parts += waiting.result()
                    lost = (self._lost.packets, self._lost.first)
                    waiting = thread.submit(painter.paint, stretch, lost)
                if waiting is not None:
                    parts += waiting.result()
            except BaseException:
                self._stop.set()
                raise
            finally:
                thread.submit(painter.close)

    def _check(self) -> None:
        self.on_frames(0)

    def _frames(self, begin: int) -> Generator[Shown, None, None]:
        info = self.job.info
        frames = read_frames(info, deinterlace=self.job.deinterlace, salvage=self.job.salvage, lost=self._lost)
        for frame in islice(frames, begin, None):
            check_frame(info, frame)
            pixels = pixels_of(frame.picture, info.read_matrix, info.full_range)
            yield Shown(pixels, frame.time, frame.turn)

    def _join(self, parts: list[Part]) -> None:
        job = self.job
        unchanged(job.info.path, job.facts)
        with closing(read_frames(job.info, salvage=job.salvage)) as frames:
            turn = display_matrix(next(frames).picture)

        def fill(file: BinaryIO) -> None:
            join(
                file, job.shown, job.container, job.coding, parts, turn=turn, strip=job.strip, salvage=job.salvage,
                on_packet=self._check,
            )  # fmt: skip
            append_note(file, job.container, job.note)
            seal(file)

        write_whole_by(job.out, fill, job.facts)


class _Painting:
    """Paints stretches and writes them in segments, in a thread of its own."""

    def __init__(self, job: FilmJob, begin: int, stop: Event, folder: Path, on_frames: Callable[[int], None]) -> None:
        self._job, self._stop, self._folder, self._on_frames = job, stop, folder, on_frames
        self._painter = FilmPainter(job.info, job.coding, job.saturation, job.turn, job.gpu)
        self._frames: Iterator[FilmFrame] = islice(
            read_frames(job.info, deinterlace=job.deinterlace, salvage=job.salvage), begin, None
        )
        self._at = begin
        self._begin()

    def _begin(self) -> None:
        self._coder = SegmentCoder(self._job.coding, self._job.shown, self._job.container.headers_apart)
        self._times, self._colored = list[int](), 0

    def paint(self, stretch: Stretch, lost: tuple[int, float]) -> list[Part]:
        """Paint a stretch; gives the segment that is done with it, if one is."""
        for number, time in enumerate(stretch.times):
            if self._stop.is_set():
                raise Stopped
            frame = next(self._frames)
            if frame.time != time:
                raise DecodeError("its frames are not the same when read again", path=self._job.info.path)
            ab = stretch.colors[number] if stretch.colors else None
            calm = stretch.calm[number] if stretch.calm else None
            self._coder.add(self._painter.paint(frame, ab, calm, stretch.keeps))
            self._times.append(time)
            self._colored += ab is not None
            self._on_frames(1)
        if len(self._times) < _SHORTEST and not stretch.last:
            return []
        packets, state = self._coder.finish(), stretch.state.to_bytes()
        segment = Segment(
            first=self._at,
            times=tuple(self._times),
            colored=self._colored,
            packets=len(packets),
            state=len(state),
            last=stretch.last,
            lost=lost,
        )
        path = self._folder / f"{self._at:09d}.segment"
        write_segment(path, segment, packets, state)
        self._at = segment.end
        self._begin()
        return [Part(path, segment)]

    def close(self) -> None:
        """Let go of the film."""
        frames: Any = self._frames
        del frames, self._frames


def check_frame(info: FilmInfo, frame: FilmFrame) -> None:
    """Refuse a frame of another size than the film's.

    Raises:
        DecodeError: it is.
    """
    picture = frame.picture
    if (picture.width, picture.height) != (info.width, info.height):
        at = clock(float(frame.time * info.time_base))
        to = f"{picture.width} x {picture.height}"
        text = f"its picture changes its size at {at}, from {info.width} x {info.height} to {to}"
        raise DecodeError(text, path=info.path, hint="Cut it there into two films.")
