"""A loaded model at work on a device: lightness in, ab out, in batches that never run out of memory silently.

In:  lightness, (H, W) float32, [0, 100], each of any size; hints
Out: ab, (2, h, w) float32, Lab units, of each
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import OutOfMemoryError, PredictionError, UsageError
from colorize_cli.inference.backends import Backend
from colorize_cli.inference.devices import pick_device, session_threads, worker_pool
from colorize_cli.inference.geometry import View, crop, pad, reduce, view_of
from colorize_cli.models.ensemble import Ensemble
from colorize_cli.models.onnx.load_onnx import OnnxModel, without_graphs
from colorize_cli.models.registry import Sizes
from colorize_cli.models.vividness import Reading

if TYPE_CHECKING:
    import torch

    from colorize_cli.models.load import LoadedModel

Plane = NDArray[np.float32]
Model: TypeAlias = "LoadedModel | OnnxModel | Ensemble[OnnxModel]"
Ask = Callable[[Plane], Plane]  # planes, (N, 1 or 4, H, W), to what a network says of them, (N, C, h, w)


@dataclass(frozen=True)
class HintPlanes:
    """Known colors of one photo: ab, (2, h, w), Lab units, and mask, (h, w), [0, 1], at any size."""

    ab: Plane
    mask: Plane


@dataclass(frozen=True)
class Request:
    """One picture for the network.

    Attributes:
        lightness: (H, W), of any size not below the view's.
        hints: known colors.
        as_is: the lightness has the size at which it is to be seen, as a tile has; networks that are made for one
            size alone see it at that all the same.
    """

    lightness: Plane
    hints: HintPlanes | None = None
    as_is: bool = False

    def view(self, sizes: Sizes) -> View:
        """How a network of these sizes sees it."""
        height, width = self.lightness.shape
        if not self.as_is or sizes.square:
            return view_of(height, width, sizes)
        padded = [-(-side // sizes.multiple) * sizes.multiple for side in (height, width)]
        return View(height, width, padded[0], padded[1])


class NoPredictor:
    """In a predictor's place where the method takes no network."""

    batch = 1

    def predict(self, requests: Sequence[Request], vividness: float | None = None) -> list[Plane]:
        """Nothing, for nothing is asked."""
        return []


def auto_batch(device: str) -> int:
    """Photos a pass: enough to fill a GPU; one on a CPU, which gains nothing from more."""
    return 16 if device.startswith("cuda") else 4 if device.startswith("mps") else 1


