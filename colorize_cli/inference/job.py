"""What a batch is asked to do, as one frozen object, and what of it goes into every result's provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import UsageError, printable
from colorize_cli.files.discover import PHOTO_SUFFIXES
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.photo import DecodeLimits, PhotoFormat
from colorize_cli.formats.strip import Strip
from colorize_cli.formats.table import by_suffix
from colorize_cli.inference.choices import Detail, Method, OnColor, OutputFormat, Precision, Sidecars
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.version import __version__

SOFTWARE = "colorize-cli"
REPORT_NAME = "colorize-report.json"


_FORMATS = {
    "jpg": PhotoFormat.jpeg,
    "png": PhotoFormat.png,
    "tif": PhotoFormat.tiff,
    "webp": PhotoFormat.webp,
    "jxl": PhotoFormat.jxl,
}


@dataclass(frozen=True)
class ColorizeJob:
    """A batch.

    Attributes:
        photos: files, folders and globs, as typed.
        out: the folder that mirrors them; or, for a single photo, the file to write.
        model: catalogue name, checkpoint file, or `user/repo`.
        device, precision, batch: of the network; batch 0 is automatic.
        jobs: threads that read and write files; 0 is automatic.
        format, quality: of the results; quality None is near the source's.
        vividness: 0 (the safest mean colour) to 1 (the most vivid); None is the model's default.
        saturation: factor on the chroma that the network gives.
        overwrite: redo results that are there.
        suffix: text added to each stem.
        recursive: go into folders within folders.
        compare: write before | after pairs too.
        on_color: what to do with color that photos have of their own.
        dry_run: plan only.
        strip: what is left out of the metadata.
        sidecars: what becomes of XMP and Takeout's JSON beside the photos.
        salvage: take what is there of damaged files.
        verify: read every result back and prove its lightness, size and metadata.
        max_pixels: largest page that is read.
        max_memory: bytes that the process may take; 0 is half of what is available, beside what it has already.
        photo_timeout: seconds that one photo may take; None is for ever.
        stream_from: pixels from which a JPEG is read in strips; from half as many on it is written so, and other
            formats are both.
        report: where the report goes; None is `colorize-report.json` in `out`.
        hints: a folder of side-cars with colour hints, or one; None: no hints.
        method: how colours are found; only the network's way takes no hints or reference at all.
        reference: a colour photo, or a folder of some, whose colours are carried over.
        variants: colourings of each photo; 1 is the plain result alone.
        seed: of variants and of the samples that are drawn from references.
        consistent: photos of one scene get the same colours for the same things.
        detail: how closely scans are looked at beyond the network's one look at the whole.
        listed: files and folders from a list, each as it stands there; one that is missing fails alone.
    """

    photos: tuple[str, ...]
    out: Path = Path("colored")
    model: str = "mini"
    device: str = "auto"
    precision: Precision = Precision.auto
    batch: int = 0
    jobs: int = 0
    format: OutputFormat = OutputFormat.keep
    quality: int | None = None
    vividness: float | None = None
    saturation: float = 1.0
    overwrite: bool = False
    suffix: str = ""
    recursive: bool = True
    compare: bool = False
    on_color: OnColor = OnColor.keep_regions
    dry_run: bool = False
    strip: Strip = "none"
    sidecars: Sidecars = Sidecars.copy
    salvage: bool = False
    verify: bool = False
    max_pixels: int = DecodeLimits.max_pixels
    max_memory: int = 0
    photo_timeout: float | None = None
    stream_from: int = 64_000_000
    report: Path | None = None
    hints: Path | None = None
    method: Method = Method.network
    reference: Path | None = None
    variants: int = 1
    seed: int = 0
    consistent: bool = False
    detail: Detail = Detail()
    listed: tuple[str, ...] = ()

    def single_output(self) -> Path | None:
        """The file that `out` names, if it names one: it has a photo's suffix, and no folder of that name is there."""
        return self.out if self.out.suffix.lower() in PHOTO_SUFFIXES and not self.out.is_dir() else None

    def report_path(self) -> Path | None:
        """Where the report goes; None where there is none."""
        return self.report or (None if self.single_output() or self.dry_run else self.out / REPORT_NAME)

    @property
    def shows(self) -> bool:
        """Whether pictures for people to look at, pairs or sheets, go beside the results."""
        return self.compare or self.variants > 1

    def encode_settings(self) -> EncodeSettings:
        """What the encoder is told; a single output's suffix names its format."""
        wanted, single = _FORMATS.get(self.format), self.single_output()
        if single is not None:
            named = by_suffix(single.suffix)
            wanted = wanted if named is None else named.name
        return EncodeSettings(format=wanted, quality=self.quality, strip=self.strip)

    def limits(self) -> DecodeLimits:
        """What a file may declare."""
        return DecodeLimits(self.max_pixels, self.max_memory or None)

    def check_steering(self) -> None:
        """Refuse options of steering that contradict one another.

        Raises:
            UsageError: in one line, with the way out.
        """
        method = self.method
        for option, value in (
            ("--vividness", self.vividness),
            ("--saturation", self.saturation),
            ("--photo-timeout", self.photo_timeout),
        ):
            if value is not None and not math.isfinite(value):
                raise UsageError(f"{option} {value} is no number", hint="Give a number such as 0.5.")
        if method is Method.levin and self.hints is None:
            raise UsageError("--method levin spreads hints, and there are none", hint="Give --hints DIR.")
        if method in (Method.welsh, Method.charpiat) and self.reference is None:
            raise UsageError(f"--method {method} takes colours from a reference", hint="Give --reference PHOTO.")
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

    def check_detail(self) -> None:
        """Refuse tiles where no network looks, or where colours are found in other ways too.

        Raises:
            UsageError: in one line, with the way out.
        """
        if not self.detail.levels:
            return
        if self.method is not Method.network:
            raise UsageError(f"--detail does not go with --method {self.method}", hint="It needs --method network.")
        if self.variants > 1:
            raise UsageError("--detail and --variants exclude each other", hint="Leave one of them out.")

    def steering_settings(self) -> dict[str, str]:
        """What the report says of the steering; nothing where nothing steers."""
        said = {
            "method": self.method.value if self.method is not Method.network else "",
            "hints": printable(self.hints) if self.hints else "",
            "reference": printable(self.reference) if self.reference else "",
            "variants": str(self.variants) if self.variants > 1 else "",
            "seed": str(self.seed) if self.variants > 1 or self.reference else "",
            "consistent": "yes" if self.consistent else "",
        }
        return {name: value for name, value in said.items() if value}

    def provenance(self, model: str, sha256: str) -> Provenance:
        """The note that every result carries; without a time, so that equal work gives equal bytes."""
        settings = {
            "vividness": "default" if self.vividness is None else f"{self.vividness:g}",
            "saturation": f"{self.saturation:g}",
            "quality": "source" if self.quality is None else str(self.quality),
            "strip": self.strip,
        }
        if self.detail.said():
            settings["detail"] = self.detail.said()
        if self.on_color is OnColor.recolor:  # nothing is kept: another result than the default's
            settings["on_color"] = self.on_color.value
        return Provenance(SOFTWARE, __version__, model, sha256, tuple(sorted(settings.items())))
