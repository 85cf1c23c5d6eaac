"""The network that is asked for, loaded where and how it is fastest.

In:  `ModelOptions`
Out: `LoadedPredictor`; torch is loaded only where it is needed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colorize_cli.errors import TORCH, MissingPackageError, UsageError
from colorize_cli.inference.devices import cpu_workers, has_torch, onnx_workers, pick_device, pick_dtype, surely_cpu
from colorize_cli.inference.option_values import Precision
from colorize_cli.inference.photo_options import ModelOptions
from colorize_cli.inference.predictor import Predictor
from colorize_cli.models.ensemble import Ensemble
from colorize_cli.models.onnx.load_onnx import SUFFIX, OnnxModel, check_name, load_onnx
from colorize_cli.models.registry import Sizes

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LoadedPredictor:
    """A network on its device.

    Attributes:
        predictor: runs it.
        device, precision: where and how, for the report.
        photos: how many photos it was loaded for: on a CPU so many are computed side by side, if there are cores.
        gpu: the GPU that it runs on, if it does.
    """

    predictor: Predictor
    device: str
    precision: str
    photos: int
    gpu: torch.device | None = None


@dataclass(frozen=True)
class NotDownloaded:
    """A published network that would have to be downloaded first.

    Attributes:
        name, sha256: for results' provenance.
        megabytes: of the download.
        sizes, takes_hints, follows_hints: see `ModelSpec`.
    """

    name: str
    sha256: str
    megabytes: float
    sizes: Sizes
    takes_hints: bool
    follows_hints: bool


def not_downloaded(model: str) -> NotDownloaded | None:
    """What is known of a network of the catalogue that is not cached on this machine; None for all others."""
    from colorize_cli.models.catalog import catalogue
    from colorize_cli.models.inventory import Presence, status
    from colorize_cli.models.registry import Published

    if model not in catalogue():
        return None
    spec = catalogue().get(model)
    if not isinstance(spec.weights, Published) or status(spec).presence is not Presence.absent:
        return None
    size = spec.weights.size / 1e6
    return NotDownloaded(
        name=spec.name,
        sha256=spec.weights.sha256,
        megabytes=size,
        sizes=spec.sizes,
        takes_hints=spec.takes_hints,
        follows_hints=spec.follows_hints,
    )


def load_predictor(
    options: ModelOptions,
    photos: int = 1,
    on_download: Callable[[int, int], None] | None = None,
) -> LoadedPredictor:
    """Load a network: by ONNX Runtime where that is the same and starts sooner, else by torch.

    Args:
        options: which, and where it runs.
        photos: how many there are.
        on_download: bytes done and in all, while weights are downloaded.

    Raises:
        UsageError: no such device or precision here.
        ModelNotFoundError: no such model.
        WeightsError: no weights.
    """
    name, device, precision = options.name, options.device, options.precision
    graph: OnnxModel | Ensemble[OnnxModel] | None = None
    if surely_cpu(device, precision):
        graph, device = load_onnx(name), "cpu" if device == "auto" else device
    elif not has_torch() or is_graph(name):
        if precision not in (Precision.auto, Precision.fp32):
            raise UsageError(f"--precision {precision}: ONNX Runtime computes in fp32", hint="Leave it out.")
        graph = load_onnx(name)
        device = device if graph is None else onnx_device(device)
    if graph is not None:
        workers = onnx_workers(graph.spec.parameters, photos)
        predictor = Predictor(graph, device, None, options.batch or None, workers=workers)
        return LoadedPredictor(predictor, device, "float32", photos)
    if not has_torch():
        check_name(name)
        raise MissingPackageError(f"model {name} is run by torch, which is not installed", package=TORCH)
    from colorize_cli.models.load import load_model  # torch loads here

    place = pick_device(options.device)
    dtype = pick_dtype(precision, place)
    model = load_model(name, on_download)
    workers = cpu_workers(model.spec.parameters, photos)
    predictor = Predictor(model, place, dtype, options.batch or None, workers=workers)
    gpu = place if place.type == "cuda" else None
    return LoadedPredictor(predictor, str(place), str(dtype).removeprefix("torch."), photos, gpu)


def is_graph(model: str) -> bool:
    """Whether an ONNX file is named, which torch cannot run."""
    return Path(model).suffix.lower() == SUFFIX or any(part.strip().endswith(SUFFIX) for part in model.split("+"))


def onnx_device(wanted: str) -> str:
    """Where ONNX Runtime runs what torch cannot.

    Raises:
        UsageError: no such device, or not with the build that is installed.
    """
    from colorize_cli.inference.backends.onnx import has_cuda

    if wanted == "auto":
        return "cuda:0" if has_cuda() else "cpu"
    kind, _, number = wanted.partition(":")
    if kind not in ("cpu", "cuda", "mps") or number and not number.isdecimal():
        raise UsageError(f"no device {wanted!r}", hint="Use --device auto, cpu, cuda, cuda:N or mps")
    if kind == "mps" or kind == "cuda" and not has_cuda():
        hint = "Install onnxruntime-gpu in place of onnxruntime, or use --device cpu."
        raise UsageError(f"--device {wanted}: the ONNX Runtime that is installed has no such device", hint=hint)
    return "cpu" if kind == "cpu" else f"cuda:{number or 0}"
