"""What may be asked of one photo's colorization, in groups: each part of the program is given those that it needs.

In:  what was typed, or given to `Colorizer`
Out: frozen groups, each valid in itself
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import UsageError, printable, quoted
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.formats.table import by_suffix
from colorize_cli.formats.video.film_names import CODECS
from colorize_cli.inference.option_values import Detail, Method, OnColor, OutputFormat, Precision
from colorize_cli.metadata.places import Strip

_FORMATS = {
    "jpg": PhotoFormat.jpeg,
    "png": PhotoFormat.png,
    "tif": PhotoFormat.tiff,
    "webp": PhotoFormat.webp,
    "jxl": PhotoFormat.jxl,
}


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How photos are read.

    Attributes:
        max_pixels: largest page that is read.
        max_memory: bytes that the process may take; 0 is half of what is available, beside what it has already.
        salvage: take what is there of damaged files.
        stream_from: pixels from which a JPEG is read in strips; from half as many on it is written so, and other
            formats are both.
        block_bytes: of the rows of a large photo that are worked on at once, about; 0 is for what is fast.
    """

    max_pixels: int = DecodeLimits.max_pixels
    max_memory: int = 0
    salvage: bool = False
    stream_from: int = 64_000_000
    block_bytes: int = 0

    def limits(self) -> DecodeLimits:
        """What a file may declare."""
        return DecodeLimits(self.max_pixels, self.max_memory or None)


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which network, how it runs, and how closely it looks.

    Attributes:
        name: catalogue name, checkpoint or ONNX file, `user/repo`, or several joined by `+`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: arithmetic.
        batch: photos a pass; 0 is automatic.
        detail: how closely large images are looked at beyond the network's one look at the whole.
    """

    name: str = "mini"
    device: str = "auto"
    precision: Precision = Precision.auto
    batch: int = 0
    detail: Detail = Detail()

    def __post_init__(self) -> None:
        if self.batch < 0:
            raise UsageError(f"batch {self.batch} is below 0", hint="0 is automatic.")


@dataclass(frozen=True, kw_only=True)
class ColorOptions:
    """How the colors come out.

    Attributes:
        vividness: 0 (the safest mean color) to 1 (the most vivid); None is the model's default.
        saturation: factor on the chroma that the network gives, 0 to 4.
        on_color: what to do with color that photos have of their own.

    Raises:
        UsageError: a number is out of its range.
    """

    vividness: float | None = None
    saturation: float = 1.0
    on_color: OnColor = OnColor.keep_regions

    def __post_init__(self) -> None:
        for name, value, most in (("vividness", self.vividness, 1), ("saturation", self.saturation, 4)):
            if value is not None and not 0 <= value <= most:
                raise UsageError(f"{name} {value} is outside 0 to {most}", hint=f"Give a number from 0 to {most}.")


@dataclass(frozen=True, kw_only=True)
class GuidanceOptions:
    """What people say about the colors.

    Attributes:
        method: how colors are found; only the network's way takes no hints or reference at all.
        hints: a folder of side-cars with color hints, or one; None: no hints.
        reference: a color photo, or a folder of some, whose colors are carried over.
        variants: colorings of each photo; 1 is the plain result alone.
        seed: of variants and of the samples that are drawn from references.
        consistent: photos of one scene get the same colors for the same things.
    """

    method: Method = Method.network
    hints: Path | None = None
    reference: Path | None = None
    variants: int = 1
    seed: int = 0
    consistent: bool = False

    def check(self) -> None:
        """Refuse options that contradict one another.

        Raises:
            UsageError: in one line, with the way out.
        """
        method = self.method
        if method is Method.levin and self.hints is None:
            raise UsageError("--method levin spreads hints, and there are none", hint="Give --hints DIR.")
        if method in (Method.welsh, Method.charpiat) and self.reference is None:
            raise UsageError(f"--method {method} takes colors from a reference", hint="Give --reference PHOTO.")
        if method in (Method.welsh, Method.charpiat) and self.hints is not None:
            raise UsageError(f"--method {method} takes no --hints", hint="--method network takes both.")
        if method is Method.levin and self.reference is not None:
            raise UsageError("--method levin takes no --reference", hint="--method network takes both.")
        if method is not Method.network and self.variants > 1:
            raise UsageError(f"--method {method} has one answer", hint="--variants needs --method network.")
        if method is not Method.network and self.consistent:
            raise UsageError(f"--consistent does not go with --method {method}", hint="It needs --method network.")
        if self.consistent and self.variants > 1:
            raise UsageError("--consistent and --variants exclude each other", hint="Leave one of them out.")

    def check_detail(self, detail: Detail) -> None:
        """Refuse tiles where no network looks, or where colors are found in other ways too.

        Raises:
            UsageError: in one line, with the way out.
        """
        if not detail.levels:
            return
        if self.method is not Method.network:
            raise UsageError(f"--detail does not go with --method {self.method}", hint="It needs --method network.")
        if self.variants > 1:
            raise UsageError("--detail and --variants exclude each other", hint="Leave one of them out.")

    def settings(self) -> dict[str, str]:
        """What the report says of the guidance; nothing where there is none."""
        said = {
            "method": self.method.value if self.method is not Method.network else "",
            "hints": printable(self.hints) if self.hints else "",
            "reference": printable(self.reference) if self.reference else "",
            "variants": str(self.variants) if self.variants > 1 else "",
            "seed": str(self.seed) if self.variants > 1 or self.reference else "",
            "consistent": "yes" if self.consistent else "",
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How results are written.

    Attributes:
        format: of the results; a single output's suffix counts more.
        quality: of JPEG and WebP; None is near the source's.
        strip: what is left out of the metadata.
        compare: write before | after pairs too.
        verify: read every result back and prove its lightness, size and metadata.
    """

    format: OutputFormat = OutputFormat.keep
    quality: int | None = None
    strip: Strip = "none"
    compare: bool = False
    verify: bool = False

    def encode_settings(self, single: Path | None = None) -> EncodeSettings:
        """What the encoder is told; the suffix of a `single` output names its format."""
        wanted = _FORMATS.get(self.format)
        if single is not None:
            named = by_suffix(single.suffix)
            wanted = wanted if named is None else named.name
        return EncodeSettings(format=wanted, quality=self.quality, strip=self.strip)


@dataclass(frozen=True, kw_only=True)
class FilmOptions:
    """How films are written, where that is another matter than with photos.

    Attributes:
        codec: of the picture; None is the source's, where it can be written.
        deinterlace: make both moments of an interlaced frame one.

    Raises:
        UsageError: no such codec.
    """

    codec: str | None = None
    deinterlace: bool = False

    def __post_init__(self) -> None:
        if self.codec is not None and self.codec not in CODECS:
            raise UsageError(f"no codec {quoted(self.codec)}", hint=f"Use {', '.join(CODECS)}.")
