"""What people say about a batch's colors, found for each photo: hints in side-cars, references, its album.

In:  options; the photos that were found
Out: for each photo: hints for the network, or colors from hints and references alone; what of it its note must say
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import RgbSpace
from colorize_cli.errors import DecodeError, HintError, printable
from colorize_cli.files.discover import Source
from colorize_cli.files.facts import sha256_of
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.guidance.album import Features, carry
from colorize_cli.guidance.hint_files import match_sidecars
from colorize_cli.guidance.hint_points import Sidecar
from colorize_cli.guidance.hints import HintMap, hint_map, read_sidecar
from colorize_cli.guidance.multimodal import charpiat, reference_hints
from colorize_cli.guidance.reference import reduced_size, welsh
from colorize_cli.guidance.scribbles import MOST_PIXELS, levin
from colorize_cli.inference.geometry import View, reduce
from colorize_cli.inference.option_values import Method
from colorize_cli.inference.painting import Guided
from colorize_cli.inference.photo_options import GuidanceOptions, ReadOptions
from colorize_cli.inference.references import References, read_references
from colorize_cli.metadata.provenance import Provenance

Plane = NDArray[np.float32]

_REFERENCE_AREA = 500 * 500  # pixels that Welsh's method looks at, one by one
_SOLVE_MEMORY = 700 << 20  # bytes that one solve of the largest size takes
_MEMORY = 1500 << 20  # bytes for all solves at once, unless --max-memory allows more


@dataclass(frozen=True)
class Known:
    """What is known of one page's colors, at the size that the network sees.

    Attributes:
        shown: hints that the network is given.
        constraint: those of them that the result must have.
    """

    shown: HintMap | None = None
    constraint: HintMap | None = None


@dataclass(frozen=True)
class Carried:
    """The colors of a scene's key photo, on their way to another photo of it: `key_ab` is (2, h, w), Lab units."""

    key: Features
    key_ab: Plane
    own: Features


