"""What a run over many photos is asked to do, and what of it goes into every result's provenance."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colorize_cli.errors import UsageError, quoted
from colorize_cli.files.shards import Shard
from colorize_cli.formats.table import PHOTO_NAMES
from colorize_cli.formats.video.film_names import FILM_SUFFIXES
from colorize_cli.inference.masks import check_folder, check_new_folder
from colorize_cli.inference.option_values import OnColor, Sidecars
from colorize_cli.inference.photo_options import (
    ColorOptions,
    FilmOptions,
    GuidanceOptions,
    ModelOptions,
    ReadOptions,
    WriteOptions,
)
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.pipeline.report_rows import LINES_SUFFIX, MANY, unfinished_beside
from colorize_cli.restore.choices import RestoreOptions
from colorize_cli.version import __version__

if TYPE_CHECKING:
    from colorize_cli.pipeline.parts import Part
    from colorize_cli.pipeline.staging import Staging

SOFTWARE = "colorize-cli"
RESTORE = "restore"  # stands for a model where photos are mended and not colored
REPORT_STEM = "colorize-report"


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """Which photos, where their results go, and how the run goes on.

    Attributes:
        photos: files, folders and globs, as typed.
        listed: files and folders from a list, each as it stands there; one that is missing fails alone.
        recursive: go into folders within folders.
        out: the folder that mirrors them; or, for a single photo, the file to write.
        suffix: text added to each stem.
        overwrite: redo results that exist.
        dry_run: plan only.
        sidecars: what becomes of XMP and Takeout's JSON beside the photos.
        jobs: threads that read and write files; 0 is automatic.
        photo_timeout: seconds that one photo may take; None is for ever.
        report: where the report goes; None is `colorize-report.json` in `out`.
        gallery: write a page beside the results to look at them.
        shard: do this part of the photos; names are those of the whole batch.
        staging: the stores that photos or results lie in; `out` is a temporary folder then.
        part: do these photos, as a part of a batch that another process leads, and write no report.
        only: do these photos alone, and write no report; None is all.

    Raises:
        UsageError: the time is no number, or the suffix names a folder.
    """

    photos: tuple[str, ...] = ()
    listed: Sequence[str] = ()
    recursive: bool = True
    out: Path = Path("colored")
    suffix: str = ""
    overwrite: bool = False
    dry_run: bool = False
    sidecars: Sidecars = Sidecars.copy
    jobs: int = 0
    photo_timeout: float | None = None
    report: Path | None = None
    gallery: bool = False
    shard: Shard | None = None
    only: frozenset[Path] | None = None
    staging: Staging | None = None
    part: Part | None = None

    def __post_init__(self) -> None:
        if self.photo_timeout is not None and not math.isfinite(self.photo_timeout):
            raise UsageError(f"--photo-timeout {self.photo_timeout} is no number", hint="Give seconds, such as 30.")
        if any(part in self.suffix for part in (os.sep, os.altsep or os.sep, "\0")):
            raise UsageError(f"--suffix {quoted(self.suffix)} is no part of a name", hint="--out names the folder.")

    def single_output(self) -> Path | None:
        """The file that `out` names, if it names one: it has a photo's or a film's suffix, and is no folder."""
        is_file = self.out.suffix.lower() in PHOTO_NAMES.suffixes | FILM_SUFFIXES
        return self.out if is_file and not self.out.is_dir() else None

    def report_path(self, photos: int = 0) -> Path | None:
        """Where the report goes, by the number of photos; None where there is none."""
        if self.report or self.single_output() or self.dry_run or self.only is not None or self.part:
            return self.report
        part = "" if self.shard is None else f".{self.shard.number}-of-{self.shard.of}"
        return self.out / f"{REPORT_STEM}{part}{LINES_SUFFIX if photos > MANY else '.json'}"

    def earlier_reports(self) -> list[Path]:
        """The reports that earlier runs left, those that were killed included."""
        if self.report is None:
            return sorted(self.out.glob(f"{REPORT_STEM}*.json*"))
        return [self.report, *unfinished_beside(self.report)]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """All groups of options of one run."""

    batch: BatchOptions
    model: ModelOptions = ModelOptions()
    color: ColorOptions = ColorOptions()
    guidance: GuidanceOptions = GuidanceOptions()
    read: ReadOptions = ReadOptions()
    write: WriteOptions = WriteOptions()
    restore: RestoreOptions = RestoreOptions()
    film: FilmOptions = FilmOptions()

    @property
    def shows(self) -> bool:
        """Whether pictures for people to look at, pairs, sheets or a gallery, go beside the results."""
        return self.write.compare or self.guidance.variants > 1 or self.batch.gallery

    def check(self) -> None:
        """Refuse options that contradict one another.

        Raises:
            UsageError: in one line, with the way out.
        """
        self.guidance.check()
        if self.batch.staging is not None and (self.guidance.consistent or self.batch.gallery or self.guidance.hints):
            option = "--consistent" if self.guidance.consistent else "--gallery" if self.batch.gallery else "--hints"
            raise UsageError(f"{option} works with photos on this machine alone, not with those in a store")
        if self.batch.shard is not None and (self.guidance.consistent or self.batch.gallery):
            option = "--consistent" if self.guidance.consistent else "--gallery"
            raise UsageError(f"{option} looks at all photos together, and --shard does a part of them")
        if self.restore.masks is not None:
            check_folder(self.restore.masks)
        if self.restore.masks_out is not None:
            check_new_folder(self.restore.masks_out)
        self.guidance.check_detail(self.model.detail)

    def note(self, model: str, sha256: str) -> Provenance:
        """The note that every result carries; without a time, so that equal work gives equal bytes."""
        color, write, detail = self.color, self.write, self.model.detail
        settings = {
            "vividness": "default" if color.vividness is None else f"{color.vividness:g}",
            "saturation": f"{color.saturation:g}",
            "quality": "source" if write.quality is None else str(write.quality),
            "strip": write.strip,
        }
        if detail.said():
            settings["detail"] = detail.said()
        if color.on_color is OnColor.recolor:  # nothing is kept: another result than the default's
            settings["on_color"] = color.on_color.value
        settings |= self.restore.settings()
        return Provenance(
            software=SOFTWARE,
            version=__version__,
            model=model,
            sha256=sha256,
            settings=tuple(sorted(settings.items())),
        )
