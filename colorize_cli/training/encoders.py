"""Encoders that begin with what ImageNet teaches: where their published weights are, and how they are loaded.

In:  a recipe's `encoder_weights`, a network with an `encoder`
Out: the file, found or pulled before any work; the network with its encoder's weights loaded
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from colorize_cli.errors import UsageError, WeightsError, quoted
from colorize_cli.models.feature_networks import feature_extractors
from colorize_cli.models.generator import Generator
from colorize_cli.models.published import read_state
from colorize_cli.models.registry import FeatureSpec, Packaged
from colorize_cli.models.weights import fetch
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.outputs import shape_of, trainable

RANDOM = ("", "random")
OnBytes = Callable[[str, int, int], None]


def encoder_of(config: TrainConfig) -> FeatureSpec:
    """The feature extractor whose weights a recipe's encoder may start from.

    Raises:
        UsageError: the network has no pretrained encoder.
    """
    name = trainable(config.generator).encoder
    if not name:
        raise UsageError(f"{config.generator} has no pretrained encoder", hint="Leave encoder_weights out.")
    return feature_extractors()[name.format(size=config.generator_args.get("size", 2))]


def encoder_file(config: TrainConfig, on_bytes: OnBytes | None = None) -> Path:
    """Find the weights that a recipe's encoder starts from, or pull them.

    Raises:
        WeightsError: they are not to be had.
        UsageError: the network has no pretrained encoder, or none that is found in that way.
    """
    choice, spec = config.encoder_weights, encoder_of(config)
    own = "package" if isinstance(spec.weights, Packaged) else "torchvision"
    if choice in ("package", "torchvision") and choice != own:
        raise UsageError(f"{config.generator} has no encoder weights {quoted(choice)}", hint=f"Give {own}, or a file.")
    if choice != own:
        if not Path(choice).expanduser().is_file():
            raise WeightsError(
                f"no weights at {choice}", hint=f"Give --set encoder_weights={own}, or random, or another file."
            )
        return Path(choice).expanduser()
    return fetch(spec, told(spec.name, on_bytes)).path


def told(name: str, on_bytes: OnBytes | None) -> Callable[[int, int], None] | None:
    """A listener for one file's bytes, of one that is told the file's name, too."""
    return None if on_bytes is None else lambda done, total: on_bytes(name, done, total)


def load_encoder(generator: Generator, file: Path, title: str) -> None:
    """Load an encoder's published weights; the classifier that they end with is left out.

    Raises:
        WeightsError: the file holds another network's.
    """
    encoder = generator.get_submodule("encoder")
    encoder.load_state_dict(_encoder_state(encoder, file, title))


def _encoder_state(encoder: nn.Module, file: Path, title: str) -> dict[str, Tensor]:
    state, own = read_state(file), encoder.state_dict()
    if missing := sorted(set(own) - set(state)):
        raise WeightsError(f"{file}: no {title}: {quoted(missing[0])} is missing")
    if odd := [key for key in own if own[key].shape != state[key].shape]:
        raise WeightsError(f"{file}: no {title}: {quoted(odd[0])} has another shape")
    return {key: state[key] for key in own}


def check_encoder_file(config: TrainConfig, file: Path) -> None:
    """See to it, before the data are surveyed, that a file holds the weights of a recipe's encoder.

    Raises:
        WeightsError: it is damaged, or another network's.
    """
    encoder = shape_of(config.generator, config.generator_args).get_submodule("encoder")
    _encoder_state(encoder, file, encoder_of(config).title)


def check_encoder(config: TrainConfig) -> None:
    """See to it, before anything is pulled, that a recipe's network has the encoder that it asks weights for.

    Raises:
        UsageError: it has not.
    """
    if config.encoder_weights not in RANDOM:
        encoder_of(config)
        shape_of(config.generator, config.generator_args)
