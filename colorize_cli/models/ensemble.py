"""Several models whose ab is averaged.

In:  models, each with a spec and a hash
Out: one that has them as members
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from colorize_cli.models.registry import ModelSpec

BEST = "best.safetensors"  # in the folder of a run, what stands for it


def named_path(name: str) -> Path:
    """The path that a user names; of a run's folder, its best checkpoint."""
    path = Path(name).expanduser()
    return path / BEST if (path / BEST).is_file() else path


class Member(Protocol):
    """What every loaded model has, whatever runs it."""

    @property
    def name(self) -> str:
        """As it was asked for."""

    @property
    def spec(self) -> ModelSpec:
        """How it is fed."""

    @property
    def sha256(self) -> str:
        """Of its weights' file."""


M = TypeVar("M", bound=Member, covariant=True)


@dataclass(frozen=True)
class Ensemble(Generic[M]):
    """Models side by side.

    Attributes:
        name: as it was asked for.
        spec: the first one's, but for what concerns all.
        sha256: the members' joined by `+`.
        members: whose ab is averaged.
    """

    name: str
    spec: ModelSpec
    sha256: str
    members: tuple[M, ...]


def joined(name: str, members: Sequence[M]) -> Ensemble[M]:
    """Models as one."""
    spec = replace(
        members[0].spec,
        name="+".join(member.spec.name for member in members),
        takes_hints=any(member.spec.takes_hints for member in members),
        tileable=all(member.spec.tileable for member in members),
        parameters=sum(member.spec.parameters for member in members),
        vivid=any(member.spec.vivid for member in members),
        summary="Mean of several models' ab.",
    )
    return Ensemble(name, spec, "+".join(member.sha256 for member in members), tuple(members))
