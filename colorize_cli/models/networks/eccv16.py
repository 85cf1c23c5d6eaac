"""`eccv16`: eight blocks of convolutions without pooling; each place gets a probability over 313 ab bins.

In:  lightness, (N, 1, H, W), [0, 100]; H, W multiples of 8
Out: logits over the bins, (N, 313, H/4, W/4), or with the regression head ab, (N, 2, H/4, W/4), Lab units

Source: Zhang, Isola, Efros, Colorful Image Colorization, ECCV 2016. The keys are those of the published weights.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorize_cli.color.lab import AB_MAX
from colorize_cli.models.bins import GRID, srgb_bins
from colorize_cli.models.classifier import OverBins
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.winograd import QuickConv
from colorize_cli.models.vividness import Reading

BINS = 313
_TEMPERATURE = 0.38  # of the annealed mean in the paper


def zhang_bins() -> Tensor:
    """As many bins as the published network has: those that sRGB occupies, then the nearest others.

    (313, 2), Lab units. Trained from scratch the network uses these; published weights bring their own.
    """
    inside = srgb_bins()
    axis = torch.arange(-AB_MAX, AB_MAX + 1, GRID).float()
    grid = torch.cartesian_prod(axis, axis)
    distance = torch.cdist(grid.double(), inside.double()).amin(1)
    # the distance decides, then the chroma, then the order on the grid: the same bins on every machine
    keys = distance * 1e6 + grid.double().norm(dim=1)
    order = torch.argsort(keys, stable=True)[:BINS]
    return grid[order.sort().values]


def _block(inputs: int, outputs: int, depth: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """`depth` 3x3 convolutions with ReLU, the last with a stride, then batch norm."""
    layers: list[nn.Module] = []
    for i in range(depth):
        step = stride if i == depth - 1 else 1
        taken = inputs if i == 0 else outputs
        plain = step == dilation == 1
        conv = QuickConv(taken, outputs) if plain else nn.Conv2d(taken, outputs, 3, step, dilation, dilation)
        layers += [conv, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))


class Eccv16(OverBins, Generator):
    """The network of Zhang 2016.

    Args:
        head: `bins` classifies and decodes by the annealed mean; `ab` regresses color, for L1, L2 and GAN training.
        vividness: default of `colorize`; 0.5 is the paper's temperature, 0 the plain mean.
        dropout: share dropped behind the three deepest blocks, in training only: the noise of an adversarial training.
    """

    multiple = 8

    def __init__(self, head: Literal["bins", "ab"] = "bins", vividness: float = 0.5, dropout: float = 0.0) -> None:
        super().__init__()
        self.head, self.vividness, self.dropout = head, vividness, dropout
        self.classifies = head == "bins"
        self.model1 = _block(1, 64, 2, stride=2)
        self.model2 = _block(64, 128, 2, stride=2)
        self.model3 = _block(128, 256, 3, stride=2)
        self.model4 = _block(256, 512, 3)
        self.model5 = _block(512, 512, 3, dilation=2)
        self.model6 = _block(512, 512, 3, dilation=2)
        self.model7 = _block(512, 512, 3)
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(512, 256, 4, 2, 1),
            nn.ReLU(inplace=True),
            QuickConv(256, 256),
            nn.ReLU(inplace=True),
            QuickConv(256, 256),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, BINS if head == "bins" else 2, 1),
        )
        if head == "bins":
            self.model_out = nn.Conv2d(BINS, 2, 1, bias=False)
            with torch.device("cpu"):  # the bins are cached: never on "meta", where a network may be built
                bins = zhang_bins().T / AB_MAX
            self.model_out.weight = nn.Parameter(bins[:, :, None, None], requires_grad=False)

    @property
    def bins(self) -> Tensor:  # type: ignore[override]
        """The centres that the classes stand for, (313, 2), Lab units: the weights of the last layer."""
        return self.model_out.weight.detach()[:, :, 0, 0].T * AB_MAX

    def forward(self, lightness: Tensor) -> Tensor:
        """Logits, (N, 313, H/4, W/4), or ab, (N, 2, H/4, W/4), Lab units."""
        x = (lightness - 50) / 100
        for block in (self.model1, self.model2, self.model3, self.model4):
            x = block(x)
        for block in (self.model5, self.model6, self.model7):
            x = block(x)
            if self.dropout:
                x = F.dropout(x, self.dropout, self.training)
        x = self.model8(x)
        return x if self.head == "bins" else torch.tanh(x) * AB_MAX

    def decode(self, logits: Tensor, temperature: float = _TEMPERATURE) -> Tensor:
        """Annealed mean (equation 5): logits, (N, 313, h, w), to ab, (N, 2, h, w), Lab units."""
        with torch.autocast(logits.device.type, enabled=False):  # a color needs more than bf16's three digits
            return torch.einsum("nqhw,qc->nchw", (logits.float() / temperature).softmax(1), self.bins.float())

    @property
    def reading(self) -> Reading | None:
        """See `Generator.reading`: 1 at vividness 0, the paper's temperature at 0.5; the regression head has none."""
        if self.head == "ab":
            return None
        return Reading(self.vividness, (0.0, 1.0), (0.0, _TEMPERATURE**2), True, (0.0, 1.0))

    def read(
        self, lightness: Tensor, hints: Hints | None, exponent: Tensor, temperature: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """See `Generator.read`."""
        if self.head == "ab":
            return self.colorize(lightness), None
        likely = (self.forward(lightness).permute(0, 2, 3, 1) / temperature).softmax(3)
        return (likely @ self.bins).permute(0, 3, 1, 2), likely

    @property
    def palette(self) -> Tensor | None:
        """See `Generator.palette`: the bins, or None with the regression head."""
        return self.bins if self.head == "bins" else None

    def probabilities(self, lightness: Tensor, hints: Hints | None = None) -> Tensor | None:
        """See `Generator.probabilities`, (N, 313, H/4, W/4); its training weights, unpublished, are not divided out."""
        return self.forward(lightness).float().softmax(1) if self.head == "bins" else None

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        """See `Generator.colorize`; ab at a quarter of the input's size. The regression head has no vividness."""
        out: Tensor = self.forward(lightness)
        if self.reading is None:
            return out.float()
        return self.decode(out, self.reading.at(vividness)[1])
