"""Small networks of the published classes, by spandrel's own constructors, in the layout of the published files."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.models import tiny

_NEW_NAMES = {"0": "conv_first", "3": "conv_up1", "6": "conv_up2", "8": "conv_hr", "10": "conv_last"}


def _identity(conv: nn.Conv2d, bias: float = 0.0, gain: float = 1.0) -> None:
    nn.init.zeros_(conv.weight)
    for i in range(min(conv.out_channels, conv.in_channels)):
        conv.weight.data[i, i, 1, 1] = gain
    nn.init.constant_(conv.bias, bias)  # type: ignore[arg-type]


def enlarger(scale: int, lighter: float = 0.0) -> bytes:
    """A Real-ESRGAN of two blocks that repeats each pixel, and adds `lighter`: a .pth of its new layout."""
    from spandrel.architectures.ESRGAN import ESRGAN

    network = ESRGAN(in_nc=3 if scale == 4 else 12, out_nc=3, num_filters=12, num_blocks=2, scale=4,
                     shuffle_factor=None if scale == 4 else 2)  # fmt: skip
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    state = network.state_dict()
    body = [key for key in state if key.startswith("model.1.sub.2.")]
    assert body
    for name in _NEW_NAMES:
        conv = network.get_submodule(f"model.{name}")
        assert isinstance(conv, nn.Conv2d)
        _identity(conv, lighter if name == "10" else 0.0)
        if scale == 2 and name == "0":  # the mean of the four pixels that were put into planes
            nn.init.zeros_(conv.weight)
            for plane in range(3):
                conv.weight.data[plane, 4 * plane : 4 * plane + 4, 1, 1] = 0.25
    return tiny.pth({"params_ema": {_new_name(key): value for key, value in network.state_dict().items()}}, False)


def _new_name(key: str) -> str:
    parts = key.split(".")
    if parts[1] != "1":
        return f"{_NEW_NAMES[parts[1]]}.{parts[-1]}"
    if parts[3] == "2":
        return f"conv_body.{parts[-1]}"
    return f"body.{parts[3]}.{parts[4].lower()}.{parts[5]}.{parts[-1]}"


def denoiser() -> bytes:
    """A SCUNet of seven blocks, of random numbers; a bare state dict, as KAIR publishes it."""
    from spandrel.architectures.SCUNet import SCUNet

    torch.manual_seed(0)
    network = SCUNet(in_nc=3, config=[1] * 7, dim=64)
    state: dict[str, Tensor] = network.state_dict()
    return tiny.pth(state, False)


def face_finder(width: int, height: int, points: list[tuple[float, float]]) -> bytes:
    """A graph in YuNet's layout, for pictures of this size, multiples of 32, which finds one face at given places.

    Args:
        width: of the picture.
        height: of the picture.
        points: eyes, nose and corners of the mouth.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, height, width])
    nodes, made, outputs = [helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0)], [], []
    made.append(numpy_helper.from_array(np.zeros((), np.float32), "zero"))
    nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    middle = np.mean(points, 0)
    for kind, planes in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            across = width // stride
            values = np.zeros((1, across * (height // stride), planes), np.float32)
            if stride == 32:
                column, row = int(middle[0]) // stride, int(middle[1]) // stride
                corner = np.array((column, row), np.float32)
                own = {"cls": [1.0], "obj": [1.0], "bbox": [0, 0, np.log(4.0), np.log(4.0)]}.get(kind)
                values[0, row * across + column] = (np.array(points) / stride - corner).ravel() if own is None else own
            name = f"{kind}_{stride}"
            made.append(numpy_helper.from_array(values, f"{name}_values"))
            nodes.append(helper.make_node("Add", [f"{name}_values", "nothing"], [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(values.shape)))
    graph = helper.make_graph(nodes, "faces", [x], outputs, made)
    model: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7
    ).SerializeToString()
    return model


def inpainter(level: float) -> bytes:
    """A graph in LaMa's layout that fills holes with one level of 255, and spoils what is around them."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 512, 512])
    mask = helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, 512, 512])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, 512, 512])
    made = [numpy_helper.from_array(np.full((), level, np.float32), "level"),
            numpy_helper.from_array(np.zeros((), np.float32), "zero")]  # fmt: skip
    nodes = [helper.make_node("Mul", ["image", "zero"], ["black"]), helper.make_node("Mul", ["mask", "level"], ["in"]),
             helper.make_node("Add", ["black", "in"], ["output"])]  # fmt: skip
    graph = helper.make_graph(nodes, "lama", [image, mask], [output], made)
    model: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7
    ).SerializeToString()
    return model
