"""The network that a job asks for, at work where and how it is fastest.

In:  `ColorizeJob`
Out: `Chosen`; torch is loaded only where it is needed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colorize_cli.errors import TORCH, MissingPackageError, UsageError
from colorize_cli.inference.choices import Precision
from colorize_cli.inference.colorizer import Colorizer
from colorize_cli.inference.devices import (
    cpu_lanes,
    cpu_threads,
    has_torch,
    onnx_lanes,
    pick_device,
    pick_dtype,
    surely_cpu,
)
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.models.ensemble import Ensemble
from colorize_cli.models.onnx.load import SUFFIX, OnnxModel, check_name, load_onnx
from colorize_cli.models.registry import Sizes

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Chosen:
    """A network at work.

    Attributes:
        colorizer: runs it.
        device, precision: where and how, for the report.
        gpu: the GPU that it runs on, if it does.
    """

    colorizer: Colorizer
    device: str
    precision: str
    gpu: torch.device | None = None


@dataclass(frozen=True)
class Absent:
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


def not_here(model: str) -> Absent | None:
    """What is known of a network of the catalogue that is not on this machine; None for all others."""
    from colorize_cli.models.catalog import catalogue
    from colorize_cli.models.inventory import Presence, status
    from colorize_cli.models.registry import Published

    if model not in catalogue():
        return None
    spec = catalogue().get(model)
    if not isinstance(spec.weights, Published) or status(spec).presence is not Presence.absent:
        return None
    size = spec.weights.size / 1e6
    return Absent(spec.name, spec.weights.sha256, size, spec.sizes, spec.takes_hints, spec.follows_hints)


def choose(
    job: ColorizeJob,
    photos: int,
    on_notice: Callable[[str], None],
    on_download: Callable[[int, int], None] | None = None,
) -> Chosen:
    """Load the network that a job asks for.

    Args:
        job: what to do.
        photos: how many there are.
        on_notice: told what concerns the whole batch.
        on_download: bytes done and in all, while weights are pulled.

    Raises:
        UsageError: no such device or precision here.
        ModelNotFoundError: no such model.
        WeightsError: no weights.
    """
    if surely_cpu(job.device, job.precision):
        if (graph := load_onnx(job.model)) is not None:
            return _by_onnx(graph, "cpu", job, photos, on_notice)
    elif not has_torch() or is_graph(job.model):
        _check_precision(job)
        if (graph := load_onnx(job.model)) is not None:
            return _by_onnx(graph, onnx_device(job.device), job, photos, on_notice)
    if not has_torch():
        check_name(job.model)
        raise MissingPackageError(f"model {job.model} is run by torch, which is not installed", package=TORCH)
    import torch

    from colorize_cli.models.load import load_model

    device = pick_device(job.device)
    dtype = pick_dtype(job.precision, device)
    model = load_model(job.model, on_download)
    lanes = cpu_lanes(model.spec.parameters, photos)
    colorizer = Colorizer(model, device, dtype, job.batch or None, on_notice, lanes)
    if device.type == "cpu":
        torch.set_num_threads(cpu_threads(model.spec.parameters))
    gpu = device if device.type == "cuda" else None
    return Chosen(colorizer, str(device), str(dtype).removeprefix("torch."), gpu)


def _by_onnx(
    model: OnnxModel | Ensemble[OnnxModel],
    device: str,
    job: ColorizeJob,
    photos: int,
    on_notice: Callable[[str], None],
) -> Chosen:
    lanes = onnx_lanes(model.spec.parameters, photos)
    colorizer = Colorizer(model, device, None, job.batch or None, on_notice, lanes)
    return Chosen(colorizer, device, "float32")


def is_graph(model: str) -> bool:
    """Whether an ONNX file is named, which torch cannot run."""
    return Path(model).suffix.lower() == SUFFIX or any(part.strip().endswith(SUFFIX) for part in model.split("+"))


def _check_precision(job: ColorizeJob) -> None:
    if job.precision not in (Precision.auto, Precision.fp32):
        raise UsageError(f"--precision {job.precision}: ONNX Runtime computes in fp32", hint="Leave it out.")


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
