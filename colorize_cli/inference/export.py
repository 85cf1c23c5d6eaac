"""A model as a file that ONNX Runtime runs anywhere, compared with torch before it is kept.

In:  what `--model` takes; pictures to compare on
Out: an ONNX file that says what it is; how far its answers are from torch's
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import TORCH, EncodeError, MissingPackageError, UsageError, WeightsError, printable
from colorize_cli.files.atomic import on_trial
from colorize_cli.inference.devices import has_torch
from colorize_cli.inference.predictor import HintPlanes, Predictor, Request
from colorize_cli.models.onnx.contract import Contract
from colorize_cli.models.onnx.load_onnx import SUFFIX, OnnxModel, from_file, load_onnx
from colorize_cli.models.onnx.protobuf import metadata

if TYPE_CHECKING:
    from colorize_cli.models.load import LoadedModel

Plane = NDArray[np.float32]

TOLERANCE = 1e-4  # of the length of torch's answer
_LARGE = 20_000_000  # parameters, from which on fewer pictures are compared
_STEADY = 0.05  # Lab units a pixel: an answer that is shorter, a grey one, is compared with this length instead


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: where it lies.
        bytes: its size.
        pictures: how many it was compared on; 0 where torch is not installed.
        difference: the largest, as a share of the length of torch's answer.
    """

    path: Path
    bytes: int
    pictures: int
    difference: float


def export_onnx(
    name: str, out: Path, pictures: Sequence[Plane], on_progress: Callable[[int, int], None] | None = None
) -> Exported:
    """Write a model as ONNX.

    Args:
        name: catalogue name, checkpoint, folder of a run, or `user/repo`.
        out: the file; what is there is replaced once the new one has been compared.
        pictures: lightness, (H, W), [0, 100], to compare on.
        on_progress: bytes done and in all, while weights are pulled.

    Raises:
        UsageError: an ensemble, or an ONNX file.
        ModelNotFoundError, WeightsError: no such model or weights; or its answers are not torch's.
        MissingPackageError: it is only known to torch, which is not installed.
        EncodeError: the file cannot be written.
    """
    if Path(name).suffix.lower() == SUFFIX:
        raise UsageError(f"{name} is an ONNX file already")
    if "+" in name and not Path(name).exists():
        raise UsageError(f"{name} is several models", hint="Export each; --model takes them joined by +.")
    graph, torch_model = load_onnx(name), None
    if has_torch():
        from colorize_cli.models.load import load_model

        torch_model = load_model(name, on_progress)
    if isinstance(graph, OnnxModel):
        contract, encoded = graph.contract, graph.graph
    elif torch_model is not None:
        contract, encoded = traced_model(torch_model)
    else:
        raise MissingPackageError(f"model {name} is exported by torch, which is not installed", package=TORCH)
    shown = Path(name).stem if Path(name).exists() else name
    about = metadata(contract.named(shown).properties())
    with on_trial(out, True) as place:
        try:
            place.write_bytes(b"".join((encoded, about)))
        except OSError as error:
            raise EncodeError(f"cannot write {printable(out)}: {error.strerror}", path=out) from error
        difference, count = _compared(from_file(printable(out), place), torch_model, pictures)
    return Exported(out, len(encoded) + len(about), count, difference)


def traced_model(model: LoadedModel) -> tuple[Contract, bytes]:
    """A model of torch as a graph; its batch norms are folded for good."""
    from colorize_cli.models.networks.normed import fold_batch_norms
    from colorize_cli.models.onnx.traced import traced

    generator = model.generator
    fold_batch_norms(generator)
    palette = generator.palette
    colors = None if palette is None else np.asarray(palette.detach().cpu().numpy(), np.float32)
    spec = replace(model.spec, takes_hints=generator.takes_hints, vivid=generator.reading is not None)
    return Contract(spec, generator.reading, colors, model.sha256), traced(generator, spec.sizes.multiple)


def _compared(graph: OnnxModel, model: LoadedModel | None, pictures: Sequence[Plane]) -> tuple[float, int]:
    """Ask both for the same pictures, with hints too where they take some; the graph is tried in any case."""
    by_onnx = Predictor(graph)
    if model is None:
        return 0.0, 0
    by_torch = Predictor(model)
    few = list(pictures)[: 2 if graph.spec.parameters > _LARGE else None]
    requests = [Request(picture) for picture in few]
    if graph.spec.takes_hints:
        requests += [Request(picture, _some_hints(picture)) for picture in few]
    largest = 0.0
    for vividness in (None,) if graph.contract.reading is None else (0.0, 1.0):
        for request in requests:
            found, wanted = (one.predict([request], vividness)[0] for one in (by_onnx, by_torch))
            length = max(float(np.linalg.norm(wanted)), _STEADY * wanted.size**0.5)
            largest = max(largest, float(np.linalg.norm(found - wanted)) / length)
    if not largest <= TOLERANCE:
        raise WeightsError(f"{graph.name}: its answers differ from torch's by {largest:.1e}; nothing was written")
    return largest, len(few)


def _some_hints(picture: Plane) -> HintPlanes:
    ab, mask = np.zeros((2, *picture.shape), np.float32), np.zeros(picture.shape, np.float32)
    height, width = picture.shape
    for y, x, color in ((0.3, 0.2, (40, 30)), (0.6, 0.7, (-30, 20)), (0.1, 0.8, (0, -40))):
        rows = slice(int(y * height), int(y * height) + max(4, height // 30))
        columns = slice(int(x * width), int(x * width) + max(4, width // 30))
        ab[:, rows, columns] = np.array(color, np.float32)[:, None, None]
        mask[rows, columns] = 1
    return HintPlanes(ab, mask)
