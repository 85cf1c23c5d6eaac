"""Convolutions whose weight is stored in normalised form, as published weights hold it; for inference.

In:  keys `weight_orig`, `weight_u`, `weight_v` (spectral norm) or `weight_g`, `weight_v` (weight norm), and `bias`
Out: a convolution by the weight that they stand for
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from colorize_cli.models.networks.winograd import SpreadKernel, convolve, suits


class NormedConv(nn.Module, ABC):
    """A 2-D convolution of odd `kernel` that keeps the size; its weight is worked out from what is stored.

    `fold` works it out once. It changes what is stored, too, to an equal network: the state dict stays valid.
    """

    bias: nn.Parameter | None

    def __init__(self, outputs: int, kernel: int, bias: bool) -> None:
        super().__init__()
        self.padding, self.folded = kernel // 2, False
        self._spread = SpreadKernel()
        self.register_parameter("bias", nn.Parameter(torch.zeros(outputs)) if bias else None)

    @abstractmethod
    def stored(self) -> nn.Parameter:
        """The parameter that holds the weight once it is folded."""

    @abstractmethod
    def weight(self) -> Tensor:
        """The weight that the stored tensors stand for."""

    @torch.no_grad()
    def fold(self) -> None:
        """Work the weight out now, not at every call."""
        self.stored().copy_(self.weight())
        self.folded = True

    def weight_now(self) -> Tensor:
        """The weight, worked out unless it is folded."""
        return self.stored() if self.folded else self.weight()

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self.folded = False
        super()._load_from_state_dict(*args, **kwargs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, outputs, H, W)."""
        weight = self.weight_now()
        if self.folded and suits(x, weight):
            y = convolve(x, self._spread(weight))
            return y if self.bias is None else y.add_(self.bias[:, None, None])
        return F.conv2d(x, weight if weight.ndim == 4 else weight.unsqueeze(3), self.bias, 1, self.padding)


class SpectralConv(NormedConv):
    """Spectral norm (Miyato 2018): the weight divided by its largest singular value, as the stored vectors give it.

    The vectors are kept as they are: this is the network in eval mode, not for training.

    Args:
        inputs, outputs: channels.
        kernel: its edge.
        bias: whether it has one.
        flat: the weight is stored with one spatial axis, (outputs, inputs, 1).
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, bias: bool = False, flat: bool = False) -> None:
        super().__init__(outputs, kernel, bias)
        self.weight_orig = nn.Parameter(torch.empty(outputs, inputs, *(kernel,) * (1 if flat else 2)))
        nn.init.kaiming_normal_(self.weight_orig)
        self.register_buffer("weight_u", torch.full((outputs,), outputs**-0.5))
        self.register_buffer("weight_v", torch.full((inputs * kernel**2,), (inputs * kernel**2) ** -0.5))

    def stored(self) -> nn.Parameter:
        """See `NormedConv.stored`: divided by sigma, so that the same vectors give a sigma of one."""
        return self.weight_orig

    def weight(self) -> Tensor:
        """See `NormedConv.weight`."""
        sigma = torch.dot(self.weight_u, torch.mv(self.weight_orig.flatten(1), self.weight_v))
        return self.weight_orig / sigma


class WeightNormConv(NormedConv):
    """Weight norm (Salimans 2016): direction `weight_v` and length `weight_g` of each output's weights."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, bias: bool = True) -> None:
        super().__init__(outputs, kernel, bias)
        self.weight_v = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        nn.init.kaiming_normal_(self.weight_v)
        self.weight_g = nn.Parameter(self.weight_v.detach().square().sum((1, 2, 3), keepdim=True).sqrt())

    def stored(self) -> nn.Parameter:
        """See `NormedConv.stored`: the direction scaled to the length, so that the same length gives it back."""
        return self.weight_v

    def weight(self) -> Tensor:
        """See `NormedConv.weight`."""
        length = torch.linalg.vector_norm(self.weight_v, dim=(1, 2, 3), keepdim=True)
        weight: Tensor = self.weight_v * (self.weight_g / length)
        return weight


def fold_norms(network: nn.Module) -> None:
    """Fold every normalised convolution of a network that is loaded."""
    for module in network.modules():
        if isinstance(module, NormedConv):
            module.fold()


def fold_batch_norms(network: nn.Module) -> None:
    """Fold batch norms into the convolutions before them: an equal network that is only for inference, and faster.

    A module says by `NORMED` which of its children, by name, are a convolution and its norm.
    """
    for module in network.modules():
        for name, norm_name in getattr(module, "NORMED", ()):
            convolution, norm = getattr(module, name, None), getattr(module, norm_name, None)
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and not norm.training:
                setattr(module, name, fuse_conv_bn_eval(convolution, norm))
                setattr(module, norm_name, nn.Identity())
