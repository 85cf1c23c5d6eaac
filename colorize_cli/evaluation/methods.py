"""What is measured: each method colors the truths' lightness and is one row of the table.

In:  model names, checkpoint files, folders of runs, folders of colored files
Out: `Method`s, loaded and ready
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor

from colorize_cli.data.srgb_photo import Rgb
from colorize_cli.evaluation.columns import GREY, TRUTH
from colorize_cli.evaluation.metrics import Pictures
from colorize_cli.evaluation.protocol import grey, join, stack
from colorize_cli.inference.predictor import Plane
from colorize_cli.pipeline.colorizer import Colorizer


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


class Method(ABC):
    """One row of the table."""

    name: str
    sha256: str | None = None
    batch: int = 1  # pictures that its network takes at once

    def colors(self, batch: Prepared) -> Sequence[Plane]:
        """The network's part of the work: ab of each picture; nothing where no network is at work."""
        return ()

    @abstractmethod
    def pictures(self, batch: Prepared, colors: Sequence[Plane]) -> Tensor:
        """The method's pictures, 8-bit scale, (N, 3, H, W), on the truths' device."""


class GreyMethod(Method):
    """No color at all: what every colorizer has to beat."""

    name = GREY

    def pictures(self, batch: Prepared, colors: Sequence[Plane]) -> Tensor:
        """See `Method.pictures`."""
        return grey(batch.lightness)


class TruthMethod(Method):
    """The photos themselves."""

    name = TRUTH

    def pictures(self, batch: Prepared, colors: Sequence[Plane]) -> Tensor:
        """See `Method.pictures`."""
        return batch.truth.rgb


class FilesMethod(Method):
    """Files that some tool made."""

    def __init__(self, name: str) -> None:
        self.name = name

    def pictures(self, batch: Prepared, colors: Sequence[Plane]) -> Tensor:
        """See `Method.pictures`."""
        return stack(batch.files[self.name]).to(batch.truth.rgb.device)


class ModelMethod(Method):
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
        self.colorizer = Colorizer(model, device=str(device), precision="fp32", batch=batch or 0, vividness=vividness)
        self.colorizer.load(on_notice=on_notice)
        self.name, self.sha256, self.batch = name, self.colorizer.info.sha256, self.colorizer.info.batch
        # On a GPU batches take turns: side by side they would need twice the memory and be no faster.
        self._turn = nullcontext() if device.type == "cpu" else Lock()

    def colors(self, batch: Prepared) -> Sequence[Plane]:
        """See `Method.colors`."""
        planes = batch.lightness[:, 0].cpu().numpy()
        with self._turn:
            return self.colorizer.chroma(planes)

    def pictures(self, batch: Prepared, colors: Sequence[Plane]) -> Tensor:
        """See `Method.pictures`."""
        joined = [join(truth, ab) for truth, ab in zip(batch.pixels, colors, strict=True)]
        return stack(joined).to(batch.truth.rgb.device)
