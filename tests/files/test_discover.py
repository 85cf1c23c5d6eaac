from __future__ import annotations

import os
from pathlib import Path

import pytest

from colorize_cli.errors import NothingToDoError, UsageError
from colorize_cli.files.discover import discover
from colorize_cli.files.passed_over import kinds_of
from colorize_cli.formats.table import PHOTO_NAMES

JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 32


def put(path: Path, data: bytes = JPEG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(folder: Path, **options: object) -> list[str]:
    return [source.relative.as_posix() for source in discover([folder], photos=PHOTO_NAMES, **options).sources]  # type: ignore[arg-type]


def test_a_folder_is_found_whole_in_natural_order(tmp_path: Path):
    for name in ("b/10.jpg", "b/9.jpg", "a.TIF", "z.png"):
        put(tmp_path / name)
    assert names(tmp_path) == ["a.TIF", "z.png", "b/9.jpg", "b/10.jpg"]


def test_no_recursive_stays_in_the_folder(tmp_path: Path):
    put(tmp_path / "a.jpg"), put(tmp_path / "deep" / "b.jpg")
    assert names(tmp_path, recursive=False) == ["a.jpg"]


def test_junk_is_passed_over_and_counted(tmp_path: Path):
    put(tmp_path / "a.jpg")
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "._a.jpg", "notes.txt", "a.hints.png", ".git/x.jpg"):
        put(tmp_path / name, b"text")
    found = discover([tmp_path], photos=PHOTO_NAMES)
    assert [source.path.name for source in found.sources] == ["a.jpg"]
    assert found.passed_over == {
        "system file": 4,
        "no photo (.txt)": 1,
        "hints": 1,
        "hidden folder": 1,
    }


def test_hidden_photos_are_passed_over_as_hidden_folders_are_unless_they_are_named(tmp_path: Path):
    put(tmp_path / "a.jpg"), put(tmp_path / ".b.jpg"), put(tmp_path / ".c" / "d.jpg")
    found = discover([tmp_path], photos=PHOTO_NAMES)
    assert [source.path.name for source in found.sources] == ["a.jpg"]
    assert found.passed_over == {"hidden file": 1, "hidden folder": 1}
    assert names(tmp_path / ".b.jpg") == [".b.jpg"] and names(tmp_path / ".c") == ["d.jpg"]


def test_a_photo_without_a_suffix_is_known_by_its_first_bytes(tmp_path: Path):
    put(tmp_path / "IMG_0001"), put(tmp_path / "README", b"words")
    assert names(tmp_path) == ["IMG_0001"]


def test_a_broken_photo_is_no_junk(tmp_path: Path):
    put(tmp_path / "empty.jpg", b""), put(tmp_path / "text.jpg", b"words")
    assert names(tmp_path) == ["empty.jpg", "text.jpg"]


def test_links_lead_to_each_file_once_and_loops_end(tmp_path: Path):
    put(tmp_path / "a" / "x.jpg")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "again.jpg").symlink_to(tmp_path / "a" / "x.jpg")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    found = discover([tmp_path], photos=PHOTO_NAMES)
    assert [source.relative.as_posix() for source in found.sources] == ["again.jpg", "self.jpg"]
    assert found.passed_over["file seen already"] == 1
    assert found.passed_over["folder seen already"] == 1


def test_hard_links_are_two_names_and_both_are_done(tmp_path: Path):
    put(tmp_path / "x.jpg")
    os.link(tmp_path / "x.jpg", tmp_path / "y.jpg")
    assert names(tmp_path) == ["x.jpg", "y.jpg"]


def test_the_output_folder_inside_the_input_is_left(tmp_path: Path):
    put(tmp_path / "x.jpg"), put(tmp_path / "colored" / "x.jpg")
    assert names(tmp_path, leave=tmp_path / "colored") == ["x.jpg"]


def test_strange_names_are_names(tmp_path: Path):
    strange = ["two words.jpg", "line\nbreak.jpg", "süß 🦊.jpg", "[1].jpg", "-out.jpg"]
    for name in strange:
        put(tmp_path / name)
    assert sorted(names(tmp_path)) == sorted(strange)
    assert [source.path.name for source in discover([tmp_path / "[1].jpg"], photos=PHOTO_NAMES).sources] == ["[1].jpg"]


