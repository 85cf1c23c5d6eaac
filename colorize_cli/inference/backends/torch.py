"""The networks of a model at work in torch, on any device.

In:  a loaded model; planes, (N, 1 or 4, H, W) float32: lightness, or lightness, ab and mask
Out: ab, (N, 2, h, w) float32, Lab units; or probabilities, (N, Q, h, w)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from colorize_cli.inference.backends import Plane
from colorize_cli.models.generator import Hints
from colorize_cli.models.load import LoadedModel
from colorize_cli.models.networks.normed import fold_batch_norms


class TorchBackend:
    """See `Backend`.

    Args:
        model: its networks are changed, for good, into equal ones that are faster.
        device: where they run; None is the CPU.
        dtype: in which arithmetic; None is float32.
    """

    def __init__(
        self, model: LoadedModel, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> None:
        self._members = [member.generator for member in model.members]
        self._device, self._dtype = device or torch.device("cpu"), dtype or torch.float32
        for generator in self._members:
            fold_batch_norms(generator)
        self._place()

    def _place(self) -> None:
        for generator in self._members:
            generator.to(self._device).to(memory_format=torch.channels_last)

    @property
    def device(self) -> str:
        """See `Backend.device`."""
        return str(self._device)

    def colors(self, member: int, vividness: float | None, planes: Plane) -> Plane:
        """See `Backend.colors`."""
        with torch.inference_mode(), self._autocast():
            return _answer(self._members[member].colorize(*self._given(planes), vividness))

    def palette(self) -> Plane | None:
        """See `Backend.palette`."""
        palette = self._members[0].palette
        return None if palette is None else _answer(palette)

    def probabilities(self, planes: Plane) -> Plane:
        """See `Backend.probabilities`."""
        with torch.inference_mode(), self._autocast():
            found = self._members[0].probabilities(*self._given(planes))
        assert found is not None  # a network with a palette gives them
        return _answer(found)

    def free(self) -> None:
        """See `Backend.free`."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def to_cpu(self) -> None:
        """See `Backend.to_cpu`."""
        self._device, self._dtype = torch.device("cpu"), torch.float32
        self._place()

    def _given(self, planes: Plane) -> tuple[Tensor, Hints | None]:
        stacked = torch.from_numpy(planes).to(self._device)
        hints = Hints(stacked[:, 1:3], stacked[:, 3:]) if stacked.shape[1] == 4 else None
        return stacked[:, :1], hints

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, self._dtype, enabled=self._dtype is not torch.float32)


def _answer(found: Tensor) -> Plane:
    return np.asarray(found.float().cpu().numpy())
