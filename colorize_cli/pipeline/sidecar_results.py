"""Take a photo's side-cars along: XMP and Takeout's JSON, beside its result and named after it.

In:  outcomes of photos
Out: the same, with notes on side-cars that were not copied; copies of side-cars, with their times

A side-car speaks of the photo as it is stored. Where the result was turned upright, its XMP is, too: regions turn with
the pixels, and its orientation becomes what is still to be done. The file's own orientation decides how the result
stands; a side-car that gives another keeps the difference, so that both together look as they did.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np

from colorize_cli.errors import PhotoError, printable
from colorize_cli.files.atomic import write_whole
from colorize_cli.files.compact_index import CompactIndex
from colorize_cli.files.facts import FileFacts, same_time
from colorize_cli.files.sidecars import RAW_SUFFIXES, Folders, Sidecar, beside
from colorize_cli.files.small_files import read_plain
from colorize_cli.formats.decode import turn
from colorize_cli.formats.table import PHOTO_NAMES
from colorize_cli.inference.option_values import Sidecars
from colorize_cli.metadata import places, upright, xmp
from colorize_cli.metadata.places import Strip
from colorize_cli.notes import Loss, Note
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.run_options import BatchOptions

_MOST = 64 << 20  # bytes; a larger one is no side-car
_MOST_JSON = 4 << 20  # bytes that are taken apart: they may take twenty times as much memory
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_PLACES = ("geoData", "geoDataExif")
_CARRIED = frozenset({Status.done, Status.copied, Status.skipped})


class Companions:
    """Copies side-cars; its methods run in many threads at once.

    Args:
        batch: what becomes of side-cars, and whether files are written at all.
        strip: what is left out of the metadata.
    """

    def __init__(self, batch: BatchOptions, strip: Strip) -> None:
        self.batch, self.strip, self.folders = batch, strip, Folders(PHOTO_NAMES.suffixes)
        self._taken, self._lock = CompactIndex(), Lock()

    def places(self, outcome: Outcome) -> list[Path]:
        """Where the side-cars of a photo go."""
        out = outcome.output
        if self.batch.sidecars is Sidecars.skip or out is None or outcome.status not in _CARRIED:
            return []
        return [beside(sidecar, outcome.source, out) for sidecar in self.folders.sidecars_of(outcome.source)]

    def carry(self, outcome: Outcome) -> Outcome:
        """Copy the side-cars of a photo whose result is there; what could not be copied is added to its notes."""
        batch, out = self.batch, outcome.output
        if batch.sidecars is Sidecars.skip or batch.dry_run or out is None or outcome.status not in _CARRIED:
            return outcome
        notes = list[str]()
        for sidecar in self.folders.sidecars_of(outcome.source):
            try:
                note = self._carry_one(sidecar, outcome.source, out)
            except (OSError, PhotoError) as error:
                reason = error.strerror if isinstance(error, OSError) else error.message
                note = _left(sidecar.path, f"was not copied: {reason or error}")
            notes += [note] if note else []
        return replace(outcome, notes=(*outcome.notes, *notes)) if notes else outcome

    def _carry_one(self, sidecar: Sidecar, photo: Path, out: Path) -> str | None:
        """Copy one side-car; gives what is to be told, if anything."""
        source, place = sidecar.path, beside(sidecar, photo, out)
        status = source.stat()
        if place.exists() and place.samefile(source):
            return None
        untouched = place.exists() and same_time(place.stat().st_mtime_ns, status.st_mtime_ns)
        if untouched and self.strip == "none" and not self.batch.overwrite:
            self._take(place)
            return None  # copied before; neither is read
        data = read_plain(source, _MOST)
        owned = _is_owned(sidecar, photo, data)
        if owned is not True:
            return owned or None
        if self.strip == "all":
            return f"{printable(source.name)} was left out, as all metadata was to be"
        if not self._take(place):
            return _left(source, f"was not copied: another photo's is {printable(place.name)}")
        changed, note = self._changed(sidecar, data, photo, out)
        if changed is None:
            return note
        facts = FileFacts.of(status)
        if place.exists():
            if place.stat().st_size == len(changed) and read_plain(place, len(changed)) == changed:
                return note
            if not self.batch.overwrite:
                return _left(
                    place, "differs from the photo's own side-car and was left as it is; --overwrite replaces it"
                )
            note = Note(
                f"{printable(place.name)}, which differed, was replaced by the photo's own side-car", Loss.sidecar
            )
        write_whole(place, [changed], facts)
        return note

    def _take(self, place: Path) -> bool:
        """Whether a name is still free in this batch."""
        key = os.fsencode(os.path.normcase(place).casefold())
        hashed = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())
        with self._lock:
            if any(True for _ in self._taken.find(hashed)):
                return False
            self._taken.add(hashed, 0)
            return True

    def _changed(self, sidecar: Sidecar, data: bytes, photo: Path, out: Path) -> tuple[bytes | None, str | None]:
        """A side-car as it is true of the result, and what is to be told; None where it cannot go along."""
        if sidecar.kind == "json":
            if self.strip == "none":
                return data, None
            clean = _json_without_places(data)
            return clean, None if clean else _left(
                sidecar.path, "cannot be read and was left out, as it may name the place"
            )
        if self.strip != "none":
            data = places.xmp_without(data)
            if not data:
                return None, _left(sidecar.path, "cannot be read and was left out, as it may name the place")
        undone, size, own = _turned(photo, out)
        note = None
        wanted = upright.orientation(data)
        if wanted is not None and wanted != own:
            note = (
                f"{printable(sidecar.path.name)} gives another orientation ({wanted}) than the photo ({own}), which is "
                "obeyed; the side-car's copy keeps the difference"
            )
        if undone == 1:
            return data, note
        turned = upright.upright(data, undone, size)
        return (turned if wanted is None else _oriented(turned, remaining(wanted, undone))), note


def remaining(wanted: int, undone: int) -> int:
    """The orientation that brings a picture, of which one was undone, to where another would have put it."""
    stored = np.arange(6).reshape(2, 3)
    target, now = turn(stored, wanted), turn(stored, undone)
    return next(way for way in range(1, 9) if np.array_equal(turn(now, way), target))


def _turned(photo: Path, out: Path) -> tuple[int, tuple[int, int], int]:
    """The orientation that was undone in a result, the photo's size as stored, and the photo's own orientation."""
    from colorize_cli.metadata.audit.compare import orientation_of  # with every reader of metadata, for few photos
    from colorize_cli.metadata.audit.containers import inventory
    from colorize_cli.metadata.audit.file_blocks import AuditError

    try:
        before, after = inventory(photo), inventory(out)
    except (AuditError, OSError):
        before = after = None
    own = 1 if before is None else orientation_of(before)
    if before is None or after is None or before.size is None or orientation_of(after) == own:
        return 1, (1, 1), own
    return own, before.size, own


def _oriented(packet: bytes, value: int) -> bytes:
    """A packet that gives an orientation, which it has a property for."""
    if (found := xmp.readable(packet)) is None:
        return packet
    return found.edited([found.write(item, str(value)) for item in found.properties((upright.TIFF, "Orientation"))])


def _is_owned(sidecar: Sidecar, photo: Path, data: bytes) -> bool | str:
    """Whether a side-car is this photo's; or a note, where nobody can tell; False where it is another's."""
    if sidecar.owner == "name":
        return True
    if sidecar.kind == "json":
        title, rivals = _title(data), sidecar.rivals
        if title == photo.name or title in rivals:
            return title == photo.name
        if title is not None and not rivals:
            return title.startswith(photo.stem[:40])
        return _left(sidecar.path, f"was not copied: it may belong to {printable(rivals[0])}") if rivals else False
    named = _extension_of(data)
    if named is not None:
        return named.lower() == photo.suffix[1:].lower()
    if not sidecar.rivals:
        return True
    if any(os.path.splitext(name)[1].lower() in RAW_SUFFIXES for name in sidecar.rivals):
        return False  # raw converters write such files; a JPEG beside the raw file has its metadata inside
    return _left(sidecar.path, f"was not copied: it may belong to {printable(sidecar.rivals[0])}")


def _extension_of(packet: bytes) -> str | None:
    """The suffix of the file that an XMP side-car says that it is for."""
    if (found := xmp.readable(packet)) is None:
        return None
    texts = (found.text(item) for item in found.properties((_PHOTOSHOP, "SidecarForExtension")))
    return next((text for text in texts if text), None)


def _title(data: bytes) -> str | None:
    """The name of the photo that Takeout's JSON is about."""
    found = _parsed(data)
    title = found.get("title") if isinstance(found, dict) else None
    return title if isinstance(title, str) else None


def _json_without_places(data: bytes) -> bytes | None:
    """Takeout's JSON without coordinates; None where it cannot be read."""
    found = _parsed(data)
    if not isinstance(found, dict):
        return None
    if not any(key in found for key in _PLACES):
        return data
    return json.dumps(
        {key: value for key, value in found.items() if key not in _PLACES}, ensure_ascii=False, indent=2
    ).encode()


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data) if len(data) <= _MOST_JSON else None
    except (ValueError, RecursionError):
        return None


def _left(path: Path, what: str) -> Note:
    return Note(f"{printable(path.name)} {what}", Loss.sidecar)
