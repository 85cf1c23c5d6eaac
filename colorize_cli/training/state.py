"""The state of a run on disk: written beside and renamed, so that a kill at any time leaves the last good one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from colorize_cli.errors import TrainingError


class Ema:
    """Running mean of a network's state: parameters averaged, buffers copied.

    The decay rises with the steps, min(decay, (1 + t) / (10 + t)), so that the start is forgotten soon.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.state = {key: value.detach().clone() for key, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the network's present state in."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)


@dataclass
class RunState:
    """Everything that resuming needs."""

    done: int
    generator: dict[str, Tensor]
    ema: dict[str, Tensor]
    ema_steps: int
    optimizer: dict[str, Any]


def save_state(state: RunState, path: Path) -> None:
    """Write the state whole or not at all.

    Raises:
        TrainingError: the disk is full or not writable.
    """
    beside = path.with_suffix(".part")
    try:
        torch.save(vars(state), beside)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:
        beside.unlink(missing_ok=True)
        raise TrainingError(f"cannot write the run's state to {path}: {error}", hint="Free some space.") from error


def load_state(path: Path) -> RunState:
    """Read the state that `save_state` wrote.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        return RunState(**torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, TypeError, EOFError) as error:
        raise TrainingError(f"cannot read the run's state {path}: {error}", hint="Start a new run.") from error
