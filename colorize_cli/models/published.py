"""Weights as their authors publish them, made into safetensors that never run code.

In:  a `.pth` file: a state dict, bare or under "params", "model" or "state_dict"; or safetensors
Out: the state dict; a safetensors file of it
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from colorize_cli.errors import WeightsError
from colorize_cli.models.checkpoint import read_tensors, write_tensors
from colorize_cli.models.checks import check_file, check_tensors

_WRAPPERS = ("params_ema", "params", "model", "state_dict", "generator")

_AGAIN = "Copy or pull it again."
_NAME = re.compile(r"[A-Za-z_][\w.]*")  # of what a pickle calls: module and function
_HARMLESS = ("torch.", "collections.OrderedDict")  # what a state dict is made of


def is_safetensors(path: Path) -> bool:
    """Whether a file looks like safetensors: its length of header, then a brace."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{"


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict, floating point as float32, without running anything that the file says.

    Raises:
        WeightsError: the file holds code, is damaged, or holds no state dict.
    """
    check_file(path)
    if is_safetensors(path):
        return read_tensors(path)
    try:
        with warnings.catch_warnings():  # about the age of the pickle: it is read or refused, that is all
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = _code_in(path)
        if code is None:
            raise WeightsError(f"cannot read the weights {path}: it is damaged, or holds none", hint=_AGAIN) from error
        raise WeightsError(
            f"{path} is refused: it holds code ({code}), not only weights", hint="Ask its author for safetensors."
        ) from error
    except MemoryError as error:
        raise WeightsError(f"not enough memory to read the weights {path}", hint="Close other programs.") from error
    except Exception as error:  # what the reader of pickles raises on damage is of any kind
        raise WeightsError(f"cannot read the weights {path}: it is damaged", hint=_AGAIN) from error
    return unwrap(loaded, path)


def _code_in(path: Path) -> str | None:
    """The first thing that a pickle would call and that no state dict needs; found by reading it, not by running it."""
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                pickles = [archive.read(name) for name in archive.namelist() if name.endswith(".pkl")]
        except (OSError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
            return None
    else:
        pickles = [path.read_bytes()]
    for data in pickles:
        rest, words = io.BytesIO(data), [""]
        while rest.tell() < len(data):  # a file of the old kind is several pickles in a row
            try:
                for operation, argument, _ in pickletools.genops(rest):
                    name = {"GLOBAL": str(argument).replace(" ", "."), "STACK_GLOBAL": ".".join(words[-2:])}
                    called = name.get(operation.name)
                    if called is not None and not _NAME.fullmatch(called):
                        return None  # no pickle at all: bytes that happen to read like one
                    if called is not None and not called.startswith(_HARMLESS):
                        return called
                    if isinstance(argument, str):
                        words.append(argument)
            except (ValueError, IndexError, struct.error):
                break
    return None


def unwrap(loaded: object, path: Path) -> dict[str, Tensor]:
    """Find the state dict in what a file held.

    Raises:
        WeightsError: there is none.
    """
    for wrapper in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            loaded = loaded[wrapper]
            break
    if not isinstance(loaded, Mapping) or not loaded or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise WeightsError(f"{path} holds no state dict", hint="Give a file of a network's weights.")
    check_tensors(loaded, path)
    state = {str(key).removeprefix("module."): value.detach() for key, value in loaded.items()}
    return {key: value.float() if value.dtype.is_floating_point else value for key, value in state.items()}


def without(state: Mapping[str, Tensor], droppable: Sequence[str]) -> dict[str, Tensor]:
    """Leave out keys that a network does not use."""
    return {key: value for key, value in state.items() if key not in droppable}


def write_safetensors(state: Mapping[str, Tensor], to: Path) -> None:
    """Write a state dict whole or not at all."""
    seen: set[int] = set()
    tensors: dict[str, Tensor] = {}
    for key, value in state.items():
        storage = value.untyped_storage().data_ptr()
        tensors[key] = value.clone() if storage in seen else value.contiguous()  # no two share memory in the file
        seen.add(storage)
    write_tensors(to, tensors, {"format": "pt"})
