"""A model, ready to predict, from whatever `--model` was given.

In:  a catalogue name; a file; `user/repo` on the Hub; several of these joined by `+`
Out: `LoadedModel`: networks in eval mode, float32, on the CPU
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from colorize_cli.errors import ModelNotFoundError, UsageError, WeightsError
from colorize_cli.models import weights
from colorize_cli.models.catalog import catalogue, network
from colorize_cli.models.checkpoint import is_checkpoint, load_strictly, read_info, read_tensors
from colorize_cli.models.discriminator_file import is_discriminator
from colorize_cli.models.ensemble import joined, named_path
from colorize_cli.models.generator import Generator
from colorize_cli.models.inventory import added, hub_repo
from colorize_cli.models.networks.normed import fold_norms
from colorize_cli.models.published import read_state, without
from colorize_cli.models.registry import ModelSpec, Published
from colorize_cli.models.store import sha256_of

Progress = Callable[[int, int], None]
_DEEPEST = 12  # units of a U-Net: 2 ** 12 pixels
_MOST_COLORS = 4096
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".onnx")


_RANDOM = ("normal_", "uniform_", "kaiming_normal_", "kaiming_uniform_", "xavier_uniform_")


class _NoRandomStart(TorchFunctionMode):
    """Leaves out the random numbers that weights start with, where each of them is loaded afterwards.

    On the meta device they would take no time themselves, but the import of torch's compiler takes a second or two.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") in _RANDOM:  # of a tensor, or of torch.nn.init
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class LoadedModel:
    """A network with its weights.

    Attributes:
        name: as it was asked for.
        spec: how it is fed.
        generator: eval mode, float32, on the CPU.
        sha256: of the weights as they were published; of an ensemble, its members' joined by `+`.
        ensemble: the members of an ensemble, none otherwise.
    """

    name: str
    spec: ModelSpec
    generator: Generator
    sha256: str
    ensemble: tuple[LoadedModel, ...] = ()

    @property
    def members(self) -> tuple[LoadedModel, ...]:
        """The models whose ab is averaged: the ensemble's, or this one alone."""
        return self.ensemble or (self,)


def load_model(name: str, on_progress: Progress | None = None) -> LoadedModel:
    """Load a model; weights that are not here yet are pulled.

    Args:
        name: catalogue name, path of a checkpoint, `user/repo` on the Hub, or several joined by `+`.
        on_progress: told (bytes here, bytes in all) while weights are pulled.

    Raises:
        ModelNotFoundError: no such name or file.
        WeightsError: missing, corrupt or unreadable weights, or weights of an unknown network.
    """
    parts = name.split("+")
    if len(parts) == 1 or Path(name).is_file():
        return _load_one(name, on_progress)
    members = tuple(_load_one(part.strip(), on_progress) for part in parts)
    whole = joined(name, members)
    return LoadedModel(name, whole.spec, members[0].generator, whole.sha256, members)


def check_name(name: str) -> None:
    """Refuse a name that is no model's, before anything is downloaded for it or beside it.

    Raises:
        ModelNotFoundError: no such name or file.
    """
    path = named_path(name)
    if "+" in name and not path.is_file():
        for part in name.split("+"):
            check_name(part.strip())
        return
    registry = catalogue()
    if name in registry or path.is_file() or (added(name) is not None and not path.exists()):
        return
    repo = hub_repo(name)
    if path.suffix in _SUFFIXES and (repo is None or not repo.file):
        raise ModelNotFoundError(f"no checkpoint {name}", hint="Check the path, or see: colorize models list")
    if repo is None:
        raise registry.not_found(name)


def _load_one(name: str, on_progress: Progress | None) -> LoadedModel:
    registry = catalogue()
    if name in registry:
        spec = registry.get(name)
        file = weights.fetch(spec, on_progress)
        if isinstance(spec.weights, Published):
            return _strict(name, spec, read_tensors(file.path), file.sha256)
        return _from_file(name, file.path, file.sha256)
    path = named_path(name)
    if not path.exists() and (entry := added(name)) is not None and (record := entry.record()) is not None:
        if not entry.sound(record):
            raise WeightsError(f"{entry.weights} is corrupt", hint=f"Remove it: colorize models remove {name}")
        return _from_file(name, entry.weights, record.published_sha256)
    if path.is_file() and path.suffix.lower() == ".onnx":
        raise UsageError(
            f"{name} is an ONNX file: it is run as it is, not trained or joined with networks of torch",
            hint="Give the checkpoint that it was made of.",
        )
    if path.is_file():
        return _from_file(name, path, sha256_of(path))
    check_name(name)
    repo = hub_repo(name)
    if repo is None:
        raise registry.not_found(name)
    file = weights.fetch_repo(repo, on_progress)
    return _from_file(name, file.path, file.sha256)


