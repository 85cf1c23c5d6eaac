"""The state of a run on disk: written beside and renamed, so that a kill at any time leaves the last good one."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from colorize_cli.errors import TrainingError, printable
from colorize_cli.files.atomic import replacing
from colorize_cli.files.leftovers import sweep
from colorize_cli.models.checks import check_file


class Ema:
    """Running mean of a network's state: parameters and floating-point buffers averaged, the rest copied.

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
        averaged: list[Tensor] = []
        present: list[Tensor] = []
        for key, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                averaged.append(self.state[key])
                present.append(value)
            else:
                self.state[key].copy_(value)
        torch._foreach_lerp_(averaged, present, 1 - decay)


@dataclass
class RunState:
    """Everything that resuming needs; what is drawn at random is a function of the seed and `done`.

    Attributes:
        done: samples taken.
        generator, ema, ema_steps, optimizer: of the generator.
        discriminator, discriminator_optimizer: of the discriminator, empty without one.
        best: the best figure so far; best_by, of what; waited, checkpoints since then.
        seconds: trained so far.
        scalers: of the losses, in half precision.
    """

    done: int
    generator: dict[str, Tensor]
    ema: dict[str, Tensor]
    ema_steps: int
    optimizer: dict[str, Any]
    discriminator: dict[str, Tensor] = field(default_factory=dict)
    discriminator_optimizer: dict[str, Any] = field(default_factory=dict)
    best: float = float("-inf")
    seconds: float = 0.0
    scalers: dict[str, Any] = field(default_factory=dict)
    best_by: str = ""
    waited: int = 0


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cannot_write(path: Path, error: Exception) -> TrainingError:
    """The error for a disk that refuses a file of a run's folder."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
    first = "Make the folder writable" if isinstance(error, OSError) and error.errno not in _FULL else "Free some space"
    goes_on = (path.parent / "state.pt").exists()
    then = "; then --resume goes on from the last state that was written." if goes_on else ", then begin anew."
    return TrainingError(f"cannot write {path}: {why}", hint=first + then)


LOWER = "Begin anew at a lower rate (--lr) or with --set clip=1"


def lower_rate(out: Path) -> str:
    """What to do about numbers that grew without limit, in a run's folder."""
    weights = out / "last.safetensors"
    return f"{LOWER}; from this run's weights: --init {printable(weights)}" if weights.exists() else f"{LOWER}."


def previous_of(path: Path) -> Path:
    """Where the state before the last one lies."""
    return path.with_name(f"{path.stem}-before{path.suffix}")


def not_finite(state: RunState) -> str:
    """Which weights of a state are no numbers; "" where all are."""
    for part in ("generator", "ema", "discriminator"):
        for key, value in getattr(state, part).items():
            if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                return f"{part}.{key}"
    return ""


def check_finite(state: RunState, out: Path) -> None:
    """See to it, before anything is written to a run's folder, that a state's weights are numbers.

    Raises:
        TrainingError: one is NaN or infinite.
    """
    if odd := not_finite(state):
        raise TrainingError(f"{odd} holds NaN or infinite numbers: no checkpoint is written", hint=lower_rate(out))


def last_finite(path: Path, on_note: Callable[[str], None]) -> RunState:
    """Read the last state whose numbers are finite: the newest, or the one before it, which is then said.

    Raises:
        TrainingError: neither can be read, or both hold NaN.
    """
    before = previous_of(path)
    try:
        state = load_state(path)
        odd = not_finite(state)
        why = f"{odd} holds NaN or infinite numbers" if odd else ""
    except TrainingError as error:
        if not before.exists():
            raise
        state, why = None, error.message
    if state is not None and not why:
        return state
    if before.exists():
        older = load_state(before)
        if not not_finite(older):
            on_note(f"{path}: {why}; going on from the state before it, {older.done} photos into the run.")
            return older
    raise TrainingError(f"the run's state {path}: {why}", hint="Start a new run, at a lower rate: --lr.")


def _keep(path: Path) -> None:
    """Give the state that is to be replaced its second name; at no time is there none of the first."""
    before = previous_of(path)
    before.unlink(missing_ok=True)
    try:
        os.link(path, before)
    except OSError:  # a file system without links
        shutil.copyfile(path, before)


def save_state(state: RunState, path: Path) -> None:
    """Write the state whole or not at all.

    Raises:
        TrainingError: the disk is full or not writable.
    """
    check_finite(state, path.parent)
    sweep(path.parent)  # what a killed run left half-written is as large as a state
    try:
        with replacing(path, synced=True) as part:
            with part.open("wb") as file:
                torch.save(vars(state), file)
            if path.exists():
                _keep(path)
    except (OSError, RuntimeError) as error:
        raise cannot_write(path, error) from error


def load_state(path: Path) -> RunState:
    """Read the state that `save_state` wrote.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        check_file(path)
        values = torch.load(path, map_location="cpu", weights_only=True)
        if "critic_optimizer" in values:  # as older runs spell it
            values["discriminator_optimizer"] = values.pop("critic_optimizer")
        return RunState(**values)
    except Exception as error:  # torch raises many kinds for a file that is damaged
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"cannot read the run's state {path}: {why}", hint="Start a new run.") from error
