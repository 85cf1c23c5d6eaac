"""Checkpoints: safetensors files whose header says which network they hold and where they come from.

In:  a generator and facts about it; or a path
Out: a file that never runs code; or the generator, ready for inference
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from colorize_cli.errors import WeightsError, in_words, printable, quoted
from colorize_cli.files.atomic import replacing
from colorize_cli.models.checks import check_file, check_tensors
from colorize_cli.models.generator import Generator
from colorize_cli.models.store import CHECKPOINT_FORMAT
from colorize_cli.models.store import sha256_of as sha256_of  # named here for those who write checkpoints


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint's header says.

    Attributes:
        network: catalogue name of the network; arguments, what it is built with.
        recipe, data, version: what made it.
        figures: measured on held-out photos when it was written.
    """

    network: str
    arguments: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""
    data: str = ""
    version: str = ""
    figures: dict[str, float] = field(default_factory=dict)


def save_checkpoint(path: Path, state: Mapping[str, Tensor], info: CheckpointInfo, dtype: torch.dtype) -> None:
    """Write a checkpoint whole or not at all; floating-point tensors are stored as `dtype`."""
    tensors = {
        key: (value.to(dtype) if value.dtype.is_floating_point else value).detach().cpu().contiguous()
        for key, value in state.items()
    }
    header = {"format": CHECKPOINT_FORMAT, "checkpoint": json.dumps(vars(info), sort_keys=True)}
    write_tensors(path, tensors, header)


_ERRNO = re.compile(r"\(os error (\d+)\)")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        OSError: the disk refuses, in the system's own words.
    """
    try:
        with replacing(path) as part:
            save_file(dict(tensors), part, metadata=dict(header))
            part.chmod(0o644)  # some versions of the library write files that only their owner may read
    except SafetensorError as error:
        number = _ERRNO.search(str(error))
        if number is None:
            raise OSError(in_words(error)) from error
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint that `save_checkpoint` wrote."""
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("format") == CHECKPOINT_FORMAT
    except (OSError, SafetensorError):
        return False


def read_info(path: Path) -> CheckpointInfo:
    """Read a checkpoint's header.

    Raises:
        WeightsError: no such file, no safetensors, or not a checkpoint of this program.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read the checkpoint {printable(path)}: {in_words(error)}") from error
    if header.get("format") != CHECKPOINT_FORMAT:
        raise WeightsError(f"{path} is safetensors, but no checkpoint that `colorize train` exported")
    try:
        return CheckpointInfo(**json.loads(header["checkpoint"]))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f"cannot read the checkpoint {path}: its header is damaged") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file's tensors, floating point as float32.

    Raises:
        WeightsError: the file cannot be read or is damaged.
    """
    check_file(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"cannot read the checkpoint {printable(path)}: {in_words(error)}", hint="Copy or pull it again."
        ) from error
    check_tensors(tensors, path)
    return {key: value.float() if value.dtype.is_floating_point else value for key, value in tensors.items()}


def load_strictly(generator: Generator, state: Mapping[str, Tensor], name: str) -> Generator:
    """Load a state dict key for key.

    Raises:
        WeightsError: keys are missing or unexpected, or a shape differs; the first is named.
    """
    wanted = generator.state_dict()
    missing, unexpected = sorted(set(wanted) - set(state)), sorted(set(state) - set(wanted))
    if missing or unexpected:
        first = f"{quoted(missing[0])} is missing" if missing else f"{quoted(unexpected[0])} is unknown"
        raise WeightsError(f"{name}: the weights are of another network: {first}")
    for key, value in wanted.items():
        if state[key].shape != value.shape:
            raise WeightsError(f"{name}: {key} has shape {tuple(state[key].shape)}, expected {tuple(value.shape)}")
    # a network built on "meta" has no memory of its own: it takes the tensors as they are
    on_meta = any(parameter.is_meta for parameter in generator.parameters())
    generator.load_state_dict(dict(state), assign=on_meta)
    return generator.eval()
