"""What a run needs before its first step: photos, networks, objectives. Everything that can be refused is refused here.

In:  a configuration, opened data sets
Out: the configuration with its gaps filled; networks, objectives, files that they need
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from colorize_cli.color.lab import lab_from_srgb
from colorize_cli.data.dataset import split, split_exactly
from colorize_cli.data.photosets import PhotoSet
from colorize_cli.errors import DataError, UsageError, WeightsError, counted, quoted
from colorize_cli.models.checkpoint import read_info, read_tensors
from colorize_cli.models.generator import Generator
from colorize_cli.models.load import load_model
from colorize_cli.training.adversaries import Opponent
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.content import VGG19_FILE, ContentLoss, published_weights
from colorize_cli.training.encoders import encoder_file, load_encoder
from colorize_cli.training.outputs import TRAINABLE, Classes, build_generator, channels_of, check_size
from colorize_cli.training.teacher import Teacher, check_teacher

_COUNTED = 4000  # photos whose colours are counted
_THUMB = 32  # pixels a side, of each of them


@dataclass(frozen=True)
class Needed:
    """Files that a run needs beside its data; None where it needs none.

    Attributes:
        encoder: ImageNet weights of the encoder.
        content: weights of the content loss; None for random features too.
    """

    encoder: Path | None
    content: Path | None


def needed_files(config: TrainConfig, starts_elsewhere: bool = False) -> Needed:
    """Find the pretrained weights that a run asks for, before any work.

    Args:
        config: the run.
        starts_elsewhere: all weights come from a checkpoint, so that the encoder needs none of its own.

    Raises:
        WeightsError: they are not there.
        UsageError: the network has no pretrained encoder.
    """
    encoder = content = None
    if config.teacher is not None:
        check_teacher(config.teacher)
    if config.encoder_weights and not starts_elsewhere:
        encoder = encoder_file(config)
    if any(term.loss == "content" for term in config.terms) and config.content_weights != "random":
        content = published_weights(config.content_weights, VGG19_FILE, "--content-weights FILE, or random")
    return Needed(encoder, content)


def settled(config: TrainConfig) -> TrainConfig:
    """See to it that a recipe's parts fit each other, and fill in what follows from them.

    Raises:
        UsageError: they do not.
    """
    stages = config.stages
    if (
        not stages
        or stages[-1].until != 1.0
        or any(a.until >= b.until for a, b in zip(stages, stages[1:], strict=False))
    ):
        raise UsageError("stages must end at rising shares of the run, the last at 1.0")
    if min(stage.batch for stage in stages) < 1 or min(stage.size for stage in stages) < 8:
        raise UsageError("a batch has at least 1 sample, a training picture at least 8 pixels a side")
    if not 0 <= config.val < 1:
        raise UsageError(f"val is a share between 0 and 1, not {config.val}")
    if config.adversary is not None and config.classifies:
        raise UsageError("a discriminator judges colours; this generator gives probabilities", hint="Use l1 or l2.")
    if not config.terms and config.adversary is None:
        raise UsageError("the recipe has no loss")
    for size in sorted({config.val_size, *(stage.size for stage in stages)}):
        check_size(config.generator, config.generator_args, size)
    if config.generator != "eccv16":
        return config
    head = config.generator_args.get("head", "bins" if config.classifies else "ab")
    if (head == "bins") != config.classifies:
        raise UsageError(f"eccv16's head {quoted(head)} does not fit the losses of this recipe")
    return replace(config, generator_args={**config.generator_args, "head": head})


def split_photos(photos: PhotoSet, config: TrainConfig) -> tuple[list[int], list[int]]:
    """Indices of the training and of the validation photos, the latter at most `val_limit`.

    Raises:
        DataError: nothing to train on.
    """
    if config.train_photos:
        training, validation = split_exactly(photos, config.train_photos, config.val_photos)
    else:
        training, validation = split(photos, config.val, config.split == "official")
    if not training:
        raise DataError(
            f"nothing is left to train on: {counted(len(photos), 'photo')} held out",
            hint="Give a smaller --val, or more photos.",
        )
    return training, validation[: config.val_limit]


def colours_of(photos: PhotoSet, chosen: Sequence[int], seed: int) -> tuple[Tensor, Tensor]:
    """Lightness, (n, 1), and ab, (n, 2), of thumbnails of some thousand training photos."""
    rng = np.random.default_rng((seed, 1))
    parts = []
    for index in rng.permutation(np.asarray(chosen))[:_COUNTED]:
        small = cv2.resize(photos.rgb(int(index)), (_THUMB, _THUMB), interpolation=cv2.INTER_AREA)
        parts.append(lab_from_srgb(np.asarray(small, np.uint8)).reshape(-1, 3))
    lab = torch.from_numpy(np.concatenate(parts))
    return lab[:, :1], lab[:, 1:]


def class_labels(photos: PhotoSet, config: TrainConfig) -> list[str]:
    """Labels that the auxiliary head learns: all that the data set names, if the recipe has that head."""
    return sorted({label for label in photos.labels if label}) if config.class_weight else []


def make_generator(config: TrainConfig, classes: int, needed: Needed, init: str | None) -> Generator:
    """Build the generator, and load what it starts from.

    Raises:
        UsageError: its arguments or the sizes do not fit.
        WeightsError: the weights to start from are of another network.
    """
    arguments = dict(config.generator_args)
    if config.generator == "mini":
        arguments["classes"] = classes
    generator = build_generator(config.generator, arguments)
    if needed.encoder is not None:
        load_encoder(generator, needed.encoder)
    if init is not None:
        _start_from(generator, init)
    return generator


def _start_from(generator: Generator, init: str) -> None:
    """Load every tensor that fits; a head of another size stays as it is."""
    path = Path(init).expanduser()
    kind = type(generator).__name__
    if path.suffix == ".safetensors" and path.is_file():
        network, state = read_info(path).network, read_tensors(path)
        fits = TRAINABLE.get(network) is type(generator)
    else:
        loaded = load_model(init).generator
        network, state, fits = type(loaded).__name__, loaded.state_dict(), type(loaded) is type(generator)
    if not fits:
        raise WeightsError(f"{init} holds {network}, which a {kind} cannot start from", hint="Start from its own kind.")
    own = generator.state_dict()
    fitting = {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
    if not fitting:
        raise WeightsError(f"{init} shares no tensor with this {kind}", hint="Build it with the same arguments.")
    generator.load_state_dict(fitting, strict=False)


def make_classes(
    config: TrainConfig, generator: Generator, photos: PhotoSet, training: Sequence[int]
) -> Classes | None:
    """Count the training colours and make the classification objective, if the recipe has one.

    Raises:
        UsageError, ModelNotFoundError, WeightsError: the recipe's teacher is none.
    """
    if not config.classifies:
        return None
    teacher = Teacher(config.teacher, generator) if config.teacher is not None else None
    lightness, ab = colours_of(photos, training, config.seed)
    return Classes(generator, lightness, ab, config.uniform, config.power, config.class_weight, teacher)


def make_content(config: TrainConfig, needed: Needed) -> ContentLoss | None:
    """Make the content loss, if the recipe has one."""
    term = next((term for term in config.terms if term.loss == "content"), None)
    return None if term is None else ContentLoss(term.distance, needed.content, config.seed)


def make_opponent(config: TrainConfig, generator: Generator) -> Opponent | None:
    """Make the discriminator, if the recipe has one."""
    if config.adversary is None:
        return None
    return Opponent(config.adversary, channels_of(generator), max(stage.size for stage in config.stages))
