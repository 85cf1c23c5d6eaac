"""Weights and downloads never take more than they say, and are never taken on trust."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from colorize_cli.errors import DownloadError, WeightsError
from colorize_cli.models import asking, hub
from colorize_cli.models.asking import Address
from colorize_cli.models.checkpoint import CheckpointInfo, read_info, read_tensors, save_checkpoint
from colorize_cli.models.load import load_model
from colorize_cli.models.networks.mini import Mini
from colorize_cli.models.onnx.load_onnx import load_onnx
from colorize_cli.models.published import read_state
from colorize_cli.models.transfer import ANY, download, part_of
from tests.models.loopback import Handler, Loopback, answer, lie
from tests.models.tiny import pth, state

DATA = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
SMALL = {"widths": [8, 16, 16, 16], "encoder": [0, 1, 1, 1], "decoder": [1, 1, 1]}


def deflated(path: Path, inflated: int) -> None:
    """A state dict whose storage is packed: a few kilobytes for each gigabyte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        with archive.open("archive/data/0", "w") as member:
            for _ in range(inflated // (1 << 20)):
                member.write(bytes(1 << 20))


@pytest.mark.slow
def test_a_file_of_weights_that_would_inflate_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    deflated(path, 200 << 20)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(
        WeightsError, match=r"bomb\.pth is refused: it has \S+ bytes and would inflate to 209,7"
    ) as refused:
        read_state(path)
    assert "safetensors" in str(refused.value)


def test_tensors_that_are_views_of_one_number_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "views.pth"
    torch.save({"weight": torch.zeros(1).expand(50_000, 50_000)}, path)
    with pytest.raises(WeightsError, match="claim far more than its"):
        read_state(path)


def test_a_header_that_names_more_than_the_file_has_is_refused(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 30], "data_offsets": [0, 4 << 30]}}).encode()
    path = tmp_path / "short.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    with pytest.raises(WeightsError, match=r"claims 4,294,967,\d+ bytes and has \d+"):
        read_tensors(path)
    path.write_bytes(struct.pack("<Q", 1 << 40) + b"{" + bytes(64))
    with pytest.raises(WeightsError, match="its header claims 1,099,511,627,776 bytes"):
        read_state(path)


def test_a_header_of_brackets_is_damaged(tmp_path: Path) -> None:
    header = b'{"a":' + b"[" * 200_000
    path = tmp_path / "deep.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(WeightsError, match="header is damaged"):
        read_tensors(path)
    whole = tmp_path / "deep-checkpoint.safetensors"
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(1)}, whole, {"format": "colorize-cli/1", "checkpoint": "[" * 200_000})
    with pytest.raises(WeightsError, match="header is damaged"):
        read_info(whole)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("form", ["checkpoint", "pth", "safetensors"])
def test_weights_that_are_not_numbers_are_refused_by_name(tmp_path: Path, wrong: float, form: str) -> None:
    path = tmp_path / ("weights.pth" if form == "pth" else "weights.safetensors")
    model = Mini(**SMALL)
    with torch.no_grad():
        model.head.bias[3] = wrong
    if form == "pth":
        torch.save(model.state_dict(), path)
    elif form == "safetensors":
        from safetensors.torch import save_file

        save_file(model.state_dict(), path)
    else:
        save_checkpoint(path, model.state_dict(), CheckpointInfo("mini", {**SMALL, "classes": 0}), torch.float16)
        with pytest.raises(WeightsError, match=r"head\.bias are NaN or infinite"):
            load_onnx(str(path))
    with pytest.raises(WeightsError, match=r"head\.bias holds values that are not numbers") as refused:
        load_model(str(path))
    assert str(path) in str(refused.value)


