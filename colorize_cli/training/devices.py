"""Which device, which precision, how many processes: accelerate's answers, asked once.

In:  "auto" or a choice
Out: an `Accelerator`
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from colorize_cli.errors import UsageError


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
            f"training takes --device auto or cpu, not {device!r}", hint="Choose GPUs with CUDA_VISIBLE_DEVICES=0,1."
        )
    if precision not in ("auto", "fp32", "bf16"):
        raise UsageError(f"training takes --precision auto, fp32 or bf16, not {precision!r}")
    fast = device == "auto" and torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    mixed = "bf16" if precision == "bf16" or (precision == "auto" and fast) else "no"
    AcceleratorState._reset_state()  # one program may train more than once, at other precisions
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision=mixed)
    if accelerator.device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    return accelerator
