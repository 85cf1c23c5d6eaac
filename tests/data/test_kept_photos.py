"""What is kept of data sets, and what is said where one is not to be had."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from colorize_cli.cli.app import main
from colorize_cli.data import named
from colorize_cli.data.cache import kept_sets
from colorize_cli.data.dataset import Choice, cache_folder, open_photos
from colorize_cli.data.fetching import WebFile, bring_lists
from colorize_cli.data.named import NAMED, Access, open_data
from colorize_cli.errors import DataError, DownloadError
from tests.data.pictures import write_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLORIZE_CACHE", "COLORIZE_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / name))


def test_decoded_photos_are_told_listed_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(named, "_WORTH_TELLING", 1)
    notes: list[str] = []
    photos = write_folder(tmp_path / "photos", 6)
    open_data(str(photos), 16, Choice(), Access(on_note=notes.append))
    open_photos(write_folder(tmp_path / "others", 3), 16)
    assert len(notes) == 1 and notes[0].startswith("Decoded photos: 0.0 GB in ")
    assert main(["data", "list"]) == 0
    said = capsys.readouterr().out
    assert "6 photos" in said and str(photos) in said and "3 photos" in said
    assert main(["data", "clear", str(photos)]) == 0
    assert [one.photos for one in kept_sets()] == [3]
    assert main(["data", "clear"]) == 0
    assert kept_sets() == []


def test_decoded_photos_are_cleared_by_a_relative_path_and_a_wrong_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_folder(tmp_path / "photos", 4)
    open_photos(photos, 16)
    assert main(["data", "clear", "fotos"]) == 3
    assert "no decoded photos of 'fotos' are kept" in capsys.readouterr().err and len(kept_sets()) == 1
    monkeypatch.chdir(tmp_path)
    assert main(["data", "clear", "./photos/"]) == 0
    assert kept_sets() == [] and photos.is_dir()
    (cache_folder() / "decoded" / "0123").mkdir(parents=True)  # as an interrupted survey leaves it
    assert kept_sets() == []


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_data_set_that_cannot_be_reached_says_what_to_do_by_hand(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    with pytest.raises((DownloadError, DataError)) as caught:
        open_data(name, 16, Choice(), Access(tmp_path / "root", accepted=True))
    hint, known = str(caught.value.hint), NAMED[name]
    assert known.by_hand in hint and known.layout in hint and str(tmp_path / "root") in hint and "--data-root" in hint
    if known.hub or known.web:
        assert "the network is off" in str(caught.value)


def test_the_lists_of_places_classes_come_out_of_their_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "lists.tar", "w") as tar:
        for name, text in (("categories_places365.txt", "/b/beach 48\n"), ("places365_val.txt", "x.jpg 48\n")):
            info = tarfile.TarInfo(f"filelist/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setattr("colorize_cli.data.fetching.bring_file", lambda *_: tmp_path / "lists.tar")
    wanted = NAMED["places365"].lists
    assert wanted is not None
    bring_lists(WebFile("http://x/lists.tar", ""), wanted[1], tmp_path)
    assert (tmp_path / "places365_val.txt").read_text() == "x.jpg 48\n"
    with pytest.raises(DownloadError, match="does not hold nosuch"):
        bring_lists(WebFile("http://x/lists.tar", ""), ("nosuch",), tmp_path)


def test_a_downloaded_validation_set_has_its_classes(tmp_path: Path) -> None:
    place = tmp_path / "places365"
    (place / "val_256").mkdir(parents=True)
    names = [f"Places365_val_{i:08}.png" for i in range(1, 5)]
    files = [path for path in write_folder(tmp_path / "made", 4).rglob("*") if path.is_file()]
    for file, name in zip(sorted(files), names, strict=True):
        file.rename(place / "val_256" / name)
    (place / "categories_places365.txt").write_text("/b/beach 48\n/c/canal/natural 84\n")
    (place / "places365_val.txt").write_text("".join(f"{name} {48 if i % 2 else 84}\n" for i, name in enumerate(names)))
    photos = open_data("places365", 16, Choice(0, ("canal/natural",)), Access(tmp_path, accepted=True))
    assert len(photos) == 2 and set(photos.labels) == {"canal/natural"}
