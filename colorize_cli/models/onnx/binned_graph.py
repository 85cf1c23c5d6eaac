"""The graphs of the networks that `mini` is or was, from a checkpoint's weights, without torch.

In:  a state dict as numpy arrays, and the arguments that it was built with
Out: a graph: lightness, hints, exponent and temperature in; ab and the probabilities that it is the mean of out

They are `liteunet.LiteUnet` and `mini.Mini` in eval mode with batch norms folded into the convolutions, to 1e-4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.lab import AB_MAX
from colorize_cli.models.networks.lite_plan import EPSILON, MIDDLE, SPREAD, BlockPlan, block_plans, last_of_each_size
from colorize_cli.models.onnx.folded import State, Tensors
from colorize_cli.models.onnx.graph import Act, Graph

_LEAST_SHARE = 1e-4  # see `liteunet.pooled_hints`


class _Writer:
    """A graph under way, and the weights that go into it."""

    def __init__(self, tensors: Tensors) -> None:
        self.state, self.graph = State(tensors), Graph()
        self.lightness = self.graph.input("lightness", "n", 1, "h", "w")
        hints = self.graph.input("hints", "n", 3, "h", "w")
        mask = self.graph.add("Slice", hints, *map(self.graph.constant, _from_to(2, 3)))
        ab = self.graph.add("Slice", hints, *map(self.graph.constant, _from_to(0, 2)))
        known = self.graph.add("Mul", self.graph.add("Mul", ab, mask), 1 / AB_MAX)
        self.known = self.graph.add("Concat", known, mask, axis=1)

    def context(self, x: str) -> str:
        """`blocks.GlobalContext`; its matrices as convolutions of one place."""
        mean = self.graph.add("GlobalAveragePool", x)
        squeeze, squeezed, expand, expanded = (self.state.take(f"context.{name}") for name in _CONTEXT)
        inner = self.graph.convolution(mean, squeeze[:, :, None, None], squeezed, act="relu")
        return self.graph.add("Add", x, self.graph.convolution(inner, expand[:, :, None, None], expanded))

    def finished(self, x: str, producer: str) -> bytes:
        """Features to probabilities and their mean; the graph is whole."""
        g, state = self.graph, self.state
        exponent, temperature = g.input("exponent"), g.input("temperature")
        bins, log_weights = state.take("bins"), state.take("log_weights")
        head, bias = state.take("head.weight")[:, :, 0, 0], state.take("head.bias")
        if state.left:
            raise KeyError(next(iter(state.left)))
        # bins last: so nothing is moved before the softmax; the temperature on the few features, not on all the bins
        places = g.add("Div", g.add("Transpose", x, perm=[0, 2, 3, 1]), temperature)
        weighed = g.add("Mul", g.constant(log_weights), exponent)
        offset = g.add("Div", g.add("Sub", g.constant(bias), weighed), temperature)
        scores = g.add("Add", g.add("MatMul", places, g.constant(np.ascontiguousarray(head.T))), offset)
        likely = g.add("Softmax", scores, axis=3, name="probabilities")
        g.add("Transpose", g.add("MatMul", likely, g.constant(bins)), perm=[0, 3, 1, 2], name="ab")
        g.output("ab", "n", 2, "h/4", "w/4")
        g.output("probabilities", "n", "h/4", "w/4", len(bins))
        return g.encoded(producer)


def liteunet_graph(tensors: Tensors, arguments: Mapping[str, Any], producer: str) -> bytes:
    """The graph of `liteunet.LiteUnet` with hints.

    Raises:
        KeyError: the tensors are not those of that network.
    """
    made = _Writer(tensors)
    state, g = made.state, made.graph
    plans = block_plans(int(arguments.get("size", 2)))
    x, maps = _stem(made), list[str]()
    for i, plan in enumerate(plans):
        x = _block(made, x, f"encoder._blocks.{i}", plan)
        if i in last_of_each_size(plans):
            maps.append(x)
    x = g.convolution(x, *state.folded("encoder._conv_head", "encoder._bn1", EPSILON), act="relu6")
    x = g.centred(x, *state.conv_norm("top"), 1, "relu")
    quarter = _halved(g, _halved(g, made.known))
    pools = [quarter, _halved(g, quarter)]
    pools += [_halved(g, pools[-1])]
    pools += [_halved(g, pools[-1])]
    x = g.add("Add", x, g.convolution(_seen(g, pools[3]), state.take("hint_top.weight")))
    x = made.context(x)
    for i, lateral in enumerate(reversed(maps[1:-1])):
        hint = g.convolution(_seen(g, pools[2 - i]), state.take(f"hint_skip.{i}.weight"))
        up = g.doubled(g.centred(x, *state.conv_norm(f"project.{i}"), 1), "bilinear")
        y = g.add("Add", g.centred(lateral, *state.conv_norm(f"skip.{i}"), 1), hint)
        x = state.residuals(g, g.activated(g.add("Add", y, up), "relu"), f"decoder.{i}")
    return made.finished(x, producer)


def mini_graph(tensors: Tensors, arguments: Mapping[str, Any], producer: str) -> bytes:
    """The graph of `mini.Mini`.

    Raises:
        KeyError: the tensors are not those of that network.
    """
    made = _Writer(tensors)
    state, g = made.state, made.graph
    shown = g.add("Concat", g.add("Sub", g.add("Div", made.lightness, 50.0), 1.0), made.known, axis=1)
    x = g.centred(shown, *state.conv_norm("stem.0"), 2, "relu")
    x = g.centred(x, *state.conv_norm("stem.1"), 2, "relu")
    depth = 1 + max((int(key.split(".")[1]) for key in state.left if key.startswith("project.")), default=0)
    maps = list[str]()
    for i in range(depth + 1):
        if i:
            x = g.centred(x, *state.conv_norm(f"encoder.{i}.0"), 2, "relu")
        x = state.residuals(g, x, f"encoder.{i}", min(i, 1))
        maps.append(x)
    x = made.context(x)
    for i, lateral in enumerate(maps[-2::-1]):
        up = g.doubled(g.centred(x, *state.conv_norm(f"project.{i}"), 1), str(arguments.get("upsampling", "nearest")))
        y = g.add("Add", g.centred(lateral, *state.conv_norm(f"skip.{i}"), 1), up)
        x = state.residuals(g, g.activated(y, "relu"), f"decoder.{i}")
    return made.finished(x, producer)


# which arguments besides vividness's a network's graph knows how to follow, or may leave alone
GRAPHS: Mapping[str, tuple[Callable[[Tensors, Mapping[str, Any], str], bytes], frozenset[str]]] = {
    "liteunet": (liteunet_graph, frozenset({"size", "drop_path", "top", "widths", "hints"})),
    "mini": (mini_graph, frozenset({"widths", "encoder", "decoder", "classes", "upsampling"})),
}

_CONTEXT = ("squeeze.weight", "squeeze.bias", "expand.weight", "expand.bias")


def _stem(made: _Writer) -> str:
    """The first convolution, of one grey channel, where the published one has three equal ones, and of the hints."""
    state, g = made.state, made.graph
    weight = state.take("encoder._conv_stem.weight").sum(1, keepdims=True)
    state.left["stem.weight"] = np.concatenate((weight, state.take("hint_stem.weight")), 1)
    scaled = g.add("Div", g.add("Sub", g.add("Mul", g.grey(made.lightness), 255.0), MIDDLE), SPREAD)
    shown = g.add("Concat", scaled, made.known, axis=1)
    return g.convolution(shown, *state.folded("stem", "encoder._bn0", EPSILON), stride=2, act="relu6")


def _block(made: _Writer, x: str, name: str, plan: BlockPlan) -> str:
    """An inverted residual of EfficientNet-Lite."""
    steps: list[tuple[str, str, int, Act]] = [("_depthwise_conv", "_bn1", plan.stride, "relu6")]
    if plan.expansion > 1:
        steps.insert(0, ("_expand_conv", "_bn0", 1, "relu6"))
    steps.append(("_project_conv", "_bn2", 1, "none"))
    y = x
    for conv, norm, stride, act in steps:
        y = made.graph.convolution(
            y, *made.state.folded(f"{name}.{conv}", f"{name}.{norm}", EPSILON), stride=stride, act=act
        )
    return made.graph.add("Add", y, x) if plan.skips else y


def _halved(g: Graph, known: str) -> str:
    return g.add("AveragePool", known, kernel_shape=[2, 2], strides=[2, 2])


def _seen(g: Graph, means: str) -> str:
    """Means of ab times mask, and of mask, to the mean of the known ab and the root of the known share."""
    share = g.add("Slice", means, *map(g.constant, _from_to(2, 3)))
    ab = g.add("Slice", means, *map(g.constant, _from_to(0, 2)))
    return g.add("Concat", g.add("Div", ab, g.add("Max", share, _LEAST_SHARE)), g.add("Sqrt", share), axis=1)


def _from_to(first: int, end: int) -> tuple[NDArray[np.int64], ...]:
    """Channels, for `Slice`: starts, ends, axes."""
    return tuple(np.array([one], np.int64) for one in (first, end, 1))
