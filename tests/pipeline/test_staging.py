"""Photos and results in stores, in memory: the same results as on a disk, skipped without being read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fsspec
import pytest
from PIL import Image

from colorize_cli.cli.app import main
from colorize_cli.errors import MissingPackageError
from colorize_cli.files import stores
from colorize_cli.files.stores import Store, as_url, is_url, parse_options
from tests.inference.conftest import grey_photo
from tests.pipeline.memory_store import MEMORY, new_bucket, objects, upload


@pytest.fixture
def bucket() -> str:
    return new_bucket()


def photos_in(folder: Path) -> Path:
    for number in range(5):
        grey_photo(folder / f"box{number % 2}" / f"{number}.png", seed=number)
    grey_photo(folder / "a.jpg", seed=7)
    grey_photo(folder / "b.tif", seed=8)
    with Image.open(grey_photo(folder / "c.png", seed=9)) as image:  # in color: it is copied
        Image.merge("RGB", [image, image.point(lambda v: 255 - v), image.rotate(90).resize(image.size)]).save(
            folder / "c.png"
        )
    return folder


def colorize(tiny_model: Path, *arguments: str | Path) -> int:
    return main([*map(str, arguments), "--model", str(tiny_model), "--device", "cpu", "--quiet"])


@pytest.mark.parametrize("where", ["both", "source", "sink"])
def test_a_store_holds_what_a_disk_holds(tiny_model: Path, tmp_path: Path, bucket: str, where: str):
    source = photos_in(tmp_path / "in")
    assert colorize(tiny_model, source, "--out", tmp_path / "local") == 0
    upload(source, f"{bucket}/scans")
    inputs = source if where == "sink" else f"{bucket}/scans"
    out = tmp_path / "out" if where == "source" else f"{bucket}/colored"
    assert colorize(tiny_model, inputs, "--out", out) == 0
    local = {p.relative_to(tmp_path / "local").as_posix(): p.read_bytes() for p in (tmp_path / "local").rglob("*.*")}
    if where == "source":
        found = {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*.*")}
    else:
        found = objects(f"{bucket}/colored")
    report, expected = json.loads(found.pop("colorize-report.json")), json.loads(local.pop("colorize-report.json"))
    assert found == local
    assert report["counts"] == expected["counts"] == {"done": 7, "copied": 1}
    start, end = (str(source), str(out)) if where == "sink" else (f"{bucket}/scans", str(out))
    assert all(row["source"].startswith(f"{start}/") for row in report["photos"])
    assert all(row["output"].startswith(f"{end}/") for row in report["photos"])


@pytest.mark.parametrize("where", ["both", "source", "sink"])
def test_what_is_done_is_skipped_and_not_fetched(
    tiny_model: Path, tmp_path: Path, bucket: str, where: str, monkeypatch: pytest.MonkeyPatch
):
    source = photos_in(tmp_path / "in")
    (source / "c.png").unlink()
    upload(source, f"{bucket}/scans")
    inputs = source if where == "sink" else f"{bucket}/scans"
    out = tmp_path / "out" if where == "source" else f"{bucket}/colored"
    assert colorize(tiny_model, inputs, "--out", out, "--report", tmp_path / "1.json") == 0
    fetched = list[str]()
    fetch = Store.fetch
    monkeypatch.setattr(Store, "fetch", lambda self, name, *more: (fetched.append(name), fetch(self, name, *more)))
    monkeypatch.setattr(Store, "put", lambda self, *more: pytest.fail("nothing was to be sent"))
    assert colorize(tiny_model, inputs, "--out", out, "--report", tmp_path / "2.json") == 0
    assert json.loads((tmp_path / "2.json").read_text())["counts"] == {"skipped": 7} and fetched == []
    assert colorize(tiny_model, inputs, "--out", out, "--vividness", 0.1, "--report", tmp_path / "3.json") == 0
    assert json.loads((tmp_path / "3.json").read_text())["counts"] == {"exists with different settings": 7}


def test_a_photo_that_was_replaced_is_done_anew(tiny_model: Path, tmp_path: Path, bucket: str):
    source = photos_in(tmp_path / "in")
    upload(source, f"{bucket}/scans")
    assert colorize(tiny_model, f"{bucket}/scans", "--out", f"{bucket}/out") == 0
    before = objects(f"{bucket}/out")
    MEMORY.pipe_file(f"{bucket}/scans/a.jpg", grey_photo(tmp_path / "x" / "a.jpg", seed=99).read_bytes())
    assert colorize(tiny_model, f"{bucket}/scans", "--out", f"{bucket}/out") == 0
    after = objects(f"{bucket}/out")
    report = json.loads(after.pop("colorize-report.json"))
    assert report["counts"] == {"done": 1, "skipped": 7}
    assert [name for name in after if after[name] != before[name]] == ["a.jpg"]


def test_another_file_in_a_result_s_place_is_left(tiny_model: Path, tmp_path: Path, bucket: str):
    upload(photos_in(tmp_path / "in"), f"{bucket}/scans")
    other = grey_photo(tmp_path / "o.jpg", seed=50).read_bytes()
    MEMORY.pipe_file(f"{bucket}/out/a.jpg", other)
    assert colorize(tiny_model, f"{bucket}/scans", "--out", f"{bucket}/out") == 1
    found = objects(f"{bucket}/out")
    (failure,) = json.loads(found["colorize-report.json"])["failures"]
    assert found["a.jpg"] == other and failure["source"] == f"{bucket}/scans/a.jpg"
    assert f"{bucket}/out/a.jpg" in failure["reason"] and "/tmp" not in failure["reason"]


def test_a_photo_that_cannot_be_fetched_or_sent_fails_alone(
    tiny_model: Path, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stores, "_WAIT", 0.0)
    upload(photos_in(tmp_path / "in"), f"{bucket}/scans")
    system = type(MEMORY)
    get, put = system.get_file, system.put_file

    def cut(self: Any, name: str, to: str, *more: Any, **others: Any) -> None:
        get(self, name, to, *more, **others)
        if name.endswith("0.png"):
            Path(to).write_bytes(Path(to).read_bytes()[:100])

    def refuse(self: Any, file: str, name: str, *more: Any, **others: Any) -> None:
        if name.endswith("1.png"):
            raise OSError("503 Slow Down")
        put(self, file, name, *more, **others)

    monkeypatch.setattr(system, "get_file", cut)
    monkeypatch.setattr(system, "put_file", refuse)
    assert colorize(tiny_model, f"{bucket}/scans", "--out", f"{bucket}/out") == 1
    found = objects(f"{bucket}/out")
    report = json.loads(found.pop("colorize-report.json"))
    assert report["counts"] == {"done": 5, "copied": 1, "failed": 2}
    reasons = {row["source"].rpartition("/")[2]: row["reason"] for row in report["failures"]}
    assert "cannot be fetched: 100 of" in reasons["0.png"] and "503 Slow Down" in reasons["1.png"]
    assert sorted(found) == ["a.jpg", "b.tif", "box0/2.png", "box0/4.png", "box1/3.png", "c.png"]


def test_results_that_could_not_be_sent_are_not_made(
    tiny_model: Path, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(stores, "_WAIT", 0.0)

    def refuse(self: Any, name: str, **others: Any) -> None:
        raise RuntimeError("Unable to locate credentials")

    monkeypatch.setattr(type(MEMORY), "info", refuse)
    monkeypatch.setattr(type(MEMORY), "put_file", lambda *_: pytest.fail("it was sent all the same"))
    assert colorize(tiny_model, photos_in(tmp_path / "in"), "--out", f"{bucket}/out") == 3
    told = capsys.readouterr().err.replace("\n", " ")
    assert told.startswith(f"error: {bucket}/out does not answer: Unable to locate credentials. Are its credentials")


def test_a_store_that_takes_long_to_refuse_is_not_asked_six_times(monkeypatch: pytest.MonkeyPatch):
    clock = iter(range(0, 1000, 25))
    monkeypatch.setattr(stores, "_WAIT", 0.0)
    monkeypatch.setattr(stores.time, "monotonic", lambda: float(next(clock)))
    asked = []

    def refuse() -> None:
        asked.append(1)
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        stores.retried(refuse)
    assert len(asked) == 3


def test_what_makes_no_sense_is_refused_in_one_line(tiny_model: Path, tmp_path: Path, bucket: str):
    grey_photo(tmp_path / "a.png")
    for arguments, status in (
        ([f"{bucket}/none", "--out", f"{bucket}/out"], 3),
        ([f"{bucket}/x", tmp_path, "--out", f"{bucket}/out"], 2),
        ([tmp_path, "--out", f"{bucket}/out", "--storage-option", "endpoint"], 2),
        ([tmp_path, "--out", tmp_path / "out", "--storage-option", "a=b"], 2),
        ([tmp_path, "--out", f"{bucket}/out.png"], 2),
        ([tmp_path, "--out", f"{bucket}/out", "--gallery"], 2),
        ([tmp_path, "--out", "nosuch://x/out"], 2),
    ):
        assert colorize(tiny_model, *arguments) == status, arguments
    assert objects(bucket) == {}


def test_urls_and_options_are_read():
    assert is_url("s3://b/x") and is_url(Path("s3://b/x")) and not is_url("C:/x") and not is_url("a/b:/c")
    assert as_url(Path("s3://b/x y")) == "s3://b/x y" and as_url("S3://b") == "s3://b"
    assert parse_options(["a=1", "b=true", "c=http://x=y", 'd={"e": 2}']) == {
        "a": 1, "b": True, "c": "http://x=y", "d": {"e": 2},
    }  # fmt: skip


def test_without_the_store_s_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    def absent(*_: Any, **__: Any) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "filesystem", absent)
    with pytest.raises(MissingPackageError, match="s3:// needs s3fs") as caught:
        Store("s3://bucket/x", {})
    assert caught.value.hint == "Install it: pip install s3fs"


def test_a_key_that_is_no_path_fails_by_name_and_leaves_no_trace(tiny_model: Path, tmp_path: Path, bucket: str):
    data = grey_photo(tmp_path / "a.png").read_bytes()
    MEMORY.pipe_file(f"{bucket}/in/a.png", data)
    MEMORY.store[f"{MEMORY._strip_protocol(bucket)}/in/x/../../../up.png"] = MEMORY.store[
        f"{MEMORY._strip_protocol(bucket)}/in/a.png"
    ]
    assert colorize(tiny_model, f"{bucket}/in", "--out", tmp_path / "out") == 1
    assert sorted(p.name for p in tmp_path.rglob("*.png")) == ["a.png", "a.png"]