def test_a_glob_is_expanded_where_the_shell_did_not(tmp_path: Path):
    put(tmp_path / "a.jpg"), put(tmp_path / "b.png")
    assert [source.path.name for source in discover([str(tmp_path / "*.jpg")], photos=PHOTO_NAMES).sources] == ["a.jpg"]


def test_a_file_given_twice_is_done_once(tmp_path: Path):
    file = put(tmp_path / "a.jpg")
    assert len(discover([file, tmp_path, file], photos=PHOTO_NAMES).sources) == 1


def test_what_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(NothingToDoError, match=r"nowhere\.jpg"):
        discover([tmp_path / "nowhere.jpg"], photos=PHOTO_NAMES)
    with pytest.raises(NothingToDoError, match="nothing matches"):
        discover([str(tmp_path / "*.tif")], photos=PHOTO_NAMES)
    with pytest.raises(UsageError, match="no photos given"):
        discover([], photos=PHOTO_NAMES)


def places(*inputs: str | Path) -> set[str]:
    return {source.relative.as_posix() for source in discover(inputs, photos=PHOTO_NAMES).sources}


@pytest.fixture
def boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for box in ("box0", "box1", "deep/box2"):
        put(tmp_path / "shelf" / box / "001.png")
    monkeypatch.chdir(tmp_path / "shelf")
    monkeypatch.delenv("PWD", raising=False)
    return tmp_path / "shelf"


def test_one_input_is_mirrored_by_what_is_in_it(boxes: Path):
    assert places("box0") == places(boxes / "box0") == places("box0/001.png") == {"001.png"}
    assert places(".") == places(boxes) == places("box0/..") == {"box0/001.png", "box1/001.png", "deep/box2/001.png"}
    assert places("box0", "box0/", boxes / "box0") == {"001.png"}


def test_several_inputs_are_mirrored_below_their_deepest_common_parent(boxes: Path):
    both = {"box0/001.png", "box1/001.png"}
    for first in ("box0", "box0/001.png", boxes / "box0", boxes / "box0" / "001.png"):
        for second in ("box1", "box1/001.png", boxes / "box1", "box0/../box1"):
            assert places(first, second) == places(second, first) == both
    assert places("box0", "box1", "deep/box2") == {*both, "deep/box2/001.png"}
    assert places("deep/box2/001.png", "deep") == {"deep/box2/001.png"}
    put(boxes / "box0" / "002.png")
    assert places("box0/001.png", "box0/002.png") == {"001.png", "002.png"}


def test_a_missing_name_of_a_list_does_not_change_where_others_stand(boxes: Path):
    def listed(*names: object) -> set[str]:
        found = discover((), photos=PHOTO_NAMES, listed=[str(name) for name in names])
        return {source.relative.as_posix() for source in found.sources if not source.fault}

    for missing in ("no.png", "box1/no.png", "/nowhere/at/all.png", boxes / "deep" / "no.png"):
        assert listed("box0/001.png", missing) == listed(missing, "box0") == {"001.png"}
        assert listed("box0/001.png", missing, "box1/001.png") == {"box0/001.png", "box1/001.png"}


def test_links_do_not_change_where_others_stand(boxes: Path):
    (boxes / "link").symlink_to(boxes / "box0")
    assert places("link", "box0") == places("box0", "link") == {"001.png"}
    assert places("link", "box1") == {"link/001.png", "box1/001.png"}
    both = {"box0/001.png", "box1/001.png"}
    assert places("link/001.png", "box0/001.png", "box1") == places("box1", "box0/001.png", "link/001.png") == both


def test_what_was_passed_over_is_told_in_words():
    counts = {"no photo (.txt)": 1, "hidden folder": 1, "system file": 2, "folder seen already": 3, "hints": 2}
    words = "3 folders seen already, 1 hidden folder, 2 hints, 1 other file (.txt), 2 system files"
    assert kinds_of(counts) == words
