"""Where results go, and whether they are there already.

In:  a source's index and path, the format of its result
Out: paths; the outcome where nothing is to be done
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from pathlib import Path

from colorize_cli.errors import DecodeError, EncodeError, PhotoError, TooLargeError, printable
from colorize_cli.files.copy import is_copy
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.discover import Source
from colorize_cli.files.facts import FileFacts, same_time, sha256_of, stands
from colorize_cli.files.leftovers import sweep
from colorize_cli.files.locks import ResultLocks
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, suffix_for
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.reader import ResultFile, read_result
from colorize_cli.formats.strip_file import has_to_strip
from colorize_cli.formats.video.film_files import is_film
from colorize_cli.formats.video.film_info import film_info
from colorize_cli.inference.option_values import OnColor
from colorize_cli.inference.sheets import PAIR, SHEET
from colorize_cli.inference.variant_outputs import variant_note
from colorize_cli.metadata.provenance import Provenance, SourceNote
from colorize_cli.pipeline.copies import KnownCopies
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.run_options import RunOptions


class State(Enum):
    """What is in a result's place."""

    absent = "absent"
    whole = "whole"
    edited = "edited"  # another program changed the file, and it can be read
    damaged = "damaged"
    otherwise = "otherwise"
    replaced = "replaced"  # it was made of another file, which the photo has replaced
    copy = "copy"


class Elsewhere(Enum):
    """Stands in for the result of a photo that another run is making at the moment."""

    made = "made"


