"""Stores that cannot be reached, read or written: one line, that names the place, the cause, the way out."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from colorize_cli.cli.app import main
from colorize_cli.files import contact
from tests.inference.conftest import Run, grey_photo
from tests.pipeline.faulty import FaultyProxy
from tests.pipeline.test_s3 import KEYS, client, proxy, results, uploaded

__all__ = ["proxy"]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("as_source", [True, False])
@pytest.mark.parametrize(
    ("scheme", "package", "variable"),
    [
        ("s3", "s3fs", "AWS_ENDPOINT_URL"),
        ("gs", "gcsfs", "STORAGE_EMULATOR_HOST"),
        ("hf", "huggingface_hub", "HF_ENDPOINT"),
    ],
)
def test_a_store_without_a_network_is_said_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    scheme: str,
    package: str,
    variable: str,
    as_source: bool,
) -> None:
    pytest.importorskip(package)
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    photo, url = grey_photo(tmp_path / "in" / "a.png").parent, f"{scheme}://datasets/me/scans"
    arguments = [url, "--out", str(tmp_path / "out")] if as_source else [str(photo), "--out", url]
    assert main(arguments) == 3
    option = "endpoint" if scheme == "hf" else "endpoint_url"
    assert told(capsys) == (
        f"error: {url} cannot be reached: no connection to 127.0.0.1:9: Connection refused. "
        f"Is there a network? Another server: --storage-option {option}=https://HOST"
    )
    assert not (tmp_path / "out").exists()


def test_a_server_without_a_name_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("s3fs")
    option = "endpoint_url=http://no-such-host.invalid:9000"
    assert main(["s3://archive/scans", "--out", str(tmp_path / "out"), "--storage-option", option]) == 3
    assert told(capsys).startswith(
        "error: s3://archive/scans cannot be reached: no connection to no-such-host.invalid:9000: "
    )


def test_a_server_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], silent: str
) -> None:
    pytest.importorskip("s3fs")
    monkeypatch.setattr(contact, "_PATIENCE", 2.0)
    option = ["--storage-option", f"endpoint_url={silent}"]
    assert main(["s3://archive/scans", "--out", str(tmp_path / "out"), *option]) == 3
    assert told(capsys).startswith("error: s3://archive/scans cannot be listed, for 2 seconds. Is there a network?")
    assert main([str(grey_photo(tmp_path / "a.png")), "--out", "s3://archive/colored", *option]) == 3
    assert told(capsys).startswith("error: s3://archive/colored does not answer, for 2 seconds. Is there a network?")


@pytest.mark.slow
def test_what_a_bucket_refuses_is_said_before_any_work(
    tiny_model: Path, tmp_path: Path, proxy: FaultyProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = grey_photo(tmp_path / "in" / "a.png").parent
    s3 = uploaded(photo, proxy)
    option = ["--model", str(tiny_model), "--device", "cpu", "--storage-option", f"endpoint_url={proxy.url}"]
    assert main([str(photo), "--out", "s3://no-such-bucket/colored", *option]) == 3
    assert told(capsys) == "error: there is no bucket s3://no-such-bucket. Is it spelt right?"
    assert main(["s3://no-such-bucket/scans", "--out", str(tmp_path / "out"), *option]) == 3
    assert told(capsys).startswith("error: nothing at s3://no-such-bucket/scans. Is it spelt right?")
    proxy.denies = lambda method, path: method in ("PUT", "POST")
    assert main([str(photo), "--out", "s3://archive/colored", *option]) == 3
    asked = "Are its credentials right (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)?"
    assert told(capsys) == f"error: s3://archive/colored takes no results: Access Denied. {asked}"
    proxy.denies = lambda method, path: method == "GET"
    assert main(["s3://archive/scans", "--out", str(tmp_path / "out"), *option]) == 3
    assert told(capsys) == f"error: s3://archive/scans cannot be listed: Access Denied. {asked}"
    assert not (tmp_path / "out").exists() and s3.list_objects_v2(Bucket="archive")["KeyCount"] == 1
    assert s3.list_multipart_uploads(Bucket="archive").get("Uploads", []) == []


@pytest.mark.slow
def test_a_key_that_may_not_be_read_or_written_fails_alone(
    tiny_model: Path, tmp_path: Path, proxy: FaultyProxy, run: Run
) -> None:
    for name in "abc":
        grey_photo(tmp_path / "in" / f"{name}.png", seed=ord(name))
    s3 = uploaded(tmp_path / "in", proxy)
    proxy.denies = lambda method, path: (
        "scans/a.png" in path and method == "GET" or "colored/b.png" in path and method == "PUT"
    )
    arguments = ["s3://archive/scans", "--out", "s3://archive/colored", "--storage-option", f"endpoint_url={proxy.url}"]
    done = run(*arguments, env=KEYS)
    assert done.returncode == 1, done.stderr
    found = results(s3)
    report = json.loads(found.pop("colorize-report.json"))
    assert report["counts"] == {"done": 1, "failed": 2} and set(found) == {"c.png"}
    assert {row["source"]: row["reason"].partition(":")[0] for row in report["failures"]} == {
        "s3://archive/scans/a.png": "it cannot be fetched",
        "s3://archive/scans/b.png": "its result cannot be sent",
    }
    assert all("Access Denied" in row["reason"] for row in report["failures"])
    proxy.denies = lambda method, path: False
    assert run(*arguments, env=KEYS).returncode == 0
    assert client(proxy.behind).list_objects_v2(Bucket="archive", Prefix="colored/")["KeyCount"] == 4
