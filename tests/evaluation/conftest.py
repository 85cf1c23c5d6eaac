"""Small pictures, a small checkpoint, deterministic weights, and a browser."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.networks.mini import Mini

SMALL_MINI = {"widths": [8, 8, 8, 8], "encoder": [0, 0, 0, 0], "decoder": [0, 0, 0]}


def _weights_by_key(network: nn.Module) -> dict[str, Tensor]:
    """Weights that each key's name decides, so that two implementations can be compared without a download."""
    state = {}
    for key, tensor in network.state_dict().items():
        rng = np.random.default_rng(zlib.crc32(key.encode()))
        shape = tuple(tensor.shape)
        if not tensor.dtype.is_floating_point:
            state[key] = tensor.clone()
            continue
        if key.endswith("running_var"):
            value = rng.uniform(0.5, 1.5, shape)
        elif len(shape) <= 1:
            value = rng.normal(1.0 if key.endswith("weight") else 0.0, 0.1, shape)
        else:
            value = rng.normal(0, 1, shape) / np.sqrt(np.prod(shape[1:]) / 2)
        state[key] = torch.from_numpy(np.asarray(value, np.float32))
    return state


def _picture(seed: int, height: int = 40, width: int = 56) -> np.ndarray:
    """A colorful picture with smooth areas and edges, uint8, (H, W, 3)."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _write_picture(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(data.tobytes())


def _save_small_mini(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, Mini(**SMALL_MINI).state_dict(), CheckpointInfo("mini", SMALL_MINI), torch.float32)
    return path


class Browser:
    """A headless Chromium over its debugging pipe: enough to open a page, look at it and use it."""

    def __init__(self, program: str, folder: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
        command = [program, *options, "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
        script = f'exec "$@" 3<&{to_read} 4>&{to_write} 2>/dev/null'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command, "about:blank"], pass_fds=(to_read, to_write)
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self._session = b"", 0, None
        self.events: list[dict] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _next(self, seconds: float) -> dict:
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], seconds)[0]:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise ConnectionError("Chromium is gone")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method: str, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(60)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, path: Path, width: int = 1200, height: int = 900, mobile: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next(60))

    def run(self, script: str):
        """The value of an expression in the page; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 20) -> None:
        """Wait until an expression is true in the page."""
        self.run(
            f"""new Promise((done, fail) => {{
              const start = performance.now();
              const look = () => {script} ? done(true) : performance.now() - start > {seconds * 1000}
                ? fail(new Error("never true")) : setTimeout(look, 30);
              look();
            }})"""
        )

    def complaints(self) -> list[str]:
        """Console errors, uncaught exceptions, and anything asked of a network."""
        found = []
        for event in self.events:
            method, about = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(about["exceptionDetails"]))
            if method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                found.append(about["entry"]["text"])
            if method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
                found.append(str(about["args"]))
            if method == "Network.requestWillBeSent" and about["request"]["url"].startswith("http"):
                found.append(about["request"]["url"])
        return found

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        os.close(self._from)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless browser; tests that ask for it are skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here")
    browser = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three colorful PNG files, one of them in a folder below."""
    folder = tmp_path / "photos"
    for i, name in enumerate(("a.png", "b.png", "below/c.png")):
        _write_picture(folder / name, _picture(i))
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint of a very small network with random weights."""
    return _save_small_mini(tmp_path / "run" / "small.safetensors")


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """Makes a colorful picture from a seed and a size."""
    return _picture


@pytest.fixture
def write_picture() -> Callable[[Path, np.ndarray], None]:
    """Writes a picture to a path."""
    return _write_picture


@pytest.fixture
def save_small_mini() -> Callable[..., Path]:
    """Writes a checkpoint of a very small network with random weights from a seed."""
    return _save_small_mini


@pytest.fixture
def weights_by_key() -> Callable[[nn.Module], dict[str, Tensor]]:
    """Gives any network deterministic weights."""
    return _weights_by_key
