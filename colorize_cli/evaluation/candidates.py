"""What is measured: each candidate colours the truths' lightness and is one row of the table.

In:  model names, checkpoint files, folders of runs, folders of coloured files
Out: `Candidate`s, loaded and ready
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from colorize_cli.color.edges import follow_edges
from colorize_cli.errors import DataError, UsageError, WeightsError
from colorize_cli.evaluation.metrics import GREY, TRUTH, Pictures
from colorize_cli.evaluation.protocol import grey, join, stack
from colorize_cli.evaluation.references import Rgb
from colorize_cli.inference.colorizer import Colorizer, Plane, Request
from colorize_cli.inference.geometry import reduce
from colorize_cli.models.checkpoint import read_info
from colorize_cli.models.load import load_model


@dataclass(frozen=True)
class Prepared:
    """A batch of truths of one size.

    Attributes:
        names: of the pictures.
        pixels: sRGB, uint8, (H, W, 3) each.
        truth: the same, on the device.
        files: what other tools made of them, by row, brought to the same size.
    """

    names: tuple[str, ...]
    pixels: tuple[Rgb, ...]
    truth: Pictures
    files: dict[str, list[Rgb]]

    @property
    def lightness(self) -> Tensor:
        """CIE L* of the truths, (N, 1, H, W)."""
        return self.truth.lab[:, :1]


class Candidate(ABC):
    """One row of the table."""

    name: str
    sha256: str | None = None
    batch: int = 1  # pictures that its network takes at once

    def colours(self, batch: Prepared) -> Sequence[Plane]:
        """The network's part of the work: ab of each picture; nothing where no network is at work."""
        return ()

    @abstractmethod
    def pictures(self, batch: Prepared, colours: Sequence[Plane]) -> Tensor:
        """The candidate's pictures, 8-bit scale, (N, 3, H, W), on the truths' device."""


class GreyCandidate(Candidate):
    """No colour at all: what every colorizer has to beat."""

    name = GREY

    def pictures(self, batch: Prepared, colours: Sequence[Plane]) -> Tensor:
        """See `Candidate.pictures`."""
        return grey(batch.lightness)


class TruthCandidate(Candidate):
    """The photos themselves."""

    name = TRUTH

    def pictures(self, batch: Prepared, colours: Sequence[Plane]) -> Tensor:
        """See `Candidate.pictures`."""
        return batch.truth.rgb


class FilesCandidate(Candidate):
    """Files that some tool made."""

    def __init__(self, name: str) -> None:
        self.name = name

    def pictures(self, batch: Prepared, colours: Sequence[Plane]) -> Tensor:
        """See `Candidate.pictures`."""
        return stack(batch.files[self.name]).to(batch.truth.rgb.device)


class ModelCandidate(Candidate):
    """A model of this program, fed and joined as `colorize` does it.

    Raises:
        ModelNotFoundError, WeightsError: there is no such model, or it cannot be loaded.
    """

    def __init__(
        self,
        model: str,
        name: str,
        device: torch.device,
        vividness: float | None,
        batch: int | None,
        on_notice: Callable[[str], None],
    ) -> None:
        loaded = load_model(model)
        self.name, self.sha256, self.vividness = name, loaded.sha256, vividness
        self.colorizer = Colorizer(loaded, device, torch.float32, batch, on_notice)
        self.batch = self.colorizer.batch
        # On a GPU batches take turns: side by side they would need twice the memory and be no faster.
        self._turn = nullcontext() if device.type == "cpu" else Lock()

    def colours(self, batch: Prepared) -> Sequence[Plane]:
        """See `Candidate.colours`."""
        planes = batch.lightness[:, 0].cpu().numpy()
        with self._turn:
            found = self.colorizer.predict([Request(plane) for plane in planes], self.vividness)
        return [self._along_edges(ab, plane) for ab, plane in zip(found, planes, strict=True)]

    def _along_edges(self, ab: Plane, lightness: Plane) -> Plane:
        seen = self.colorizer.view(lightness.shape[0], lightness.shape[1])
        return follow_edges(ab, np.asarray(reduce(lightness, seen), np.float32))

    def pictures(self, batch: Prepared, colours: Sequence[Plane]) -> Tensor:
        """See `Candidate.pictures`."""
        joined = [join(truth, ab) for truth, ab in zip(batch.pixels, colours, strict=True)]
        return stack(joined).to(batch.truth.rgb.device)


def checkpoints_of(run: Path) -> list[Path]:
    """The checkpoints in a run's folder, by name; its discriminators and other files are left out.

    Raises:
        DataError: it holds none.
    """
    found = []
    for file in sorted(run.rglob("*.safetensors")):
        try:
            read_info(file)
        except (WeightsError, TypeError, KeyError):
            continue
        if not file.name.startswith("discriminator"):
            found.append(file)
    if not found:
        raise DataError(f"no checkpoint in {run}", hint="Give --model the folder that `colorize train` wrote.")
    return found


def _short(checkpoint: Path) -> str:
    """A checkpoint's row: its run and its name."""
    path = checkpoint.resolve()
    return f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem


def name_models(models: Sequence[str]) -> dict[str, str]:
    """Row names and what to load, from what `--model` was given; a run's folder stands for all its checkpoints.

    Raises:
        DataError: a folder holds no checkpoint.
        UsageError: a row would have the name of another.
    """
    wanted: dict[str, str] = {}
    for text in models:
        path = Path(text).expanduser()
        if path.is_dir():
            rows = {f"{path.name}/{file.relative_to(path).with_suffix('')}": str(file) for file in checkpoints_of(path)}
        elif path.is_file():
            rows = {_short(path): str(path)}
        else:
            rows = {text: text}
        for name, model in rows.items():
            if wanted.get(name, model) != model or name in (GREY, TRUTH):
                raise UsageError(f'two rows would be named "{name}"', hint="Rename one of the folders.")
            wanted[name] = model
    return wanted


def name_folders(folders: Sequence[Path], taken: Sequence[str]) -> dict[str, Path]:
    """Row names of folders of coloured files: the last part of the path, or the whole where that is taken."""
    named: dict[str, Path] = {}
    for folder in folders:
        short = folder.resolve().name
        name = short if short not in named and short not in taken and short not in (GREY, TRUTH) else str(folder)
        if name in named or name in taken:
            raise UsageError(f'two rows would be named "{name}"', hint="Give each folder to --pred once.")
        named[name] = folder
    return named
