"""What a film's headers say: size, rate, codec, depth, tags, and which streams lie beside its picture.

In:  a path
Out: `FilmInfo`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from colorize_cli.errors import DecodeError
from colorize_cli.formats.video.av_package import film_error, load_av

_CODECS = {"mpeg2video": "mpeg2", "mpeg1video": "mpeg1"}
_FULL = 2  # FFmpeg's code of luma from 0 to 255
HDR = {16: "HDR (PQ)", 18: "HDR (HLG)"}  # by the code of the transfer
_HD = 720  # rows from which players read untagged pictures by BT.709


@dataclass(frozen=True, kw_only=True)
class FilmInfo:
    """What is known of a film before its frames are decoded.

    Attributes:
        path: the file.
        stream: index of the picture's stream.
        width, height: as coded, pixels.
        codec: of the picture, FFmpeg's name but for `mpeg1` and `mpeg2`.
        pix_fmt: FFmpeg's name of its pixels' layout.
        depth: bits of a sample.
        alpha: whether it has transparency, which the result has not.
        time_base: of the frames' times, seconds.
        rate: frames a second: the mean, where they vary.
        frames: how many there are; an estimate where the container does not say, 0 where nothing is known.
        seconds: of the picture, by its headers; 0 where they do not say.
        aspect: width of a pixel by its height.
        matrix: code of the YUV matrix as ITU-T H.273 counts, 2 where it is not said.
        primaries, transfer: likewise.
        full_range: luma goes from 0 to 255 instead of 16 to 235.
        range_code: FFmpeg's code of that, 0 where it is not said and means 16 to 235.
        beside: of the other streams, their kinds, in order: "audio", "subtitle", "data", "attachment", "video".
    """

    path: Path
    stream: int
    width: int
    height: int
    codec: str
    pix_fmt: str
    depth: int
    alpha: bool
    time_base: Fraction
    rate: Fraction
    frames: int
    seconds: float
    aspect: Fraction
    matrix: int
    primaries: int
    transfer: int
    full_range: bool
    range_code: int
    beside: tuple[str, ...]

    @property
    def read_matrix(self) -> int:
        """The matrix by which a player reads it: where none is said, BT.709 for large pictures, else BT.601."""
        return self.matrix if self.matrix not in (0, 2) else 1 if self.height >= _HD else 6


def turned(info: FilmInfo, turn: int) -> FilmInfo:
    """A film whose picture is turned by so many quarters, its pixels themselves; it is read as it was by players."""
    if turn % 2 == 0:
        return info
    return replace(info, width=info.height, height=info.width, aspect=1 / info.aspect, matrix=info.read_matrix)


def film_info(path: Path) -> FilmInfo:
    """Read a film's headers.

    Raises:
        DecodeError: it is no film that can be read, or has no picture.
        MissingPackageError: PyAV is not installed.
    """
    av = load_av()
    try:
        with av.open(str(path)) as container:
            return _info_of(path, container)
    except av.FFmpegError as error:
        raise DecodeError(f"it cannot be read as a film: {film_error(error)}", path=path) from None


def is_cover(stream: Any) -> bool:
    """Whether a stream is the picture of a film's cover."""
    return bool(stream.disposition & load_av().stream.Disposition.attached_pic)


def picture_stream(container: Any) -> Any | None:
    """The stream of a container's picture: the largest that is no cover; None where there is none."""
    found = [s for s in container.streams.video if not is_cover(s) and s.codec_context is not None]
    return max(
        found, key=lambda s: (bool(s.disposition & 1), s.codec_context.width * s.codec_context.height), default=None
    )


def _info_of(path: Path, container: Any) -> FilmInfo:
    stream = picture_stream(container)
    if stream is None:
        if any(not is_cover(s) for s in container.streams.video):
            raise DecodeError("its picture is encrypted, or of a codec that FFmpeg does not know", path=path)
        what = "only sound" if container.streams.audio else "and nothing else that can be colored"
        raise DecodeError(f"it has no picture, {what}", path=path)
    context, format = stream.codec_context, stream.codec_context.format
    if not context.width or not context.height or format is None:
        raise DecodeError("its picture's size is not known: its start is damaged", path=path)
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    time_base = stream.time_base or Fraction(1, 90000)
    seconds = float(stream.duration * time_base) if stream.duration else float(container.duration or 0) / 1_000_000
    frames = stream.frames or round(seconds * rate)
    name = context.codec.canonical_name
    code = int(context.color_range) or (_FULL if format.name.startswith("gray") else 0)  # as players read grey alone
    return FilmInfo(
        path=path,
        stream=stream.index,
        width=context.width,
        height=context.height,
        codec=_CODECS.get(name, name),
        pix_fmt=format.name,
        depth=max((component.bits for component in format.components), default=8),
        alpha=len(format.components) in (2, 4),
        time_base=time_base,
        rate=Fraction(rate),
        frames=int(frames),
        seconds=seconds,
        aspect=Fraction(context.sample_aspect_ratio or 1) or Fraction(1),
        matrix=int(context.colorspace),
        primaries=int(context.color_primaries),
        transfer=int(context.color_trc),
        full_range=code == _FULL or format.name.startswith("yuvj"),
        range_code=code,
        beside=tuple(s.type or "data" for s in container.streams if s.index != stream.index),
    )
