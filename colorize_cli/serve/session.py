"""One run of the server: the photos, those that are open, what is written, and the limits that were set.

In:  a folder of photos, a folder of results, options
Out: `Session`, which the routes speak to
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

from colorize_cli.errors import ColorizeError, HintError, NothingToDoError, PhotoError, one_line, printable
from colorize_cli.formats.reader import read_provenance
from colorize_cli.guidance.hint_points import Sidecar
from colorize_cli.guidance.hints import read_sidecar
from colorize_cli.inference.photo_options import ReadOptions, WriteOptions
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.guided_photos import GuidedPhotos
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.run_options import BatchOptions
from colorize_cli.serve.open_photos import OpenPhoto, OpenPhotos
from colorize_cli.serve.photo_list import Entry, PhotoList, State, is_inside
from colorize_cli.serve.pyramid import TILE
from colorize_cli.serve.saving import Saving
from colorize_cli.serve.wishes import Wish


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What the server is for.

    Attributes:
        photos: the folder of photos.
        out: the folder of results.
        read: how photos are read.
        write: how results are written.
        uploads: whether photos may come from the page.
        max_upload: bytes of one of these.
        seed: of the proposals.
    """

    photos: Path
    out: Path
    read: ReadOptions = ReadOptions()
    write: WriteOptions = WriteOptions()
    uploads: bool = False
    max_upload: int = 256 << 20
    seed: int = 0


