"""A model, ready to predict, from whatever `--model` was given.

In:  a catalogue name; a file; `user/repo` on the Hub; several of these joined by `+`
Out: `LoadedModel`: networks in eval mode, float32, on the CPU
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from colorize_cli.errors import ModelNotFoundError
from colorize_cli.models import weights
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.checkpoint import load_strictly, read_info, read_tensors, sha256_of
from colorize_cli.models.generator import Generator
from colorize_cli.models.registry import ModelSpec

_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class LoadedModel:
    """A network with its weights.

    Attributes:
        name: as it was asked for.
        spec: how it is fed.
        generator: eval mode, float32, on the CPU.
        sha256: of the weights as they were published; of an ensemble, its members' joined by `+`.
        ensemble: the members of an ensemble, none otherwise.
    """

    name: str
    spec: ModelSpec
    generator: Generator
    sha256: str
    ensemble: tuple[LoadedModel, ...] = ()

    @property
    def members(self) -> tuple[LoadedModel, ...]:
        """The models whose ab is averaged: the ensemble's, or this one alone."""
        return self.ensemble or (self,)


def load_model(name: str, on_progress: Callable[[int, int], None] | None = None) -> LoadedModel:
    """Load a model; weights that are not here yet are pulled.

    Args:
        name: catalogue name, path of a checkpoint, `user/repo` on the Hub, or several joined by `+`.
        on_progress: told (bytes here, bytes in all) while weights are pulled.

    Raises:
        ModelNotFoundError: no such name or file.
        WeightsError: missing, altered or unreadable weights, or weights of an unknown network.
    """
    parts = name.split("+")
    if len(parts) == 1 or Path(name).is_file():
        return _load_one(name, on_progress)
    members = tuple(_load_one(part.strip(), on_progress) for part in parts)
    first = members[0]
    spec = replace(
        first.spec,
        name="+".join(member.spec.name for member in members),
        takes_hints=any(member.spec.takes_hints for member in members),
        tileable=all(member.spec.tileable for member in members),
        parameters=sum(member.spec.parameters for member in members),
        vivid=any(member.spec.vivid for member in members),
        summary="Mean of several models' ab.",
    )
    return LoadedModel(name, spec, first.generator, "+".join(member.sha256 for member in members), members)


def _load_one(name: str, on_progress: Callable[[int, int], None] | None) -> LoadedModel:
    registry = catalogue()
    if name in registry:
        spec = registry.get(name)
        file = weights.fetch(spec, on_progress)
        return _from_checkpoint(name, file.path, file.sha256)
    path = Path(name).expanduser()
    if path.is_file():
        return _from_checkpoint(name, path, sha256_of(path))
    if path.suffix in _SUFFIXES:
        raise ModelNotFoundError(f"no checkpoint {name}", hint="Check the path, or see: colorize models list")
    registry.get(name)
    raise AssertionError("unreachable")


def _from_checkpoint(name: str, path: Path, sha256: str) -> LoadedModel:
    info = read_info(path)
    spec = catalogue().get(info.network)
    generator = load_strictly(spec.build(**info.arguments), read_tensors(path), str(path))
    return LoadedModel(name, spec, generator, sha256)
