"""The graph of the network that finds damage, from a checkpoint's weights, without torch.

In:  a state dict of `damagenet.DamageNet` as numpy arrays
Out: a graph: lightness, (N, 1, H, W), [0, 100], in; probability of damage, (N, 1, H, W), out
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from colorize_cli.models.onnx.folded import State
from colorize_cli.models.onnx.graph import Graph


def damage_graph(tensors: Mapping[str, NDArray[Any]], producer: str) -> bytes:
    """Write the network down in eval mode, with batch norms folded into the convolutions.

    Raises:
        KeyError: the tensors are not those of that network.
    """
    g, state = Graph(), State(tensors)

    def stage(x: str, name: str, strides: tuple[int, ...]) -> str:
        for place, stride in enumerate(strides):
            x = g.centred(x, *state.conv_norm(f"{name}.{place}"), stride, "relu")
        return x

    def beside(coarse: str, fine: str) -> str:
        return g.add("Concat", g.doubled(coarse, "nearest"), fine, axis=1)

    lightness = g.input("lightness", "n", 1, "h", "w")
    centred = g.add("Sub", g.add("Div", lightness, 100.0), 0.5)
    a = stage(g.add("SpaceToDepth", centred, blocksize=2), "down_a", (1, 1))
    b = stage(a, "down_b", (2, 1))
    c = stage(b, "down_c", (2, 1))
    d = state.residuals(g, stage(c, "down_d", (2, 1, 1)), "more.3")
    c = state.residuals(g, g.centred(beside(d, c), *state.conv_norm("up_c"), 1, "relu"), "more.2")
    b = state.residuals(g, g.centred(beside(c, b), *state.conv_norm("up_b"), 1, "relu"), "more.1")
    a = state.residuals(g, stage(beside(b, a), "up_a", (1, 1)), "more.0")
    head = g.convolution(a, state.take("head.weight"), state.take("head.bias"))
    g.add("Sigmoid", g.add("DepthToSpace", head, blocksize=2, mode="CRD"), name="damage")
    if state.left:
        raise KeyError(next(iter(state.left)))
    g.output("damage", "n", 1, "h", "w")
    return g.encoded(producer)
