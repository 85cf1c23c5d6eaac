"""The few messages of ONNX's format that are written here, and a look through those that somebody else wrote.

In:  names, numbers and arrays; or the bytes of a file
Out: encoded messages; or what a model says of itself, and its tensors one by one

Source: onnx.proto3 of https://github.com/onnx/onnx, IR version 8; the encoding is that of protocol buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Value = int | float | str | Sequence[int] | Sequence[float]
Dimension = int | str  # a number, or the name of one that may differ from picture to picture

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TYPES: Mapping[str, int] = {"float32": 1, "int64": 7, "float16": 10}  # TensorProto.DataType
_KINDS: Mapping[int, np.dtype[Any]] = {
    1: np.dtype("<f4"), 10: np.dtype("<f2"), 11: np.dtype("<f8"),
}  # fmt: skip
_EXTERNAL = 1  # TensorProto.DataLocation: the numbers lie in another file
_DEEPEST = 8  # graphs within graphs


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # a negative one has ten bytes
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(tag: int, value: int) -> bytes:
    """A field that is a whole number."""
    return _varint(tag << 3 | _VARINT) + _varint(value)


def block(tag: int, *parts: bytes | str) -> bytes:
    """A field that is text, bytes or a message."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join((_varint(tag << 3 | _BYTES), _varint(sum(map(len, encoded))), *encoded))


def attribute(name: str, value: Value) -> bytes:
    """AttributeProto: a whole number, a real one, text, or a list of numbers of one kind."""
    head = block(1, name)
    if isinstance(value, str):
        return head + block(4, value) + number(20, 3)
    if isinstance(value, float):
        return head + _varint(2 << 3 | _FIXED32) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return head + number(3, value) + number(20, 2)
    if all(isinstance(one, int) for one in value):
        return head + b"".join(number(8, int(one)) for one in value) + number(20, 7)
    return head + b"".join(_varint(7 << 3 | _FIXED32) + struct.pack("<f", one) for one in value) + number(20, 6)


def node(operator: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Value]) -> bytes:
    """NodeProto with one output, which also names it."""
    given = b"".join(block(1, name) for name in inputs)
    how = b"".join(block(5, attribute(name, value)) for name, value in attributes.items())
    return given + block(2, output) + block(3, output) + block(4, operator) + how


def tensor(name: str, array: NDArray[Any]) -> tuple[bytes, memoryview]:
    """TensorProto in two parts, so that its numbers are copied once, into the model."""
    dims = b"".join(number(1, side) for side in array.shape)
    numbers = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    head = dims + number(2, _TYPES[array.dtype.name]) + block(8, name)
    return head + _varint(9 << 3 | _BYTES) + _varint(len(numbers)), numbers


def value_info(name: str, shape: Sequence[Dimension]) -> bytes:
    """ValueInfoProto of float32."""
    sides = b"".join(block(1, block(2, side) if isinstance(side, str) else number(1, side)) for side in shape)
    return block(1, name) + block(2, block(1, number(1, _TYPES["float32"]), block(2, sides)))


def metadata(properties: Mapping[str, str]) -> bytes:
    """What a model says of itself. Appended to an encoded ModelProto it becomes part of it."""
    return b"".join(block(14, block(1, name), block(2, text)) for name, text in properties.items())


def model(
    nodes: Sequence[bytes],
    tensors: Sequence[tuple[bytes, memoryview]],
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    operators: int,
    producer: str,
) -> bytes:
    """ModelProto whose operators are those of ONNX's set of that number."""
    parts = list[bytes | memoryview](block(1, one) for one in nodes)
    parts.append(block(2, producer))
    for head, numbers in tensors:
        parts += (_varint(5 << 3 | _BYTES), _varint(len(head) + len(numbers)), head, numbers)
    parts += (block(11, one) for one in inputs)
    parts += (block(12, one) for one in outputs)
    start = number(1, 8) + block(2, producer) + block(8, number(2, operators))
    return b"".join((start, _varint(7 << 3 | _BYTES), _varint(sum(map(len, parts))), *parts))


class DamagedError(ValueError):
    """The bytes are no encoded message, or end too early."""


@dataclass
class Contents:
    """What a look through an encoded model finds.

    Attributes:
        properties: what it says of itself.
        operators: names of the operators, those of other sets as `set.name`.
        external: whether numbers lie in other files.
        finite: whether every real number of its tensors is one.
    """

    properties: dict[str, str] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    external: bool = False
    finite: bool = True


def look_through(data: bytes | memoryview) -> Contents:
    """Read an encoded model as far as it can be judged by.

    Raises:
        DamagedError: it is none.
    """
    found = Contents()
    seen = set[int]()
    for tag, value in _fields(memoryview(data)):
        seen.add(tag)
        if tag == 7 and isinstance(value, memoryview):
            _look_at_graph(value, found, 0)
        elif tag == 14 and isinstance(value, memoryview):
            pair = {key: _text(part) for key, part in _fields(value)}
            found.properties[pair.get(1, "")] = pair.get(2, "")
    if not {1, 7} <= seen:
        raise DamagedError("no ONNX model")
    return found


def _look_at_graph(data: memoryview, found: Contents, depth: int) -> None:
    if depth > _DEEPEST:
        raise DamagedError("graphs within graphs")
    for tag, value in _fields(data):
        if isinstance(value, int):
            continue
        if tag == 1:
            _look_at_node(value, found, depth)
        elif tag == 5:
            _look_at_tensor(value, found)


def _look_at_node(data: memoryview, found: Contents, depth: int) -> None:
    operator, others = "", ""
    for tag, value in _fields(data):
        if tag == 4:
            operator = _text(value)
        elif tag == 7:
            others = _text(value)
        elif tag == 5 and isinstance(value, memoryview):
            for part, inner in _fields(value):
                if isinstance(inner, memoryview) and part in (5, 10):
                    _look_at_tensor(inner, found)
                elif isinstance(inner, memoryview) and part in (6, 11):
                    _look_at_graph(inner, found, depth + 1)
    found.operators.add(f"{others}.{operator}" if others else operator)


def _look_at_tensor(data: memoryview, found: Contents) -> None:
    kind, raw, listed = 0, memoryview(b""), list[memoryview]()
    for tag, value in _fields(data):
        if tag == 2 and isinstance(value, int):
            kind = value
        elif tag == 14 and value == _EXTERNAL:
            found.external = True
        elif tag == 9 and isinstance(value, memoryview):
            raw = value
        elif tag in (4, 10) and isinstance(value, memoryview):  # float_data, double_data; packed, or one at a time
            listed.append(value)
    if kind not in _KINDS:
        return
    if len(raw) % _KINDS[kind].itemsize:
        raise DamagedError("a tensor with half a number")
    numbers = [np.frombuffer(raw, _KINDS[kind])]
    numbers += [np.frombuffer(part, "<f4" if kind == 1 else "<f8") for part in listed if kind != 10]
    if not all(np.isfinite(part).all() for part in numbers):
        found.finite = False


def _text(value: memoryview | int) -> str:
    if isinstance(value, int):
        raise DamagedError("a number where text should be")
    return bytes(value).decode("utf-8", "replace")


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """The fields of a message: tag, and a number or bytes."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        tag, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield tag, value
            continue
        if kind == _BYTES:
            length, at = _read_varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise DamagedError(f"a field of kind {kind}")
        if at + length > len(data):
            raise DamagedError("it ends too early")
        yield tag, data[at : at + length]
        at += length


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        if at >= len(data):
            raise DamagedError("it ends too early")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise DamagedError("a number that does not end")
