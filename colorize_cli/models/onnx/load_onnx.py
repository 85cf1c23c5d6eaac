"""Models that ONNX Runtime runs, without torch.

In:  what `--model` was given
Out: `OnnxModel`: a graph and how it is asked; nothing where only torch can run it
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from colorize_cli.errors import ModelNotFoundError, WeightsError, in_words
from colorize_cli.models.catalog import catalogue, network
from colorize_cli.models.checks import check_file
from colorize_cli.models.ensemble import Ensemble, joined, named_path
from colorize_cli.models.onnx.binned_graph import GRAPHS
from colorize_cli.models.onnx.contract import FAMILY, FORMAT, Contract
from colorize_cli.models.onnx.protobuf import DamagedError, look_through
from colorize_cli.models.registry import Bundled, ModelSpec
from colorize_cli.models.store import CHECKPOINT_FORMAT, sha256_of
from colorize_cli.models.vividness import MOST_VIVID, SAFEST, VIVIDNESS, Reading
from colorize_cli.models.weights import fetch
from colorize_cli.version import __version__

SUFFIX = ".onnx"
_MOST = 2 << 30  # bytes, by the format itself


@dataclass(frozen=True)
class OnnxModel:
    """A network as a graph.

    Attributes:
        name: as it was asked for.
        contract: how it is asked.
        graph: the encoded model.
        sha256: of the weights' file.
        trusted: it was made here from weights that were checked; others are tried before the first photo.
    """

    name: str
    contract: Contract
    graph: bytes
    sha256: str
    trusted: bool = True

    @property
    def spec(self) -> ModelSpec:
        """How it is fed."""
        return self.contract.spec

    @property
    def members(self) -> tuple[OnnxModel, ...]:
        """Itself."""
        return (self,)


def without_graphs(model: OnnxModel | Ensemble[OnnxModel]) -> OnnxModel | Ensemble[OnnxModel]:
    """What is left to know of a model once sessions have read its graphs, which take as much memory as its weights."""
    if isinstance(model, Ensemble):
        return replace(model, members=tuple(replace(member, graph=b"") for member in model.members))
    return replace(model, graph=b"")


def load_onnx(name: str) -> OnnxModel | Ensemble[OnnxModel] | None:
    """Load a model that needs no torch, by its name or its file.

    Args:
        name: `mini`, a checkpoint of a network that can be written as a graph here, an ONNX file of this program, or
            several joined by `+`.

    Returns:
        None where the name stands for anything else, or something is wrong with it, which `load_model` will name.

    Raises:
        WeightsError: the bundled weights are missing or corrupt; an ONNX file is none that can be run here.
    """
    if "+" in name and not Path(name).is_file():
        members = list[OnnxModel]()
        for part in name.split("+"):
            one = _load_one(part.strip())
            if one is None:
                return None
            members.append(one)
        return joined(name, members)
    return _load_one(name)


def _load_one(name: str) -> OnnxModel | None:
    registry, path = catalogue(), named_path(name)
    if name in registry:
        if not isinstance(registry.get(name).weights, Bundled):
            return None
        file = fetch(registry.get(name))
        return from_checkpoint(name, file.path, file.sha256)
    if not path.is_file():
        if path.suffix.lower() == SUFFIX:
            raise ModelNotFoundError(f"no model file {name}", hint="Check the path, or see: colorize models list")
        return None
    return from_file(name, path) if path.suffix.lower() == SUFFIX else from_checkpoint(name, path, None)


def check_name(name: str) -> None:
    """Refuse what can be no model, without loading any.

    Raises:
        ModelNotFoundError: a part of it is no name of the list, no file or folder, and no `user/repo`.
    """
    from colorize_cli.models.inventory import added, hub_repo

    for part in [name] if Path(name).exists() else [one.strip() for one in name.split("+")]:
        path = Path(part).expanduser()
        if part in catalogue() or path.exists() or added(part) is not None:
            continue
        if path.suffix in (".safetensors", ".pth", ".pt", SUFFIX):
            raise ModelNotFoundError(f"no model file {part}", hint="Check the path, or see: colorize models list")
        if hub_repo(part) is None:
            raise catalogue().not_found(part)


def from_checkpoint(name: str, path: Path, sha256: str | None) -> OnnxModel | None:
    """Write a checkpoint's network as a graph; None where that is not known here."""
    try:
        check_file(path)
        with safe_open(path, "np") as file:
            header = file.metadata() or {}
            if header.get("format") != CHECKPOINT_FORMAT:
                return None
            info = json.loads(header["checkpoint"])
            arguments = dict[str, Any](info["arguments"])
            write, known = GRAPHS[info["network"]]
            if not arguments.keys() <= known | {"vividness", "safest", "most_vivid"}:
                return None
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        built = network(info["network"])
        spec = replace(catalogue().get(name) if name in catalogue() else built, build=built.build)
        graph = write(tensors, arguments, f"colorize-cli {__version__}")
        reading, palette = _reading_of(arguments), np.asarray(tensors["bins"], np.float32)
    except SafetensorError as error:
        if path.suffix != ".safetensors":  # of another kind, which torch may read
            return None
        raise WeightsError(f"cannot read the checkpoint {path}: {error}", hint="Copy or pull it again.") from error
    except WeightsError:
        if path.suffix == ".safetensors":
            raise
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    _check_numbers(name, tensors)
    sha256 = sha256 or sha256_of(path)
    spec = replace(spec, name=name, takes_hints=True, vivid=True)
    return OnnxModel(name, Contract(spec, reading, palette, sha256), graph, sha256)


def from_file(name: str, path: Path) -> OnnxModel:
    """Read an ONNX file that says what it is.

    Raises:
        WeightsError: it is damaged, says not what it is, or belongs to another version.
    """
    again = f"Make it again: colorize models export NAME --to onnx --out {path.name}"
    try:
        if path.stat().st_size > _MOST:
            raise WeightsError(f"{path} has {path.stat().st_size:,} bytes, more than any ONNX file", hint=again)
        data = path.read_bytes()
        found = look_through(data)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    except (DamagedError, ValueError) as error:
        raise WeightsError(f"{path} is damaged, or no ONNX file: {in_words(error)}", hint=again) from error
    form = found.properties.get("format", "")
    if form.partition("/")[0] != FAMILY:
        raise WeightsError(f"{path} does not say what it is: it has no property `format` of {FORMAT}", hint=again)
    if form != FORMAT:
        raise WeightsError(f"{path} is of another version, {form}; this program reads {FORMAT}", hint=again)
    if found.external:
        raise WeightsError(f"{path} keeps its weights in another file", hint=again)
    if not found.finite:
        raise WeightsError(f"{path}: some weights are NaN or infinite", hint=again)
    try:
        contract = Contract.read(found.properties)
    except ValueError as error:
        raise WeightsError(f"{path} does not say what it is: its property `{error}` is wrong", hint=again) from error
    return OnnxModel(name, contract.named(name), data, sha256_of(path), trusted=False)


def _check_numbers(name: str, tensors: dict[str, NDArray[Any]]) -> None:
    for key, value in tensors.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise WeightsError(f"{name}: the weights {key} are NaN or infinite", hint="Train or copy it again.")


def _reading_of(arguments: dict[str, Any]) -> Reading:
    """As `binned.Binned` reads a checkpoint's arguments."""
    ends = []
    for key, usual in (("safest", SAFEST), ("most_vivid", MOST_VIVID)):
        exponent, temperature = arguments.get(key, usual)
        ends.append((float(exponent), float(temperature)))
    return Reading(float(arguments.get("vividness", VIVIDNESS)), ends[0], ends[1])
