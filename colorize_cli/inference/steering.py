"""What people say about a batch's colours, found for each photo: hints in side-cars, references, its album.

In:  a job; the photos that were found
Out: for each photo: hints for the network, or colours from hints and references alone; what of it its note must say
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Semaphore
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.errors import HintError, printable
from colorize_cli.files.discover import Source
from colorize_cli.files.plain import read_plain
from colorize_cli.guidance.album import Features, carry
from colorize_cli.guidance.hints import MOST_BYTES, HintMap, Sidecar, hint_map, read_sidecar
from colorize_cli.guidance.multimodal import charpiat, reference_hints
from colorize_cli.guidance.reference import reduced_size, welsh
from colorize_cli.guidance.scribbles import MOST_PIXELS, levin
from colorize_cli.guidance.sidecars import match_sidecars
from colorize_cli.inference.choices import Method
from colorize_cli.inference.geometry import View, reduce
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.inference.painting import Guided
from colorize_cli.inference.references import References, read_references
from colorize_cli.metadata.provenance import Provenance

Plane = NDArray[np.float32]

_REFERENCE_AREA = 500 * 500  # pixels that Welsh's method looks at, one by one
_SOLVE_MEMORY = 700 << 20  # bytes that one solve of the largest size takes
_MEMORY = 1500 << 20  # bytes for all solves at once, unless --max-memory allows more


@dataclass(frozen=True)
class Known:
    """What is known of one page's colours, at the size that the network sees.

    Attributes:
        shown: hints that the network is given.
        binding: those of them that the result must have.
    """

    shown: HintMap | None = None
    binding: HintMap | None = None


@dataclass(frozen=True)
class Carried:
    """The colours of a scene's key photo, on their way to another photo of it: `key_ab` is (2, h, w), Lab units."""

    key: Features
    key_ab: Plane
    own: Features


