"""The networks that mend and enlarge photos: by name, as their authors publish them.

Out: specs, and what a name or a file stands for, without importing torch
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from colorize_cli.errors import ModelNotFoundError, printable
from colorize_cli.models.registry import HubFile, Published, RestorationSpec, Task, Url, did_you_mean
from colorize_cli.models.store import sha256_of

_GITHUB = "https://github.com"
_YUNET = "opencv/opencv_zoo/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx"
_LAMA = HubFile("Carve/LaMa-ONNX", "a3ee2fca54baebec351b8fa7786154ffa7555aa6", "lama_fp32.onnx")


@lru_cache
def restoration_networks() -> dict[str, RestorationSpec]:
    """Every network that mends or enlarges, by name."""
    return {
        spec.name: spec
        for spec in (
            _spec(
                "scunet",
                "SCUNet",
                Task.restore,
                Url(f"{_GITHUB}/cszn/KAIR/releases/download/v1.0/scunet_color_real_psnr.pth"),
                "fa78899ba2caec9d235a900e91d96c689da71c42029230c2028b00f09f809c2e",
                71_982_841,
                "Apache-2.0",
                17_947_000,
                "Takes noise away: --restore-model scunet.",
            ),
            _spec(
                "realesrgan-x4",
                "Real-ESRGAN x4",
                Task.upscale,
                Url(f"{_GITHUB}/xinntao/Real-ESRGAN/releases/download/v0.1.0/RealESRGAN_x4plus.pth"),
                "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
                67_040_989,
                "BSD-3-Clause",
                16_697_987,
                "Enlarges four times: --upscale 4.",
            ),
            _spec(
                "realesrgan-x2",
                "Real-ESRGAN x2",
                Task.upscale,
                Url(f"{_GITHUB}/xinntao/Real-ESRGAN/releases/download/v0.2.1/RealESRGAN_x2plus.pth"),
                "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
                67_061_725,
                "BSD-3-Clause",
                16_703_171,
                "Enlarges twice: --upscale 2.",
            ),
            _spec(
                "gfpgan",
                "GFPGAN",
                Task.faces,
                Url(f"{_GITHUB}/TencentARC/GFPGAN/releases/download/v1.3.0/GFPGANv1.4.pth"),
                "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
                348_632_874,
                "Apache-2.0",
                86_000_000,
                "Restores faces: --restore faces.",
            ),
            _spec(
                "yunet",
                "YuNet",
                Task.find_faces,
                Url(f"https://media.githubusercontent.com/media/{_YUNET}"),
                "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                232_589,
                "MIT",
                54_000,
                "Finds the faces of --restore faces.",
            ),
            _spec(
                "lama",
                "LaMa",
                Task.inpaint,
                _LAMA,
                "1faef5301d78db7dda502fe59966957ec4b79dd64e16f03ed96913c7a4eb68d6",
                208_044_816,
                "Apache-2.0",
                51_000_000,
                "Fills dust and scratches: --inpaint lama.",
            ),
        )
    }


def _spec(
    name: str,
    title: str,
    task: Task,
    source: HubFile | Url,
    sha256: str,
    size: int,
    license: str,
    parameters: int,
    summary: str,
) -> RestorationSpec:
    file = source.file if isinstance(source, HubFile) else source.url.rpartition("/")[2]
    weights = Published(file, (source,), sha256, size)
    return RestorationSpec(name, title, weights, license, source.host, parameters, summary, task)


def chosen(name: str, *tasks: Task) -> RestorationSpec | Path:
    """What was named: a network of the list that does one of these tasks, or a file.

    Raises:
        ModelNotFoundError: neither.
    """
    fitting = {key: spec for key, spec in restoration_networks().items() if spec.task in tasks}
    if name in fitting:
        return fitting[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.suffix or "/" in name:
        raise ModelNotFoundError(f"no network file {printable(name)}", hint="Give a .pth or .safetensors file.")
    near = did_you_mean(name, fitting)
    raise ModelNotFoundError(
        f'no network "{printable(name)}".{near}', hint=f"There are: {', '.join(fitting)}; or a file."
    )


def named_exactly(name: str, *tasks: Task) -> str:
    """A network as a note names it: its name or its file's, and the start of its SHA-256.

    Raises:
        ModelNotFoundError: there is none.
        WeightsError: the file cannot be read.
    """
    found = chosen(name, *tasks)
    if isinstance(found, RestorationSpec):
        assert isinstance(found.weights, Published)
        return f"{found.name} {found.weights.sha256[:12]}"
    return f"{found.name} {_hash_of(found, found.stat().st_mtime_ns, found.stat().st_size)[:12]}"


@lru_cache(maxsize=8)
def _hash_of(path: Path, _changed: int, _size: int) -> str:
    return sha256_of(path)