class PhotoGuidance:
    """All that people say about the colors of a batch; its methods run in many threads at once.

    Args:
        options: what was asked for.
        base: the note that an unguided result carries.
        sidecars: of each photo that has any.
        references: color photos.
        takes_hints: whether the model does; else its colors are brought to the hints afterwards.
        follows_hints: whether it is given those of a person, too: see `ModelSpec.follows_hints`.
        max_memory: bytes that the whole process may take; 0 where nobody says it.
    """

    def __init__(
        self,
        options: GuidanceOptions,
        base: Provenance,
        *,
        sidecars: Mapping[Path, tuple[Path, ...]] | None = None,
        references: References | None = None,
        takes_hints: bool = True,
        follows_hints: bool = False,
        max_memory: int = 0,
    ) -> None:
        self.options, self.base = options, base
        self.takes_hints, self.follows_hints = takes_hints, follows_hints
        self.sidecars, self.references = sidecars or {}, references or References()
        self._from_album = dict[int, Carried]()
        self._solving = Semaphore(max(1, max(max_memory, _MEMORY) // _SOLVE_MEMORY))
        self._limits = DecodeLimits(max_memory=max_memory or None)
        self._album_sha256 = ""
        if options.consistent and self.sidecars:
            self._album_sha256 = _sha256([path for files in self.sidecars.values() for path in files])

    @classmethod
    def of(
        cls,
        options: GuidanceOptions,
        base: Provenance,
        sources: Sequence[Source],
        *,
        read: ReadOptions,
        takes_hints: bool,
        follows_hints: bool,
        on_notice: Callable[[str], None],
    ) -> PhotoGuidance:
        """Find side-cars and read references.

        Raises:
            UsageError, NothingToDoError, PhotoError: what the options name is of no use.
        """
        sidecars: Mapping[Path, tuple[Path, ...]] = {}
        if options.hints is not None:
            photos = [(s.path, s.path.parents[len(s.within.parts) - 1]) for s in sources]
            matches = match_sidecars(photos, options.hints)
            for path in matches.unmatched:
                on_notice(f"No photo for the hints {printable(path)}")
            if not matches.by_photo and not matches.unmatched:
                place = printable(options.hints)
                on_notice(f"No hints in {place}: side-cars are called NAME.hints.png or NAME.hints.json.")
            sidecars = matches.by_photo
        references = References()
        if options.reference is not None:
            references = read_references(options.reference, read.limits(), on_notice)
        return cls(
            options,
            base,
            sidecars=sidecars,
            references=references,
            takes_hints=takes_hints,
            follows_hints=follows_hints,
            max_memory=read.max_memory,
        )

    def put_from_album(self, place: int, carried: Carried) -> None:
        """Lay down what a photo gets from its album, by its place in the batch."""
        self._from_album[place] = carried

    def from_album(self, place: int) -> Carried | None:
        """What a photo gets from its album."""
        return self._from_album.get(place)

    def drop_from_album(self, place: int) -> None:
        """A photo needs it no more."""
        self._from_album.pop(place, None)

    def provenance(self, photo: Path) -> Provenance:
        """The note of a photo's result: with what guided it, or the plain one where nothing does.

        Raises:
            HintError: a side-car cannot be read.
        """
        cars, said = self.sidecars.get(photo, ()), dict[str, str]()
        if self.options.method is not Method.network or cars or self.references.photos:
            said["method"] = self.options.method.value
        if cars:
            said["hints"] = _sha256(cars)
        if self.references.photos:
            said |= {"reference": self.references.sha256, "seed": str(self.options.seed)}
        if self.options.consistent:
            said["consistent"] = self._album_sha256 or "yes"  # the hints of one photo reach the others of its scene
        return self.base.with_settings(said) if said else self.base

    def check(self, photo: Path) -> None:
        """Refuse a photo that the method can do nothing for.

        Raises:
            HintError: Levin's method, and no hints.
        """
        if self.options.method is Method.levin and not self.sidecars.get(photo):
            name = f"{photo.stem}.hints.png"
            raise HintError("no hints for it", path=photo, hint=f"--method levin needs {printable(name)} in --hints.")

    def unused(self, photo: Path) -> tuple[str, ...]:
        """What to say of a photo that is left as it is, since it has color."""
        return ("its hints are not used; --on-color recolor uses them",) if self.sidecars.get(photo) else ()

    def read(self, photo: Path) -> tuple[Sidecar, ...]:
        """The photo's side-cars.

        Raises:
            HintError: one cannot be read, or says something else.
        """
        return tuple(read_sidecar(path, self._limits) for path in self.sidecars.get(photo, ()))

    def know(
        self, lightness: Plane, photo_size: tuple[int, int], sidecars: Sequence[Sidecar], carried: Carried | None
    ) -> Known:
        """What is known of a page's colors.

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
        guessed = (
            reference_hints(lightness, self.references.photos, self.options.seed) if self.references.photos else None
        )
        constraint = _first(typed, album)
        shown = _first(typed, album, guessed) if self.follows_hints else _first(album, guessed)
        return Known(shown, constraint if self.takes_hints else _first(constraint, guessed))

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """The size, (h, w), at which methods without a network look at a page."""
        return reduced_size(height, width, _REFERENCE_AREA if self.options.method is Method.welsh else MOST_PIXELS)

    def colors(
        self, pixels: NDArray[Any], size: tuple[int, int], space: RgbSpace, sidecars: Sequence[Sidecar]
    ) -> Guided:
        """Colors of a page without a network: Levin's, Welsh's or Charpiat's, found on a reduced copy.

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
        with self._solving:
            if self.options.method is Method.levin:
                return Guided(levin(lightness, hint_map(sidecars, (height, width), small)), lightness)
            way = welsh if self.options.method is Method.welsh else charpiat
            return Guided(way(lightness, self.references.photos, self.options.seed), lightness)


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
            hashes.append(sha256_of(path))
        except DecodeError as error:
            raise HintError(f"{path}: {error.message}", hint="Give a side-car that can be read.") from None
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
