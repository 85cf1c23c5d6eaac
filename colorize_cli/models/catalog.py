"""The list of models.

Out: a registry of every network that this program knows, without importing one of them
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from colorize_cli.models.feature_networks import feature_extractors
from colorize_cli.models.registry import (
    Bundled,
    FeatureSpec,
    HubFile,
    ModelSpec,
    Published,
    Registry,
    Sizes,
    Url,
)
from colorize_cli.models.restoration_networks import restoration_networks

if TYPE_CHECKING:
    from colorize_cli.models.generator import Generator

# An ImageNet classifier that was left in the published files and that no layer reads.
_CLASSIFIER = ("encoder.arch.head_cls.weight", "encoder.arch.head_cls.bias")
_CAP = 512 * 1024  # pixels of a panorama, for networks that take any aspect


_MINI_SIZES = Sizes(short_side=256, multiple=32, max_area=256 * 1024)  # of `mini`, and of checkpoints of its network
_FORMER = {"mini": "mini-v2"}  # networks that checkpoints name otherwise than the list does
_FORMER_ARGUMENTS = {"colours": "colors"}  # as older checkpoints and recipes spell them


def _network(module: str, kind: str, **fixed: str) -> Callable[..., Generator]:
    """A builder that imports its network when it is called, so that listing models needs no torch."""

    def build(**arguments: Any) -> Generator:
        import torch

        with torch.device("cpu"):  # a module's constants must be real even where the network is built on "meta"
            network: Callable[..., Generator] = getattr(import_module(f"colorize_cli.models.networks.{module}"), kind)
        return network(**{**fixed, **{_FORMER_ARGUMENTS.get(name, name): value for name, value in arguments.items()}})

    return build


def _ddcolor_spec(name: str, file: str, sha256: str, summary: str, tiny: bool = False) -> ModelSpec:
    repo, revision = "piddnad/DDColor-models", "e9e7b527709c8aeb2f5e1bf701e72fd468a13baa"
    source = HubFile(repo, revision, file)
    return ModelSpec(
        name=name,
        build=_network("ddcolor", "DDColor", size="tiny" if tiny else "large"),
        sizes=Sizes(short_side=512, multiple=32, max_area=512 * 512, square=True),
        takes_hints=False,
        tileable=True,
        weights=Published(file, (source,), sha256, 220_000_000 if tiny else 912_000_000, _CLASSIFIER),
        license="Apache-2.0",
        source=source.host,
        parameters=55_006_640 if tiny else 227_869_328,
        summary=summary,
    )


def _zhang_spec(name: str, file: str, sha256: str, size: int, summary: str, hints: bool) -> ModelSpec:
    source = Url(f"https://colorizers.s3.us-east-2.amazonaws.com/{file}")
    return ModelSpec(
        name=name,
        build=_network("siggraph17", "Siggraph17") if hints else _network("eccv16", "Eccv16"),
        sizes=Sizes(short_side=256, multiple=8, max_area=_CAP // 2),
        takes_hints=hints,
        follows_hints=hints,
        tileable=True,
        weights=Published(file, (source,), sha256, size),
        license="BSD-2-Clause",
        source=source.host,
        parameters=34_187_027 if hints else 32_236_011,
        summary=summary,
        vivid=not hints,
        trainable=not hints,
    )


def _deoldify_spec(name: str, file: str, sha256: str, size: int, summary: str, wide: bool = True) -> ModelSpec:
    # No revision is published for the mirror; the SHA-256 pins what is in the file.
    hub, web = HubFile("spensercai/DeOldify", "main", file), Url(f"https://data.deepai.org/deoldify/{file}")
    sources = (hub,) if name == "deoldify-stable" else (web, hub)
    return ModelSpec(
        name=name,
        build=_network("deoldify", "DeOldify", decoder="wide" if wide else "deep"),
        sizes=Sizes(short_side=35 * 16, multiple=16, max_area=(35 * 16) ** 2, square=True),  # render factor 35
        takes_hints=False,
        tileable=True,
        weights=Published(file, sources, sha256, size),
        license="MIT",
        source=sources[0].host,
        parameters=218_222_197 if wide else 63_646_881,
        summary=summary,
    )


def _trained_spec(
    name: str,
    build: Callable[..., Generator],
    parameters: int,
    summary: str,
    vivid: bool = False,
    hints: bool = False,
    encoder: str = "",
    labels: bool = False,
) -> ModelSpec:
    """A network without published weights; sizes and parameters are those of its default arguments."""
    return ModelSpec(
        name=name,
        build=build,
        sizes=Sizes(short_side=256, multiple=32, max_area=_CAP // 2),
        takes_hints=hints,
        tileable=True,
        weights=None,
        license="that of its data",
        source="colorize train",
        parameters=parameters,
        summary=summary,
        vivid=vivid,
        trainable=True,
        encoder=encoder,
        labels=labels,
    )


def network(name: str) -> ModelSpec:
    """The spec of a network as the header of a checkpoint names it.

    Raises:
        ModelNotFoundError: there is none.
    """
    return catalogue().get(_FORMER.get(name, name))


@lru_cache
def catalogue() -> Registry:
    """Every model: the bundled one first, then the published, then the networks that are only trained here."""
    return Registry(
        [
            ModelSpec(
                name="mini",
                build=_network("liteunet", "LiteUnet"),
                sizes=_MINI_SIZES,
                takes_hints=True,
                tileable=True,
                weights=Bundled("mini.safetensors"),
                license="see its model card",
                source="bundled",
                parameters=7_212_005,
                summary="Bundled, works offline; takes hints.",
                vivid=True,
            ),
            _ddcolor_spec(
                "ddcolor",
                "ddcolor_modelscope.pth",
                "17c460d7e55b32a598370621d77173be59e03c24b0823f06821db23a50c263ce",
                "Dual decoders over ConvNeXt-L; the weights of its authors' demo.",
            ),
            _ddcolor_spec(
                "ddcolor-paper",
                "ddcolor_paper.pth",
                "789781789db1bafc2165e1cf9658580f871cce64a81901ec49127877813f10b9",
                "The same network with the weights of the paper (ImageNet).",
            ),
            _ddcolor_spec(
                "ddcolor-artistic",
                "ddcolor_artistic.pth",
                "",  # asked for at the pinned revision, before the download
                "The same network, trained further for more vivid color.",
            ),
            _ddcolor_spec(
                "ddcolor-tiny",
                "ddcolor_paper_tiny.pth",
                "81dd643904f4664c3718513e3320ae3db0c567f0d3e18398606659adee7bfc17",
                "Dual decoders over ConvNeXt-T.",
                tiny=True,
            ),
            _zhang_spec(
                "siggraph17",
                "siggraph17-df00044c.pth",
                "df00044c0a4d7c3edcecf6f75437ce346a66e7a42612d9b968e1a7e17dbc6f66",
                136_787_426,
                "U-Net of Zhang 2017; takes hints.",
                hints=True,
            ),
            _zhang_spec(
                "eccv16",
                "colorization_release_v2-9b330a0b.pth",
                "9b330a0b",
                129_000_000,
                "Classification over 313 bins, Zhang 2016.",
                hints=False,
            ),
            _deoldify_spec(
                "deoldify-artistic",
                "ColorizeArtistic_gen.pth",
                "3f750246fa220529323b85a8905f9b49c0e5d427099185334d048fb5b5e22477",
                255_144_681,
                "ResNet-34 U-Net; the most colorful of the three.",
                wide=False,
            ),
            _deoldify_spec(
                "deoldify-stable",
                "ColorizeStable_gen.pth",
                "ca9cd7f43fb8b222c9a70f7b292e305a000694b0ff9d2ae4a6747b1a2e1ee5af",
                874_000_000,
                "ResNet-101 U-Net for landscapes and portraits; fewer grey limbs.",
            ),
            _deoldify_spec(
                "deoldify-video",
                "ColorizeVideo_gen.pth",
                "e3d98bb6a222354c79f95485c2f078a89dc724e9183662506d9e0f5aafac83ad",
                874_066_230,
                "The stable network trained for steady, quieter color.",
            ),
            _trained_spec(
                "unet", _network("unet", "Unet"), 41_959_368, "U-Net of strided convolutions; its checkpoints alone."
            ),
            _trained_spec(
                "resunet18",
                _network("resunet18", "ResUnet18"),
                15_661_314,
                "ResNet-18 U-Net; its checkpoints alone.",
                encoder="resnet18",
            ),
            _trained_spec(
                "vggunet",
                _network("vggunet", "VggUnet"),
                19_852_034,
                "VGG-16 U-Net; its checkpoints alone.",
                encoder="vgg16",
            ),
            _trained_spec(
                "liteunet",
                _network("liteunet", "LiteUnet"),
                7_212_005,
                "EfficientNet-Lite2 under a residual decoder, the network of mini; its checkpoints alone.",
                vivid=True,
                hints=True,
                encoder="efficientnet-lite{size}",
            ),
            _trained_spec(
                "mini-v2",
                _network("mini", "Mini"),
                11_185_093,
                "The network that mini was up to its second version; its checkpoints alone.",
                vivid=True,
                hints=True,
                labels=True,
            ),
            _trained_spec(
                "damagenet",
                _network("damagenet", "DamageNet"),
                247_972,
                "Finds dust and scratches; its checkpoints alone, for --restore.",
            ),
            _trained_spec(
                "colorunet",
                _network("colorunet", "ColorUnet"),
                7_763_488,
                "U-Net over 32 frequent colors; its checkpoints alone.",
                vivid=True,
            ),
        ]
    )


def other_networks() -> dict[str, FeatureSpec]:
    """Every network that does not color: feature extractors, and those of restoration."""
    return {**feature_extractors(), **restoration_networks()}


def known(name: str) -> ModelSpec | FeatureSpec:
    """The colorization model, the feature extractor or the network of restoration of that name.

    Raises:
        ModelNotFoundError: there is none.
    """
    others = other_networks()
    if name in others:
        return others[name]
    models = catalogue()
    if name in models:
        return models.get(name)
    raise models.not_found(name, others)
