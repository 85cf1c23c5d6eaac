"""A network of torch as an ONNX graph, by torch's own exporter.

In:  a generator in eval mode, on the CPU
Out: the encoded model; for pictures of any number and, but for the multiple that the network asks for, any size
"""

from __future__ import annotations

import io
import warnings
from importlib.util import find_spec
from typing import cast

import torch
from torch import Tensor, nn

from colorize_cli.errors import MissingPackageError
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.onnx.graph import OPERATORS


class _Exported(nn.Module):
    """A generator with the inputs and outputs that every graph has."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, lightness: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        values = list(rest)
        hints = None
        if self.generator.takes_hints:
            known = values.pop(0)
            hints = Hints(known[:, :2], known[:, 2:])
        if self.generator.reading is None:
            return (self.generator.colorize(lightness, hints),)
        exponent = values.pop(0) if self.generator.reading.weighs else torch.zeros(())
        ab, likely = self.generator.read(lightness, hints, exponent, values[0])
        return (ab,) if likely is None else (ab, likely)


def traced(generator: Generator, multiple: int) -> bytes:
    """Write down what a generator does.

    Args:
        generator: eval mode, float32, on the CPU.
        multiple: of which both sides of its input are.
    """
    sides = (4 * multiple, 6 * multiple) if multiple < 64 else (multiple, 2 * multiple)
    given: dict[str, Tensor] = {"lightness": torch.rand(1, 1, *sides) * 100}
    if generator.takes_hints:
        given["hints"] = torch.rand(1, 3, *sides)
    if generator.reading is not None:
        exponent, temperature = generator.reading.at(None)
        if generator.reading.weighs:
            given["exponent"] = torch.tensor(exponent)
        given["temperature"] = torch.tensor(temperature)
    with torch.inference_mode():
        outputs = ("ab", "probabilities")[: len(_Exported(generator)(*given.values()))]
    axes: dict[str, dict[int, str]] = {
        name: {0: "n", 2: "h", 3: "w"} for name in ("lightness", "hints") if name in given
    }
    axes |= {"ab": {0: "n", 2: "rows", 3: "columns"}}
    if len(outputs) > 1:
        axes |= {"probabilities": {0: "n", 1: "rows", 2: "columns"}}
    out = io.BytesIO()
    if find_spec("onnx") is None:
        raise MissingPackageError(
            "writing this network as an ONNX file needs onnx, which is not installed", package="onnx"
        )
    with warnings.catch_warnings():  # of what is fixed while it is written down; the result is compared with torch's
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Exported(generator).eval(),
            tuple(given.values()),
            cast(str, out),
            input_names=list(given),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPERATORS,
            dynamo=False,  # the newer exporter needs onnxscript, and sizes that it can prove
        )
    return out.getvalue()
