"""The network that a job asks for, at work where and how it is fastest.

In:  `ColorizeJob`
Out: `Chosen`; torch is loaded only where it is needed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colorize_cli.inference.colorizer import Colorizer
from colorize_cli.inference.devices import cpu_lanes, cpu_threads, light_lanes, pick_device, pick_dtype, surely_cpu
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.models.light import load_light

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
    if surely_cpu(job.device, job.precision) and (light := load_light(job.model)) is not None:
        colorizer = Colorizer(light, None, None, job.batch or None, on_notice, light_lanes(photos))
        return Chosen(colorizer, "cpu", "float32")
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
