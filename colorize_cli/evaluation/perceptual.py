"""Metrics that look through a network trained on ImageNet, or through a run's own discriminator: a value per picture.

In:  sRGB on the 8-bit scale, (N, 3, H, W), [0, 255]
Out: LPIPS, whether VGG-16 names the right class, how real a discriminator takes the picture to be; (N,) each
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.errors import UsageError, WeightsError
from colorize_cli.evaluation.columns import TRUTH, Better, Column
from colorize_cli.evaluation.metrics import Metric, Pictures
from colorize_cli.evaluation.weight_files import lpips_heads
from colorize_cli.models.discriminator_file import discriminator_of, load_discriminator
from colorize_cli.models.weights import feature_state

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # LPIPS, for pictures in [-1, 1]
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, for pictures in [0, 1]
_TAPS = (1, 4, 7, 9, 11)  # AlexNet's five rectified layers


def _channels(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device, dtype=like.dtype)[:, None, None]


def built(network: Callable[[], nn.Module], state: Mapping[str, Tensor], file: str) -> nn.Module:
    """Build a network of published weights, key for key, without drawing random ones first; eval mode.

    Raises:
        WeightsError: they are of another network.
    """
    with torch.device("meta"):
        made = network()
    try:
        made.load_state_dict(dict(state), assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{file} holds the weights of another network") from error
    return made.eval().requires_grad_(False)


class Lpips(nn.Module):
    """Learned perceptual distance, AlexNet v0.1.

    Args:
        state: AlexNet's published weights.
        heads: LPIPS' weights of its channels.

    Source: Zhang 2018; agrees with torchmetrics.
    """

    def __init__(self, state: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> None:
        from torchvision.models import alexnet  # loads for seconds

        super().__init__()
        self.features = built(partial(alexnet, weights=None), state, "AlexNet's file").get_submodule("features")
        self.weights = nn.ParameterList([heads[f"lin{i}.model.1.weight"].float() for i in range(len(_TAPS))])
        self.requires_grad_(False).eval()

    def layers(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """What five layers make of pictures, (N, 3, H, W), [0, 255], each of length 1 over its channels."""
        x, layers = (rgb / 127.5 - 1 - _channels(_SHIFT, rgb)) / _channels(_SCALE, rgb), []
        for i, layer in enumerate(self.features.children()):
            x = layer(x)
            if i in _TAPS:
                x_unit = x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt()
                layers.append(x_unit)
            if i == _TAPS[-1]:
                break
        return tuple(layers)

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """Distance of each pair, (N,); 0 is equal."""
        return self.distance(self.layers(preds), self.layers(target))

    def distance(self, preds: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
        """`forward` of pictures whose layers are known already."""
        distance = torch.zeros(len(preds[0]), device=preds[0].device)
        for x, y, weight in zip(preds, target, self.weights, strict=True):
            distance += ((x - y).square() * weight).sum(1).mean((1, 2))
        return distance


class LpipsMetric(Metric):
    """LPIPS of each prediction.

    Raises:
        WeightsError: AlexNet's weights are not here.
    """

    columns = (Column("lpips", "LPIPS", "", Better.down, 4),)

    def __init__(self, device: torch.device) -> None:
        self.network = Lpips(feature_state("alexnet"), lpips_heads()).to(device)

    def measure(self, row: str, preds: Pictures, truth: Pictures) -> Mapping[str, Tensor]:
        """See `Metric.measure`."""
        if row == TRUTH:
            return {}
        if self not in truth.seen:  # once for all rows, which is half of the work
            truth.seen[self] = self.network.layers(truth.rgb)
        return {"lpips": self.network.distance(self.network.layers(preds.rgb), truth.seen[self])}


def crop_for_vgg(rgb: Tensor) -> Tensor:
    """Short side to 256, center 224 x 224, ImageNet's normalization: [0, 255] to what VGG-16 was trained on."""
    height, width = rgb.shape[-2:]
    if min(height, width) != 256:
        scale = 256 / min(height, width)
        size = (max(256, round(height * scale)), max(256, round(width * scale)))
        rgb = F.interpolate(rgb, size=size, mode="bilinear", antialias=True)
    y, x = (rgb.shape[-2] - 224) // 2, (rgb.shape[-1] - 224) // 2
    part = rgb[..., y : y + 224, x : x + 224] / 255
    return (part - _channels(_MEAN, part)) / _channels(_STD, part)


