"""`mini` by numpy alone: for a CPU, where the import of torch costs as much as a dozen photos, and memory besides.

In:  a checkpoint of `mini`; planes, (N, 1 or 4, H, W): lightness, [0, 100], or with hints lightness, ab, mask
Out: what `mini.Mini` gives: ab, (N, 2, H/4, W/4), Lab units, or probabilities; but for rounding
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from colorize_cli.color.reach import REACH
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.convolution import Convolution
from colorize_cli.models.registry import Bundled, ModelSpec
from colorize_cli.models.store import CHECKPOINT_FORMAT, sha256_of
from colorize_cli.models.vividness import MOST_VIVID, SAFEST, VIVIDNESS
from colorize_cli.models.weights import fetch

Floats = NDArray[np.float32]

_NETWORK = "mini"
_SHAPE = ("widths", "encoder", "decoder", "classes")  # arguments that the tensors tell
_WAYS = ("vividness", "safest", "most_vivid", "upsampling")  # and those that they don't
_EPSILON = 1e-5  # of torch's batch norm


class _State:
    """A state dict, from which each tensor is taken once; `side` is the shorter one of usual pictures."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], side: int) -> None:
        self.left, self._side = dict(tensors), side
        self.convolutions = list[Convolution]()

    def take(self, key: str) -> Floats:
        """One tensor; a KeyError where there is none."""
        return np.asarray(self.left.pop(key), np.float32)

    def folded(self, name: str) -> tuple[NDArray[Any], Floats, Floats]:
        """Weight, bias and gain of a `ConvNorm` as one convolution."""
        weight = self.left.pop(f"{name}.0.weight")
        gain = self.take(f"{name}.1.weight") / np.sqrt(self.take(f"{name}.1.running_var") + np.float32(_EPSILON))
        bias = self.take(f"{name}.1.bias") - self.take(f"{name}.1.running_mean") * gain
        self.left.pop(f"{name}.1.num_batches_tracked", None)
        return weight, bias, gain

    def convolution(self, name: str, stride: int = 1, reduction: int = 1) -> Convolution:
        """A `ConvNorm` as one convolution, of pictures that are reduced so far."""
        weight, bias, gain = self.folded(name)
        places = (self._side // reduction) ** 2
        self.convolutions.append(Convolution(weight, bias, stride, gain, places))
        return self.convolutions[-1]

    def stage(self, name: str, reduction: int) -> _Stage:
        """A step down, where there is one, and residual blocks on pictures that are reduced so far."""
        down = self.convolution(f"{name}.0", 2) if f"{name}.0.0.weight" in self.left else None
        blocks = list[tuple[Convolution, Convolution]]()
        while f"{name}.{(down is not None) + len(blocks)}.first.0.weight" in self.left:
            block = f"{name}.{(down is not None) + len(blocks)}"
            first, second = (self.convolution(f"{block}.{which}", 1, reduction) for which in ("first", "second"))
            blocks.append((first, second))
        return _Stage(down, tuple(blocks))


@dataclass(frozen=True)
class _Stage:
    down: Convolution | None
    blocks: tuple[tuple[Convolution, Convolution], ...]

    def __call__(self, x: Floats) -> Floats:
        if self.down is not None:
            x = self.down(x, relu=True)
        for first, second in self.blocks:
            y = second(first(x, relu=True))
            y += x
            x = np.maximum(y, 0, out=y)
        return x


class LightMini:
    """`mini.Mini` in eval mode, which see. Its methods may be called in many threads at once.

    Args:
        tensors: the state dict.
        vividness, safest, most_vivid, upsampling: as of `mini.Mini`.
        side: the shorter one of pictures for which it should be fastest, pixels.

    Raises:
        KeyError: the tensors are not those of this network.
    """

    def __init__(
        self,
        tensors: Mapping[str, NDArray[Any]],
        vividness: float = VIVIDNESS,
        safest: Sequence[float] = SAFEST,
        most_vivid: Sequence[float] = MOST_VIVID,
        upsampling: str = "nearest",
        side: int = 256,
    ) -> None:
        state, self.vividness = _State(tensors, side), vividness
        self._ends, self._enlarged = (safest, most_vivid), _ENLARGED[upsampling]
        self.palette, self._log_weights = state.take("bins"), state.take("log_weights")
        weight, bias, gain = state.folded("stem.0")
        self._first = {channels: Convolution(weight[:, :channels], bias, 2, gain) for channels in (1, 4)}
        self._second = state.convolution("stem.1", 2)
        depth = 1 + max(int(key.split(".")[1]) for key in state.left if key.startswith("project."))
        self._encoder = [state.stage(f"encoder.{i}", 4 << i) for i in range(depth + 1)]
        self._context = [state.take(f"context.{name}") for name in _CONTEXT]
        self._up = [(state.convolution(f"project.{i}"), state.convolution(f"skip.{i}")) for i in range(depth)]
        self._decoder = [state.stage(f"decoder.{i}", 2 << depth - i) for i in range(depth)]
        head, self._bias = state.take("head.weight"), state.take("head.bias")
        self._head = np.ascontiguousarray(head[:, :, 0, 0].T)
        if state.left:
            raise KeyError(next(iter(state.left)))
        self._convolutions = (self._first[1], *state.convolutions)
        self._annealed = lru_cache(maxsize=8)(self._anneal)

    def prepare(self) -> None:
        """Make now what the convolutions need, which else is made when it is first used."""
        for convolution in self._convolutions:
            _ = convolution.matrix

    def colorize(self, planes: Floats, vividness: float | None = None) -> Floats:
        """(N, 1 or 4, H, W) to ab, (N, 2, H/4, W/4), Lab units; sides are multiples of 32."""
        head, bias = self._annealed(self.vividness if vividness is None else vividness)
        bins = np.concatenate((self.palette, np.ones((len(self.palette), 1), np.float32)), 1)
        out = np.empty((len(planes), 2, planes.shape[2] // 4, planes.shape[3] // 4), np.float32)
        for picture, ab in zip(planes, out, strict=True):
            likely = self._likely(picture, head, bias)
            found = np.matmul(likely.reshape(-1, len(bins)), bins)
            ab[:] = (found[:, :2] / found[:, 2:]).T.reshape(ab.shape)
        return out

    def probabilities(self, planes: Floats) -> Floats:
        """(N, 1 or 4, H, W) to the probability of each colour of `palette`: (N, Q, H/4, W/4)."""
        found = []
        for picture in planes:
            likely = self._likely(picture, self._head, self._bias - self._log_weights)
            found.append((likely / likely.sum(2, keepdims=True)).transpose(2, 0, 1))
        return np.ascontiguousarray(np.stack(found))

    def _anneal(self, vividness: float) -> tuple[Floats, Floats]:
        """The head for `Mini.decode`: the rebalancing weights and the temperature worked into it."""
        exponent, temperature = (a + (b - a) * vividness for a, b in zip(*self._ends, strict=True))
        bias = (self._bias - exponent * self._log_weights) / temperature
        return np.asarray(self._head / temperature, np.float32), np.asarray(bias, np.float32)

    def _likely(self, picture: Floats, head: Floats, bias: Floats) -> Floats:
        """How likely each bin is, (H/4, W/4, Q), not scaled to a sum of one."""
        x = self._features(picture)
        scores: Floats = np.matmul(x.reshape(-1, x.shape[2]), head)
        scores += bias
        scores -= scores.max(1, keepdims=True)
        np.exp(scores, out=scores)
        return scores.reshape(*x.shape[:2], -1)

    def _features(self, picture: Floats) -> Floats:
        x = np.empty((*picture.shape[1:], len(picture)), np.float32)
        x[..., 0] = picture[0] / np.float32(50) - 1
        if len(picture) == 4:
            x[..., 1:3] = (picture[1:3] * (picture[3] / np.float32(REACH))).transpose(1, 2, 0)
            x[..., 3] = picture[3]
        x = self._second(self._first[len(picture)](x, relu=True), relu=True)
        maps = list[Floats]()
        for stage in self._encoder:
            x = stage(x)
            maps.append(x)
        squeeze, squeezed, expand, expanded = self._context
        mean = x.mean((0, 1), dtype=np.float32)
        x = x + (expand @ np.maximum(squeeze @ mean + squeezed, 0) + expanded)
        for (project, skip), stage, lateral in zip(self._up, self._decoder, maps[-2::-1], strict=True):
            y = skip(lateral)
            each = y.reshape(x.shape[0], 2, x.shape[1], 2, -1)
            each += self._enlarged(project(x))
            x = stage(np.maximum(y, 0, out=y))
        return x


def _repeated(x: Floats) -> Floats:
    """Every place for the four that it becomes: (H, W, C) to what spreads over (H, 2, W, 2, C)."""
    return x[:, None, :, None]


def _between(x: Floats) -> Floats:
    """The same by bilinear interpolation: (H, W, C) to (H, 2, W, 2, C)."""
    rows = _halves(x)  # (H, 2, W, C)
    return np.moveaxis(_halves(np.moveaxis(rows, 2, 0)), (0, 1), (2, 3))


def _halves(x: Floats) -> Floats:
    """Places a quarter before and a quarter behind those along the first axis: (n, ...) to (n, 2, ...)."""
    before = np.concatenate((x[:1], x[:-1]))
    behind = np.concatenate((x[1:], x[-1:]))
    near = x * np.float32(0.75)
    return np.stack((near + before * np.float32(0.25), near + behind * np.float32(0.25)), 1)


_ENLARGED: Mapping[str, Callable[[Floats], Floats]] = {"nearest": _repeated, "bilinear": _between}
_CONTEXT = ("squeeze.weight", "squeeze.bias", "expand.weight", "expand.bias")


@dataclass(frozen=True)
class LightModel:
    """A network with its weights, as `load.LoadedModel` is one for torch.

    Attributes:
        name: as it was asked for.
        spec: how it is fed.
        network: in float32.
        sha256: of the weights' file.
    """

    name: str
    spec: ModelSpec
    network: LightMini
    sha256: str

    @property
    def members(self) -> tuple[LightModel, ...]:
        """Itself: there are no ensembles of these."""
        return (self,)


def load_light(name: str) -> LightModel | None:
    """Load a `mini` by its name or its file.

    Returns:
        None where the name stands for anything else, or something is wrong with it, which `load_model` will name.

    Raises:
        WeightsError: the bundled weights are missing or altered.
    """
    registry = catalogue()
    path = Path(name).expanduser()
    if name in registry:
        if not isinstance(registry.get(name).weights, Bundled):
            return None
        file = fetch(registry.get(name))
        return _from_file(name, file.path, file.sha256)
    return _from_file(name, path, None) if path.is_file() else None


def _from_file(name: str, path: Path, sha256: str | None) -> LightModel | None:
    try:
        with safe_open(path, "np") as file:
            header = file.metadata() or {}
            if header.get("format") != CHECKPOINT_FORMAT:
                return None
            info = json.loads(header["checkpoint"])
            arguments = dict[str, Any](info["arguments"])
            if info["network"] != _NETWORK or not arguments.keys() <= {*_SHAPE, *_WAYS}:
                return None
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        how = {key: arguments[key] for key in _WAYS if key in arguments}
        spec = replace(catalogue().get(_NETWORK), name=name)
        network = LightMini(tensors, **how, side=spec.sizes.short_side)
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    return LightModel(name, spec, network, sha256 or sha256_of(path))
