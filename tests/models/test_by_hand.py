"""Where the network does not let a download through: what stands in the way, and how to do without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub.utils import close_session  # type: ignore[attr-defined]

from colorize_cli.cli.app import main
from colorize_cli.errors import DownloadError
from colorize_cli.models.asking import Address
from colorize_cli.models.network_faults import hub_fault
from colorize_cli.models.registry import Registry
from colorize_cli.models.transfer import download, part_of
from tests.models.loopback import Loopback, lie
from tests.models.test_weights import DATA, SHA256, models, same  # noqa: F401 - a fixture
from tests.models.test_weights import load as loading

pytestmark = pytest.mark.usefixtures("impatient", "cache")
PAGE = b"\r\n<!DOCTYPE HTML><title>Welcome to the hotel</title>" + b" " * 600


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://me:secret@127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    close_session()  # the Hub's client keeps the proxy that it began with
    yield "http://127.0.0.1:9"
    close_session()


def test_a_dead_proxy_is_called_that(
    models: Registry,  # noqa: F811
    server: Loopback,
    dead_proxy: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "pull", "plain"]) == 3
    said = capsys.readouterr().err
    assert f"through the proxy {dead_proxy}: Connection refused" in said
    assert f"{server.url}/plain-weights.pth" in said and "colorize models pull plain --from FILE" in said
    assert "secret" not in said and "urlopen" not in said and "Errno" not in said


def test_a_dead_proxy_before_the_hub_is_called_that(
    models: Registry,  # noqa: F811
    dead_proxy: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "pull", "someone/colors"]) == 3
    said = capsys.readouterr().err
    assert f"through the proxy {dead_proxy}" in said and "secret" not in said
    assert "object at 0x" not in said and "someone/colors" in said


def test_a_login_page_is_called_that(
    models: Registry,  # noqa: F811
    server: Loopback,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.always = lie(lambda data: PAGE)
    assert main(["models", "pull", "plain"]) == 3
    said = capsys.readouterr().err
    assert "a web page came in its place, such as the login page of a network" in said
    assert f"{server.url}/plain-weights.pth" in said and "models pull plain --from FILE" in said


def test_what_came_before_a_login_page_is_kept(server: Loopback, tmp_path: Path) -> None:
    server.files["/w.pth"], to = DATA, tmp_path / "w.pth"
    part_of(to).write_bytes(DATA[:100])
    server.always = lambda handler, data: handler.plain(200, PAGE)
    with pytest.raises(DownloadError, match="a web page came in its place"):
        download([Address(f"{server.url}/w.pth")], to, SHA256)
    assert part_of(to).read_bytes() == DATA[:100]
    server.always = None
    assert download([Address(f"{server.url}/w.pth")], to, SHA256)[0] == SHA256


def test_the_hubs_faults_are_told_in_words() -> None:
    class JSONDecodeError(ValueError):
        pass

    error = RuntimeError("HTTPSConnectionPool(host='x'): <object at 0x7f>")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert hub_fault("https://x", error).endswith("Connection refused")
    assert "web page" in hub_fault("https://x", JSONDecodeError("Expecting value: line 1 column 1 (char 0)"))
    assert hub_fault("https://x", RuntimeError("[Errno -2] Name or service not known")).endswith("not known")
    assert hub_fault("https://x", RuntimeError("404 Client Error\n\nmore")) == "404 Client Error"


@pytest.mark.parametrize("name", ["plain", "hubbed"])
def test_weights_are_taken_from_the_file_itself(
    name: str,
    models: Registry,  # noqa: F811
    server: Loopback,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "some name.pth"
    for wrong, says in ((PAGE, "is refused: it is a web page"), (DATA[:-1] + b"!", "is refused: its SHA-256 is")):
        file.write_bytes(wrong)
        assert main(["models", "pull", name, "--from", str(file)]) == 3
        assert says in capsys.readouterr().err
    file.write_bytes(DATA)
    assert main(["models", "pull", name, "--from", str(file)]) == 0
    assert server.seen == [] and file.read_bytes() == DATA
    assert same(loading.load_model(name))


def test_one_file_is_for_one_model(
    models: Registry,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "w.pth").write_bytes(DATA)
    assert main(["models", "pull", "plain", "hubbed", "--from", str(tmp_path / "w.pth")]) == 2
    assert "is one file, but 2 models are named" in capsys.readouterr().err
