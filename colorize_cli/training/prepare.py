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
from colorize_cli.errors import DataError, UsageError, WeightsError, counted
from colorize_cli.models.checkpoint import is_checkpoint, read_info, read_tensors
from colorize_cli.models.generator import Generator
from colorize_cli.models.load import load_model
from colorize_cli.models.networks.discriminators import build_discriminator
from colorize_cli.training.adversarial import Discriminator
from colorize_cli.training.best import best_by, check_best_by, pull_metric
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.content import ContentLoss, content_file
from colorize_cli.training.encoders import (
    RANDOM,
    OnBytes,
    check_encoder,
    check_encoder_file,
    encoder_file,
    encoder_of,
    load_encoder,
)
from colorize_cli.training.outputs import Classes, build_generator, check_size, shape_of, trainable
from colorize_cli.training.ranges import check_ranges
from colorize_cli.training.teacher import Teacher, check_teacher

_COUNTED = 4000  # photos whose colors are counted
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


def needed_files(config: TrainConfig, starts_elsewhere: bool = False, on_bytes: OnBytes | None = None) -> Needed:
    """Find or pull the pretrained weights that a run asks for, before any work.

    Args:
        config: the run.
        starts_elsewhere: all weights come from a checkpoint, so that the encoder needs none of its own.
        on_bytes: told file, bytes here and in all, while one is pulled.

    Raises:
        WeightsError: they are not there.
        UsageError: the network has no pretrained encoder.
    """
    encoder = content = None
    if config.teacher is not None:
        check_teacher(config.teacher)
    if config.encoder_weights not in RANDOM and not starts_elsewhere:
        encoder = encoder_file(config, on_bytes)
        check_encoder_file(config, encoder)
    if any(term.loss == "content" for term in config.terms):
        content = content_file(config.content_weights, on_bytes)
    pull_metric(best_by(config), on_bytes)
    return Needed(encoder, content)


def validated(config: TrainConfig) -> TrainConfig:
    """See to it that a recipe's parts fit each other, and fill in what follows from them.

    Raises:
        UsageError: they do not.
    """
    check_ranges(config)
    check_best_by(config.best_by)
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
    if not (config.samples or config.epochs or config.steps):
        raise UsageError("the recipe does not say how long", hint="Give --epochs N, --set steps=N or --set samples=N.")
    if config.discriminator is not None and config.classifies:
        raise UsageError("a discriminator scores colors; this generator gives probabilities", hint="Use l1 or l2.")
    if not config.terms and config.discriminator is None:
        raise UsageError("the recipe has no loss")
    if config.generator == "eccv16" and "head" not in config.generator_args:  # its head follows the losses
        arguments = {**config.generator_args, "head": "bins" if config.classifies else "ab"}
        config = replace(config, generator_args=arguments)
    shape = shape_of(config.generator, config.generator_args)
    for size in sorted({config.val_size, *(stage.size for stage in stages)}):
        check_size(shape, config.generator, size)
    if shape.classifies != config.classifies:
        gives = "probabilities over colors" if shape.classifies else "colors"
        other = "l1 or l2" if not shape.classifies else "cross_entropy"
        raise UsageError(
            f"{config.generator} gives {gives}, which does not fit the losses of this recipe", hint=f"Use {other}."
        )
    check_encoder(config)
    if config.discriminator is not None:
        how, largest = config.discriminator, max(stage.size for stage in stages)
        with torch.device("meta"):
            build_discriminator(how.network, shape.channels + 1, largest, how.network_args)
        if how.generator_loss == "minimax" and how.kind != "gan":
            raise UsageError(f"generator_loss is of kind gan, not of {how.kind}")
    if config.targets == "one_hot" and not config.classifies:
        raise UsageError("targets are of networks that classify; this one gives colors")
    return config


def check_start(config: TrainConfig, init: str | None) -> None:
    """See to it, before any work, that the weights to start from are there and of this network.

    Raises:
        WeightsError, ModelNotFoundError: they are not.
    """
    if init is None:
        return
    path = Path(init).expanduser()
    if path.is_file() and is_checkpoint(path):
        found = read_info(path).network
        fits = trainable(found).name == trainable(config.generator).name
    elif not path.exists() and path.suffix in (".safetensors", ".pth", ".pt"):
        raise WeightsError(f"no weights at {init}", hint="Give --init a checkpoint, a run's folder or a model's name.")
    else:
        loaded = load_model(init).generator
        found, fits = type(loaded).__name__, type(loaded) is type(shape_of(config.generator, config.generator_args))
    if not fits:
        raise WeightsError(
            f"{init} holds {found}, which a {config.generator} cannot start from", hint="Start from its own kind."
        )


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


def colors_of(photos: PhotoSet, indices: Sequence[int], seed: int) -> tuple[Tensor, Tensor]:
    """Lightness, (n, 1), and ab, (n, 2), of thumbnails of some thousand training photos."""
    rng = np.random.default_rng((seed, 1))
    parts = []
    for index in rng.permutation(np.asarray(indices))[:_COUNTED]:
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
    if trainable(config.generator).labels:
        arguments["classes"] = classes
    generator = build_generator(config.generator, arguments)
    if needed.encoder is not None:
        load_encoder(generator, needed.encoder, encoder_of(config).title)
    if init is not None:
        _start_from(generator, init, config.generator)
    return generator


def _start_from(generator: Generator, init: str, name: str) -> None:
    """Load every tensor that fits; a head of another size stays as it is."""
    path = Path(init).expanduser()
    kind = type(generator).__name__
    if path.is_file() and is_checkpoint(path):
        network, state = read_info(path).network, read_tensors(path)
        fits = trainable(network).name == trainable(name).name
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
    """Count the training colors and make the classification objective, if the recipe has one.

    Raises:
        UsageError, ModelNotFoundError, WeightsError: the recipe's teacher is none.
    """
    if not config.classifies:
        return None
    teacher = Teacher(config.teacher, generator) if config.teacher is not None else None
    lightness, ab = colors_of(photos, training, config.seed)
    return Classes(generator, lightness, ab, config.uniform, config.power, config.class_weight, teacher, config.targets)


def make_content(config: TrainConfig, needed: Needed) -> ContentLoss | None:
    """Make the content loss, if the recipe has one."""
    term = next((term for term in config.terms if term.loss == "content"), None)
    return None if term is None else ContentLoss(term.distance, needed.content, config.seed)


def make_discriminator(config: TrainConfig, generator: Generator) -> Discriminator | None:
    """Make the discriminator, if the recipe has one."""
    if config.discriminator is None:
        return None
    return Discriminator(config.discriminator, generator.channels, max(stage.size for stage in config.stages))
