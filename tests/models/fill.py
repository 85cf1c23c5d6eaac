"""Weights and a picture that are the same on every machine, so that outputs can be compared with recorded ones."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def _draw(key: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    leaf = key.rpartition(".")[2]
    vector = len(shape) <= 1
    if leaf == "running_var":
        return rng.uniform(0.5, 1.5, shape)
    if leaf == "running_mean":
        return rng.normal(0, 0.1, shape)
    if leaf == "gamma" and len(shape) == 1:
        return rng.uniform(0.1, 0.3, shape)
    if vector and leaf.endswith("bias"):
        return rng.normal(0, 0.05, shape)
    if leaf == "weight_g":
        return rng.uniform(0.8, 1.2, shape)
    if vector:
        return rng.normal(1, 0.1, shape)
    return rng.normal(0, 1, shape) * (1 / np.sqrt(np.prod(shape[1:])))


def _rng(key: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(key.encode()))


def fill(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights for a state dict; each tensor is drawn from its own key, spectral vectors so that they fit the weight."""
    out: dict[str, Tensor] = {}
    for key, old in state.items():
        spectral = key.endswith(("weight_u", "weight_v")) and key[:-1].removesuffix("_") + "_orig" in state
        if not old.dtype.is_floating_point or key in ("mean", "std"):
            out[key] = old.clone()
        elif not spectral:
            drawn = _draw(key, tuple(old.shape), _rng(key))
            out[key] = torch.from_numpy(np.asarray(drawn, np.float32).reshape(tuple(old.shape)))
    for key in state:
        stem = key.removesuffix("weight_v")
        if key in out or not key.endswith("weight_v"):
            continue
        v = torch.from_numpy(_rng(key).normal(0, 1, tuple(state[key].shape)).astype(np.float32))
        v = v / v.norm()
        u = out[f"{stem}weight_orig"].flatten(1) @ v
        out[key], out[f"{stem}weight_u"] = v, u / u.norm()
    return {key: out[key] for key in state}


def keys(name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """The published state dict's keys, each with shape and dtype."""
    text = (GOLDEN / f"{name}.keys.json").read_text(encoding="utf-8")
    return {key: (tuple(shape), dtype) for key, (shape, dtype) in json.loads(text).items()}


def published_state(name: str) -> dict[str, Tensor]:
    """A state dict of the published layout, filled."""
    empty = {key: torch.zeros(shape, dtype=getattr(torch, dtype)) for key, (shape, dtype) in keys(name).items()}
    if "mean" in empty:  # ImageNet's, which DDColor keeps among its weights
        empty["mean"] = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
        empty["std"] = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
    return fill(empty)


def golden(name: str) -> dict[str, NDArray[np.float32]]:
    """What the authors' implementation returned."""
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays}


def grey(phase: float = 0.3, n: int = 256) -> Tensor:
    """The picture, (1, 1, n, n), [0.05, 0.95]."""
    y, x = np.mgrid[0:n, 0:n] / n
    waves = 0.25 * np.sin(2 * np.pi * (3 * x + 2 * y) + phase)
    waves = waves + 0.2 * np.cos(2 * np.pi * (5 * x - 7 * y) + 2 * phase) * np.sin(2 * np.pi * y)
    return torch.from_numpy((0.5 + waves).astype(np.float32))[None, None]


def relative_error(out: Tensor, reference: NDArray[np.float32]) -> float:
    """|out - reference| / |reference|, Euclidean; `out` is thinned to every fourth row and column."""
    thin = out.detach().double().numpy()[..., ::4, ::4]
    return float(np.linalg.norm(thin - reference) / np.linalg.norm(reference))
