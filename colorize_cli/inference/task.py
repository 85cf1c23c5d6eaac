"""One photo's way through the pipeline: what happens before the network, and what after it.

In:  a source and its destination
Out: before: requests for the network, or an outcome that needs none; after: the written file's outcome
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.channels import lightness_of, merge
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.tint import COLOUR_THRESHOLD, residual_chroma
from colorize_cli.errors import EncodeError
from colorize_cli.inference.choices import OnColor
from colorize_cli.inference.colorizer import Request
from colorize_cli.inference.geometry import View, reduce, view_of
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.inference.verify import verify
from colorize_cli.models.registry import Sizes
from colorize_cli.photos.atomic import write_whole
from colorize_cli.photos.copy import copy_whole, is_copy
from colorize_cli.photos.decode import decode
from colorize_cli.photos.destinations import Destinations
from colorize_cli.photos.discover import Source
from colorize_cli.photos.encode import read_provenance, suffix_for, target_format, write_photo
from colorize_cli.photos.leftovers import sweep
from colorize_cli.photos.lut_profiles import to_srgb
from colorize_cli.photos.photo import FileFacts, Page, Photo, PhotoFormat
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
        colored_pages: which pages those are.
        out: where the result goes.
        started: clock at the begin, seconds.
    """

    source: Source
    photo: Photo
    spaces: tuple[RgbSpace, ...]
    requests: tuple[Request, ...]
    colored_pages: tuple[int, ...]
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
        sizes: at which sizes the network sees photos.
        provenance: the note for every result.
    """

    def __init__(self, job: ColorizeJob, destinations: Destinations, sizes: Sizes, provenance: Provenance) -> None:
        self.job, self.destinations, self.sizes, self.provenance = job, destinations, sizes, provenance
        self.settings = job.encode_settings()
        self._folders: set[Path] = set()

    def prepare(self, index: int, source: Source) -> Prepared | Outcome:
        """Everything before the network; an `Outcome` where the network has nothing to do.

        Raises:
            PhotoError: the file cannot be done.
        """
        started, path = time.perf_counter(), source.path
        form, note = target_format(probe(path), self.settings)
        out = self._result_path(index, path, form)
        standing = self._standing(source, index, out)
        if standing is not None:
            return standing
        if self.job.dry_run:
            return Outcome(path, Status.planned, out, notes=(note,) if note else ())
        photo = decode(path, self.job.limits(), self.job.salvage)
        form, note = target_format(photo, self.settings)  # pixels may tell more than the header: transparency, say
        out = self._result_path(index, path, form)
        photo = _in_known_spaces(photo)
        spaces = tuple(_space(page) for page in photo.pages)
        grey = self._pages_to_colour(photo, spaces)
        if not grey:
            return self._leave_coloured(index, source, photo, out, started)
        requests = tuple(self._request(photo.pages[i], spaces[i]) for i in grey)
        notes = photo.notes + ((note,) if note else ())
        return Prepared(source, photo, spaces, requests, grey, out, notes, started)

    def _result_path(self, index: int, source: Path, form: PhotoFormat) -> Path:
        out = self.destinations.path(index, suffix_for(source, form))
        if self.destinations.single is not None and form is not self.settings.format:
            raise EncodeError(f"{out.suffix} cannot hold this photo", path=source, hint=f"Give --out a {form} file.")
        return out

    def _standing(self, source: Source, index: int, out: Path) -> Outcome | None:
        """The outcome where a result, or a copy, is there already and is to stay."""
        if self.job.overwrite:
            return None
        if out.exists():
            made_by = read_provenance(out)
            if made_by == self.provenance:
                return Outcome(source.path, Status.skipped, out)
            if made_by is None and is_copy(source.path, out):
                return Outcome(source.path, Status.skipped, out, reason="has colour, copied before")
            return Outcome(source.path, Status.made_otherwise, out, reason="made otherwise; --overwrite makes it anew")
        copied = self._copy_path(index)
        if copied != out and self.job.on_color is OnColor.copy and is_copy(source.path, copied):
            return Outcome(source.path, Status.skipped, copied, reason="has colour, copied before")
        return None

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
        notes = photo.notes
        if self.job.strip == "none":
            out = self._copy_path(index)
            self._make_folder(out.parent)
            copy_whole(source.path, out)
        else:  # a copy would publish what was to be stripped
            self._make_folder(out.parent)
            pages = [page.pixels for page in photo.pages]
            notes += write_photo(photo, pages, out, self.settings, self.provenance).notes
        seconds = time.perf_counter() - started
        return Outcome(source.path, Status.copied, out, reason="has colour already", notes=notes, seconds=seconds)

    def _request(self, page: Page, space: RgbSpace) -> Request:
        view = view_of(page.pixels.shape[0], page.pixels.shape[1], self.sizes)
        small = np.ascontiguousarray(reduce(page.pixels, view))
        return Request(np.asarray(lightness_of(small, space), np.float32))

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

    def finish(self, prepared: Prepared, colours: Sequence[Plane]) -> Outcome:
        """Everything after the network: join each page with its colours, write the file and what goes with it.

        Args:
            prepared: what `prepare` gave.
            colours: ab of each page to be coloured, (2, h, w), in the order of `colored_pages`.

        Raises:
            PhotoError: the result cannot be written.
        """
        photo, by_page = prepared.photo, dict(zip(prepared.colored_pages, colours, strict=True))
        pages = [
            merge(page.pixels, by_page[i], space, self.job.saturation) if i in by_page else page.pixels
            for i, (page, space) in enumerate(zip(photo.pages, prepared.spaces, strict=True))
        ]
        self._make_folder(prepared.out.parent)
        written = write_photo(photo, pages, prepared.out, self.settings, self.provenance)
        figures = verify(photo, prepared.spaces, prepared.out, self.settings) if self.job.verify else {}
        if self.job.compare:
            write_pair(
                photo.pages[0].pixels,
                pages[0],
                prepared.out.with_name(f"{prepared.out.stem}.compare.jpg"),
                photo.metadata.file,
            )
        notes = tuple(dict.fromkeys(prepared.notes + written.notes))
        seconds = time.perf_counter() - prepared.started
        return Outcome(prepared.source.path, Status.done, prepared.out, None, notes, seconds, figures)


def _in_known_spaces(photo: Photo) -> Photo:
    """Bring pages whose profile is no matrix and curves to sRGB, and say so."""
    pages, notes = [], list(photo.notes)
    for page in photo.pages:
        if page.icc and RgbSpace.from_icc(page.icc) is None:
            srgb = (
                to_srgb(page.pixels, page.icc)
                if page.pixels.shape[2:] == (3,) and page.pixels.dtype == np.uint8
                else None
            )
            notes.append("its colour profile is a table: " + ("read as sRGB" if srgb is None else "brought to sRGB"))
            kept = page.pixels if srgb is None else srgb
            page = replace(page, pixels=kept, icc=None, metadata=replace(page.metadata, tag_srgb=True))
        pages.append(page)
    return replace(photo, pages=tuple(pages), notes=tuple(dict.fromkeys(notes)))


def _space(page: Page) -> RgbSpace:
    """The space a page's pixels are in."""
    return (RgbSpace.from_icc(page.icc) if page.icc else None) or SRGB


def write_pair(
    before: NDArray[np.generic], after: NDArray[np.generic], path: Path, facts: FileFacts, side: int = 1600
) -> None:
    """Write before | after as one JPEG, each at most `side` pixels long."""
    height, width = before.shape[:2]
    scale = min(1.0, side / max(height, width))
    view = View(max(1, round(height * scale)), max(1, round(width * scale)), 0, 0)
    halves = []
    for picture in (before, after):
        small = np.asarray(reduce(picture, view))
        small = (small >> 8).astype(np.uint8) if small.dtype == np.uint16 else small
        halves.append(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR if small.ndim == 2 else cv2.COLOR_RGB2BGR))
    encoded = cv2.imencode(".jpg", np.concatenate(halves, 1), [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    write_whole(path, [encoded.tobytes()], facts)
