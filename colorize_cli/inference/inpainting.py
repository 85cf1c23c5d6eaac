"""Fill dust and scratches by LaMa (Suvorov et al.: Resolution-robust Large Mask Inpainting, 2022), in ONNX Runtime.

In:  lightness of a page, and where it is damaged
Out: the lightness with these places filled; the others are the same numbers
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import OutOfMemoryError, PredictionError, WeightsError
from colorize_cli.inference.lightness_networks import over_tiles
from colorize_cli.inference.lightness_planes import LightnessPlane
from colorize_cli.inference.predictor import is_out_of_memory
from colorize_cli.models.restoration_networks import restoration_networks
from colorize_cli.models.weights import fetch
from colorize_cli.restore.damage import Mask
from colorize_cli.restore.repair import mask_rows

Plane = NDArray[np.float32]

_TILE, _OVERLAP = 512, 128  # pixels; the published graph takes no other size
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
_LEVELS = 1.5  # an answer with more is in levels of 255, as the published graph gives it


class Inpainter:
    """The network at work; may be used in many threads at once.

    Args:
        graph: its ONNX file: `image` and `mask`, (1, 3 and 1, 512, 512), [0, 1], to RGB.
        device: where it runs.

    Raises:
        WeightsError: it is no such graph.
    """

    def __init__(self, graph: Path, device: str = "cpu") -> None:
        import onnxruntime  # loads for a while, and starts a thread

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        cuda = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
        there = [name for name in cuda if name in onnxruntime.get_available_providers()]
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=[*there, "CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own kinds have no common base
            raise WeightsError("lama is no graph that ONNX Runtime takes", hint="Pull it again.") from error
        names = [given.name for given in self._session.get_inputs()]
        if len(names) != 2:
            raise WeightsError(f"lama takes {len(names)} inputs, not a picture and a mask", hint="Pull it again.")
        self._names = ("image", "mask") if set(names) == {"image", "mask"} else (names[0], names[1])

    def fill(self, plane: LightnessPlane, mask: Mask) -> LightnessPlane:
        """Fill the masked places of a page.

        Args:
            plane: the page.
            mask: of any size, over the whole page.

        Raises:
            OutOfMemoryError: the network does not fit.
            PredictionError: it fails.
        """

        def ask(tiles: Plane, places: list[tuple[int, int]]) -> Plane:
            (tile,), ((top, left),) = tiles, places
            holes = mask_rows(mask, top, (len(tile), plane.width), plane.height)[:, left : left + tile.shape[1]]
            return (np.where(holes, self._ask(tile, holes), tile) if holes.any() else tile)[None]

        return over_tiles(plane, ask, _TILE, _OVERLAP)

    def _ask(self, tile: Plane, holes: Mask) -> Plane:
        height, width = tile.shape
        around = ((0, _TILE - height), (0, _TILE - width))
        picture = np.pad(np.where(holes, 0, tile), around, "symmetric").astype(np.float32)
        hidden = np.pad(holes, around, "symmetric").astype(np.float32)[None, None]
        given = {self._names[0]: picture[None, None].repeat(3, 1), self._names[1]: hidden}
        try:
            (answer,) = self._session.run(None, given)[:1]
        except Exception as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError("out of memory in lama", hint="Close other programs.") from error
            reason = str(error).partition("\n")[0]
            raise PredictionError(f"the network lama fails: {reason}") from error
        found = np.einsum("chw,c->hw", np.asarray(answer, np.float32)[0], _LUMA)[:height, :width]
        if not np.isfinite(found).all():
            raise PredictionError("the network lama answers with values that are no numbers (NaN)")
        return np.asarray(found / 255 if found.max() > _LEVELS else found, np.float32)


def load_inpainter(device: str, on_download: Callable[[int, int], None] | None = None) -> Inpainter:
    """LaMa, pulled where it is not downloaded yet.

    Raises:
        WeightsError: it is not to be had.
    """
    return Inpainter(fetch(restoration_networks()["lama"], on_download).path, device)
