"""Films that lie in stores, or whose results go into one: the same as on a disk, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from colorize_cli.cli.app import main
from colorize_cli.files import stores
from colorize_cli.files.stores import Store
from colorize_cli.pipeline import film_work
from colorize_cli.pipeline.film_work import FilmWork
from tests.clips import Clip, colored, make_film, pan
from tests.pipeline.memory_store import MEMORY, new_bucket, objects, upload


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "kept"))
    return new_bucket()


def colorize(tiny_model: Path, *arguments: str | Path) -> int:
    return main([*map(str, arguments), "--model", str(tiny_model), "--device", "cpu", "--quiet"])


def told(path: Path) -> dict[str, Any]:
    """The report of a run."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("where", ["both", "source", "sink"])
def test_a_store_holds_what_a_disk_holds_and_what_is_done_is_not_fetched_again(
    tiny_model: Path, tmp_path: Path, bucket: str, where: str, monkeypatch: pytest.MonkeyPatch
):
    source = tmp_path / "in"
    make_film(source / "reel" / "a.mp4", pan(12))
    make_film(source / "b.ts", pan(12, seed=1), Clip(codec="mpeg2video", sounds=0))  # its result is Matroska
    assert colorize(tiny_model, source, "--out", tmp_path / "local") == 0
    upload(source, f"{bucket}/films")
    inputs = source if where == "sink" else f"{bucket}/films"
    out = tmp_path / "out" if where == "source" else f"{bucket}/colored"
    assert colorize(tiny_model, inputs, "--out", out, "--report", tmp_path / "1.json") == 0
    local = {p.relative_to(tmp_path / "local").as_posix(): p.read_bytes() for p in (tmp_path / "local").rglob("*.m*")}
    assert sorted(local) == ["b.mkv", "reel/a.mp4"]
    if where == "source":
        found = {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*.*")}
    else:
        found = objects(f"{bucket}/colored")
    assert found == local
    assert told(tmp_path / "1.json")["counts"] == {"done": 2}
    assert not list((tmp_path / "kept").rglob("*.segments"))
    monkeypatch.setattr(Store, "fetch", lambda self, name, *more: pytest.fail(f"{name} was fetched again"))
    monkeypatch.setattr(Store, "put", lambda self, *more: pytest.fail("nothing was to be sent"))
    assert colorize(tiny_model, inputs, "--out", out, "--report", tmp_path / "2.json") == 0
    assert told(tmp_path / "2.json")["counts"] == {"skipped": 2}


def test_a_run_that_was_stopped_goes_on_from_segments_on_this_machine(
    tiny_model: Path, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
):
    film = make_film(tmp_path / "in" / "a.mp4", [*pan(60), *pan(20, seed=1)])
    assert colorize(tiny_model, film, "--out", tmp_path / "local.mp4") == 0
    upload(film.parent, f"{bucket}/films")
    arguments = (f"{bucket}/films", "--out", f"{bucket}/out", "--report", tmp_path / "r.json")
    write, written = film_work.write_segment, list[object]()

    def stop(*parts: Any) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(parts)
        write(*parts)

    with monkeypatch.context() as patch:
        patch.setattr(film_work, "write_segment", stop)
        assert colorize(tiny_model, *arguments) == 130
    assert objects(f"{bucket}/out") == {}
    assert len(list((tmp_path / "kept").rglob("*.segment"))) == 1
    assert colorize(tiny_model, *arguments) == 0
    assert any("went on from frame" in note for note in told(tmp_path / "r.json")["photos"][0]["notes"])
    assert objects(f"{bucket}/out") == {"a.mp4": (tmp_path / "local.mp4").read_bytes()}
    assert not list((tmp_path / "kept").rglob("*.segments"))


def test_a_result_that_cannot_be_sent_is_not_colored_again(
    tiny_model: Path, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stores, "_WAIT", 0.0)
    upload(make_film(tmp_path / "in" / "a.mp4", pan(20)).parent, f"{bucket}/films")
    arguments = (f"{bucket}/films", "--out", f"{bucket}/out", "--report", tmp_path / "r.json")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("503 Slow Down")

    with monkeypatch.context() as patch:
        patch.setattr(type(MEMORY), "put_file", refuse)
        assert colorize(tiny_model, *arguments) == 3
    (failure,) = told(tmp_path / "r.json")["failures"]
    assert "cannot be sent: 503 Slow Down" in failure["reason"] and objects(f"{bucket}/out") == {}
    monkeypatch.setattr(FilmWork, "_color", lambda *_: pytest.fail("it was colored again"))
    assert colorize(tiny_model, *arguments) == 0
    assert list(objects(f"{bucket}/out")) == ["a.mp4"]


def test_a_film_for_which_there_is_no_space_is_not_fetched(
    tiny_model: Path, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
):
    film = make_film(tmp_path / "in" / "a.mp4", pan(20))
    upload(film.parent, f"{bucket}/films")
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 2 * film.stat().st_size)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(Store, "fetch", lambda *_: pytest.fail("it was fetched"))
    assert colorize(tiny_model, f"{bucket}/films", "--out", tmp_path / "out", "--report", tmp_path / "r.json") == 3
    (failure,) = told(tmp_path / "r.json")["failures"]
    assert "no space for it" in failure["reason"] and "TMPDIR" in failure["reason"]


def test_a_film_in_color_is_copied_from_one_place_of_a_store_to_another(tiny_model: Path, tmp_path: Path, bucket: str):
    film = make_film(tmp_path / "in" / "a.mp4", colored(16))
    upload(film.parent, f"{bucket}/films")
    for counts in ({"copied": 1}, {"skipped": 1}):
        assert colorize(tiny_model, f"{bucket}/films", "--out", f"{bucket}/out", "--report", tmp_path / "r.json") == 0
        assert told(tmp_path / "r.json")["counts"] == counts
        assert objects(f"{bucket}/out") == {"a.mp4": film.read_bytes()}


def test_a_url_of_a_film_is_no_folder_for_results(tiny_model: Path, tmp_path: Path, bucket: str, capsys: Any):
    film = make_film(tmp_path / "a.mp4", pan(4))
    assert colorize(tiny_model, film, "--out", f"{bucket}/color.mp4") == 2
    assert "names a file" in capsys.readouterr().err and objects(bucket) == {}