class VggMetric(Metric):
    """Whether a pretrained VGG-16 names the class of a picture: its first guess, or one of its first five.

    Raises:
        WeightsError: VGG-16's weights are not here.
    """

    columns = (
        Column("vgg_top1", "VGG top-1", "%", Better.up, 1, of_truth=True),
        Column("vgg_top5", "VGG top-5", "%", Better.up, 1, of_truth=True),
    )
    wants_classes = True

    def __init__(self, device: torch.device) -> None:
        from torchvision.models import vgg16

        state = feature_state("vgg16")
        self.network = built(partial(vgg16, weights=None, init_weights=False), state, "VGG-16's file").to(device)

    def measure(self, row: str, preds: Pictures, truth: Pictures) -> Mapping[str, Tensor]:
        """See `Metric.measure`; NaN where the class is unknown."""
        guesses = self.network(crop_for_vgg(preds.rgb)).topk(5).indices.cpu()
        label = torch.tensor([-1 if one is None else one for one in truth.labels])[:, None]
        right = (guesses == label).double() * 100
        right[label[:, 0] < 0] = torch.nan
        return {"vgg_top1": right[:, 0], "vgg_top5": right.amax(1)}


class ImageNetClasses:
    """Class numbers, 0 to 999, of folder names: a number, a WordNet id such as n01440764, or the class's name.

    Args:
        labels: those of the data set.
        root: its folder, in which a list of the 1,000 WordNet ids is looked for.

    Raises:
        UsageError: no label can be read.
    """

    _LISTS = ("LOC_synset_mapping.txt", "synset_words.txt", "synsets.txt", "wnids.txt")

    def __init__(self, labels: Sequence[str | None], root: Path) -> None:
        from torchvision.models import VGG16_Weights

        self._number = {self._plain(name): i for i, name in enumerate(VGG16_Weights.IMAGENET1K_V1.meta["categories"])}
        ids = {self._last(label) for label in labels if label and self._is_id(self._last(label))}
        known = next((self._read(root / name) for name in self._LISTS if (root / name).is_file()), sorted(ids))
        if len(known) == 1000:  # ImageNet numbers its classes in the order of their ids
            self._number.update({one: i for i, one in enumerate(known)})
        if not any(self(label) is not None for label in labels):
            why = "no photo lies in a folder that names its class"
            if ids:
                why = f"{len(ids)} WordNet ids, and no list of all 1,000"
            raise UsageError(
                f"vgg_accuracy needs ImageNet classes: {why}",
                hint=f"Name the folders 0 to 999 or by class, or put {self._LISTS[0]} into {root}.",
            )

    @staticmethod
    def _plain(name: str) -> str:
        return "".join(c for c in name.lower() if c.isalnum())

    @staticmethod
    def _last(label: str) -> str:
        return label.rsplit("/", 1)[-1]

    @staticmethod
    def _is_id(text: str) -> bool:
        return len(text) == 9 and text[0] == "n" and text[1:].isdigit()

    @staticmethod
    def _read(path: Path) -> list[str]:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.split()[0] for line in lines if line.strip()]

    def __call__(self, label: str | None) -> int | None:
        """The class number of a label; None where it names none."""
        if not label:
            return None
        text = self._last(label)
        if text.isdigit():
            return int(text) if int(text) < 1000 else None
        return self._number.get(self._plain(text))


class DiscriminatorMetric(Metric):
    """How real a run's own discriminator takes pictures to be; above the truth's mean is more real than real.

    Raises:
        WeightsError: the run has no discriminator, or its file cannot be read.
    """

    columns = (Column("discriminator", "Discriminator", "", Better.up, 3, of_truth=True),)

    def __init__(self, run: Path, device: torch.device) -> None:
        file = discriminator_of(run) if run.is_dir() else run
        if file is None or not file.is_file():
            raise WeightsError(
                f"{run} has no discriminator",
                hint="Give --discriminator a run that has discriminator.safetensors, or that file.",
            )
        self.discriminator = load_discriminator(file)
        self.discriminator.network.to(device)
        self.notes = (f"The discriminator ({self.discriminator.kind}) is that of {file}.",)

    def measure(self, row: str, preds: Pictures, truth: Pictures) -> Mapping[str, Tensor]:
        """See `Metric.measure`."""
        return {"discriminator": self.discriminator.score(preds.lab[:, :1], preds.lab[:, 1:])}
