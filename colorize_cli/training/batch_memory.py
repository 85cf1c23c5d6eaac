"""Whether a batch fits into memory, estimated before any is taken: a machine that swaps serves nobody.

In:  a configuration, a device
Out: nothing, or an `OutOfMemoryError` that says what would fit
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from colorize_cli.errors import OutOfMemoryError
from colorize_cli.files.machine import available_memory
from colorize_cli.models.networks.discriminators import build_discriminator
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.outputs import shape_of

_COPIES = 6  # of the weights: themselves, gradients, two moments of Adam, the EMA copy, the copy that is measured
_FLOAT = 4  # bytes


def check_memory(config: TrainConfig, device: torch.device) -> None:
    """See to it that every stage's batch fits into the device's free memory.

    Raises:
        OutOfMemoryError: one does not.
    """
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory()
    fixed, activations = needed(config)
    for stage in config.stages:
        one = activations(stage.size)
        if fixed + one * stage.batch > free:
            fits = max(0, int((free - fixed) // max(1, one)))
            what = f"a batch of {stage.batch} pictures of {stage.size} pixels does not fit into memory"
            takes = f"it takes about {(fixed + one * stage.batch) / 1e9:.1f} GB, {free / 1e9:.1f} are free"
            hint = f"Give --batch {min(fits, stage.batch // 2)}." if fits >= 1 else "Give a smaller --size."
            raise OutOfMemoryError(f"{what}: {takes}", hint=hint)


def needed(config: TrainConfig) -> tuple[int, Callable[[int], int]]:
    """Bytes that the networks take, and a function of the side in pixels: bytes that each photo of a batch takes.

    Each layer's output is kept for the way back, and as much again is its gradient at the time; measured on runs of the
    recipes this is between a third less and a half more than what is taken.
    """
    generator = shape_of(config.generator, config.generator_args)
    networks = [generator]
    size = max(stage.size for stage in config.stages)
    if config.discriminator is not None:
        how = config.discriminator
        with torch.device("meta"):
            networks.append(build_discriminator(how.network, generator.channels + 1, size, how.network_args))  # type: ignore[arg-type]
    weights = sum(value.numel() for network in networks for value in network.state_dict().values())

    def activations(side: int) -> int:
        total = _outputs(generator, (torch.empty(1, 1, side, side, device="meta"),))
        for network in networks[1:]:  # three passes: true and predicted pictures, and the generator's
            total += 3 * _outputs(network, (torch.empty(1, generator.channels + 1, side, side, device="meta"),))
        return total * _FLOAT

    return weights * _FLOAT * _COPIES, activations


def _outputs(network: nn.Module, arguments: tuple[Tensor, ...]) -> int:
    """Numbers in the outputs of a network's layers, for one photo; normalization of a single photo is left out."""
    total = 0

    def count(module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal total
        if isinstance(output, Tensor):
            total += output.numel()

    hooks = [module.register_forward_hook(count) for module in network.modules() if not list(module.children())]
    try:
        with torch.no_grad():
            network.eval()(*arguments)
    finally:
        for hook in hooks:
            hook.remove()
    return total
