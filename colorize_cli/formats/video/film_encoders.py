"""Which encoder writes a film's picture, and how well.

In:  what the film is, the container of the result, what was asked for
Out: `FilmCoding`; encoders that are set up by it
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from colorize_cli.errors import UsageError
from colorize_cli.formats.video.av_package import load_av
from colorize_cli.formats.video.film_info import FilmInfo
from colorize_cli.formats.video.film_names import CODECS, MATROSKA, Container

QUALITY = 85  # where nobody said another: x264's CRF 18, at which a film and its copy are hard to tell apart
_GLOBAL_HEADER = 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER
_LAMBDA = 118  # FF_QP2LAMBDA: units of `global_quality`
_ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "mpeg4": "mpeg4",
    "mpeg2": "mpeg2video",
    "mpeg1": "mpeg1video",
    "prores": "prores_ks",
    "ffv1": "ffv1",
    "mjpeg": "mjpeg",
}
_KIN = {"vp8": "vp9", "dnxhd": "prores"}  # codecs that are not written, by what is nearest to them
_LOSSLESS = frozenset(
    ["huffyuv", "ffvhuff", "utvideo", "magicyuv", "lagarith", "rawvideo", "v210", "v410", "r210", "png", "qtrle"]
)
_FOR_VIEWERS = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2"})  # which many players know in 4:2:0 alone
_EVEN = frozenset({"h264", "hevc", "av1"})  # in 4:2:0, of even sizes alone
_SLOW_RATES = frozenset({"mpeg2", "mpeg1"})  # take none but television's rates
_TELEVISION = tuple(
    Fraction(n, d)
    for n, d in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)
_SIDE = 64  # pixels of a picture by which layouts are compared
_MOST_TICKS = 65535  # of a second, in MPEG-4


@dataclass(frozen=True)
class FilmCoding:
    """How a result's picture is coded.

    Attributes:
        codec: one of `CODECS`.
        encoder: FFmpeg's name of what writes it.
        pix_fmt: layout of the samples.
        rate: frames a second as the encoder counts them; the frames' times are kept beside.
        options: of the encoder.
        scale: quantizer of encoders that have no other measure of quality, 1 to 31; 0 for the others.
        notes: what is not as it was in the source.
    """

    codec: str
    encoder: str
    pix_fmt: str
    rate: Fraction
    options: tuple[tuple[str, str], ...]
    scale: int
    notes: tuple[str, ...] = ()


def plan_coding(
    info: FilmInfo, container: Container, codec: str | None, quality: int | None, interlaced: bool = False
) -> FilmCoding:
    """Choose how a result is coded.

    Args:
        info: the source.
        container: of the result.
        codec: that was asked for; None is the source's, or the container's usual one where that cannot be written.
        quality: 1 to 100; None is `QUALITY`.
        interlaced: its frames are, and stay so.

    Raises:
        UsageError: the container cannot hold that codec.
    """
    if codec is not None and codec not in container.codecs:
        suffix = container.suffixes[0]
        hint = f"Use --codec {' or '.join(container.codecs[:3])}, or --out a film{MATROSKA.suffixes[0]}."
        raise UsageError(f"a {suffix} film cannot hold {codec}", hint=hint)
    same = _nearest(info.codec, container)
    chosen = codec or (same if same in container.codecs else container.codecs[0])
    notes = list[str]()
    if codec is None and chosen != info.codec:
        notes.append(f"its picture was {info.codec}, and is {chosen} now")
    encoder = _ENCODERS[chosen]
    pix_fmt, told = _layout(info, chosen, encoder, keeps=chosen == same or chosen not in _FOR_VIEWERS)
    notes += told
    crf = crf_of(QUALITY if quality is None else quality)
    options = {
        "h264": {"crf": str(crf), "preset": "medium", "x264-params": "mbtree=0"},  # with it, bytes differ by chance
        "hevc": {"crf": str(crf + 2), "preset": "fast", "x265-params": "log-level=none"},
        "vp9": {"crf": str(min(63, crf + 8)), "deadline": "good", "cpu-used": "4", "row-mt": "1"},
        "av1": {"crf": str(min(63, crf + 10)), "preset": "8", "svtav1-params": "enable-overlays=0"},
        "prores": {"profile": "4" if pix_fmt.startswith("yuv444") else "3"},
        "ffv1": {"level": "3", "g": "1"},
    }.get(chosen, {})
    if interlaced and chosen in ("h264", "mpeg2", "mpeg4"):
        options["flags"] = "+ildct+ilme"
    if not container.has_times and chosen == "h264":
        options["bf"] = "0"  # an AVI has no place for the order of shown frames
    rate = info.rate
    if chosen in _SLOW_RATES and rate not in _TELEVISION:
        rate = min(_TELEVISION, key=lambda known: abs(known - info.rate))
    if chosen == "mpeg4":
        rate = rate.limit_denominator(1001) if rate.numerator <= _MOST_TICKS else Fraction(round(rate))
    scale = 0 if chosen not in ("mpeg4", "mpeg2", "mpeg1", "mjpeg") else max(1, min(31, round(2 ** ((crf - 12) / 6))))
    return FilmCoding(chosen, encoder, pix_fmt, rate, tuple(sorted(options.items())), scale, tuple(notes))


def crf_of(quality: int) -> int:
    """The quality as x264 counts it: 100 is 14, 85 is 18, 50 is 27, 1 is 40."""
    return round(40 - 0.26 * quality)


def configure(context: Any, coding: FilmCoding, info: FilmInfo, headers_apart: bool) -> None:
    """Set an encoder up that is not open yet; two that are set up alike write the same headers."""
    context.width, context.height, context.pix_fmt = info.width, info.height, coding.pix_fmt
    context.framerate, context.time_base = coding.rate, 1 / coding.rate
    context.sample_aspect_ratio = info.aspect
    context.colorspace, context.color_primaries, context.color_trc = info.read_matrix, info.primaries, info.transfer
    if info.matrix in (0, 2) and info.read_matrix != 1:
        context.colorspace = 2
    context.color_range = info.range_code
    context.options = dict(coding.options)
    if headers_apart:
        context.flags |= _GLOBAL_HEADER
    if coding.scale:
        context.qscale = True
        context.global_quality = _LAMBDA * coding.scale
    if coding.codec == "mjpeg":
        context.color_range = 2


def new_encoder(coding: FilmCoding, info: FilmInfo, headers_apart: bool) -> Any:
    """An encoder for one segment."""
    context = load_av().CodecContext.create(coding.encoder, "w")
    configure(context, coding, info, headers_apart)
    return context


def _nearest(codec: str, container: Container) -> str:
    """A codec that is written for one of a source: itself, or one that loses as little."""
    if codec in _LOSSLESS:
        return "ffv1" if "ffv1" in container.codecs else "prores"
    return _KIN.get(codec, codec)


def _layout(info: FilmInfo, codec: str, encoder: str, keeps: bool) -> tuple[str, list[str]]:
    """The layout of samples nearest to the source's that an encoder takes, and what is lost by it.

    Args:
        info: the source.
        codec: one of `CODECS`.
        encoder: what writes it.
        keeps: chroma stays as fine as it is.
    """
    av, notes = load_av(), list[str]()
    known = [format.name for format in av.Codec(encoder, "w").video_formats or ()]
    own = _chroma(av.VideoFormat(info.pix_fmt, _SIDE, _SIDE), codec)
    chroma = own if keeps else "420"
    if chroma == "420" and codec in _EVEN and (info.width % 2 or info.height % 2):
        chroma = "444"  # these codecs have no odd sizes in 4:2:0
    depth = next((bits for bits in (8, 10, 12, 16) if bits >= info.depth), 16)
    orders = {"420": ("420", "422", "444"), "422": ("422", "444", "420"), "444": ("444", "422", "420")}[chroma]
    depths = (
        depth,
        *[bits for bits in (16, 12, 10, 8) if bits < depth],
        *[bits for bits in (10, 12, 16) if bits > depth],
    )
    for bits in depths:
        for order in orders:
            for start in ("yuvj", "yuv") if codec == "mjpeg" else ("yuv",):
                name = f"{start}{order}p" + (f"{bits}le" if bits > 8 else "")
                if name in known:
                    if bits < info.depth:
                        notes.append(f"its {info.depth} bits became {bits}: {codec} holds no more")
                    if order < own:
                        notes.append(f"its chroma was {':'.join(own)}, and is {':'.join(order)} now")
                    if info.alpha:
                        notes.append("its transparency was left out")
                    return name, notes
    return known[0], notes


def _chroma(format: Any, codec: str) -> str:
    """How fine a source's chroma is; a grey one has none, and gets as much as its luma where nothing is to be lost."""
    components = format.components
    if format.is_rgb or len(components) < 3:
        return "444" if format.is_rgb or codec == "ffv1" else "420"
    wide, tall = (
        components[1].width * 2 <= components[0].width + 1,
        components[1].height * 2 <= components[0].height + 1,
    )
    return ("420" if tall else "422") if wide else "444"


assert set(_ENCODERS) == set(CODECS)
