"""`colorize serve` as a process: its address, its answers, its end; what it refuses before it starts."""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from colorize_cli.cli import serve_command
from colorize_cli.cli.app import main
from colorize_cli.serve.listening import Listener
from tests.fork_server import python
from tests.inference.conftest import tiny_checkpoint, tiny_model

__all__ = ["tiny_checkpoint", "tiny_model"]


def test_films_are_not_shown_and_that_is_said(
    photos: Path, tmp_path: Path, tiny_model: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films").mkdir()
    for folder in (photos, tmp_path / "films"):
        (folder / "reel.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    assert main(["serve", str(tmp_path / "films"), "--out", str(tmp_path / "out")]) == 3
    assert "The page shows no films" in capfd.readouterr().err
    monkeypatch.setattr(Listener, "serve", lambda *_: None)
    main(["serve", str(photos), "--out", str(tmp_path / "out"), "--model", str(tiny_model), "--no-open", "--quiet"])
    assert "not the 1 film in" in " ".join(capfd.readouterr().err.split())


@contextmanager
def serving(*arguments: str | Path, start: Sequence[str] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server and the address that it shows; `start` is how Python starts, where it must be a process of its own."""
    words = [*(start or python()), "-m", "colorize_cli", "serve", *map(str, arguments), "--device", "cpu", "--no-open"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def fetch(
    address: str, path: str = "", method: str = "GET", body: bytes | None = None, host: str = ""
) -> tuple[int, bytes]:
    where = urlsplit(address)
    with closing(http.client.HTTPConnection(where.netloc, timeout=60)) as connection:
        connection.request(method, where.path + path, body, {"host": host or where.netloc})
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_told_to_end(
    photos: Path, tmp_path: Path, tiny_model: Path, sent: signal.Signals
) -> None:
    with serving(photos, "--out", tmp_path / "out", "--model", tiny_model) as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{22}/", address)
        status, page = fetch(address)
        assert status == 200
        assert b"<!doctype html>" in page
        assert fetch(address.rsplit("/", 2)[0] + "/")[0] == 403
        for path in (
            "../about",
            "..%2f..%2fetc/passwd",
            "%2e%2e/about",
            "/etc/passwd",
            "photos/../../about",
            "x/../about",
        ):
            assert fetch(address, path)[0] in (403, 404), path
        for name in (b"evil.example", b"127.0.0.1", b"evil.example:" + str(urlsplit(address).port).encode()):
            assert fetch(address, "about", host=name.decode())[0] == 403
        assert fetch(address, "photos/0/save", "POST", b'{"points": [{"x": 9, "y": 9, "color": "red"}]}')[0] == 200
        process.send_signal(sent)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.splitlines() == [f"{photos} is shown under this address; Ctrl-C ends it.", "Ended."]
    assert (tmp_path / "out" / "a.png").exists()
    assert not [name for name in os.listdir(tmp_path / "out") if name.endswith(".part")]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="the system shows no limits of processes")
def test_the_memory_of_photos_is_bounded(photos: Path, tmp_path: Path, tiny_model: Path) -> None:
    arguments = (photos, "--out", tmp_path / "out", "--model", tiny_model, "--max-memory", "1G")
    with serving(*arguments, start=[sys.executable]) as (process, _):
        limits = Path(f"/proc/{process.pid}/limits").read_text()
    (most,) = re.findall(r"^Max data size +(\d+)", limits, re.M)
    assert 1 << 30 < int(most) < 64 << 30


@pytest.mark.slow
def test_ctrl_c_while_all_are_colored_ends_after_those_in_work(tmp_path: Path, tiny_model: Path) -> None:
    from tests.inference.conftest import grey_photo

    for number in range(60):
        grey_photo(tmp_path / "photos" / f"{number:02}.png", (400, 300), number)
    with serving(tmp_path / "photos", "--out", tmp_path / "out", "--model", tiny_model, "--quiet") as (
        process,
        address,
    ):
        fetch(address, "color-all", "POST")
        while not list((tmp_path / "out").glob("*.png")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert 0 < len(list((tmp_path / "out").glob("*.png"))) < 60
    assert not list((tmp_path / "out").rglob("*.part*"))


def test_other_machines_are_let_in_by_an_address_that_they_can_open() -> None:
    with Listener("0.0.0.0", 0) as listener:
        where = urlsplit(listener.address)
        assert where.port == listener.port
        assert not listener.is_local
        assert ipaddress.ip_address(str(where.hostname)).version == 4
        with socket.create_connection((str(where.hostname), listener.port), timeout=10):
            pass
    with Listener("127.0.0.1", 0) as listener:
        assert listener.is_local


def refused(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    status = main(["serve", *map(str, arguments), "--device", "cpu", "--no-open"])
    return status, capfd.readouterr().err


def test_what_cannot_be_served_is_refused_in_a_line(
    photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert refused(capfd, tmp_path / "none", "--out", tmp_path / "out")[0] == 3
    assert refused(capfd, photos / "a.png", "--out", tmp_path / "out")[0] == 3
    status, said = refused(capfd, tmp_path / "empty", "--out", tmp_path / "out")
    assert status == 3
    assert "--upload" in said
    status, said = refused(capfd, photos, "--out", photos)
    assert status == 2
    assert "--out" in said
    assert refused(capfd, photos, "--port", "70000")[0] == 2
    assert refused(capfd, photos, "--upload", "--max-upload", "much")[0] == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, said = refused(capfd, photos, "--out", tmp_path / "out", "--port", str(taken.getsockname()[1]))
    assert status == 2
    assert "--port" in said
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(
    photos: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_command, "find_spec", lambda name: None)
    assert refused(capfd, photos) == (
        3,
        "error: colorize serve needs packages that are not installed.\nInstall it: pip install starlette uvicorn\n",
    )
