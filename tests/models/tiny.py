"""A network small enough to be pulled in a test, in a catalogue of its own."""

from __future__ import annotations

import hashlib
import io

import torch
from torch import Tensor, nn

from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.normed import SpectralConv
from colorize_cli.models.registry import HubFile, ModelSpec, Published, Registry, Sizes, Url


class Tiny(Generator):
    """One convolution, its weight stored under a spectral norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = SpectralConv(1, 2, 3, bias=True)
        self.norm = nn.BatchNorm2d(2)

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        out: Tensor = self.norm(self.conv(lightness))
        return out


def state(seed: int = 0) -> dict[str, Tensor]:
    """Random weights of `Tiny`."""
    torch.manual_seed(seed)
    return Tiny().state_dict()


def pth(contents: object, legacy: bool = False) -> bytes:
    """What `torch.save` writes; `legacy` as before version 1.6."""
    buffer = io.BytesIO()
    torch.save(contents, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def spec(name: str, published: Published) -> ModelSpec:
    """A model whose network is `Tiny`."""
    return ModelSpec(name, Tiny, Sizes(16, 1, 1024), False, True, published, "MIT", "here", 26, "A test's.")


def catalogue(data: bytes, url: str, known: bool = True) -> Registry:
    """`plain` by URL, and `hubbed` on the Hub, whose hash only the Hub knows unless `known`."""
    sha256 = hashlib.sha256(data).hexdigest()
    plain = Published("plain-weights.pth", (Url(f"{url}/plain-weights.pth"),), sha256[:8], len(data), ("head.weight",))
    hub = HubFile("someone/colors", "0123456789abcdef0123456789abcdef01234567", "hub-weights.pth")
    hubbed = Published("hub-weights.pth", (hub,), sha256 if known else "", len(data), ("head.weight",))
    return Registry([spec("plain", plain), spec("hubbed", hubbed)])