def test_a_pipe_in_the_place_of_weights_is_never_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "weights.safetensors"
    os.mkfifo(pipe)
    for read in (read_state, read_tensors):
        with pytest.raises(WeightsError, match="is a named pipe, not a file of weights"):
            read(pipe)
    with pytest.raises(WeightsError, match="is a device"):
        read_state(Path("/dev/zero"))
    command = [sys.executable, "-m", "colorize_cli", str(tmp_path), "--model", str(pipe), "--out", str(tmp_path / "o")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "Traceback" not in done.stderr


@pytest.mark.parametrize("said", ["", "none", "5e" * 31, "G" * 64, "*"])
def test_a_hub_that_gives_no_true_hash_is_refused(said: str) -> None:
    with pytest.raises(DownloadError, match=r"me/mine is refused: of a\.pth the hub gives no SHA-256"):
        hub.said_sha256({"sha256": said}, "a.pth", "me/mine")
    assert hub.said_sha256({"sha256": SHA256}, "a.pth", "me/mine") == SHA256


@pytest.mark.usefixtures("cache", "impatient")
def test_weights_of_a_hub_without_a_hash_are_not_downloaded(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    server.repos["me/mine"] = {"weights.pth": pth(state())}
    whole = Handler._info
    monkeypatch.setattr(
        Handler, "_info", lambda self, repo, files: json.loads(json.dumps(whole(self, repo, files)).replace(
            hashlib.sha256(files["weights.pth"]).hexdigest(), ""))
    )  # fmt: skip
    with pytest.raises(DownloadError, match="gives no SHA-256"):
        load_model("me/mine")
    assert not server.seen


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
class TestDownloads:
    """What a server may send."""

    @pytest.mark.parametrize("sha256", ["", "5e5e", "not hexadecimal"])
    def test_nothing_is_asked_for_without_a_hash(self, server: Loopback, to: Path, sha256: str) -> None:
        server.files["/weights.pth"] = DATA
        with pytest.raises(DownloadError, match="is no SHA-256 to check it by"):
            download([Address(f"{server.url}/weights.pth")], to, sha256)
        assert not server.asked
        assert download([Address(f"{server.url}/weights.pth")], to, ANY)[0] == SHA256

    def test_a_larger_file_than_was_published_is_refused_when_it_is_announced(self, server: Loopback, to: Path) -> None:
        server.files["/weights.pth"] = bytes(5_000_000)
        with pytest.raises(DownloadError, match="announces 5,000,000 bytes, where at most 1,354,576 are expected"):
            download([Address(f"{server.url}/weights.pth")], to, SHA256, size=300_000)
        assert not part_of(to).exists() and not to.exists()

    def test_a_body_without_end_is_cut_off(self, server: Loopback, to: Path) -> None:
        sent = []

        def endless(handler: Handler, data: bytes) -> None:
            handler.send_response(200)
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.close_connection = True
            with pytest.raises(OSError):
                while len(sent) < 100:
                    handler.wfile.write(bytes(1 << 20))
                    sent.append(1)

        server.files["/weights.pth"], server.always = DATA, endless
        with pytest.raises(DownloadError, match="sends more than the 1,354,576 bytes that are expected"):
            download([Address(f"{server.url}/weights.pth")], to, SHA256, size=300_000)
        assert len(sent) < 50 and not part_of(to).exists()

    def test_a_size_that_lies_is_found_out(self, server: Loopback, to: Path) -> None:
        server.files["/weights.pth"] = DATA
        server.faults = [lie(lambda data: data + b"more"), lie(lambda data: data[:100])]
        with pytest.raises(DownloadError, match="SHA-256"):
            download([Address(f"{server.url}/weights.pth")], to, SHA256, size=len(DATA))
        assert not to.exists()

    def test_a_redirect_to_something_else_is_not_followed(self, server: Loopback, to: Path) -> None:
        for place in ("ftp://127.0.0.1/weights.pth", "file:///etc/passwd"):
            server.files["/weights.pth"] = DATA
            server.always = answer(302, Location=place)
            with pytest.raises(DownloadError):
                download([Address(f"{server.url}/weights.pth")], to, SHA256)
            assert not to.exists()

    def test_encryption_is_not_left_for_nothing(self) -> None:
        from urllib.request import Request

        follow = asking.KeepTokensHome().redirect_request
        with pytest.raises(asking.Refused, match="not encrypted"):
            follow(Request("https://a.example/w"), None, 302, "Found", {}, "http://a.example/w")  # type: ignore[arg-type]
        assert follow(Request("https://a.example/w"), None, 302, "Found", {}, "https://b.example/w") is not None  # type: ignore[arg-type]


def test_refusing_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    deflated(path, 400 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError):
        read_state(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def endless(status: int, head: bytes = b"") -> Callable[[Handler, bytes], None]:
    """Answer with a body that ends only where the other side hangs up."""

    def serve(handler: Handler, data: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"{handler.loopback.url}/plain")
        handler.end_headers()
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(head)
            for _ in range(2000):
                handler.wfile.write(b"a" * (1 << 20))

    return serve


@pytest.mark.usefixtures("impatient")
def test_what_comes_with_a_redirect_is_not_read(server: Loopback, tmp_path: Path) -> None:
    server.files["/odd"] = server.files["/plain"] = DATA
    server.faults.append(endless(302))
    tracemalloc.start()
    download([Address(f"{server.url}/odd")], tmp_path / "a", SHA256)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "a").read_bytes() == DATA and peak < 50 << 20
    server.always = lambda handler, data: handler.plain(302, b"", {"Location": f"{server.url}{handler.path}"})
    with pytest.raises(DownloadError, match="leads from one address to the next, without an end"):
        download([Address(f"{server.url}/odd")], tmp_path / "b", SHA256)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b'{"siblings": "', "its answer has no end"),
        (b"[1]", "its answer makes no sense"),
        (b"[" * 200_000, "its answer makes no sense"),
        (b'{"siblings": [5]}', "its answer makes no sense"),
        (
            b'{"siblings": [{"rfilename": "a.pth", "size": 1e999, "lfs": {"sha256": "%s"}}]}' % SHA256.encode(),
            "its answer makes no sense",
        ),
        (b'{"siblings": [{"rfilename": "../a.pth", "lfs": {"sha256": "%s"}}]}' % SHA256.encode(), "is refused"),
        (b'{"siblings": [{"rfilename": "a.pth", "lfs": {"sha256": ["x"]}}]}', "gives no SHA-256"),
    ],
)
def test_a_hub_whose_answer_is_none_is_told_in_words(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, said: bytes, message: str
) -> None:
    server.files["/api/models/me/mine/revision/main"] = said
    if said.endswith(b'"'):
        server.always = endless(200, said)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    tracemalloc.start()
    with pytest.raises(DownloadError, match=message) as refused:
        hub.on_hub(hub.HubRepo("me/mine"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 << 20 and "object has no" not in str(refused.value)
