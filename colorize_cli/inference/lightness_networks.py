"""Run a network that mends or enlarges over a page's lightness, in tiles that fade over into one another.

In:  `LightnessPlane`
Out: another one, of the same size or `scale` times as large
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import OutOfMemoryError, PredictionError
from colorize_cli.inference.lightness_planes import LightnessPlane
from colorize_cli.inference.predictor import is_out_of_memory

if TYPE_CHECKING:
    import torch
    from spandrel import ImageModelDescriptor
    from torch import Tensor

Plane = NDArray[np.float32]

_TILE, _OVERLAP = 256, 32  # pixels
_LEAST_TILE = 64  # pixels a side; what does not fit in memory at that size does not fit
_LUMA = (0.299, 0.587, 0.114)
_GPU_BATCH = 4  # tiles a pass


class LightnessNetwork:
    """A network at work; may be used in many threads, one of which it serves at a time.

    Args:
        name: for messages.
        network: spandrel's descriptor.
        device: where it runs.
        on_notice: told, in one line, when memory forces smaller tiles or another device.
    """

    def __init__(
        self,
        name: str,
        network: ImageModelDescriptor,
        device: torch.device,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name, self.scale, self.on_notice = name, network.scale, on_notice
        self._network, self._device = network.to(device), device
        self.batch = 1 if device.type == "cpu" else _GPU_BATCH
        self.tile = _TILE
        self._lock = Lock()

    def run(self, plane: LightnessPlane) -> LightnessPlane:
        """What the network makes of a page.

        Raises:
            OutOfMemoryError: not even a small tile fits on the CPU.
            PredictionError: it answers with what is no number.
        """
        with self._lock:
            while True:
                try:
                    return self._run(plane)
                except (MemoryError, RuntimeError) as error:  # torch's own kind is a RuntimeError
                    if not is_out_of_memory(error):
                        reason = str(error).partition("\n")[0]
                        raise PredictionError(f"the network {self.name} fails: {reason}") from error
                self._give_way()

    def _run(self, plane: LightnessPlane) -> LightnessPlane:
        return over_tiles(plane, lambda tiles, _: self._ask(tiles), self.tile, _OVERLAP, self.batch, self.scale)

    def _ask(self, tiles: Plane) -> Plane:
        """Lightness of tiles, (N, h, w), [0, 1], to (N, scale h, scale w)."""
        import torch

        x = torch.from_numpy(tiles)[:, None].to(self._device)
        with torch.inference_mode():
            answer: Tensor = self._network(x.expand(-1, self._network.input_channels, -1, -1).contiguous())
        found = lightness_of_answer(answer)
        if not np.isfinite(found).all():
            raise PredictionError(f"the network {self.name} answers with values that are no numbers (NaN)")
        return found

    def _give_way(self) -> None:
        """Fewer tiles at once, then smaller ones, then the CPU.

        Raises:
            OutOfMemoryError: nothing of it is left.
        """
        import torch

        where = str(self._device)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if self.batch > 1:
            self.batch //= 2
        elif self.tile > _LEAST_TILE:
            self.tile //= 2
            self.on_notice(f"Out of memory on {where}: {self.name} goes on with tiles of {self.tile} pixels.")
        elif self._device.type != "cpu":
            self._device, self.tile = torch.device("cpu"), _TILE
            self._network.to(self._device)
            self.on_notice(f"Out of memory on {where}: {self.name} goes on on the CPU.")
        else:
            raise OutOfMemoryError(f"out of memory in {self.name}", hint="Close other programs.")


def lightness_of_answer(answer: Tensor) -> Plane:
    """The lightness of RGB or grey, (N, 3 or 1, h, w), as it is coded: (N, h, w)."""
    import torch

    answer = answer.float()
    weights = torch.tensor(_LUMA, device=answer.device) if answer.shape[1] == 3 else torch.ones(1, device=answer.device)
    found: Plane = (answer * weights[:, None, None]).sum(1).cpu().numpy()
    return found


def over_tiles(
    plane: LightnessPlane,
    ask: Callable[[Plane, list[tuple[int, int]]], Plane],
    tile: int,
    overlap: int,
    batch: int = 1,
    scale: int = 1,
) -> LightnessPlane:
    """Let something see a page in tiles, and join what it answers by windows that fade over into one another.

    Args:
        plane: the page.
        ask: gets tiles, (N, h, w), and the (top, left) of each; gives (N, scale h, scale w).
        tile: pixels a side.
        overlap: pixels that neighbors share, at least.
        batch: tiles at once.
        scale: by how much the answers are larger.
    """
    down, across = (windows(side, tile, overlap) for side in (plane.height, plane.width))
    out = LightnessPlane(scale * plane.height, scale * plane.width)
    waiting, first = np.zeros((0, out.width), np.float32), 0  # rows that the next tiles add to, from `first` on
    for top, weights in down:
        band = plane.rows(top, len(weights))
        rows = np.zeros((scale * len(band), out.width), np.float32)
        for start in range(0, len(across), batch):
            some = across[start : start + batch]
            tiles = np.stack([band[:, left : left + len(own)] for left, own in some])
            for (left, own), answer in zip(some, ask(tiles, [(top, left) for left, _ in some]), strict=True):
                rows[:, scale * left : scale * (left + len(own))] += answer * own.repeat(scale)
        rows *= weights.repeat(scale)[:, None]
        shared = len(waiting) - (scale * top - first)
        done, rest = np.split(waiting, [len(waiting) - shared])
        rows[:shared] += rest
        out.write(first, done)
        waiting, first = rows, scale * top
    out.write(first, waiting)
    return out


def windows(length: int, tile: int, overlap: int) -> list[tuple[int, Plane]]:
    """Tiles along an axis: where each begins, and the weight of its pixels; weights sum to one at every pixel.

    Args:
        length: of the axis, pixels.
        tile: of each tile, pixels.
        overlap: pixels that neighbors share, at least.
    """
    if length <= tile:
        return [(0, np.ones(length, np.float32))]
    count = -(-(length - overlap) // (tile - overlap))
    starts = [round(i * (length - tile) / (count - 1)) for i in range(count)]
    shape = np.sin(np.pi * (np.arange(tile) + 0.5) / tile) ** 2
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += shape
    return [(start, (shape / total[start : start + tile]).astype(np.float32)) for start in starts]
