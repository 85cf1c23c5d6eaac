"""Where a model's weights lie.

In:  a spec
Out: the path of a file that has been checked against its recorded or published SHA-256
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import WeightsError
from colorize_cli.models.checkpoint import sha256_of
from colorize_cli.models.registry import Bundled, ModelSpec

Progress = Callable[[int, int], None]
ASSETS = Path(__file__).resolve().parents[1] / "assets"


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights that is here and sound; `sha256` names the weights: the published file's, or its own."""

    path: Path
    sha256: str


def recorded_sha256(weights: Bundled) -> str:
    """The SHA-256 that is kept beside a bundled file.

    Raises:
        WeightsError: the record is missing or unreadable.
    """
    record = (ASSETS / weights.file).with_suffix(".json")
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"cannot read {record}: {error}", hint="Install the package again.") from error


def fetch(spec: ModelSpec, on_progress: Progress | None = None) -> WeightsFile:
    """Find a model's weights, pull them if they are not here, and check them.

    Raises:
        WeightsError: there are none, or they are altered.
    """
    if spec.weights is None:
        raise WeightsError(
            f'"{spec.name}" has no published weights',
            hint="Train it (colorize train --list-recipes) and give the checkpoint to --model.",
        )
    if isinstance(spec.weights, Bundled):
        path = ASSETS / spec.weights.file
        if not path.is_file():
            raise WeightsError(f"the bundled weights are missing: {path}", hint="Install the package again.")
        sha256 = sha256_of(path)
        if sha256 != recorded_sha256(spec.weights):
            raise WeightsError(f"the bundled weights are altered: {path}", hint="Install the package again.")
        return WeightsFile(path, sha256)
    raise WeightsError(f'"{spec.name}" cannot be pulled yet')
