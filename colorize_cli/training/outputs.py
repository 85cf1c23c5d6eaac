"""What each network gives and what it should have given, brought to one form that the objectives compare.

In:  a generator and a batch
Out: `Prediction`: scaled colour at the batch's size, or the classification's losses
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from colorize_cli.color.lab import AB_MAX
from colorize_cli.data.pairs import Batch
from colorize_cli.errors import UsageError, quoted
from colorize_cli.models.bins import rebalancing_weights
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.binned import Binned
from colorize_cli.models.networks.colorunet import ColorUnet, most_frequent_colours, yuv_from_lab
from colorize_cli.models.networks.eccv16 import Eccv16
from colorize_cli.models.networks.liteunet import LiteUnet
from colorize_cli.models.networks.mini import Mini
from colorize_cli.models.networks.resunet18 import ResUnet18
from colorize_cli.models.networks.unet import Unet
from colorize_cli.training.losses import label_cross_entropy, palette_cross_entropy, soft_cross_entropies
from colorize_cli.training.softbins import SoftBins
from colorize_cli.training.teacher import Teacher

TRAINABLE: Mapping[str, Callable[..., Generator]] = {
    "colorunet": ColorUnet,
    "eccv16": Eccv16,
    "liteunet": LiteUnet,
    "mini": Mini,
    "resunet18": ResUnet18,
    "unet": Unet,
}
_MULTIPLES = {"eccv16": 8, "liteunet": 32, "mini": 32, "resunet18": 32}


def build_generator(name: str, arguments: Mapping[str, Any]) -> Generator:
    """Make a generator with random weights.

    Raises:
        UsageError: no network of that name can be trained, or it takes no such argument.
    """
    if name not in TRAINABLE:
        raise UsageError(f"no trainable generator {quoted(name)}", hint=f"There are: {', '.join(TRAINABLE)}")
    try:
        return TRAINABLE[name](**arguments)
    except TypeError as error:
        raise UsageError(f"generator {quoted(name)}: {error}") from error


def multiple_of(name: str, arguments: Mapping[str, Any]) -> int:
    """What the sides of a network's pictures are multiples of, without building it."""
    if name == "unet":
        return int(2 ** arguments.get("depth", 7))
    if name == "colorunet":
        return int(2 ** (len(arguments.get("widths", range(5))) - 1))
    return _MULTIPLES.get(name, 1)


def check_size(name: str, arguments: Mapping[str, Any], size: int) -> None:
    """See to it that a network takes pictures of `size` pixels.

    Raises:
        UsageError: it does not.
    """
    multiple = multiple_of(name, arguments)
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
        colour: ab, or Lab, scaled to [-1, 1], (N, 2 or 3, H, W); None of a network that classifies.
        raw: what the network gave.
        lightness: what it saw, (N, 1, H, W), [0, 100].
    """

    colour: Tensor | None
    raw: Any
    lightness: Tensor


def channels_of(generator: Generator) -> int:
    """How many colour channels the generator predicts: 3 for Lab, 2 for ab."""
    return generator.channels if isinstance(generator, Unet) else 2


def predict(generator: Generator, call: Callable[..., Any], batch: Batch) -> Prediction:
    """Run the generator on a batch.

    Args:
        generator: decides what is made of the output.
        call: the generator, or the same compiled.
        batch: only `mini` is given its hints.
    """
    if generator.takes_hints:
        raw = call(batch.lightness, Hints(batch.hints[:, :2], batch.hints[:, 2:]))
    else:
        raw = call(batch.lightness)
    if isinstance(generator, (Binned, ColorUnet)) or (isinstance(generator, Eccv16) and generator.head == "bins"):
        return Prediction(None, raw, batch.lightness)
    lab = raw.float()
    size = batch.lightness.shape[-2:]
    if lab.shape[-2:] != size:
        lab = F.interpolate(lab, size=size, mode="bilinear")
    colour = lab[:, -2:] / AB_MAX
    if lab.shape[1] == 3:
        colour = torch.cat((scaled_lightness(lab[:, :1]), colour), 1)
    return Prediction(colour, raw, batch.lightness)


def target_colour(batch: Batch, channels: int) -> Tensor:
    """The truth in the form of `Prediction.colour`."""
    colour = batch.ab / AB_MAX
    return colour if channels == 2 else torch.cat((scaled_lightness(batch.lightness), colour), 1)


class Classes:
    """The classification objective of a generator: its classes, their weights, its auxiliary head.

    Args:
        generator: mini, liteunet, eccv16 with its bins, or colorunet.
        ab: colours of the training photos, (n, 2), Lab units, and their lightness, (n, 1); they are counted.
        uniform, power: of the rebalancing weights.
        class_weight: of the auxiliary head's loss.
        teacher: whom the generator learns from beside the truth, or None.
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
    ) -> None:
        self.generator, self.class_weight, self.teacher = generator, class_weight, teacher
        self.soft: SoftBins | None = None
        if isinstance(generator, ColorUnet):
            uv = yuv_from_lab(lightness[:, :, None, None], ab[:, :, None, None])[:, 1:, 0, 0]
            palette, share = most_frequent_colours(uv, len(generator.uv_palette))
            generator.set_palette(palette, share)
            self.weights = rebalancing_weights(share, uniform, power)
        elif isinstance(generator, (Binned, Eccv16)):
            self.soft = SoftBins(generator.bins)
            self.weights = rebalancing_weights(self.soft.prior(ab), uniform, power)
            if isinstance(generator, Binned):
                generator.set_rebalancing(self.weights)
        else:
            raise UsageError(
                f"{type(generator).__name__} gives colours, no probabilities",
                hint='Train it with l1 or l2: --set terms=[{loss="l1"}]',
            )

    def to(self, device: torch.device) -> None:
        """Move what the losses need."""
        self.weights = self.weights.to(device)
        if self.teacher is not None:
            self.teacher.network.to(device)

    def losses(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """The cross-entropy, the part of the teacher, and of the auxiliary head times its weight, where they are."""
        if isinstance(self.generator, ColorUnet):
            classes = self.generator.classes(batch.lightness, batch.ab)
            return {"G_CE": palette_cross_entropy(prediction.raw, classes, self.weights)}
        assert self.soft is not None
        logits, labels = prediction.raw if isinstance(self.generator, Binned) else (prediction.raw, None)
        ab = F.adaptive_avg_pool2d(batch.ab, logits.shape[-2:])
        truth = soft_cross_entropies(logits, *self.soft.encode(ab), self.weights)
        if self.teacher is None:
            found = {"G_CE": truth.mean()}
        else:
            share = self.teacher.share * (batch.hints[:, 2:].amax((1, 2, 3)) == 0)
            taught = self.teacher.distances(logits, batch.lightness)
            found = {"G_CE": ((1 - share) * truth).mean(), "G_teacher": (share * taught).mean()}
        if labels is not None:
            found["G_label"] = self.class_weight * label_cross_entropy(labels, batch.label)
        return found