class Outputs:
    """The output side of a batch; its methods run in many threads at once.

    Args:
        options: what was asked for.
        destinations: where each result goes.
        settings: how results are written.
    """

    def __init__(self, options: RunOptions, destinations: Destinations, settings: EncodeSettings) -> None:
        self.batch, self.read, self.write, self.guidance = options.batch, options.read, options.write, options.guidance
        self.on_color, self.destinations, self.settings = options.color.on_color, destinations, settings
        self.staging = options.batch.staging
        self._folders: set[Path] = set()
        self._locks = ResultLocks(destinations.single.parent if destinations.single else destinations.out)
        self._waited: set[int] = set()
        self.edited = dict[int, Path]()  # results that another program changed, and that were left
        self.by_others: set[int] = set()  # photos that another run did while this one waited
        self._copies = KnownCopies(self.batch.earlier_reports(), destinations.out)

    def take(self, place: int) -> bool:
        """Take a photo's result for this run; False while another run is making it.

        Raises:
            EncodeError: there is no folder for it, and none can be made.
        """
        if self.batch.dry_run:
            return True
        self.make_folder(self._locks.folder)
        if self._locks.take(self.destinations.lock_name(place)):
            return True
        self._waited.add(place)
        return False

    def release(self, place: int) -> None:
        """Let other runs have a photo's result."""
        self._locks.release(self.destinations.lock_name(place))
        if self.staging is not None:
            self.staging.drop(place, self.destinations.sources[place])

    def close(self) -> None:
        """Let other runs have all results."""
        self._locks.close()
        self._copies.close()

    def told(self, place: int, outcome: Outcome) -> Outcome:
        """The outcome of a photo, which says so where another run made its result meanwhile."""
        if place not in self._waited or outcome.status is not Status.skipped:
            return outcome
        self.by_others.add(place)
        return replace(outcome, reason="done by another run at the same time")

    def result(self, index: int, source: Path, form: PhotoFormat, pages: int = 1) -> Path:
        """Where the result of a source goes.

        Raises:
            EncodeError: the one file that was asked for cannot hold it.
        """
        out = self.destinations.path(index, suffix_for(source, form, pages))
        if self.destinations.single is not None and form is not self.settings.format:
            raise EncodeError(f"{out.suffix} cannot hold this photo", path=source, hint=f"Give --out a {form} file.")
        return out

    def done_in_store(self, place: int, source: Source, provenance: Provenance) -> Outcome | None:
        """`done_before` of a photo in a store, or whose result is in one: neither is fetched.

        Raises:
            PhotoError: the store does not answer.
        """
        if self.staging is None or self.batch.overwrite or self.write.compare or self.guidance.variants > 1:
            return None
        form = self.settings.format
        suffix = None if form is None else suffix_for(source.path, form)
        return self.staging.done_before(place, source, self.destinations.path(place, suffix), provenance)

    def products(self, source: Source, out: Path) -> list[Path]:
        """The files that may be made of a photo: the result, and what goes beside it."""
        variants = [self.destinations.variant(source, out, n) for n in range(2, self.guidance.variants + 1)]
        return [out, *variants, *(self.destinations.beside(source, out, ending) for ending in self._endings())]

    def _endings(self) -> list[str]:
        return [ending for ending, asked in ((PAIR, self.write.compare), (SHEET, self.guidance.variants > 1)) if asked]

    def _bring(self, out: Path) -> None:
        if self.staging is not None:
            self.staging.bring_result(out)

    def done_before(self, place: int, source: Source, provenance: Provenance) -> tuple[Outcome | None, Path | None]:
        """The outcome where a whole result, or copy, is in the place that its name tells; or that place if it is empty.

        The photo itself is not read. Both are None where it takes a closer look to say.
        """
        form = self.settings.format
        try:
            out = self.destinations.path(place, None if form is None else suffix_for(source.path, form))
            outcome = self.standing(source, place, out, provenance)
        except PhotoError:
            return None, None
        return outcome if outcome and outcome.status is Status.skipped else None, None if outcome else out

    def standing(self, source: Source, index: int, out: Path, provenance: Provenance) -> Outcome | None:
        """The outcome where a result, or a copy, is there already and is to stay.

        Raises:
            EncodeError: something is in the result's place that is not this photo's.
        """
        if self.batch.overwrite:
            return self._made_meanwhile(source, index, out, provenance)
        state = self._state(out, source, provenance)
        if state is State.copy:
            return self._copied(source, out)
        others = [
            self._state(self.destinations.variant(source, out, number), source, self.note(provenance, number))
            for number in range(2, self.guidance.variants + 1)
        ]
        if State.otherwise in (state, *others):
            reason = "exists with other settings. --overwrite makes it anew."
            return Outcome(source.path, Status.other_settings, out, reason=reason)
        stands, changed = {State.whole, State.edited}, None
        if state is State.edited:
            self.edited[index], changed = out, "its file was changed by another program since"
        if state in stands and stands.issuperset(others) and self._sides_stand(source, out, provenance):
            return Outcome(source.path, Status.skipped, out, reason=changed)
        if changed is not None:
            return Outcome(source.path, Status.skipped, out, f"{changed}. --overwrite makes it and all beside it anew.")
        self._bring(copied := self.copy(index))
        if state is State.absent and copied != out and is_copy(source.path, copied):
            return self._copied(source, copied)
        return None

    def _made_meanwhile(self, source: Source, index: int, out: Path, provenance: Provenance) -> Outcome | None:
        """With --overwrite: the outcome of a photo that another run has just made, while this one waited for it."""
        if index not in self._waited:
            return None
        try:
            state = self._state(out, source, provenance)
        except PhotoError:
            return None
        if state is State.whole and self._sides_stand(source, out, provenance):
            return Outcome(source.path, Status.skipped, out)
        return self._copied(source, out) if state is State.copy else None

    def _copied(self, source: Source, copy: Path) -> Outcome | None:
        if self.write.strip != "none":
            found = read_result(copy)
            if has_to_strip(source.path, found.format if found else None, self.write.strip):
                reason = "copied before with all its metadata. --overwrite makes it anew."
                return Outcome(source.path, Status.other_settings, copy, reason=reason)
        if self.on_color is OnColor.recolor:
            reason = "copied before, since it has color. --overwrite makes it anew."
            return Outcome(source.path, Status.other_settings, copy, reason=reason)
        size = copy.stat().st_size
        return Outcome(source.path, Status.skipped, copy, reason="has color, copied before", copy_bytes=size)

    def _state(self, out: Path, source: Source, wanted: Provenance) -> State:
        """What is in a result's place.

        Raises:
            EncodeError: what is not this photo's, nor a remainder of it.
            DecodeError: the photo cannot be read.
        """
        self._bring(out)
        found = read_result(out)
        if found is None:
            if not stands(out, source.path):
                return State.absent
            kind = "a folder" if out.is_dir() else "something that cannot be read"
            raise EncodeError(f"{kind} is in the place of its result, {printable(out)}; move it away", path=source.path)
        made_of = found.note.source if found.note else None
        if made_of is not None and found.note is not None and self._is_made_of(source, made_of, found):
            if not found.whole:
                if found.cut or not self._can_be_read(out):
                    return State.damaged
                return State.otherwise if found.note != wanted else State.edited
            return State.whole if found.note == wanted else State.otherwise
        if is_copy(source.path, out):
            return State.copy
        if found.size == 0:
            return State.damaged
        if found.note is None and self._copies.has(out, found.size):
            return State.replaced
        if found.note is None:
            broken = found.format is not None and not self._can_be_read(out)
            kind = "a damaged picture" if broken else "a file that colorize did not make"
            raise self._in_the_way(out, source, kind)
        if made_of is None:  # by an earlier version
            return State.otherwise
        if made_of.relative == _relative(source) or self.destinations.has_elsewhere(made_of.relative, out):
            return State.replaced
        raise self._in_the_way(out, source, f"the result of another photo, {made_of.relative},")

    def _in_the_way(self, out: Path, source: Source, what: str) -> EncodeError:
        text = f"{what} is in the place of its result, {printable(out)}"
        return EncodeError(text, path=source.path, hint="Move it away, or give another --out; --overwrite replaces it.")

    def _is_made_of(self, source: Source, told: SourceNote, result: ResultFile) -> bool:
        """Whether a result was made of the photo as it is now; its bytes are read only where names or times differ."""
        try:
            now = source.path.stat()
        except OSError as error:
            raise DecodeError(f"it cannot be read: {error.strerror or error}", path=source.path) from None
        if now.st_size != told.size:
            return False
        if told.relative == _relative(source) and same_time(now.st_mtime_ns, result.mtime_ns):
            return True
        return sha256_of(source.path) == told.sha256

    def _can_be_read(self, path: Path) -> bool:
        try:
            film_info(path) if is_film(path) else decode(path, self.read.limits())
        except PhotoError as error:
            return isinstance(error, TooLargeError)
        return True

    def _sides_stand(self, source: Source, out: Path, provenance: Provenance) -> bool:
        """Whether the pictures that go beside the result, and were asked for, are there and are this photo's."""
        for ending in self._endings():
            beside = self.destinations.beside(source, out, ending)
            self._bring(beside)
            side = read_result(beside)
            note = side.note if side else None
            if side is None or note is None or note.source is None or not side.whole or note != provenance:
                return False
            if not self._is_made_of(source, note.source, side):
                return False
        return True

    def note(self, provenance: Provenance, number: int) -> Provenance:
        """What a variant's file says of how it was made; the first is the plain result."""
        return provenance if number == 1 else variant_note(provenance, number, self.guidance.seed)

    def copy(self, index: int) -> Path:
        """Where a source that has color is copied to."""
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


def source_note(source: Source, facts: FileFacts) -> SourceNote:
    """What a result says of the photo that it is made of.

    Args:
        source: the photo.
        facts: what its file was when it was read.

    Raises:
        DecodeError: it changed since.
    """
    return SourceNote(_relative(source), facts.size, sha256_of(source.path, facts))


def _relative(source: Source) -> str:
    return printable(source.relative.as_posix())
