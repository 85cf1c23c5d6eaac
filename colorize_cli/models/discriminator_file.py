"""A run's discriminator as a file, and as a metric of any pictures.

In:  a trained discriminator; or its file
Out: safetensors; how real it takes pictures to be
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from colorize_cli.color.lab import AB_MAX
from colorize_cli.errors import WeightsError, in_words
from colorize_cli.models.checkpoint import write_tensors
from colorize_cli.models.checks import check_file, check_tensors
from colorize_cli.models.networks.discriminators import build_discriminator

FORMAT = "colorize-cli-discriminator/1"
_FORMER = "colorize-cli-critic/1"  # the same tensors; the header has another key


@dataclass(frozen=True)
class SavedDiscriminator:
    """A discriminator, ready to score pictures.

    Attributes:
        network: eval mode.
        kind: the objective it was trained by: gan, lsgan, ebgan or wgan.
        colors: 2 if it sees ab beside the lightness, 3 if it sees Lab beside the lightness.
    """

    network: nn.Module
    kind: str
    colors: int

    @torch.inference_mode()
    def score(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """How real each picture looks to it, (N,); higher is more real.

        Args:
            lightness: (N, 1, H, W), [0, 100].
            ab: (N, 2, H, W), Lab units.

        Returns:
            A probability in [0, 1] from a `gan`'s; an answer around 1 for real from an `lsgan`'s; the negated energy
            from an `ebgan`'s; an unbounded score from a `wgan`'s. Patches are averaged.
        """
        light = lightness / 50 - 1
        shown = torch.cat(([light] if self.colors == 2 else [light, light]) + [ab / AB_MAX], 1)
        answer: Tensor = self.network(shown).float()
        if self.kind == "gan":
            answer = torch.sigmoid(answer)
        if self.kind == "ebgan":
            answer = -answer
        return answer.flatten(1).mean(1) if answer.ndim > 1 else answer


def discriminator_of(run: Path) -> Path | None:
    """The file of a run's discriminator; None where it has none."""
    names = ("discriminator.safetensors", "critic.safetensors")  # the second is that of earlier versions
    return next((run / name for name in names if (run / name).is_file()), None)


def save_discriminator(
    path: Path, network: nn.Module, name: str, arguments: Mapping[str, Any], kind: str, colors: int, size: int
) -> None:
    """Write a discriminator whole or not at all.

    Args:
        path: where to.
        network: the discriminator.
        name: as `build_discriminator` takes it.
        arguments: likewise.
        kind: see `SavedDiscriminator`.
        colors: see `SavedDiscriminator`.
        size: side of the training pictures, pixels.
    """
    about = {"network": name, "arguments": dict(arguments), "kind": kind, "colors": colors, "size": size}
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    write_tensors(path, tensors, {"format": FORMAT, "discriminator": json.dumps(about, sort_keys=True)})


def is_discriminator(path: Path) -> bool:
    """Whether a file is what `save_discriminator` wrote, by its header."""
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("format") in (FORMAT, _FORMER)
    except (OSError, SafetensorError):
        return False


def load_discriminator(path: Path) -> SavedDiscriminator:
    """Read what `save_discriminator` wrote.

    Raises:
        WeightsError: no such file, or no discriminator of this program.
    """
    check_file(path)
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
        if header.get("format") not in (FORMAT, _FORMER):
            raise WeightsError(f"{path} holds no discriminator", hint="Give a run's discriminator.safetensors.")
        about = json.loads(header.get("discriminator") or header["critic"])
        about.setdefault("colors", about.pop("colours", None))  # as older files spell it
        network = build_discriminator(about["network"], about["colors"] + 1, about["size"], about["arguments"])
        state = load_file(path)
        check_tensors(state, path)
        network.load_state_dict(state)
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(f"cannot read the discriminator {path}: {in_words(error)}") from error
    return SavedDiscriminator(network.eval(), about["kind"], about["colors"])
