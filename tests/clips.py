"""Small films, made by PyAV: a picture that pans, with sound, subtitles, chapters and tags where they are asked for."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

av = pytest.importorskip("av", reason="films need PyAV: pip install '.[video]'")

SIZE = (96, 64)  # width, height
RATE = 25
SOUND_RATE = 48000


def pan(count: int, size: tuple[int, int] = SIZE, seed: int = 0, step: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Grey frames, (h, w): a window that moves `step` pixels a frame over a smooth picture."""
    width, height = size
    small = np.random.default_rng(seed).uniform(20, 235, (5, 9)).astype(np.float32)
    wide = cv2.resize(small, (width + count * step, height), interpolation=cv2.INTER_CUBIC)
    wide += cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 30, wide.shape), (0, 0), 2)
    picture = np.clip(wide, 16, 235).astype(np.uint8)
    for number in range(count):
        yield np.ascontiguousarray(picture[:, number * step : number * step + width])


@dataclass(frozen=True)
class Clip:
    """What a film is made of; `times` are in units of 1/1000 s, `sounds` says how many tracks."""

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    times: Sequence[int] | None = None
    sounds: int = 1
    subtitles: bool = False
    chapters: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    aspect: Fraction | None = None
    color: tuple[int, int, int, int] | None = None  # matrix, primaries, transfer, range
    interlaced: bool = False
    container: tuple[tuple[str, str], ...] = ()  # options of the muxer


