"""Learning from another network: its probabilities over colors, instead of the one color that each photo has.

In:  what the generator says of a batch, and the batch
Out: for each sample the distance to what the teacher says of it

A photo shows one of the colors that a place could have; a good teacher tells how likely each of them is, so a small
network needs fewer photos to learn the same. Source: Hinton 2015.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from colorize_cli.errors import UsageError, WeightsError
from colorize_cli.models.generator import Generator
from colorize_cli.models.load import load_model
from colorize_cli.models.networks.binned import Binned
from colorize_cli.models.networks.normed import fold_batch_norms
from colorize_cli.training.config import Distillation


def check_teacher(how: Distillation) -> None:
    """See to it, before any work, that a teacher which is named as a file is there.

    Raises:
        WeightsError: it is not.
    """
    path = Path(how.weights).expanduser()
    if path.suffix == ".safetensors" and not path.is_file():
        raise WeightsError(
            f"this recipe learns from a teacher, and there is no {how.weights}",
            hint="Give another: --set teacher.weights=FILE, or the name of a model.",
        )


class Teacher:
    """A trained network in eval mode, which is not trained further.

    Args:
        how: which network, and how much it counts.
        student: who learns; its rebalancing weights are set.

    Raises:
        UsageError: student or teacher give no probabilities, or of other colors.
        ModelNotFoundError, WeightsError: no such teacher.
    """

    def __init__(self, how: Distillation, student: Generator) -> None:
        if not isinstance(student, Binned):
            raise UsageError(f"{type(student).__name__} cannot learn from a teacher", hint="mini and liteunet can.")
        if not 0 <= how.share <= 1:
            raise UsageError(f"teacher.share is a share between 0 and 1, not {how.share}")
        network = load_model(how.weights).generator
        if not isinstance(network, Binned) or not torch.equal(network.bins.cpu(), student.bins.cpu()):
            raise UsageError(f"{how.weights} does not classify colors as mini does", hint="mini and liteunet do.")
        self.share, self.network, self.student = how.share, network.requires_grad_(False).eval(), student
        fold_batch_norms(self.network)

    def probabilities(self, lightness: Tensor, size: tuple[int, int]) -> Tensor:
        """What the teacher says, (N, Q, h, w), as a network would that was trained with the student's weights."""
        with torch.no_grad():
            logits, _ = self.network(lightness)
            if logits.shape[-2:] != size:
                logits = F.interpolate(logits, size=size, mode="bilinear")
            other = (self.student.log_weights - self.network.log_weights)[:, None, None]
            said: Tensor = (logits.float() + other).softmax(1)
        return said

    def distances(self, logits: Tensor, lightness: Tensor) -> Tensor:
        """Cross-entropy of each sample to the teacher, (N,), places weighted by the rarity of what it expects."""
        wanted = self.probabilities(lightness, (logits.shape[-2], logits.shape[-1]))
        rarity = torch.einsum("nqhw,q->nhw", wanted, self.student.log_weights.exp())
        return -((wanted * logits.float().log_softmax(1)).sum(1) * rarity).mean((1, 2))
