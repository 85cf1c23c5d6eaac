"""Side-cars go along with their photos: whose they are, how they are named, and what they say of the result."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.formats.decode import turn
from colorize_cli.inference.option_values import OutputFormat, Sidecars
from colorize_cli.metadata import upright
from colorize_cli.metadata.audit.properties import properties
from colorize_cli.notes import Loss
from colorize_cli.pipeline import sidecar_results
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.run import Progress
from colorize_cli.pipeline.sidecar_results import remaining
from tests.metadata import blocks as b
from tests.runs import colorize_photos, run_options

GREY = b.picture()
XMP = b.xmp(b.title("Grandma"))


def run(tiny_model: Path, folder: Path, **options: object) -> dict[str, Outcome]:
    found = dict[str, Outcome]()

    def on_progress(step: Progress) -> None:
        if step.outcome:
            found[step.outcome.source.name] = step.outcome

    colorize_photos(
        run_options((str(folder),), folder / "out", model=str(tiny_model), device="cpu", **options), on_progress
    )  # type: ignore[arg-type]
    return found


def written(folder: Path) -> set[str]:
    return {file.name for file in (folder / "out").iterdir()} - {"colorize-report.json"}


def fill(folder: Path, **files: bytes) -> None:
    for name, data in files.items():
        (folder / name.replace("__", ".").replace("_n1", "(1)")).write_bytes(data)


def takeout(title: str) -> bytes:
    found = {"title": title, "description": "", "geoData": {"latitude": 48.85, "longitude": 2.35}, "geoDataExif": {}}
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    "sidecar, expected",
    [
        ("p.xmp", "p.xmp"),
        ("p.XMP", "p.XMP"),
        ("p.jpg.xmp", "p.jpg.xmp"),
        ("p.jpg.json", "p.jpg.json"),
        ("p.jpg.supplemental-metadata.json", "p.jpg.supplemental-metadata.json"),
        ("p.jpg.supplemental-me.json", "p.jpg.supplemental-me.json"),
        ("p.jpg.s.json", "p.jpg.s.json"),
        ("p.json", None),
        ("p.jpg.other.json", None),
        ("q.xmp", None),
        ("P.xmp", None),
    ],
)
def test_a_photos_own_sidecar_goes_along(tiny_model: Path, tmp_path: Path, sidecar: str, expected: str | None):
    fill(tmp_path, p__jpg=b.jpeg(GREY))
    (tmp_path / sidecar).write_bytes(XMP if sidecar.lower().endswith("xmp") else takeout("p.jpg"))
    os.utime(tmp_path / sidecar, (1e9, 1e9))
    [outcome] = run(tiny_model, tmp_path).values()
    assert outcome.status is Status.done and not outcome.notes
    assert written(tmp_path) == {"p.jpg"} | ({expected} if expected else set())
    if expected:
        copy = tmp_path / "out" / expected
        assert copy.read_bytes() == (tmp_path / sidecar).read_bytes() and copy.stat().st_mtime == 1e9


@pytest.mark.parametrize(
    "sidecar, expected",
    [
        ("p.xmp", "p.png.xmp"),
        ("p.jpg.xmp", "p.png.xmp"),
        ("p.jpg.json", "p.png.json"),
        ("p.jpg.supplemental-metadata.json", "p.png.supplemental-metadata.json"),
    ],
)
def test_a_sidecar_is_named_after_the_result(tiny_model: Path, tmp_path: Path, sidecar: str, expected: str):
    fill(tmp_path, p__jpg=b.jpeg(GREY))
    (tmp_path / sidecar).write_bytes(XMP if sidecar.endswith("xmp") else takeout("p.jpg"))
    run(tiny_model, tmp_path, format=OutputFormat.png, suffix="_color")
    stem = "p_color" if sidecar == "p.xmp" else "p_color.png"
    assert written(tmp_path) == {"p_color.png", stem + expected.removeprefix("p.png")} or sidecar == "p.xmp"
    if sidecar == "p.xmp":
        assert written(tmp_path) == {"p_color.png", "p_color.xmp"}


def test_numbered_photos_of_a_takeout_keep_their_own(tiny_model: Path, tmp_path: Path):
    fill(tmp_path, p__jpg=b.jpeg(GREY), p_n1__jpg=b.jpeg(b.picture(seed=1)))
    (tmp_path / "p.jpg.json").write_bytes(takeout("p.jpg"))
    (tmp_path / "p.jpg(1).json").write_bytes(takeout("p.jpg") + b" ")
    run(tiny_model, tmp_path)
    assert written(tmp_path) == {"p.jpg", "p(1).jpg", "p.jpg.json", "p.jpg(1).json"}
    assert (tmp_path / "out" / "p.jpg(1).json").read_bytes().endswith(b" ")


def test_a_name_that_is_too_long_for_takeout_finds_its_photo(tiny_model: Path, tmp_path: Path):
    one, two = (f"{'a very long name of a photo ' * 2}{letter}.jpg" for letter in "ab")
    (tmp_path / one).write_bytes(b.jpeg(GREY))
    (tmp_path / f"{one[:46]}.json").write_bytes(takeout(one))
    run(tiny_model, tmp_path)
    assert written(tmp_path) == {one, f"{one[:46]}.json"}
    (tmp_path / two).write_bytes(b.jpeg(b.picture(seed=1)))
    (tmp_path / "out" / f"{one[:46]}.json").unlink()
    found = run(tiny_model, tmp_path)
    assert written(tmp_path) == {one, two, f"{one[:46]}.json"}  # its title says whose it is
    assert not found[two].notes


@pytest.mark.parametrize(
    "rival, packet, copied, told",
    [
        ("p.nef", XMP, False, False),
        ("p.tif", XMP, False, True),
        ("p.tif", b.xmp("", 'photoshop:SidecarForExtension="JPG"'), True, False),
        ("p.nef", b.xmp("", 'photoshop:SidecarForExtension="NEF"'), False, False),
        ("", b.xmp("", 'photoshop:SidecarForExtension="NEF"'), False, False),
    ],
)
def test_another_photos_sidecar_is_never_copied(
    tiny_model: Path, tmp_path: Path, rival: str, packet: bytes, copied: bool, told: bool
):
    fill(tmp_path, p__jpg=b.jpeg(GREY), p__xmp=packet)
    if rival:
        (tmp_path / rival).write_bytes(b.saved(b.picture(seed=1), "TIFF") if rival == "p.tif" else b"a camera's")
    outcome = run(tiny_model, tmp_path)["p.jpg"]
    assert ("p.xmp" in written(tmp_path)) == copied
    assert any("may belong to" in note for note in outcome.notes) == told


def test_each_photo_has_the_sidecar_of_its_whole_name(tiny_model: Path, tmp_path: Path):
    fill(tmp_path, p__jpg=b.jpeg(GREY), p__jpg__xmp=XMP, p__png=b.png(b.picture(seed=1)), p__png__xmp=XMP + b" ")
    run(tiny_model, tmp_path)
    assert written(tmp_path) == {"p.jpg", "p.png", "p.jpg.xmp", "p.png.xmp"}
    assert (tmp_path / "out" / "p.png.xmp").read_bytes().endswith(b" ")


def test_a_second_run_copies_what_is_missing_and_leaves_what_was_edited(tiny_model: Path, tmp_path: Path):
    fill(tmp_path, p__jpg=b.jpeg(GREY), p__xmp=XMP)
    run(tiny_model, tmp_path)
    copy = tmp_path / "out" / "p.xmp"
    before = copy.stat()
    assert run(tiny_model, tmp_path)["p.jpg"].status is Status.skipped
    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)  # not written again
    copy.unlink()
    run(tiny_model, tmp_path)
    assert copy.read_bytes() == XMP

    edited = XMP.replace(b"Grandma", b"Grandpa")
    copy.write_bytes(edited)
    outcome = run(tiny_model, tmp_path)["p.jpg"]
    assert copy.read_bytes() == edited
    assert [(note.loss, "left as it is" in note) for note in outcome.notes] == [(Loss.sidecar, True)]  # type: ignore[attr-defined]
    outcome = run(tiny_model, tmp_path, overwrite=True)["p.jpg"]
    assert copy.read_bytes() == XMP and any("was replaced" in note for note in outcome.notes)


def test_sidecars_can_be_left(tiny_model: Path, tmp_path: Path):
    fill(tmp_path, p__jpg=b.jpeg(GREY), p__xmp=XMP)
    run(tiny_model, tmp_path, sidecars=Sidecars.skip)
    assert written(tmp_path) == {"p.jpg"}


def test_a_copied_photo_takes_its_sidecar_along_as_it_is(tiny_model: Path, tmp_path: Path):
    color = np.dstack([b.picture(seed=seed) for seed in (1, 2, 3)])
    packet = b.xmp("", 'tiff:Orientation="6"')
    fill(tmp_path, p__jpg=b.jpeg(color, b.app_exif(b.exif(b.short(274, 6)))), p__xmp=packet)
    assert run(tiny_model, tmp_path)["p.jpg"].status is Status.copied
    assert (tmp_path / "out" / "p.xmp").read_bytes() == packet


def test_what_a_sidecar_says_of_the_stored_picture_is_true_of_the_upright_one(tiny_model: Path, tmp_path: Path):
    stored = np.rot90(GREY)  # orientation 6 stands it upright
    packet = b.xmp(b.region(0.25, 0.4, 0.1, 0.2, stored.shape[::-1]), 'tiff:Orientation="6"')
    fill(tmp_path, p__jpg=b.jpeg(stored, b.app_exif(b.exif(b.short(274, 6)))), p__xmp=packet)
    assert not [note for note in run(tiny_model, tmp_path)["p.jpg"].notes if "xmp" in note]
    found = properties((tmp_path / "out" / "p.xmp").read_bytes())
    assert found["tiff:Orientation"] == "1"
    area = {key[-1]: float(value) for key, value in found.items() if "Area/stArea:" in key and key[-1] in "xywh"}
    assert area == pytest.approx({"x": 0.6, "y": 0.25, "w": 0.2, "h": 0.1})


@pytest.mark.parametrize("own", range(1, 9))
@pytest.mark.parametrize("said", range(1, 9))
def test_photo_and_sidecar_together_look_as_they_did(own: int, said: int):
    stored = np.arange(20).reshape(4, 5)
    np.testing.assert_array_equal(turn(turn(stored, own), remaining(said, own)), turn(stored, said))


def test_a_sidecar_that_gives_another_orientation_keeps_the_difference(tiny_model: Path, tmp_path: Path):
    photo = b.jpeg(GREY, b.app_exif(b.exif(b.short(274, 6))))
    fill(tmp_path, p__jpg=photo, p__xmp=b.xmp("", 'tiff:Orientation="3"'), q__jpg=b.jpeg(GREY))
    fill(tmp_path, q__xmp=b.xmp("", 'tiff:Orientation="8"'))
    found = run(tiny_model, tmp_path)
    assert upright.orientation((tmp_path / "out" / "p.xmp").read_bytes()) == remaining(3, 6) == 6
    assert upright.orientation((tmp_path / "out" / "q.xmp").read_bytes()) == 8
    assert all(any("gives another orientation" in note for note in outcome.notes) for outcome in found.values())


def test_places_are_stripped_from_sidecars_too(tiny_model: Path, tmp_path: Path):
    placed = b.xmp(b.title("Grandma"), 'exif:GPSLatitude="48,51N" photoshop:City="Lyon"')
    fill(tmp_path, p__jpg=b.jpeg(GREY), p__xmp=placed, p__jpg__json=takeout("p.jpg"), q__jpg=b.jpeg(GREY))
    fill(tmp_path, q__xmp=b"<broken", q__jpg__json=b"{")
    found = run(tiny_model, tmp_path, strip="gps")
    out = tmp_path / "out"
    assert b"Grandma" in (out / "p.xmp").read_bytes() and b"Lyon" not in (out / "p.xmp").read_bytes()
    assert json.loads((out / "p.jpg.json").read_bytes()) == {"title": "p.jpg", "description": ""}
    assert not (out / "q.xmp").exists() and not (out / "q.jpg.json").exists()
    assert sum("may name the place" in note for note in found["q.jpg"].notes) == 2
    for name in ("p.xmp", "p.jpg.json", "p.jpg"):
        (out / name).unlink()
    run(tiny_model, tmp_path, strip="all")
    assert not (out / "p.xmp").exists() and not (out / "p.jpg.json").exists()


def test_what_is_too_large_for_a_sidecar_stays_where_it_is(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecar_results, "_MOST", len(XMP))
    fill(tmp_path, a__jpg=b.jpeg(GREY), a__xmp=XMP, b__jpg=b.jpeg(GREY), b__xmp=XMP + b" ")
    found = run(tiny_model, tmp_path)
    assert written(tmp_path) == {"a.jpg", "a.xmp", "b.jpg"}
    assert any("b.xmp was not copied: it has more than" in note for note in found["b.jpg"].notes)


def test_what_is_in_a_sidecars_place_is_neither_waited_for_nor_read_without_end(tiny_model: Path, tmp_path: Path):
    fill(tmp_path, a__jpg=b.jpeg(GREY), a__xmp=XMP, b__jpg=b.jpeg(GREY), b__xmp=XMP)
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "a.xmp")
    with (tmp_path / "out" / "b.xmp").open("wb") as file:
        file.truncate(1 << 42)
    found = run(tiny_model, tmp_path)
    assert all("differs from the photo's own side-car" in note for one in found.values() for note in one.notes)
    run(tiny_model, tmp_path, overwrite=True)
    assert (tmp_path / "out" / "a.xmp").read_bytes() == (tmp_path / "out" / "b.xmp").read_bytes() == XMP


def test_json_without_end_is_not_taken_apart(tiny_model: Path, tmp_path: Path):
    fill(tmp_path, a__jpg=b.jpeg(GREY), **{"a__jpg.json": b"[" + b"[]," * 2_000_000 + b"0]"})
    found = run(tiny_model, tmp_path, strip="gps")
    assert any("cannot be read and was left out" in note for note in found["a.jpg"].notes)
