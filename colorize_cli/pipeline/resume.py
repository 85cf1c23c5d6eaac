"""Where results go, and whether they are there already.

In:  a source's index and path, the format of its result
Out: paths; the outcome where nothing is to be done
"""

from __future__ import annotations

from pathlib import Path

from colorize_cli.errors import EncodeError
from colorize_cli.files.copy import is_copy
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Source
from colorize_cli.files.leftovers import sweep
from colorize_cli.inference.choices import OnColor
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.inference.variants import variant_note, variant_path
from colorize_cli.photos.encode import EncodeSettings, read_provenance, suffix_for
from colorize_cli.photos.photo import PhotoFormat
from colorize_cli.photos.provenance import Provenance
from colorize_cli.pipeline.outcome import Outcome, Status


class Outputs:
    """The output side of a batch; its methods run in many threads at once.

    Args:
        job: what to do.
        destinations: where each result goes.
        settings: how results are written.
    """

    def __init__(self, job: ColorizeJob, destinations: Destinations, settings: EncodeSettings) -> None:
        self.job, self.destinations, self.settings = job, destinations, settings
        self._folders: set[Path] = set()

    def result(self, index: int, source: Path, form: PhotoFormat, pages: int = 1) -> Path:
        """Where the result of a source goes.

        Raises:
            EncodeError: the one file that was asked for cannot hold it.
        """
        out = self.destinations.path(index, suffix_for(source, form, pages))
        if self.destinations.single is not None and form is not self.settings.format:
            raise EncodeError(f"{out.suffix} cannot hold this photo", path=source, hint=f"Give --out a {form} file.")
        return out

    def standing(self, source: Source, index: int, out: Path, provenance: Provenance) -> Outcome | None:
        """The outcome where a result, or a copy, is there already and is to stay."""
        if self.job.overwrite:
            return None
        made_by = read_provenance(out) if out.exists() else None
        if made_by is None and out.exists() and is_copy(source.path, out):
            return Outcome(source.path, Status.skipped, out, reason="has colour, copied before")
        beside = [(variant_path(out, n), self.note(provenance, n)) for n in range(2, self.job.variants + 1)]
        there = [file for file, _ in beside if file.exists()]
        if (out.exists() and made_by != provenance) or any(
            file in there and read_provenance(file) != note for file, note in beside
        ):
            return Outcome(source.path, Status.made_otherwise, out, reason="made otherwise; --overwrite makes it anew")
        if out.exists() and len(there) == len(beside):
            return Outcome(source.path, Status.skipped, out)
        copied = self.copy(index)
        if copied != out and self.job.on_color is OnColor.copy and is_copy(source.path, copied):
            return Outcome(source.path, Status.skipped, copied, reason="has colour, copied before")
        return None

    def note(self, provenance: Provenance, number: int) -> Provenance:
        """What a variant's file says of how it was made; the first is the plain result."""
        return provenance if number == 1 else variant_note(provenance, number, self.job.seed)

    def copy(self, index: int) -> Path:
        """Where a source that has colour is copied to."""
        return self.destinations.path(index)

    def make_folder(self, folder: Path) -> None:
        """Make an output folder; the first time, clear it of what a killed run left half-written.

        Raises:
            EncodeError: it cannot be made.
        """
        if folder in self._folders:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EncodeError(f"cannot make the folder {folder}: {error.strerror}", path=folder) from error
        sweep(folder)
        self._folders.add(folder)
