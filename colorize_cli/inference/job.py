"""What a batch is asked to do, as one frozen object, and what of it goes into every result's provenance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from colorize_cli import __version__
from colorize_cli.inference.choices import OnColor, OutputFormat, Precision
from colorize_cli.photos.discover import PHOTO_SUFFIXES
from colorize_cli.photos.encode import EncodeSettings
from colorize_cli.photos.photo import DecodeLimits, PhotoFormat
from colorize_cli.photos.provenance import Provenance
from colorize_cli.photos.sniff import SUFFIXES
from colorize_cli.photos.strip import Strip

SOFTWARE = "colorize-cli"


_FORMATS = {"jpg": PhotoFormat.jpeg, "png": PhotoFormat.png, "tif": PhotoFormat.tiff, "webp": PhotoFormat.webp}


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
        on_color: what to do with photos that have colour.
        dry_run: plan only.
        strip: what is left out of the metadata.
        salvage: take what is there of damaged files.
        verify: read every result back and prove its lightness, size and metadata.
        max_pixels: largest page that is read.
        max_memory: bytes that one decoded file, and all photos between decoder and encoder, may take; 0 is automatic.
        report: where the report goes; None is `colorize-report.json` in `out`.
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
    on_color: OnColor = OnColor.copy
    dry_run: bool = False
    strip: Strip = "none"
    salvage: bool = False
    verify: bool = False
    max_pixels: int = DecodeLimits.max_pixels
    max_memory: int = 0
    report: Path | None = None

    def single_output(self) -> Path | None:
        """The file that `out` names, if it names one: it has a photo's suffix, and no folder of that name is there."""
        return self.out if self.out.suffix.lower() in PHOTO_SUFFIXES and not self.out.is_dir() else None

    def encode_settings(self) -> EncodeSettings:
        """What the encoder is told; a single output's suffix names its format."""
        wanted, single = _FORMATS.get(self.format), self.single_output()
        if single is not None:
            wanted = next((form for form, known in SUFFIXES.items() if single.suffix.lower() in known), wanted)
        return EncodeSettings(format=wanted, quality=self.quality, strip=self.strip)

    def limits(self) -> DecodeLimits:
        """What a file may declare."""
        return DecodeLimits(self.max_pixels, self.max_memory or None)

    def provenance(self, model: str, sha256: str) -> Provenance:
        """The note that every result carries; without a time, so that equal work gives equal bytes."""
        settings = {
            "vividness": "default" if self.vividness is None else f"{self.vividness:g}",
            "saturation": f"{self.saturation:g}",
            "quality": "source" if self.quality is None else str(self.quality),
            "strip": self.strip,
        }
        return Provenance(SOFTWARE, __version__, model, sha256, tuple(sorted(settings.items())))
