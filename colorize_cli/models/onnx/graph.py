"""A graph of ONNX operators, put together one operator at a time.

In:  names of values, arrays
Out: the encoded model
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.lab import EPSILON, KAPPA
from colorize_cli.models.onnx import protobuf
from colorize_cli.models.onnx.protobuf import Dimension, Value

OPERATORS = 17  # ONNX's operator set that graphs are written in, from 2022
Act = Literal["none", "relu", "relu6"]


class Graph:
    """Operators in the order in which they were added; each is named by its only output."""

    def __init__(self) -> None:
        self._nodes, self._tensors = list[bytes](), list[tuple[bytes, memoryview]]()
        self._inputs, self._outputs = list[bytes](), list[bytes]()
        self._scalars = dict[tuple[str, float], str]()

    def input(self, name: str, *shape: Dimension) -> str:
        """A value that is given at each run."""
        self._inputs.append(protobuf.value_info(name, shape))
        return name

    def output(self, name: str, *shape: Dimension) -> None:
        """A value that a run gives; an operator has that name."""
        self._outputs.append(protobuf.value_info(name, shape))

    def constant(self, array: NDArray[Any]) -> str:
        """Numbers that belong to the model: float32 or int64."""
        name = f"c{len(self._tensors)}"
        self._tensors.append(protobuf.tensor(name, array))
        return name

    def scalar(self, value: float) -> str:
        """One real number; equal ones are kept once."""
        key = ("f", float(value))
        if key not in self._scalars:
            self._scalars[key] = self.constant(np.array(value, np.float32))
        return self._scalars[key]

    def add(self, operator: str, *inputs: str | float, name: str = "", **attributes: Value) -> str:
        """One operator of some values and numbers; returns its output's name."""
        given = [value if isinstance(value, str) else self.scalar(value) for value in inputs]
        name = name or f"{operator.lower()}{len(self._nodes)}"
        self._nodes.append(protobuf.node(operator, given, name, attributes))
        return name

    def convolution(
        self,
        x: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32] | None = None,
        stride: int = 1,
        act: Act = "none",
    ) -> str:
        """A convolution of (N, C, H, W) that keeps the size or, with a stride of 2, halves an even one.

        Args:
            x: the value.
            weight: (outputs, C, k, k); (C, 1, k, k) is one kernel for each channel.
            bias: (outputs,).
            stride: 1 or 2.
            act: what follows; the runtime makes it one with the convolution.
        """
        kernel = weight.shape[2]
        # with a stride the window starts at the place itself where the kernel is odd: as Keras pads, not torch
        before, behind = (kernel // 2, kernel // 2) if stride == 1 else ((kernel - 2) // 2, (kernel - 1) // 2)
        return self._convolution(x, weight, bias, stride, (before, before, behind, behind), act)

    def centred(
        self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32], stride: int, act: Act = "none"
    ) -> str:
        """The same, but padded alike on all sides, as torch does it by itself."""
        return self._convolution(x, weight, bias, stride, (weight.shape[2] // 2,) * 4, act)

    def _convolution(
        self,
        x: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
        stride: int,
        pads: Sequence[int],
        act: Act,
    ) -> str:
        numbers = [self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        groups = weight.shape[0] if weight.shape[1] == 1 and weight.shape[0] > 1 else 1
        y = self.add("Conv", x, *numbers, strides=[stride] * 2, pads=list(pads), group=groups)
        return self.activated(y, act)

    def activated(self, x: str, act: Act) -> str:
        """ReLU, ReLU6 or nothing."""
        if act == "none":
            return x
        return self.add("Relu", x) if act == "relu" else self.add("Clip", x, 0.0, 6.0)

    def doubled(self, x: str, mode: str) -> str:
        """(N, C, H, W) to (N, C, 2 H, 2 W), `nearest` or `bilinear`."""
        name = "twice"
        if (name, 2.0) not in self._scalars:
            self._scalars[name, 2.0] = self.constant(np.array([1, 1, 2, 2], np.float32))
        kind, where = ("nearest", "asymmetric") if mode == "nearest" else ("linear", "half_pixel")
        how: dict[str, Any] = {"mode": kind, "coordinate_transformation_mode": where, "nearest_mode": "floor"}
        return self.add("Resize", x, "", self._scalars[name, 2.0], **how)

    def grey(self, lightness: str) -> str:
        """L*, [0, 100], to the grey value of sRGB, [0, 1]; as `color.gpu.grey_from_lightness`."""
        f = self.add("Div", self.add("Add", lightness, 16.0), 116.0)
        cube = self.add("Mul", self.add("Mul", f, f), f)
        dark = self.add("Div", lightness, KAPPA)
        y = self.add("Where", self.add("Greater", lightness, KAPPA * EPSILON), cube, dark)
        # the power as an exponential, which the runtime has vectorized
        power = self.add("Exp", self.add("Mul", self.add("Log", self.add("Max", y, 1e-8)), 1 / 2.4))
        curve = self.add("Sub", self.add("Mul", power, 1.055), 0.055)
        straight = self.add("Mul", y, 12.92)
        srgb = self.add("Where", self.add("Greater", y, 0.0031308), curve, straight)
        return self.add("Clip", srgb, 0.0, 1.0)

    def encoded(self, producer: str) -> bytes:
        """The model."""
        return protobuf.model(self._nodes, self._tensors, self._inputs, self._outputs, OPERATORS, producer)
