"""Source and results on an S3-compatible server that refuses some requests and cuts some transfers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.inference.conftest import Run, command, grey_photo
from tests.needs import needs
from tests.pipeline.faulty import FaultyProxy
from tests.pipeline.test_ray import worker_of

pytestmark = [pytest.mark.slow, needs("s3fs", "moto", extra="s3")]
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    with FaultyProxy(int(server.stdout.readline())) as proxy:
        yield proxy
    server.kill()
    server.communicate()


def client(url: str) -> Any:
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=url, **keys)


def uploaded(source: Path, proxy: FaultyProxy) -> Any:
    """A client of the server behind the proxy, in whose bucket the photos of a folder lie."""
    s3 = client(proxy.behind)
    s3.create_bucket(Bucket="archive")
    for path in source.rglob("*.png"):
        s3.put_object(Bucket="archive", Key=f"scans/{path.relative_to(source).as_posix()}", Body=path.read_bytes())
    return s3


def results(s3: Any) -> dict[str, bytes]:
    """What lies in the bucket's folder of results, by name."""
    listed = s3.list_objects_v2(Bucket="archive", Prefix="colored/")["Contents"]
    return {
        item["Key"].removeprefix("colored/"): s3.get_object(Bucket="archive", Key=item["Key"])["Body"].read()
        for item in listed
    }


def test_the_same_results_though_the_server_fails_now_and_then(
    tiny_model: Path, tmp_path: Path, run: Run, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
):
    source = tmp_path / "in"
    for number in range(16):
        grey_photo(source / f"box{number % 3}" / f"{number}.png", (320, 240), seed=number)
    assert run(source, "--out", tmp_path / "local").returncode == 0
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    s3 = uploaded(source, proxy)
    refused, cut = proxy.refused, proxy.cut
    arguments = ["s3://archive/scans", "--out", "s3://archive/colored", "--storage-option", f"endpoint_url={proxy.url}"]
    done = run(*arguments, env=KEYS)
    assert done.returncode == 0, done.stderr
    assert proxy.refused - refused > 5 and proxy.cut - cut > 2  # it did fail
    found = results(s3)
    report = json.loads(found.pop("colorize-report.json"))
    local = {p.relative_to(tmp_path / "local").as_posix(): p.read_bytes() for p in (tmp_path / "local").rglob("*.png")}
    assert found == local and report["counts"] == {"done": 16}
    assert "Report: s3://archive/colored/colorize-report.json" in done.stderr.replace("\n", "")

    again = run(*arguments, "--json", env=KEYS)
    assert again.returncode == 0 and json.loads(again.stdout)["counts"] == {"skipped": 16}, again.stderr
    leftovers = s3.list_multipart_uploads(Bucket="archive").get("Uploads", [])
    assert leftovers == []


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed")
def test_workers_of_ray_do_the_same_though_one_is_killed(
    tiny_model: Path, tmp_path: Path, run: Run, proxy: FaultyProxy
):
    source = tmp_path / "in"
    for number in range(48):
        grey_photo(source / f"box{number % 3}" / f"{number}.png", (80, 60), seed=number)
    assert run(source, "--out", tmp_path / "local").returncode == 0
    s3 = uploaded(source, proxy)
    arguments = ["s3://archive/scans", "--out", "s3://archive/colored", "--storage-option", f"endpoint_url={proxy.url}"]
    arguments = command(tiny_model, *arguments, "--engine", "ray", "--workers", "2", anew=True)
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env={**os.environ, **KEYS})
    until = time.monotonic() + 600
    while s3.list_objects_v2(Bucket="archive", Prefix="colored/")["KeyCount"] < 12 and time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    os.kill(worker_of(process.pid), signal.SIGKILL)
    _, told = process.communicate(timeout=900)
    assert process.returncode == 0, told
    assert proxy.refused > 20 and proxy.cut > 5
    found = results(s3)
    report = json.loads(found.pop("colorize-report.json"))
    local = {p.relative_to(tmp_path / "local").as_posix(): p.read_bytes() for p in (tmp_path / "local").rglob("*.png")}
    assert found == local and report["counts"] == {"done": 48}
    assert len({row["source"] for row in report["photos"]}) == 48