class Predictor:
    """Runs a model's networks on one device; used by several threads at once.

    Every pass has exactly `batch` pictures (a partial one is filled up with copies), so that a picture's colors do
    not depend on its neighbors.

    Args:
        model: what to run; networks of torch are changed, for good, into equal ones that are faster.
        device: where they run; None is the CPU.
        dtype: in which arithmetic; None is float32.
        batch: pictures a pass; None is `auto_batch`.
        on_notice: told, in one line, when memory forced a smaller batch or another device.
        workers: on a CPU, pictures of a batch that are computed side by side instead of stacked; see `cpu_workers`.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        batch: int | None = None,
        on_notice: Callable[[str], None] = lambda _: None,
        workers: int = 1,
    ) -> None:
        self.on_notice = on_notice
        self._backend = _backend(model, device, dtype, workers)
        on_cpu = self.device == "cpu"
        if on_cpu and isinstance(model, OnnxModel | Ensemble):
            model = without_graphs(model)
        self.model = model
        self.batch = batch or (workers if on_cpu else auto_batch(self.device))
        self._workers = worker_pool(workers) if on_cpu and workers > 1 else None
        self._giving_way = Lock()

    @property
    def device(self) -> str:
        """Where the networks run: `cpu`, `cuda:0` or the like."""
        return self._backend.device

    def view(self, height: int, width: int) -> View:
        """How the (first) network sees a photo of this size: pictures with equal views can share a batch."""
        return view_of(height, width, self.model.members[0].spec.sizes)

    def predict(
        self, requests: Sequence[Request], vividness: float | None = None, divisible: bool = False
    ) -> list[Plane]:
        """Predict the color of pictures.

        Args:
            requests: any number, of any sizes; equal views are batched.
            vividness: 0 to 1; None is the model's own default.
            divisible: the caller can ask for smaller pictures, so one that does not fit is its affair.

        Returns:
            ab of each, (2, h, w), Lab units; the mean over the model's members where it is an ensemble.

        Raises:
            OutOfMemoryError: not even one picture fits on the CPU; or, if divisible, on the device.
            PredictionError: the answer to one of them holds NaN or infinity.
        """
        results = []
        for member in range(len(self.model.members)):
            ask = partial(self._backend.colors, member, vividness)
            results.append(self._by_member(member, requests, ask, divisible))
        return [_mean(list(parts)) for parts in zip(*results, strict=True)]

    @property
    def reading(self) -> Reading | None:
        """What vividness means to the (first) network; None where it means nothing."""
        member = self.model.members[0]
        return member.contract.reading if isinstance(member, OnnxModel) else member.generator.reading

    @property
    def palette(self) -> Plane | None:
        """The colors that `probabilities` speaks of, (Q, 2), Lab units; None where the model gives none."""
        return None if len(self.model.members) > 1 else self._backend.palette()

    def probabilities(self, requests: Sequence[Request]) -> list[Plane]:
        """How likely each color of `palette` is in each picture: (Q, h, w), summing to one over Q.

        Raises:
            UsageError: the model gives one color only.
            OutOfMemoryError: not even one picture fits on the CPU.
        """
        if self.palette is None:
            raise UsageError(f"model {self.model.name} gives one coloring only", hint="Try --model mini")
        return self._by_member(0, requests, self._backend.probabilities)

    def _by_member(self, member: int, requests: Sequence[Request], ask: Ask, divisible: bool = False) -> list[Plane]:
        spec = self.model.members[member].spec
        views = [request.view(spec.sizes) for request in requests]
        results: dict[int, Plane] = {}
        for view in dict.fromkeys(views):
            indices = [i for i, other in enumerate(views) if other == view]
            pictures = [_planes(requests[i], view, spec.takes_hints) for i in indices]
            while pictures:
                step, device = self.batch, self.device
                try:
                    done = self._run(pictures[:step], ask)
                except (MemoryError, RuntimeError) as error:  # torch's own kind is a RuntimeError
                    if not is_out_of_memory(error):
                        raise
                    self._give_way(step, device, divisible)
                    continue
                if not all(np.isfinite(answer).all() for answer in done):
                    raise PredictionError(
                        f"the model {self.model.name} answers with values that are no numbers (NaN)",
                        hint="Try --precision fp32, or another model.",
                    )
                results.update(zip(indices, (crop(ab, view) for ab in done), strict=False))
                pictures, indices = pictures[step:], indices[step:]
        return [results[i] for i in range(len(requests))]

    def _run(self, pictures: list[Plane], ask: Ask) -> list[Plane]:
        if self._workers is not None:
            return list(self._workers.map(lambda picture: ask(picture[None])[0], pictures))
        filled = np.stack(pictures + [pictures[-1]] * (self.batch - len(pictures)))
        return list(ask(filled)[: len(pictures)])

    def _give_way(self, batch: int, device: str, divisible: bool = False) -> None:
        """Halve the batch; at one, leave the device for the CPU; on the CPU, or where smaller will do, give up.

        Args:
            batch: with which memory ran out: where another thread has given way since, that is tried first.
            device: likewise.
            divisible: as of `predict`.
        """
        with self._giving_way:
            self._backend.free()
            if (self.batch, self.device) != (batch, device):
                return
            if batch > 1:
                self.batch //= 2
                self.on_notice(f"Out of memory on {device}: going on with --batch {self.batch}.")
            elif device != "cpu" and not divisible:
                self.on_notice(f"Out of memory on {device} even for one photo: going on with --device cpu.")
                self._backend.to_cpu()
            else:
                hint = "Close other programs, or use a smaller model (--model mini)."
                raise OutOfMemoryError("out of memory", hint=hint)


def _backend(model: Model, device: torch.device | str | None, dtype: torch.dtype | None, workers: int) -> Backend:
    if isinstance(model, OnnxModel | Ensemble):
        from colorize_cli.inference.backends.onnx import OnnxBackend

        return OnnxBackend(model, str(device or "cpu"), session_threads(model.spec.parameters, workers))
    from colorize_cli.inference.backends.torch import TorchBackend  # torch loads here

    return TorchBackend(model, None if device is None else pick_device(str(device)), dtype)


def _planes(request: Request, view: View, takes_hints: bool) -> Plane:
    """Lightness, (1, H, W), or with hints lightness, ab and mask, (4, H, W), padded for the network."""
    small = np.asarray(reduce(request.lightness, view), np.float32)
    if not takes_hints or request.hints is None:
        return pad(small[None], view)
    mask = np.asarray(reduce(request.hints.mask, view), np.float32)
    weighted = reduce(np.ascontiguousarray((request.hints.ab * request.hints.mask).transpose(1, 2, 0)), view)
    ab = np.asarray(weighted, np.float32) / np.maximum(mask, 1e-6)[..., None]
    known = (mask > 1e-3).astype(np.float32)  # a thin scribble keeps its place when the photo is reduced
    return pad(np.concatenate((small[None], ab.transpose(2, 0, 1) * known, known[None])), view)


def _mean(parts: list[Plane]) -> Plane:
    """Mean of ab planes, brought to the largest of their sizes."""
    if len(parts) == 1:
        return parts[0]
    largest = max(parts, key=lambda part: part.shape[1] * part.shape[2])
    view = View(largest.shape[1], largest.shape[2], 0, 0)
    same = [reduce(np.ascontiguousarray(part.transpose(1, 2, 0)), view) for part in parts]
    mean: Plane = np.mean(np.stack(same), 0, dtype=np.float32)
    return np.ascontiguousarray(mean.transpose(2, 0, 1))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
