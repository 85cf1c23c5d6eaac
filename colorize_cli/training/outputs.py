"""What each network gives and what it should have given, brought to one form that the objectives compare.

In:  a generator and a batch
Out: `Prediction`: scaled color at the batch's size, or the classification's losses
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from colorize_cli.color.lab import AB_MAX
from colorize_cli.data.pairs import Batch
from colorize_cli.errors import ModelNotFoundError, UsageError, quoted
from colorize_cli.models.bins import rebalancing_weights
from colorize_cli.models.catalog import catalogue, network
from colorize_cli.models.classifier import Classifier
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.network_arguments import check_arguments
from colorize_cli.models.registry import ModelSpec, did_you_mean
from colorize_cli.training.losses import label_cross_entropy, soft_cross_entropies
from colorize_cli.training.teacher import Teacher


def trainable(name: str) -> ModelSpec:
    """The spec of a network that can be trained.

    Raises:
        UsageError: no network of that name can be trained.
    """
    names = [spec.name for spec in catalogue() if spec.trainable]
    try:
        spec = network(name)
    except ModelNotFoundError:
        spec = None
    if spec is None or not spec.trainable:
        guess = did_you_mean(name, names)
        raise UsageError(
            f"no trainable generator {quoted(name)}.{guess}", hint=f"There are: {', '.join(sorted(names))}"
        )
    return spec


def build_generator(name: str, arguments: Mapping[str, Any]) -> Generator:
    """Make a generator with random weights.

    Raises:
        UsageError: no network of that name can be trained, or it takes no such arguments.
    """
    spec = trainable(name)
    try:
        generator = spec.build(**arguments)
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError, AttributeError) as error:
        raise UsageError(f"generator {quoted(name)}: {_plain(error, arguments)}") from error
    check_arguments(type(generator), arguments, "generator_args")
    return generator


def _plain(error: Exception, arguments: Mapping[str, Any]) -> str:
    """What is wrong with a network's arguments, without the names of Python's methods."""
    text = str(error)
    for name in arguments:
        if quoted(name) in text or f"'{name}'" in text:
            return f"it takes no argument {quoted(name)}"
    values = ", ".join(f"{name} = {value}" for name, value in arguments.items())
    return f"it cannot be built with {values or 'no arguments'}"


def shape_of(name: str, arguments: Mapping[str, Any]) -> Generator:
    """A network without any memory for its weights, which tells sizes, channels and what it gives.

    Raises:
        UsageError: as `build_generator`.
    """
    with torch.device("meta"):
        return build_generator(name, arguments)


def check_size(generator: Generator, name: str, size: int) -> None:
    """See to it that a network takes pictures of `size` pixels.

    Raises:
        UsageError: it does not.
    """
    multiple = generator.multiple
    if size % multiple:
        depth = max(1, (size & -size).bit_length() - 1)
        less = f", or make it less deep: --set generator_args.depth={depth}" if name == "unet" else ""
        raise UsageError(
            f"{name} takes sizes that are multiples of {multiple}, not {size}",
            hint=f"Try --size {max(1, round(size / multiple)) * multiple}{less}.",
        )


def scaled_lightness(lightness: Tensor) -> Tensor:
    """L* to [-1, 1]."""
    return lightness / 50 - 1


@dataclass(frozen=True)
class Prediction:
    """What a generator says of a batch.

    Attributes:
        color: ab, or Lab, scaled to [-1, 1], (N, 2 or 3, H, W); None of a network that classifies.
        raw: what the network gave.
        lightness: what it saw, (N, 1, H, W), [0, 100].
    """

    color: Tensor | None
    raw: Any
    lightness: Tensor


def predict(generator: Generator, call: Callable[..., Any], batch: Batch) -> Prediction:
    """Run the generator on a batch.

    Args:
        generator: decides what is made of the output.
        call: the generator, or the same compiled.
        batch: its hints are given to networks that take them.
    """
    if generator.takes_hints:
        raw = call(batch.lightness, Hints(batch.hints[:, :2], batch.hints[:, 2:]))
    else:
        raw = call(batch.lightness)
    if generator.classifies:
        return Prediction(None, raw, batch.lightness)
    lab = raw.float()
    size = batch.lightness.shape[-2:]
    if lab.shape[-2:] != size:
        lab = F.interpolate(lab, size=size, mode="bilinear")
    color = lab[:, -2:] / AB_MAX
    if lab.shape[1] == 3:
        color = torch.cat((scaled_lightness(lab[:, :1]), color), 1)
    return Prediction(color, raw, batch.lightness)


def target_color(batch: Batch, channels: int) -> Tensor:
    """The truth in the form of `Prediction.color`."""
    color = batch.ab / AB_MAX
    return color if channels == 2 else torch.cat((scaled_lightness(batch.lightness), color), 1)


class Classes:
    """The classification objective of a generator: its classes, their weights, its auxiliary head.

    Args:
        generator: one that classifies.
        lightness, ab: colors of the training photos, (n, 1) and (n, 2), Lab units; they are counted.
        uniform, power: of the rebalancing weights.
        class_weight: of the auxiliary head's loss.
        teacher: whom the generator learns from beside the truth, or None.
        targets: "soft" as the generator encodes the truth; "one_hot" its nearest class alone.

    Raises:
        UsageError: the generator gives colors, no probabilities.
    """

    def __init__(
        self,
        generator: Generator,
        lightness: Tensor,
        ab: Tensor,
        uniform: float,
        power: float,
        class_weight: float,
        teacher: Teacher | None = None,
        targets: Literal["soft", "one_hot"] = "soft",
    ) -> None:
        if not (generator.classifies and isinstance(generator, Classifier)):
            raise UsageError(
                f"{type(generator).__name__} gives colors, no probabilities",
                hint='Train it with l1 or l2: --set terms=[{loss="l1"}]',
            )
        self.classifier: Classifier = generator
        self.class_weight, self.teacher, self.one_hot = class_weight, teacher, targets == "one_hot"
        self.weights = rebalancing_weights(generator.count_classes(lightness, ab), uniform, power)
        generator.set_rebalancing(self.weights)

    def to(self, device: torch.device) -> None:
        """Move what the losses need."""
        self.weights = self.weights.to(device)
        if self.teacher is not None:
            self.teacher.network.to(device)

    def encode(self, batch: Batch, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The truth at the logits' size as classes and their weights, (N, k, h, w) each."""
        index, weight = self.classifier.encode(
            F.adaptive_avg_pool2d(batch.lightness, size), F.adaptive_avg_pool2d(batch.ab, size)
        )
        return (index[:, :1], torch.ones_like(weight[:, :1])) if self.one_hot else (index, weight)

    def losses(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """The cross-entropy, the part of the teacher, and of the auxiliary head times its weight, where they are."""
        logits, labels = self.classifier.logits_of(prediction.raw)
        truth = soft_cross_entropies(logits, *self.encode(batch, (logits.shape[-2], logits.shape[-1])), self.weights)
        if self.teacher is None:
            found = {"G_CE": truth.mean()}
        else:
            share = self.teacher.share * (batch.hints[:, 2:].amax((1, 2, 3)) == 0)
            distilled = self.teacher.distances(logits, batch.lightness)
            found = {"G_CE": ((1 - share) * truth).mean(), "G_teacher": (share * distilled).mean()}
        if labels is not None:
            found["G_label"] = self.class_weight * label_cross_entropy(labels, batch.label)
        return found
