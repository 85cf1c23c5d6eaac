"""A checkpoint's tensors on their way into a graph: batch norms folded into convolutions, each tensor taken once.

In:  a state dict as numpy arrays
Out: weights and biases; what more than one network is made of, as a graph
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.models.onnx.graph import Graph

Floats = NDArray[np.float32]
Tensors = Mapping[str, NDArray[Any]]

_TORCH_EPSILON = 1e-5  # of torch's batch norm


class State:
    """A state dict, from which each tensor is taken once."""

    def __init__(self, tensors: Tensors) -> None:
        self.left = dict(tensors)

    def take(self, key: str) -> Floats:
        """One tensor; a KeyError where there is none."""
        return np.asarray(self.left.pop(key), np.float32)

    def folded(self, conv: str, norm: str, epsilon: float = _TORCH_EPSILON) -> tuple[Floats, Floats]:
        """Weight and bias of a convolution and its batch norm as one."""
        weight, gain = self.take(f"{conv}.weight"), self.gain(norm, epsilon)
        bias = self.take(f"{norm}.bias") - self.take(f"{norm}.running_mean") * gain
        self.left.pop(f"{norm}.num_batches_tracked", None)
        return weight * gain[:, None, None, None], bias

    def gain(self, norm: str, epsilon: float) -> Floats:
        """What a batch norm multiplies each channel by."""
        spread: Floats = np.sqrt(self.take(f"{norm}.running_var") + np.float32(epsilon))
        return self.take(f"{norm}.weight") / spread

    def conv_norm(self, name: str) -> tuple[Floats, Floats]:
        """A `blocks.ConvNorm`."""
        return self.folded(f"{name}.0", f"{name}.1")

    def residuals(self, graph: Graph, x: str, name: str, first: int = 0) -> str:
        """`layers.Residual`s of a stage, as many as there are."""
        at = first
        while f"{name}.{at}.first.0.weight" in self.left:
            y = graph.centred(x, *self.conv_norm(f"{name}.{at}.first"), 1, "relu")
            y = graph.centred(y, *self.conv_norm(f"{name}.{at}.second"), 1)
            x, at = graph.activated(graph.add("Add", y, x), "relu"), at + 1
        return x
