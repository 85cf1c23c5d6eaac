from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.data.dataset import Choice, held_out, open_photos, split
from colorize_cli.data.photosets import EncodedPhotos, HeldPhotos, JoinedPhotos
from colorize_cli.data.sources import list_members
from colorize_cli.errors import DataError
from tests.data.pictures import colorful, encoded, grey, write_folder
from tests.data.test_sources import as_parquet


def test_photos_come_back_as_they_were(tmp_path: Path) -> None:
    photos = open_photos(write_folder(tmp_path / "p", 3), 100)
    assert [np.array_equal(photos.rgb(i), colorful(i)) for i in range(3)] == [True] * 3


def test_larger_photos_are_reduced_and_smaller_ones_stay(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", 1)
    (folder / "big.png").write_bytes(encoded(colorful(1, 80, 40)))
    shapes = {photos.rgb(i).shape for photos in [open_photos(folder, 24)] for i in range(2)}
    assert shapes == {(24, 32, 3), (48, 24, 3)}


def test_grey_cmyk_and_broken_photos_are_dropped_and_counted(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", 2)
    (folder / "grey.png").write_bytes(encoded(grey(0)))
    (folder / "one-channel.jpg").write_bytes(encoded(colorful(0), "JPEG", "L"))
    (folder / "inks.jpg").write_bytes(encoded(colorful(0), "JPEG", "CMYK"))
    (folder / "inks.tif").write_bytes(encoded(colorful(0), "TIFF", "CMYK"))
    (folder / "cut.png").write_bytes(encoded(colorful(0))[:40])
    (folder / "empty.jpg").write_bytes(b"")
    photos = open_photos(folder, 64)
    assert len(photos) == 2
    assert photos.dropped == {"broken": 2, "CMYK": 2, "grey": 2}


def test_a_set_without_color_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "x.png").write_bytes(encoded(grey(1)))
    with pytest.raises(DataError, match="no color photo in .*: 1 grey"):
        open_photos(tmp_path / "p", 64)
    with pytest.raises(DataError, match="no photo in"):
        (tmp_path / "q").mkdir()
        open_photos(tmp_path / "q", 64)


def test_the_second_opening_reads_the_cache(tmp_path: Path) -> None:
    folder, seen = write_folder(tmp_path / "p", 3), []
    open_photos(folder, 64, lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3)]
    open_photos(folder, 64, lambda done, total: seen.append((done, total)))
    assert len(seen) == 1
    write_folder(tmp_path / "p", 4)
    assert len(open_photos(folder, 64)) == 4


def test_encoded_photos_are_the_decoded_ones(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", 3)
    for path in (folder, as_parquet(tmp_path / "x.parquet", 3)):
        kept, plain = (open_photos(path, 20, decoded=decoded) for decoded in (True, False))
        assert isinstance(plain, EncodedPhotos)
        assert all(np.array_equal(kept.rgb(i), plain.rgb(i)) for i in range(3))


def test_the_split_is_stable_when_files_are_added(tmp_path: Path) -> None:
    few, many = ([f"s/a/{i}.png" for i in range(n)] for n in (200, 1000))
    assert {n for n in few if held_out(n, 0.2)} == {n for n in many if held_out(n, 0.2)} & set(few)
    assert 150 < sum(held_out(n, 0.2) for n in many) < 250
    assert all(held_out(n, 0.3) for n in many if held_out(n, 0.2))


def test_a_limit_draws_the_same_photos_wherever_the_set_lies(tmp_path: Path) -> None:
    one, other = write_folder(tmp_path / "one", 12), write_folder(tmp_path / "elsewhere" / "two", 12)
    first = open_photos(one, 64, choice=Choice(5))
    assert len(first) == 5
    assert list(first.names) == list(open_photos(other, 64, choice=Choice(5)).names)
    assert set(first.names) < set(open_photos(one, 64, choice=Choice(8)).names)


def test_dropped_photos_are_made_up_for(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", 8)
    for number in range(20):
        (folder / f"grey{number}.png").write_bytes(encoded(grey(number)))
    assert len(open_photos(folder, 64, choice=Choice(6))) == 6


def test_labels_select(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", 2, "beach")
    write_folder(folder, 3, "office")
    write_folder(folder, 1, "forest_path")
    photos = open_photos(folder, 64, choice=Choice(select=("s/beach", "*forest*")))
    assert sorted(set(photos.labels)) == ["s/beach", "s/forest_path"]
    with pytest.raises(DataError, match="castle"):
        open_photos(folder, 64, choice=Choice(select=("castle",)))


def test_official_parts_are_kept_apart() -> None:
    parts = ["train", "val", "test", ""]
    photos = HeldPhotos(["a", "b", "c", "d"], [""] * 4, [None] * 4, parts, {}, [colorful(0)] * 4)
    training, validation = split(photos, 0.0, official=True)
    assert (training, validation) == ([0, 3], [1])
    assert split(photos, 0.0) == ([0, 1, 2, 3], [])


def test_joined_sets_keep_their_photos_apart() -> None:
    def held(*seeds: int) -> HeldPhotos:
        names = [f"{seed}.png" for seed in range(len(seeds))]
        pictures = [colorful(seed) for seed in seeds]
        return HeldPhotos(names, [""] * len(seeds), [None] * len(seeds), [""] * len(seeds), {"grey": 1}, pictures)

    joined = JoinedPhotos({"x": held(1, 2), "y": held(3)})
    assert list(joined.names) == ["x/0.png", "x/1.png", "y/0.png"]
    assert joined.dropped == {"grey": 2}
    assert [np.array_equal(joined.rgb(i), colorful(i + 1)) for i in range(3)] == [True] * 3


def test_a_worker_is_sent_no_pixels(tmp_path: Path) -> None:
    photos = open_photos(write_folder(tmp_path / "p", 20), 64)
    photos.rgb(0)
    assert len(pickle.dumps(photos)) < 5000
    assert np.array_equal(pickle.loads(pickle.dumps(photos)).rgb(7), photos.rgb(7))


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="COLORIZE_CACHE"):
        open_photos(write_folder(tmp_path / "p", 1), 64)


def test_labels_that_become_known_are_not_taken_from_the_cache(tmp_path: Path) -> None:
    members = list(list_members(write_folder(tmp_path / "p", 2)))
    assert open_photos(tmp_path / "p", 64, members=members).labels == ["s/a", "s/a"]
    known = [replace(one, label="beach") for one in members]
    assert open_photos(tmp_path / "p", 64, members=known).labels == ["beach", "beach"]