class Session:
    """All that the routes need; used by several threads at once.

    Args:
        colorizer: the model, and the color that was asked for.
        options: see `ServeOptions`.
        load: called when the folder is found good, before the model is needed: loads it.

    Raises:
        NothingToDoError: there is no such folder, or no photo in it and none may come.
        ColorizeError: the model cannot be loaded.
    """

    def __init__(self, colorizer: Colorizer, options: ServeOptions, load: Callable[[], None] = lambda: None) -> None:
        if not options.photos.is_dir():
            hint = "colorize serve takes a folder of photos."
            raise NothingToDoError(f"{printable(options.photos)} is no folder", hint=hint)
        self.colorizer, self.options = colorizer, options
        self.photos = PhotoList(BatchOptions(photos=(str(options.photos),), out=options.out))
        self.photos.scan()
        if not len(self.photos) and not options.uploads:
            hint = "The page shows no films." if self.photos.films else "--upload takes them on the page."
            raise NothingToDoError(f"no photos in {printable(options.photos)}", hint=hint)
        load()
        self.guided = GuidedPhotos(colorizer, options.read, options.write)
        self.open = OpenPhotos(self.guided)
        self.saving = Saving(colorizer, self.photos, options.read, options.write)
        self.looking, self.trouble = True, ""
        self._looker = Thread(target=self._look, name="look")

    def start(self) -> None:
        """Find out, beside all else, what earlier runs did."""
        self._looker.start()

    def close(self) -> None:
        """Wait for what is being written, and close what is open."""
        self.saving.close()
        if self._looker.is_alive():
            self._looker.join()
        self.open.close()

    def _look(self) -> None:
        try:
            if len(self.photos):
                self.saving.look()
        except ColorizeError as error:
            self.trouble = one_line(error)
        finally:
            self.looking = False

    def rescan(self) -> None:
        """Take in photos that are new in the folder."""
        self.photos.scan()

    def about(self) -> dict[str, Any]:
        """What the page says of the session."""
        options, color = self.options, self.colorizer.color
        return {
            "folder": printable(options.photos),
            "out": printable(options.out),
            "model": self.colorizer.model.name,
            "vividness": self.guided.vividness if color.vividness is None else color.vividness,
            "saturation": color.saturation,
            "chances": self.guided.gives_chances,
            "uploads": options.uploads,
            "maxUpload": options.max_upload,
            "seed": options.seed,
        }

    def changes(self, since: int) -> dict[str, Any]:
        """What has changed after a change."""
        last, entries = self.photos.since(since)
        batch = self.saving.batch
        return {
            "change": last,
            "photos": [entry.told() for entry in entries],
            "looking": self.looking,
            "trouble": self.trouble,
            "batch": {"running": batch.running, "done": batch.done, "total": batch.total, "reason": batch.reason},
        }

    def wish(self, body: bytes) -> Wish:
        """What the page asks for; where it says no vividness, that of the command line.

        Raises:
            UsageError, HintError: see `Wish.parse`.
        """
        wish = Wish.parse(body)
        return wish if wish.vividness is not None else replace(wish, vividness=self.colorizer.color.vividness)

    def opened(self, entry: Entry) -> OpenPhoto:
        """A photo, open.

        Raises:
            PhotoError: it cannot be read, or lies outside the folder.
        """
        path = self.photos.photo(entry)
        out = self.photos.out  # scribbles beside the photo are not part of what is saved
        own = [sidecar for sidecar in self._sidecars(entry) if is_inside(sidecar.path, out)]
        scribbles = tuple(sidecar for sidecar in own if sidecar.scribbles is not None)
        return self.open.get(path, scribbles)

    def thumbnail(self, entry: Entry) -> bytes:
        """A small copy of a photo, as JPEG.

        Raises:
            PhotoError: it cannot be read, or lies outside the folder.
        """
        with self._failing(entry):
            return self.open.thumbnail(self.photos.photo(entry))

    @contextmanager
    def _failing(self, entry: Entry) -> Iterator[None]:
        """A photo that cannot be read is listed with the reason."""
        try:
            yield
        except PhotoError as error:
            if entry.state is not State.failed:
                self.photos.mark(entry.number, State.failed, one_line(error))
            raise

    def save(self, entry: Entry, wish: Wish) -> Outcome:
        """Write a photo's hints and its result.

        Raises:
            PhotoError, HintError: it cannot be read, or a point lies outside: nothing is written; see `Saving.save`.
        """
        with self._failing(entry):
            photo = self.opened(entry)
        if wish.sidecar is not None:
            photo.page.check([wish.sidecar])
        return self.saving.save(entry, wish)

    def details(self, entry: Entry) -> dict[str, Any]:
        """What the page is told of a photo that it opens.

        Raises:
            PhotoError: it cannot be read, or lies outside the folder.
        """
        with self._failing(entry):
            photo = self.opened(entry)
        height, width = photo.page.size
        hints, notes = self._hints(entry, photo)
        notes += [f"{printable(sidecar.path.name)} colors it, too." for sidecar in photo.scribbles]
        result = self.photos.result(entry)
        note = read_provenance(result) if result else None
        made = dict(note.settings) if note else {}
        return {
            **entry.told(),
            "width": width,
            "height": height,
            "tile": TILE,
            "levels": photo.pyramid.levels,
            "pages": photo.photo.pages,
            "takesColor": photo.photo.takes_color,
            "points": hints.get("points", []),
            "strokes": hints.get("strokes", []),
            "scribbles": bool(photo.scribbles),
            "vividness": _number(made.get("vividness")),
            "saturation": _number(made.get("saturation")),
            "saved": result is not None,
            "notes": [*entry.told()["notes"], *photo.photo.notes, *notes],
        }

    def _sidecars(self, entry: Entry) -> list[Sidecar]:
        found = []
        for path in self.photos.sidecars(entry):
            try:
                found.append(read_sidecar(path))
            except HintError:
                continue  # `_hints` says so
        return found

    def _hints(self, entry: Entry, photo: OpenPhoto) -> tuple[dict[str, Any], list[str]]:
        """The points and strokes that a photo has, in pixels; what could not be read of them."""
        height, width = photo.page.size
        for path in self.photos.sidecars(entry):
            if path.suffix.lower() != ".json":
                continue
            try:
                sidecar = read_sidecar(path)
            except HintError as error:
                return {}, [one_line(error)]
            return _as_pixels(sidecar, height, width), []
        return {}, []


def _as_pixels(sidecar: Sidecar, height: int, width: int) -> dict[str, Any]:
    """A side-car as the page has it: colors as they were written, places and radii in pixels."""
    import json

    said = json.loads(sidecar.path.read_text("utf-8-sig"))
    across, down, short = (width, height, min(width, height)) if sidecar.unit == "fraction" else (1, 1, 1)
    points = [dict(point, x=point["x"] * across, y=point["y"] * down) for point in said.get("points", [])]
    strokes = [
        dict(stroke, path=[[x * across, y * down] for x, y in stroke["path"]]) for stroke in said.get("strokes", [])
    ]
    for one in (*points, *strokes):
        if one.get("radius") is not None:
            one["radius"] *= short
    return {"points": points, "strokes": strokes}


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