def _from_file(name: str, path: Path, sha256: str) -> LoadedModel:
    """A checkpoint that says what it is; or any file whose keys and shapes are a known network's."""
    if is_checkpoint(path):
        info = read_info(path)
        built = network(info.network)
        spec = replace(catalogue().get(name) if name in catalogue() else built, build=built.build)
        with _NoRandomStart():
            generator = spec.build(**info.arguments)
        generator = load_strictly(generator, _finite(read_tensors(path), path), str(path))
        spec = replace(spec, name=name, takes_hints=generator.takes_hints, vivid=generator.reading is not None)
        return LoadedModel(name, spec, generator, sha256)
    state = read_state(path)
    known = identify(state)
    if known is None and is_discriminator(path):
        raise WeightsError(
            f"{path} is a run's discriminator, which scores colors and makes none",
            hint=f"Give the generator beside it: {path.with_name('best.safetensors')}",
        )
    if known is None:
        raise WeightsError(
            f"{path} holds weights of no network that is known here",
            hint="Known are those of: colorize models list; others cannot be loaded.",
        )
    loaded = _strict(name, replace(known, name=name), state, sha256)
    own = loaded.generator
    return replace(loaded, spec=replace(loaded.spec, takes_hints=own.takes_hints, vivid=own.reading is not None))


def _finite(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The state dict as it came.

    Raises:
        WeightsError: some weights are no numbers.
    """
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise WeightsError(f"{path}: the weights {key} are NaN or infinite", hint="Train or copy it again.")
    return state


def _strict(name: str, spec: ModelSpec, state: Mapping[str, Tensor], sha256: str) -> LoadedModel:
    """Load published weights key for key, without making random ones first."""
    droppable = spec.weights.droppable if isinstance(spec.weights, Published) else ()
    with _NoRandomStart(), torch.device("meta"):
        generator = spec.build()
    kept = set(generator.state_dict())
    if any(key not in kept for key, _ in generator.named_buffers()):  # constants that no file holds must be real
        with _NoRandomStart():
            generator = spec.build()
    generator = load_strictly(generator, without(state, droppable), name)
    fold_norms(generator)
    return LoadedModel(name, spec, generator, sha256)


def identify(state: Mapping[str, Tensor]) -> ModelSpec | None:
    """The first model of the list whose network has just these keys and shapes (but for what it may drop)."""
    for spec in catalogue():
        droppable = spec.weights.droppable if isinstance(spec.weights, Published) else ()
        shapes = {key: tuple(value.shape) for key, value in without(state, droppable).items()}
        for arguments in _arguments(spec.name, shapes):
            if shapes == _shapes(spec, tuple(arguments.items())):
                return replace(spec, build=partial(spec.build, **arguments))
    return None


# arguments that recipes build their networks with; a file without a header is compared with each of them
_VARIANTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "eccv16": ({}, {"head": "ab"}),
    "liteunet": tuple({"size": size} for size in (2, 0, 1)),
    "mini-v2": ({}, {"upsampling": "bilinear"}),
}


def _arguments(name: str, shapes: Mapping[str, tuple[int, ...]]) -> Sequence[Mapping[str, Any]]:
    """With what a network of that name may have been built that has weights of these shapes."""
    if name == "unet":
        return (_unet_arguments(shapes),)
    share = shapes.get("share", ())
    if name == "colorunet" and len(share) == 1 and 0 < share[0] <= _MOST_COLORS:
        return ({"colors": share[0]},)
    return _VARIANTS.get(name, ({},))


def _unet_arguments(shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Any]:
    """With what a U-Net was built that has weights of these shapes, in whatever order; nothing where it is none."""
    first, head = shapes.get("encoder.0.0.weight", ()), shapes.get("head.weight", ())
    widths = [shape[0] for key, shape in shapes.items() if re.fullmatch(r"encoder\.\d+\.0\.weight", key) and shape]
    if len(first) != 4 or len(head) != 4 or head[0] not in (2, 3) or len(widths) > _DEEPEST or min(widths) < 1:
        return {}
    normed, counted = "encoder.0.1.weight" in shapes, "encoder.0.1.running_mean" in shapes
    norm = "batch" if counted else "instance" if normed else "none"
    return {"channels": head[0], "width": first[0], "depth": len(widths), "widest": max(widths), "norm": norm}


@cache
def _shapes(spec: ModelSpec, arguments: tuple[tuple[str, Any], ...] = ()) -> dict[str, tuple[int, ...]]:
    with _NoRandomStart(), torch.device("meta"):
        return {key: tuple(value.shape) for key, value in spec.build(**dict(arguments)).state_dict().items()}