def make_film(path: Path, frames: Sequence[NDArray[Any]] | Iterator[NDArray[Any]], clip: Clip = Clip()) -> Path:
    """Write frames, (h, w) or (h, w, 3), uint8 or uint16, as a film."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = list(frames)
    height, width = shown[0].shape[:2]
    base = Fraction(1, 1000) if clip.times is not None else Fraction(1, RATE)
    times = list(range(len(shown))) if clip.times is None else list(clip.times)
    length = float(times[-1] * base) + 1 / RATE
    with av.open(str(path), "w", container_options=dict(clip.container)) as out:
        picture = out.add_stream(clip.codec, rate=RATE)
        picture.width, picture.height, picture.pix_fmt = width, height, clip.pix_fmt
        picture.time_base = picture.codec_context.time_base = base
        picture.codec_context.options = dict(clip.options)
        if clip.aspect:
            picture.codec_context.sample_aspect_ratio = clip.aspect
        if clip.color:
            context = picture.codec_context
            context.colorspace, context.color_primaries, context.color_trc, context.color_range = clip.color
        if clip.interlaced:
            picture.codec_context.options = {**dict(clip.options), "flags": "+ildct+ilme", "x264-params": "tff=1"}
        codec = "libopus" if path.suffix == ".webm" else "mp2" if path.suffix in (".avi", ".mpg") else "aac"
        sounds = [out.add_stream(codec, rate=SOUND_RATE, layout="stereo") for _ in range(clip.sounds)]
        for number, sound in enumerate(sounds):
            sound.metadata["language"] = ("eng", "deu", "fra")[number]
        words = _subtitles(out, path) if clip.subtitles else None
        out.metadata.update(dict(clip.tags))
        if clip.chapters:
            half = round(length * 500)
            ends = ((0, half, "Arrival"), (half, 2 * half, "Departure"))
            out.set_chapters(
                [
                    {"id": i, "start": a, "end": b, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                    for i, (a, b, title) in enumerate(ends)
                ]
            )
        for number, (pixels, time) in enumerate(zip(shown, times, strict=True)):
            frame = _frame(pixels, clip)
            frame.pts, frame.time_base = time, base
            out.mux(picture.encode(frame))
            if number == 0 and words is not None:
                _write_words(out, words)
        out.mux(picture.encode(None))
        for number, sound in enumerate(sounds):
            out.mux(_tone(sound, length, 300 + 200 * number))
            out.mux(sound.encode(None))
    return path


def _frame(pixels: NDArray[Any], clip: Clip) -> Any:
    wide = pixels.dtype == np.uint16
    name = ("gray16le" if wide else "gray") if pixels.ndim == 2 else ("rgb48le" if wide else "rgb24")
    frame = av.VideoFrame.from_ndarray(pixels, format=name)
    ranges = {"dst_color_range": 2} if clip.color and clip.color[3] == 2 else {}
    matrix = {"dst_colorspace": clip.color[0]} if clip.color and pixels.ndim == 3 else {}
    return frame.reformat(format=clip.pix_fmt, **ranges, **matrix)


def _tone(sound: Any, seconds: float, pitch: int) -> list[Any]:
    packets = []
    for start in range(0, int(seconds * SOUND_RATE), 1024):
        wave = 0.3 * np.sin(2 * np.pi * pitch * np.arange(start, start + 1024) / SOUND_RATE)
        format = sound.codec_context.format.name
        samples = np.stack((wave, wave)).astype(np.float32)
        if format.startswith("s16"):
            samples = (samples * 32767).astype(np.int16)
        if not format.endswith("p"):
            samples = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format=format, layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        packets += sound.encode(frame)
    return packets


def _subtitles(out: Any, path: Path) -> Any:
    text = (
        "1\n00:00:00,100 --> 00:00:00,900\nThe arrival of a train\n\n2\n00:00:01,000 --> 00:00:01,500\nAt the station\n"
    )
    source = av.open(io.BytesIO(text.encode()), format="srt")
    return source, out.add_stream_from_template(source.streams.subtitles[0], opaque=True)


def _write_words(out: Any, words: tuple[Any, Any]) -> None:
    source, stream = words
    for packet in source.demux():
        if packet.size:
            packet.stream = stream
            out.mux(packet)
    source.close()


@dataclass(frozen=True)
class Track:
    """One stream of a film: its kind, codec, a hash of its packets with their times, and its language."""

    kind: str
    codec: str
    packets: str
    language: str


def tracks(path: Path) -> list[Track]:
    """The streams of a film, in order."""
    with av.open(str(path)) as film:
        hashes = [hashlib.sha256() for _ in film.streams]
        for packet in film.demux():
            if packet.size:
                time = round(float(packet.pts * packet.time_base) * 1000) if packet.pts is not None else None
                hashes[packet.stream_index].update(bytes(packet) + str(time).encode())
        return [
            Track(s.type, s.codec_context.name, sum_.hexdigest(), s.metadata.get("language", "und"))
            for s, sum_ in zip(film.streams, hashes, strict=True)
        ]


def beside(path: Path) -> list[Track]:
    """The streams that are not the picture."""
    return [track for track in tracks(path) if track.kind != "video"]


@dataclass(frozen=True)
class Shot:
    """A frame as it is read back: luma, (h, w); RGB, (h, w, 3); when it is shown, seconds; whether of two moments."""

    luma: NDArray[Any]
    rgb: NDArray[np.uint8]
    seconds: float
    interlaced: bool = False


def shots(path: Path) -> list[Shot]:
    """All frames of a film."""
    found = []
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            plane = frame.planes[0]
            type_ = np.uint16 if frame.format.components[0].bits > 8 else np.uint8
            rows = np.frombuffer(plane, type_).reshape(-1, plane.line_size // np.dtype(type_).itemsize)
            rgb = frame.to_ndarray(format="rgb24")
            found.append(
                Shot(
                    rows[: frame.height, : frame.width].copy(),
                    rgb,
                    float(frame.time or 0),
                    bool(frame.interlaced_frame),
                )
            )
    return found


def combed(count: int) -> Iterator[NDArray[np.uint8]]:
    """Grey frames whose odd rows are of a moment later: of a picture that pans fast."""
    for frame in zip(pan(2 * count, step=4), range(2 * count), strict=True):
        if frame[1] % 2 == 0:
            first = frame[0]
        else:
            woven = first.copy()
            woven[1::2] = frame[0][1::2]
            yield woven


def combing(found: Sequence[Shot]) -> float:
    """How far rows differ from the mean of those above and below, levels."""
    rows = [shot.luma.astype(np.float32) for shot in found]
    return float(np.mean([np.abs(row[1:-1] - (row[:-2] + row[2:]) / 2).mean() for row in rows]))


def colored(count: int) -> Iterator[NDArray[np.uint8]]:
    """Frames in color, (h, w, 3): warm at the left, cool at the right, over a picture that pans."""
    for frame in pan(count, seed=9):
        red = np.linspace(1.3, 0.5, frame.shape[1])
        yield np.clip(np.dstack((frame * red, frame * 0.8, frame * red[::-1])), 0, 255).astype(np.uint8)


def rotation(path: Path) -> int:
    """By how many degrees a player turns the picture."""
    with av.open(str(path)) as film:
        return int(next(film.decode(video=0)).rotation)


def turn(path: Path) -> Path:
    """Write into an MP4 that a player is to turn its picture by a quarter."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + (52 if data[data.index(b"tkhd") + 4] else 40)
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE[1] << 16, 0, 1 << 30)
    path.write_bytes(data)
    return path


def colorfulness(rgb: NDArray[np.uint8]) -> float:
    """How far red, green and blue are apart, levels."""
    return float(np.ptp(rgb.astype(np.int16), axis=2).mean())