@dataclass(frozen=True)
class Steering:
    """All that steers a batch; its methods run in many threads at once.

    Attributes:
        job: what to do.
        base: the note that an unsteered result carries.
        sidecars: of each photo that has any.
        references: colour photos.
        takes_hints: whether the model does; else its colours are brought to the hints afterwards.
        follows_hints: whether it is given those of a person, too: see `ModelSpec.follows_hints`.
        carried: what photos get from their album, by their place in the batch.
    """

    job: ColorizeJob
    base: Provenance
    sidecars: Mapping[Path, tuple[Path, ...]] = field(default_factory=dict)
    references: References = field(default_factory=References)
    takes_hints: bool = True
    follows_hints: bool = False
    carried: dict[int, Carried] = field(default_factory=dict)
    solving: Semaphore = field(default_factory=lambda: Semaphore(1))
    album_sha256: str = ""

    @classmethod
    def of(
        cls,
        job: ColorizeJob,
        base: Provenance,
        sources: Sequence[Source],
        takes_hints: bool,
        follows_hints: bool,
        on_notice: Callable[[str], None],
    ) -> Steering:
        """Find side-cars and read references.

        Raises:
            UsageError, NothingToDoError, PhotoError: what the options name is of no use.
        """
        if job.hints is None and job.reference is None:
            return cls(job, base, takes_hints=takes_hints, follows_hints=follows_hints)
        sidecars: Mapping[Path, tuple[Path, ...]] = {}
        if job.hints is not None:
            photos = [(s.path, s.path.parents[len(s.within.parts) - 1]) for s in sources]
            matches = match_sidecars(photos, job.hints)
            for path in matches.unmatched:
                on_notice(f"No photo for the hints {printable(path)}")
            if not matches.by_photo and not matches.unmatched:
                on_notice(
                    f"No hints in {printable(job.hints)}: side-cars are called NAME.hints.png or NAME.hints.json."
                )
            sidecars = matches.by_photo
        references = References()
        if job.reference is not None:
            references = read_references(job.reference, job.limits(), on_notice)
        album = _sha256([path for cars in sidecars.values() for path in cars]) if job.consistent and sidecars else ""
        solves = max(1, max(job.max_memory, _MEMORY) // _SOLVE_MEMORY)
        return cls(
            job, base, sidecars, references, takes_hints, follows_hints,
            solving=Semaphore(solves), album_sha256=album,
        )  # fmt: skip

    def provenance(self, photo: Path) -> Provenance:
        """The note of a photo's result: with what steered it, or the plain one where nothing does.

        Raises:
            HintError: a side-car cannot be read.
        """
        cars, said = self.sidecars.get(photo, ()), dict[str, str]()
        if self.job.method is not Method.network or cars or self.references.photos:
            said["method"] = self.job.method.value
        if cars:
            said["hints"] = _sha256(cars)
        if self.references.photos:
            said |= {"reference": self.references.sha256, "seed": str(self.job.seed)}
        if self.job.consistent:
            said["consistent"] = self.album_sha256 or "yes"  # the hints of one photo reach the others of its scene
        if not said:
            return self.base
        return replace(self.base, settings=tuple(sorted({**dict(self.base.settings), **said}.items())))

    def check(self, photo: Path) -> None:
        """Refuse a photo that the method can do nothing for.

        Raises:
            HintError: Levin's method, and no hints.
        """
        if self.job.method is Method.levin and not self.sidecars.get(photo):
            name = f"{photo.stem}.hints.png"
            raise HintError("no hints for it", path=photo, hint=f"--method levin needs {printable(name)} in --hints.")

    def unused(self, photo: Path) -> tuple[str, ...]:
        """What to say of a photo that is left as it is, since it has colour."""
        return ("its hints are not used; --on-color recolor uses them",) if self.sidecars.get(photo) else ()

    def read(self, photo: Path) -> tuple[Sidecar, ...]:
        """The photo's side-cars.

        Raises:
            HintError: one cannot be read, or says something else.
        """
        return tuple(read_sidecar(path) for path in self.sidecars.get(photo, ()))

    def know(
        self, lightness: Plane, photo_size: tuple[int, int], sidecars: Sequence[Sidecar], carried: Carried | None
    ) -> Known:
        """What is known of a page's colours.

        Args:
            lightness: as the network sees it, (h, w), [0, 100].
            photo_size: (H, W) of the page.
            sidecars: that speak of this page.
            carried: what its album has for it.

        Raises:
            HintError: a point lies outside the photo.
        """
        size = (lightness.shape[0], lightness.shape[1])
        typed = hint_map(sidecars, photo_size, size) if sidecars else None
        album = carry(carried.key, carried.key_ab, carried.own, size) if carried is not None else None
        guessed = reference_hints(lightness, self.references.photos, self.job.seed) if self.references.photos else None
        binding = _first(typed, album)
        shown = _first(typed, album, guessed) if self.follows_hints else _first(album, guessed)
        return Known(shown, binding if self.takes_hints else _first(binding, guessed))

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """The size, (h, w), at which methods without a network look at a page."""
        return reduced_size(height, width, _REFERENCE_AREA if self.job.method is Method.welsh else MOST_PIXELS)

    def colours(
        self, pixels: NDArray[Any], size: tuple[int, int], space: RgbSpace, sidecars: Sequence[Sidecar]
    ) -> Guided:
        """Colours of a page without a network: Levin's, Welsh's or Charpiat's, found on a reduced copy.

        Args:
            pixels: the page, or a copy of it that is not smaller than `working_size`.
            size: (H, W) of the page.
            space: what its pixels mean.
            sidecars: that speak of this page.

        Raises:
            HintError: a point lies outside the photo.
        """
        height, width = size
        small = self.working_size(height, width)
        reduced = pixels if small == pixels.shape[:2] else reduce(pixels, View(*small, 0, 0))
        lightness = np.asarray(lightness_of(np.ascontiguousarray(reduced), space), np.float32)
        with self.solving:
            if self.job.method is Method.levin:
                return Guided(levin(lightness, hint_map(sidecars, (height, width), small)), lightness)
            way = welsh if self.job.method is Method.welsh else charpiat
            return Guided(way(lightness, self.references.photos, self.job.seed), lightness)


def _first(*maps: HintMap | None) -> HintMap | None:
    """At every place the first of several hint maps that says something there; None where all are None."""
    found: HintMap | None = None
    for one in reversed(maps):
        found = found if one is None else one.over(found)
    return found


def _sha256(paths: Sequence[Path]) -> str:
    """One hash of several files, each by its own."""
    hashes = list[str]()
    for path in paths:
        try:
            hashes.append(hashlib.sha256(read_plain(path, MOST_BYTES)).hexdigest())
        except OSError as error:
            raise HintError(f"{path}: {error.strerror or error}", hint="Give a side-car that can be read.") from None
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
