"""Keys that are no paths, or hard ones: each object is done, or named with its reason; none is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colorize_cli.cli.app import main
from tests.inference.conftest import grey_photo
from tests.pipeline.faulty import FaultyProxy
from tests.pipeline.test_s3 import KEYS, client, proxy, results
from tests.pipeline.test_staging import MEMORY, bucket, colorize, objects

__all__ = ["bucket", "proxy"]

GOOD = ["a b+c%20.png", "ü ö.png", "dir/in.png", "q?.png", "[z].png", "s*.png", "dbl.png", "sub.png"]
NO_PATHS = {
    "/dbl.png": "its key, /, is no path",
    "a//b.png": "its key, a/, is no path",
    "end.png/": "its key, end.png/, is no path",
    "../up.png": "its key, ../up.png, is no path",
    "./dot.png": "its key, ./dot.png, is no path",
    "sub.png/x.png": "its key, sub.png/x.png, lies below that of another object, as no file can",
}


@pytest.mark.slow
def test_every_object_is_done_or_named(
    tiny_model: Path, tmp_path: Path, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    s3, data = client(proxy.behind), grey_photo(tmp_path / "a.png").read_bytes()
    s3.create_bucket(Bucket="archive")
    for key in (*GOOD, *NO_PATHS):
        s3.put_object(Bucket="archive", Key=f"scans/{key}", Body=data)
    s3.put_object(Bucket="archive", Key="scans/dir/", Body=b"")  # the mark of a folder
    option = ["--storage-option", f"endpoint_url={proxy.behind}"]
    assert colorize(tiny_model, "s3://archive/scans", "--out", "s3://archive/colored", *option) == 1
    found = results(s3)
    report = json.loads(found.pop("colorize-report.json"))
    assert report["counts"] == {"done": len(GOOD), "failed": len(NO_PATHS)} and len(found) == len(GOOD)
    assert {row["reason"] for row in report["failures"]} == set(NO_PATHS.values())
    assert len(set(found.values())) == len(GOOD)  # each names its source
    assert colorize(tiny_model, "s3://archive/scans", "--out", "s3://archive/colored", "--json", *option) == 1
    again = json.loads(results(s3)["colorize-report.json"])
    assert again["counts"] == {"skipped": len(GOOD), "failed": len(NO_PATHS)}


@pytest.mark.parametrize("name", ["a.png", "box 1/ü.png", "[z].png"])
def test_one_object_may_be_named(tiny_model: Path, tmp_path: Path, bucket: str, name: str) -> None:
    data = grey_photo(tmp_path / "a.png").read_bytes()
    for other in (name, "other.png"):
        MEMORY.pipe_file(f"{bucket}/scans/{other}", data)
    assert colorize(tiny_model, f"{bucket}/scans/{name}", "--out", f"{bucket}/out") == 0
    found = objects(f"{bucket}/out")
    report = json.loads(found.pop("colorize-report.json"))
    assert list(found) == [Path(name).name]
    assert [row["source"] for row in report["photos"]] == [f"{bucket}/scans/{name}"]
    assert colorize(tiny_model, f"{bucket}/scans/{name}", "--out", f"{bucket}/out") == 0
    assert json.loads(objects(f"{bucket}/out")["colorize-report.json"])["counts"] == {"skipped": 1}


def test_an_object_that_is_not_there_is_said(tmp_path: Path, bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    MEMORY.pipe_file(f"{bucket}/scans/a.png", b"")
    assert main([f"{bucket}/scans/b.png", "--out", str(tmp_path / "out")]) == 3
    told = f"error: nothing at {bucket}/scans/b.png. Is it spelt right? See --storage-option for endpoints."
    assert " ".join(capsys.readouterr().err.split()) == told


def test_the_mark_of_a_folder_is_no_object(
    tiny_model: Path, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MEMORY.pipe_file(f"{bucket}/scans/dir/a.png", grey_photo(tmp_path / "a.png").read_bytes())
    root, ls = MEMORY._strip_protocol(bucket), type(MEMORY).ls
    mark = {
        "name": f"{root}/scans/dir/",
        "size": 0,
        "type": "directory",
        "storageClass": "STANDARD",
        "updated": "2026-01-01",
    }

    def with_mark(self: object, path: str, **more: object) -> object:  # as the console of GCS makes folders
        return [*ls(self, path, **more), *([mark] if path.endswith("/dir") else [])]

    monkeypatch.setattr(type(MEMORY), "ls", with_mark)
    assert colorize(tiny_model, f"{bucket}/scans", "--out", str(tmp_path / "out")) == 0
    assert json.loads((tmp_path / "out" / "colorize-report.json").read_text())["counts"] == {"done": 1}
