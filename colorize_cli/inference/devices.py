"""Which device a network runs on, and in which precision.

In:  what the user asked for
Out: a torch device and dtype that are there
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import cv2

from colorize_cli.errors import UsageError, quoted
from colorize_cli.files.machine import cores
from colorize_cli.inference.option_values import Precision

if TYPE_CHECKING:
    import torch

_GPU_FILES = ("nvidiactl", "nvhost-ctrl", "dxg", "kfd")  # in /dev: NVIDIA's driver, on a Jetson, in WSL, and AMD's
_SMALL_NETWORK = 20_000_000  # parameters
_MOST_WORKERS = 4  # batches at once on a CPU, at most: each needs memory of its own


def has_torch() -> bool:
    """Whether torch can be imported; not whether it is."""
    try:
        return "torch" in sys.modules or find_spec("torch") is not None
    except (ImportError, ValueError):
        return False


def surely_cpu(device: str, precision: Precision) -> bool:
    """Whether a network will run on the CPU in float32, as far as can be told without torch, whose import is slow."""
    if precision not in (Precision.auto, Precision.fp32):
        return False
    return device == "cpu" or device == "auto" and not _may_have_gpu()


def _may_have_gpu() -> bool:
    if sys.platform == "linux":
        return any(Path("/dev", name).exists() for name in _GPU_FILES)
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "nvcuda.dll").exists()
    return sys.platform != "darwin" or platform.machine() == "arm64"


def pick_device(wanted: str = "auto") -> torch.device:
    """The device that `auto`, `cpu`, `cuda`, `cuda:N` or `mps` stands for.

    Raises:
        UsageError: no such device here.
    """
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"no device {quoted(wanted)}", hint="Use --device auto, cpu, cuda, cuda:N or mps")
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[device.type]
    if (device.index or 0) >= count:
        there = "no CUDA device is here" if not torch.cuda.is_available() else f"CUDA devices here: 0 to {count - 1}"
        raise UsageError(f"--device {wanted}: {there}", hint="Use --device auto or cpu")
    return device


def _allowed(threads: int) -> int:
    """`threads`, or `OMP_NUM_THREADS` if that is less."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    return min(threads, int(most)) if most.isdecimal() and int(most) else threads


def cpu_threads(parameters: int) -> int:
    """Threads for a network on the CPU, where other threads decode and encode beside it.

    A small network leaves half the cores to them: its threads would mostly wait for each other. A large one, beside
    which their work is little, takes all. `OMP_NUM_THREADS` is the most.
    """
    return _allowed(max(1, cores() // 2) if parameters < _SMALL_NETWORK else cores())


def cpu_workers(parameters: int, photos: int) -> int:
    """Photos that a network on the CPU sees at once, each on its share of the cores.

    A large network's threads wait for each other at every layer; networks that share nothing never wait. One photo
    alone gets all cores, and a small network, whose threads are few, has nothing to share out.
    """
    return 1 if parameters < _SMALL_NETWORK else max(1, min(_allowed(cores()), _MOST_WORKERS, photos))


def onnx_workers(parameters: int, photos: int) -> int:
    """Photos that ONNX Runtime sees at once; beside a small network half of the cores decode and encode."""
    if parameters >= _SMALL_NETWORK:
        return cpu_workers(parameters, photos)
    return max(1, min(_allowed(cores() // 2), photos))


def session_threads(parameters: int, workers: int) -> int:
    """Threads of ONNX Runtime for each of so many pictures side by side: one, or a large network's share of the cores.

    What it gives does not depend on them.
    """
    return 1 if parameters < _SMALL_NETWORK else max(1, _allowed(cores()) // workers)


def worker_pool(count: int) -> ThreadPoolExecutor:
    """As many threads, each of which computes on its share of the cores."""
    each = max(1, _allowed(cores()) // count)
    return ThreadPoolExecutor(count, "network", _take_cores, (each,))


def _take_cores(count: int) -> None:
    """Let this thread's networks compute with so many threads; those that run without torch have one anyway.

    torch remembers the last number that any thread set, for threads that begin later: it is put back by a thread that
    ends at once, since each thread sets its own number too.
    """
    if "torch" in sys.modules:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(count)
        restorer = Thread(target=torch.set_num_threads, args=(before,))
        restorer.start()
        restorer.join()


@dataclass(frozen=True)
class NetworkWorkers:
    """Threads that each take a whole batch through network and arithmetic."""

    pool: ThreadPoolExecutor
    count: int


@contextmanager
def side_by_side(device: torch.device) -> Iterator[NetworkWorkers]:
    """Share the cores out: a few batches at once, each on its own cores, rather than one batch on all of them.

    A network's threads wait for each other at every layer, and for those of the arithmetic beside it; threads that
    share nothing never wait. On a GPU there are two workers: one batch is in the network while another is measured.
    """
    import torch

    count = min(_allowed(cores()), _MOST_WORKERS) if device.type == "cpu" else 2
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with worker_pool(count) as pool:
            yield NetworkWorkers(pool, count)
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv2_threads)


def _cpu_multiplies_bf16() -> bool:
    """Whether the processor has matrix instructions for bf16; without them bf16 is many times slower than fp32."""
    import torch

    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(probe and probe())


def pick_dtype(wanted: Precision, device: torch.device) -> torch.dtype:
    """The dtype that a precision means on a device; `auto` is the fastest that keeps the colors.

    Raises:
        UsageError: fp16 on a CPU, which has no arithmetic for it.
    """
    import torch

    if wanted is Precision.fp16 and device.type == "cpu":
        raise UsageError("--precision fp16 needs a GPU", hint="Use --precision auto, fp32 or bf16")
    if wanted is Precision.auto:
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        return torch.bfloat16 if device.type == "cpu" and _cpu_multiplies_bf16() else torch.float32
    return {Precision.fp32: torch.float32, Precision.bf16: torch.bfloat16, Precision.fp16: torch.float16}[wanted]
