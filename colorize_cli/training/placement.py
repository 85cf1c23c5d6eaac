"""Which device, which precision, how many processes: accelerate's answers, asked once; networks put there.

In:  "auto" or a choice; a network
Out: an `Accelerator`; the network on its device; its lack of memory in one clear line
"""

from __future__ import annotations

import os

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast, parse_flag_from_env
from torch import nn

from colorize_cli.errors import ColorizeError, OutOfMemoryError, UsageError, quoted
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.launchers import check_launcher, join_over_gloo, launched

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def make_accelerator(device: str, precision: str, deterministic: bool = False) -> Accelerator:
    """Make the accelerator; under a launcher this process joins the others, over gloo where there is no GPU.

    Args:
        device: "auto" takes what accelerate finds (GPUs, MPS, or the CPU; under a launcher this process's own), "cpu".
        precision: "fp32", "bf16", "fp16" (on GPUs, with a scaled loss), or "auto": bf16 where the GPU has it. On a CPU
            auto is fp32, since most emulate bf16.
        deterministic: use only algorithms that give the same numbers each time.

    Raises:
        UsageError: no such device or precision, or the launcher's other processes did not join.
    """
    check_device(device, precision)
    check_launcher()
    wanted = launched()
    gpu = not on_cpu(device)
    fast = gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    mixed = {"bf16": "bf16", "fp16": "fp16"}.get(precision, "bf16" if precision == "auto" and fast else "no")
    if mixed == "fp16" and not gpu:
        raise UsageError("--precision fp16 needs a GPU", hint="Use bf16, or fp32.")
    AcceleratorState._reset_state()  # one program may train more than once, at other precisions
    if wanted > 1 and not gpu and not torch.distributed.is_initialized():
        os.environ["ACCELERATE_USE_CPU"] = "true"
        join_over_gloo(wanted)  # accelerate joins a group of CPUs only with the variables that its own launcher sets
    accelerator = Accelerator(cpu=device == "cpu" or (wanted > 1 and not gpu), mixed_precision=mixed)
    if accelerator.num_processes != wanted:
        raise UsageError(
            f"the launcher started {wanted} processes, and {accelerator.num_processes} of them joined",
            hint="Start it anew; or unset WORLD_SIZE to train with one process.",
        )
    if accelerator.device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not deterministic
        torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic, warn_only=False)
    return accelerator


def on_cpu(device: str) -> bool:
    """Whether a run takes place on the CPU: as asked here or of a launcher, or because there is no GPU."""
    return device == "cpu" or not torch.cuda.is_available() or parse_flag_from_env("ACCELERATE_USE_CPU")


def device_name(accelerator: Accelerator) -> str:
    """The device and the precision of a run, and its processes where there are several."""
    device = accelerator.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    several = f", {accelerator.num_processes} processes" if accelerator.num_processes > 1 else ""
    return f"{name}, {accelerator.mixed_precision.replace('no', 'fp32')}{several}"


def check_device(device: str, precision: str) -> None:
    """See to it that a device and a precision exist here, before any work.

    Raises:
        UsageError: they do not.
    """
    if device not in ("auto", "cpu"):
        raise UsageError(
            f"training takes --device auto or cpu, not {quoted(device)}",
            hint="Choose GPUs with CUDA_VISIBLE_DEVICES=0,1.",
        )
    if precision not in PRECISIONS:
        raise UsageError(f"training takes --precision {', '.join(PRECISIONS)}, not {quoted(precision)}")


def place_network(network: nn.Module, accelerator: Accelerator, channels_last: bool) -> None:
    """Move a network to its device, and make all processes begin with the same numbers."""
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        for name, child in list(network.named_children()):
            setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]
    network.to(accelerator.device)
    if channels_last:
        network.to(memory_format=torch.channels_last)
    if accelerator.num_processes > 1:
        with torch.no_grad():
            for value in network.state_dict().values():
                value.copy_(broadcast(value))


def clear_memory_error(error: Exception, config: TrainConfig) -> Exception:
    """A batch that does not fit into memory as one clear line; any other error as it is."""
    text = str(error).lower()
    died = "dataloader worker" in text and ("killed" in text.partition("signal")[2] or "bus error" in text)
    short = (
        isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "out of memory" in text or "alloc" in text or died
    )
    if isinstance(error, ColorizeError) or not short:
        return error
    batch, size = max((stage.batch, stage.size) for stage in config.stages)
    return OutOfMemoryError(
        f"a batch of {batch} pictures of {size} pixels does not fit into memory",
        hint=f"Give --batch {max(1, batch // 2)}.",
    )
