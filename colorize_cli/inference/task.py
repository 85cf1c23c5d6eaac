"""One photo's way through the pipeline: what happens before the network, and what after it.

In:  a source and its destination
Out: before: requests for the network, or an outcome that needs none; after: the written file's outcome
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.channels import lightness_of, merge
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.color.tint import COLOUR_THRESHOLD, residual_chroma
from colorize_cli.errors import EncodeError, HintError, PhotoError
from colorize_cli.guidance.hints import Sidecar
from colorize_cli.inference.choices import Method, OnColor
from colorize_cli.inference.colorizer import HintPlanes, Request
from colorize_cli.inference.geometry import View, reduce, view_of
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.inference.painting import along_edges, held, paint_along_edges
from colorize_cli.inference.sheets import PAIR, SHEET, thumbnail, write_pair, write_sheet
from colorize_cli.inference.spaces import in_known_spaces, space_of
from colorize_cli.inference.steering import Carried, Known, Steering
from colorize_cli.inference.variants import variant_note, variant_path
from colorize_cli.inference.verify import verify
from colorize_cli.models.registry import Sizes
from colorize_cli.photos.copy import copy_whole, is_copy
from colorize_cli.photos.decode import decode
from colorize_cli.photos.destinations import Destinations
from colorize_cli.photos.discover import Source
from colorize_cli.photos.encode import read_provenance, suffix_for, target_format, write_photo
from colorize_cli.photos.leftovers import sweep
from colorize_cli.photos.photo import Page, Photo, PhotoFormat
from colorize_cli.photos.probe import probe
from colorize_cli.photos.provenance import Provenance
from colorize_cli.report import Outcome, Status

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Prepared:
    """A decoded photo on its way to the network.

    Attributes:
        photo: pixels and metadata.
        spaces: the colour space of each page.
        requests: what the network is to see, one for each page that is to be coloured.
        known: what is known of the colours of each of them.
        colored_pages: the pages that are to be coloured, by the network or without it.
        sidecars: the photo's hints.
        provenance: the result's note.
        out: where the result goes.
        started: clock at the begin, seconds.
    """

    source: Source
    photo: Photo
    spaces: tuple[RgbSpace, ...]
    requests: tuple[Request, ...]
    known: tuple[Known, ...]
    colored_pages: tuple[int, ...]
    sidecars: tuple[Sidecar, ...]
    provenance: Provenance
    out: Path
    notes: tuple[str, ...]
    started: float

    @property
    def nbytes(self) -> int:
        """Memory that the pixels and the result will take, roughly."""
        return sum(
            page.pixels.size * page.pixels.itemsize * (4 if page.pixels.ndim == 2 else 2) for page in self.photo.pages
        )


class Workshop:
    """What all photos of a batch share; its methods run in many threads at once.

    Args:
        job: what to do.
        destinations: where each result goes.
        sizes: at which sizes the network sees photos; None where none does.
        steering: what people said about the colours; it gives each result's note.
    """

    def __init__(self, job: ColorizeJob, destinations: Destinations, sizes: Sizes | None, steering: Steering) -> None:
        self.job, self.destinations, self.sizes, self.steering = job, destinations, sizes, steering
        self.settings = job.encode_settings()
        self._folders: set[Path] = set()

    def prepare(self, index: int, source: Source) -> Prepared | Outcome:
        """Everything before the network; an `Outcome` where the network has nothing to do.

        Raises:
            PhotoError: the file cannot be done.
        """
        try:
            return self._prepare(index, source)
        finally:
            self.steering.carried.pop(index, None)

    def _prepare(self, index: int, source: Source) -> Prepared | Outcome:
        started, path = time.perf_counter(), source.path
        provenance = self.steering.provenance(path)
        form, note = target_format(probe(path), self.settings)
        out = self._result_path(index, path, form)
        standing = self._standing(source, index, out, provenance)
        if standing is not None:
            return standing
        if self.job.dry_run:
            return Outcome(path, Status.planned, out, notes=(note,) if note else ())
        photo = decode(path, self.job.limits(), self.job.salvage)
        form, note = target_format(photo, self.settings)  # pixels may tell more than the header: transparency, say
        out = self._result_path(index, path, form)
        photo = in_known_spaces(photo)
        spaces = tuple(space_of(page) for page in photo.pages)
        grey = self._pages_to_colour(photo, spaces)
        if not grey:
            return self._leave_coloured(index, source, photo, out, started)
        notes = photo.notes + ((note,) if note else ())
        self.steering.check(path)
        sidecars = self.steering.read(path)
        if sidecars and len(photo.pages) > 1:
            rest = "stay as they are" if self.job.method is Method.levin else "go without"
            notes += (f"its hints are for the first page; the others {rest}",)
        if self.job.method is Method.network:
            said = (sidecars, self.steering.carried.get(index))  # both speak of the first page
            asked = [self.request(photo.pages[i], spaces[i], *(said if i == 0 else ())) for i in grey]
        else:
            asked = []
        if self.job.method is Method.levin:
            if 0 not in grey:
                raise HintError("its first page, which the hints are for, has colour already", path=path)
            grey = (0,)
        requests, known = tuple(request for request, _ in asked), tuple(about for _, about in asked)
        return Prepared(source, photo, spaces, requests, known, grey, sidecars, provenance, out, notes, started)

    def first_page(self, source: Source) -> tuple[Page, RgbSpace] | None:
        """A photo's first page, if it is to be coloured.

        Raises:
            PhotoError: the file cannot be read.
        """
        photo = in_known_spaces(decode(source.path, self.job.limits(), self.job.salvage))
        spaces = tuple(space_of(page) for page in photo.pages)
        return (photo.pages[0], spaces[0]) if 0 in self._pages_to_colour(photo, spaces) else None

    def stands(self, index: int, source: Source) -> bool:
        """Whether there is nothing to do for a photo, or nothing that can be done."""
        try:
            form, _ = target_format(probe(source.path), self.settings)
            out = self._result_path(index, source.path, form)
            return self._standing(source, index, out, self.steering.provenance(source.path)) is not None
        except PhotoError:
            return True

    def _result_path(self, index: int, source: Path, form: PhotoFormat) -> Path:
        out = self.destinations.path(index, suffix_for(source, form))
        if self.destinations.single is not None and form is not self.settings.format:
            raise EncodeError(f"{out.suffix} cannot hold this photo", path=source, hint=f"Give --out a {form} file.")
        return out

    def _standing(self, source: Source, index: int, out: Path, provenance: Provenance) -> Outcome | None:
        """The outcome where a result, or a copy, is there already and is to stay."""
        if self.job.overwrite:
            return None
        made_by = read_provenance(out) if out.exists() else None
        if made_by is None and out.exists() and is_copy(source.path, out):
            return Outcome(source.path, Status.skipped, out, reason="has colour, copied before")
        beside = [(variant_path(out, n), self._note(provenance, n)) for n in range(2, self.job.variants + 1)]
        there = [file for file, _ in beside if file.exists()]
        if (out.exists() and made_by != provenance) or any(
            file in there and read_provenance(file) != note for file, note in beside
        ):
            return Outcome(source.path, Status.made_otherwise, out, reason="made otherwise; --overwrite makes it anew")
        if out.exists() and len(there) == len(beside):
            return Outcome(source.path, Status.skipped, out)
        copied = self._copy_path(index)
        if copied != out and self.job.on_color is OnColor.copy and is_copy(source.path, copied):
            return Outcome(source.path, Status.skipped, copied, reason="has colour, copied before")
        return None

    def _note(self, provenance: Provenance, number: int) -> Provenance:
        return provenance if number == 1 else variant_note(provenance, number, self.job.seed)

    def _copy_path(self, index: int) -> Path:
        return self.destinations.path(index)

    def _pages_to_colour(self, photo: Photo, spaces: Sequence[RgbSpace]) -> tuple[int, ...]:
        if self.job.on_color is OnColor.recolor:
            return tuple(range(len(photo.pages)))
        return tuple(
            i
            for i, (page, space) in enumerate(zip(photo.pages, spaces, strict=True))
            if page.pixels.ndim == 2 or residual_chroma(page.pixels, space) <= COLOUR_THRESHOLD
        )

    def _leave_coloured(self, index: int, source: Source, photo: Photo, out: Path, started: float) -> Outcome:
        if self.job.on_color is OnColor.skip:
            return Outcome(source.path, Status.left_color, reason="has colour already")
        notes = photo.notes + self.steering.unused(source.path)
        if self.job.strip == "none":
            out = self._copy_path(index)
            self._make_folder(out.parent)
            copy_whole(source.path, out)
        else:  # a copy would publish what was to be stripped
            self._make_folder(out.parent)
            pages = [page.pixels for page in photo.pages]
            notes += write_photo(photo, pages, out, self.settings, self.steering.base).notes
        seconds = time.perf_counter() - started
        return Outcome(source.path, Status.copied, out, reason="has colour already", notes=notes, seconds=seconds)

    def view(self, height: int, width: int) -> View:
        """How the network sees a photo of this size: pictures with equal views can share a batch."""
        assert self.sizes is not None  # without a network there are no requests
        return view_of(height, width, self.sizes)

    def request(
        self, page: Page, space: RgbSpace, sidecars: Sequence[Sidecar] = (), carried: Carried | None = None
    ) -> tuple[Request, Known]:
        """What the network is to see of a page, and what is known of its colours."""
        height, width = page.pixels.shape[:2]
        small = np.ascontiguousarray(reduce(page.pixels, self.view(height, width)))
        lightness = np.asarray(lightness_of(small, space), np.float32)
        known = self.steering.know(lightness, (height, width), sidecars, carried)
        hints = None if known.shown is None else HintPlanes(known.shown.ab, known.shown.mask)
        return Request(lightness, hints), known

    def _make_folder(self, folder: Path) -> None:
        """Make an output folder; the first time, clear it of what a killed run left half-written."""
        if folder in self._folders:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EncodeError(f"cannot make the folder {folder}: {error.strerror}", path=folder) from error
        sweep(folder)
        self._folders.add(folder)

    def finish(self, prepared: Prepared, colours: Sequence[Plane], variants: Sequence[Sequence[Plane]] = ()) -> Outcome:
        """Everything after the network: join each page with its colours, write the file and what goes with it.

        Args:
            prepared: what `prepare` gave.
            colours: the network's ab of each request, (2, h, w).
            variants: for each request, ab of the variants beyond the first.

        Raises:
            PhotoError: the result cannot be written.
        """
        photo, out = prepared.photo, prepared.out
        self._make_folder(out.parent)
        looks, figures, notes = list[NDArray[np.uint8]](), dict[str, float](), prepared.notes
        count = len(variants[0]) if variants else 0
        # the plain result comes last: where it stands, a run was not stopped between the variants
        for number in [*range(2, count + 2), 1]:
            own = colours if number == 1 else [by_request[number - 2] for by_request in variants]
            pages = self._painted(prepared, own)
            if count:
                looks.append(thumbnail(pages[0], 800))
            if count and number == 1:
                sheet = [thumbnail(photo.pages[0].pixels, 800), looks[-1], *looks[:-1]]
                beside = self.destinations.beside(prepared.source, out, SHEET)
                write_sheet(sheet, beside, photo.metadata.file)
            path = out if number == 1 else variant_path(out, number)
            written = write_photo(photo, pages, path, self.settings, self._note(prepared.provenance, number))
            notes += written.notes
            if self.job.verify:
                found = verify(photo, prepared.spaces, path, self.settings)
                figures = {key: max(value, figures.get(key, 0.0)) for key, value in found.items()}
        if self.job.compare:
            pair = self.destinations.beside(prepared.source, out, PAIR)
            write_pair(photo.pages[0].pixels, pages[0], pair, photo.metadata.file)
        seconds = time.perf_counter() - prepared.started
        notes = tuple(dict.fromkeys(notes))
        return Outcome(prepared.source.path, Status.done, out, None, notes, seconds, figures)

    def _painted(self, prepared: Prepared, colours: Sequence[Plane]) -> list[NDArray[Any]]:
        """The pages of a result: those that are to be coloured with their colours, the others as they are."""
        pages: list[NDArray[Any]] = [page.pixels for page in prepared.photo.pages]
        saturation = self.job.saturation
        for place, i in enumerate(prepared.colored_pages):
            space = prepared.spaces[i]
            if prepared.requests:
                lightness, binding = prepared.requests[place].lightness, prepared.known[place].binding
                colour = along_edges(held(lightness, colours[place], binding), lightness, pages[i], space)
                pages[i] = merge(pages[i], colour, space, saturation)
            else:
                found = self.steering.colours(pages[i], space, prepared.sidecars)
                pages[i] = paint_along_edges(pages[i], found, space, saturation)
        return pages
