"""Which device, which precision, how many processes: accelerate's answers, asked once; networks put there.

In:  "auto" or a choice; a network
Out: an `Accelerator`; the network on its device; its lack of memory in one clear line
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast
from torch import nn

from colorize_cli.errors import ColorizeError, OutOfMemoryError, UsageError, quoted
from colorize_cli.training.config import TrainConfig


def make_accelerator(device: str, precision: str) -> Accelerator:
    """Make the accelerator.

    Args:
        device: "auto" takes what accelerate finds (GPUs, MPS, or the CPU; under a launcher this process's own), "cpu".
        precision: "fp32", "bf16", or "auto": bf16 where the GPU has it. On a CPU auto is fp32, since most emulate bf16.

    Raises:
        UsageError: no such device or precision.
    """
    if device not in ("auto", "cpu"):
        raise UsageError(
            f"training takes --device auto or cpu, not {quoted(device)}",
            hint="Choose GPUs with CUDA_VISIBLE_DEVICES=0,1.",
        )
    if precision not in ("auto", "fp32", "bf16"):
        raise UsageError(f"training takes --precision auto, fp32 or bf16, not {quoted(precision)}")
    fast = device == "auto" and torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    mixed = "bf16" if precision == "bf16" or (precision == "auto" and fast) else "no"
    AcceleratorState._reset_state()  # one program may train more than once, at other precisions
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision=mixed)
    if accelerator.device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    return accelerator


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
    short = isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "out of memory" in text or "alloc" in text
    if isinstance(error, ColorizeError) or not short:
        return error
    batch, size = max((stage.batch, stage.size) for stage in config.stages)
    return OutOfMemoryError(
        f"a batch of {batch} pictures of {size} pixels does not fit into memory",
        hint=f"Give --batch {max(1, batch // 2)}.",
    )
