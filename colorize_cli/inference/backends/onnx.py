"""Networks run by ONNX Runtime, on a CPU or by its CUDA provider.

In:  a model whose graph is there; planes, (N, 1 or 4, H, W) float32: lightness, or lightness, ab and mask
Out: ab, (N, 2, h, w) float32, Lab units; or probabilities, (N, Q, h, w)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from colorize_cli.errors import OutOfMemoryError, WeightsError
from colorize_cli.inference.backends import Plane
from colorize_cli.models.ensemble import Ensemble
from colorize_cli.models.onnx.contract import Contract
from colorize_cli.models.onnx.load_onnx import OnnxModel, without_graphs

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_REFUSED = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NotImplemented,
    errors.RuntimeException,
    ValueError,
)
_FURTHEST = 1000.0  # Lab units: what lies beyond is no color
_SILENT = 4  # of ONNX Runtime's levels of severity: what it complains of is an error of ours


def has_cuda() -> bool:
    """Whether ONNX Runtime is the build for NVIDIA's GPUs."""
    return CUDA in onnxruntime.get_available_providers()


class OnnxBackend:
    """See `Backend`; may be asked in many threads at once.

    Args:
        model: one graph, or several.
        device: `cpu`, `cuda` or `cuda:N`.
        threads: that each picture is computed with; the answer does not depend on it.

    Raises:
        WeightsError: a graph cannot be run, or does not give what it says.
    """

    def __init__(self, model: OnnxModel | Ensemble[OnnxModel], device: str = "cpu", threads: int = 1) -> None:
        self._models, self._device, self._threads = model.members, device, threads
        self._sessions = self._opened()
        for one, session in zip(self._models, self._sessions, strict=True):
            if not one.trusted:
                _try_out(one, session)
        if device == "cpu":  # where nothing has to be opened again
            self._models = without_graphs(model).members

    def _opened(self) -> list[onnxruntime.InferenceSession]:
        return [_session(one, self._device, self._threads) for one in self._models]

    @property
    def device(self) -> str:
        """See `Backend.device`."""
        return self._device

    def colors(self, member: int, vividness: float | None, planes: Plane) -> Plane:
        """See `Backend.colors`."""
        contract = self._models[member].contract
        how = (0.0, 1.0) if contract.reading is None else contract.reading.at(vividness)
        return _run(self._sessions[member], contract, "ab", planes, *how)

    def palette(self) -> Plane | None:
        """See `Backend.palette`."""
        return self._models[0].contract.palette

    def probabilities(self, planes: Plane) -> Plane:
        """See `Backend.probabilities`."""
        contract = self._models[0].contract
        assert contract.reading is not None  # a network with a palette has one
        found = _run(self._sessions[0], contract, "probabilities", planes, *contract.reading.posterior)
        return np.ascontiguousarray(found.transpose(0, 3, 1, 2))

    def free(self) -> None:
        """See `Backend.free`: nothing is kept."""

    def to_cpu(self) -> None:
        """See `Backend.to_cpu`."""
        self._device = "cpu"
        self._sessions = self._opened()


def _session(model: OnnxModel, device: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = False  # which keeps the most that any picture took
    options.log_severity_level = _SILENT
    # threads that wait for work sleep: the cores are the photos'
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    kind, _, number = device.partition(":")
    providers: list[Any] = [(CUDA, {"device_id": number or "0"})] if kind == "cuda" else []
    try:
        session = onnxruntime.InferenceSession(model.graph, options, providers=[*providers, CPU])
        if kind == "cpu":
            session._model_bytes = None  # which it would keep, for providers that fail later
        return session
    except _REFUSED as error:
        if _is_out_of_memory(error):
            raise OutOfMemoryError("out of memory while the network was loaded") from error
        raise WeightsError(f"{model.name} cannot be run here: {_reason(error)}", hint=_AGAIN) from error


def _run(
    session: onnxruntime.InferenceSession,
    contract: Contract,
    output: str,
    planes: Plane,
    exponent: float,
    temperature: float,
) -> Plane:
    given: dict[str, Any] = {"lightness": np.ascontiguousarray(planes[:, :1])}
    if contract.spec.takes_hints:
        n, channels, height, width = planes.shape
        known = planes[:, 1:] if channels == 4 else np.zeros((n, 3, height, width), np.float32)
        given["hints"] = np.ascontiguousarray(known)
    if contract.reading is not None:
        given["temperature"] = np.array(temperature, np.float32)
        if contract.reading.weighs:
            given["exponent"] = np.array(exponent, np.float32)
    try:
        found: Plane = session.run([output], given)[0]
    except _REFUSED as error:
        if _is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        raise
    return found


def _try_out(model: OnnxModel, session: onnxruntime.InferenceSession) -> None:
    """Ask a graph that somebody else may have made for a small picture.

    Raises:
        WeightsError: its inputs or outputs are not those that it says, or what it gives are no colors.
    """
    contract = model.contract
    for kind, wanted, there in (
        ("inputs", contract.inputs, session.get_inputs()),
        ("outputs", contract.outputs, session.get_outputs()),
    ):
        found = {one.name: len(one.shape) for one in there if one.type == "tensor(float)"}
        if found != wanted or len(there) != len(wanted):
            shown = ", ".join(f"{one.name} {one.type}{one.shape}" for one in there)
            raise WeightsError(f"{model.name} has other {kind} than it says: {shown}", hint=_AGAIN)
    side = contract.spec.sizes.multiple * max(1, 64 // contract.spec.sizes.multiple)
    ramp = np.tile(np.linspace(0, 100, side, dtype=np.float32), (1, 1, side, 1))
    asks: list[tuple[str, Callable[[], Plane]]] = []
    ends = [(0.0, 1.0)] if contract.reading is None else [contract.reading.safest, contract.reading.most_vivid]
    for end in ends:
        asks.append(("ab", lambda end=end: _run(session, contract, "ab", ramp, *end)))  # type: ignore[misc]
    if contract.palette is not None:
        asks.append(("probabilities", lambda: _run(session, contract, "probabilities", ramp, *ends[0])))
    for output, ask in asks:
        try:
            answer = ask()
        except _REFUSED as error:
            raise WeightsError(f"{model.name} cannot be run: {_reason(error)}", hint=_AGAIN) from error
        _check_answer(model, output, answer, side)


def _check_answer(model: OnnxModel, output: str, answer: Plane, side: int) -> None:
    palette = model.contract.palette
    fits = answer.ndim == 4 and len(answer) == 1
    if output == "ab":
        fits = fits and answer.shape[1] == 2 and 1 <= answer.shape[2] <= side and 1 <= answer.shape[3] <= side
    else:
        fits = fits and palette is not None and answer.shape[3] == len(palette)
    if not fits:
        raise WeightsError(f"{model.name}: its output {output} has shape {answer.shape}", hint=_AGAIN)
    if not np.isfinite(answer).all() or np.abs(answer).max() > _FURTHEST:
        raise WeightsError(f"{model.name}: its answer, {output}, is NaN, infinite or no color", hint=_AGAIN)


_AGAIN = "Make it again: colorize models export NAME --to onnx"


def _reason(error: BaseException) -> str:
    """What the runtime says, in one line, without its codes and places in its source."""
    text = str(error).strip().splitlines()
    first = text[0] if text else type(error).__name__
    first = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", first)
    return re.sub(r"/[^ ]*\.(cc|h):\d+ [^\]]*\]? ?", "", first)[:200]


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return "bad_alloc" in text or "bad allocation" in text or "failed to allocate memory" in text
