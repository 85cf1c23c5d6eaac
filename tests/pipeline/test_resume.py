"""A second run: what is skipped, what is done again, what is said."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from colorize_cli.formats.decode import decode
from colorize_cli.formats.reader import read_provenance, read_result
from colorize_cli.inference.option_values import OnColor, OutputFormat
from colorize_cli.metadata.provenance import Provenance, SourceNote
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options


def colorize(tiny_model: Path, *photos: Path, out: Path, **options: object) -> RunReport:
    job = run_options(tuple(map(str, photos)), out, model=str(tiny_model), device="cpu", **options)  # type: ignore[arg-type]
    return colorize_photos(job)


def lightness(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return rgb2lab(np.asarray(image.convert("RGB")))[..., 0]


def is_result_of(result: Path, source: Path) -> bool:
    return bool(np.abs(lightness(result) - lightness(source)).max() <= 0.5)


def test_results_stay_with_their_sources_when_folders_come(tiny_model: Path, tmp_path: Path):
    boxes = [grey_photo(tmp_path / "shelf" / f"box{i}" / "001.png", seed=i) for i in range(3)]
    out = tmp_path / "out"
    assert colorize(tiny_model, boxes[0], out=out).counts == {Status.done: 1}
    assert colorize(tiny_model, *boxes[1::-1], out=out).counts[Status.done] == 2
    assert colorize(tiny_model, *boxes, out=out).counts == {Status.skipped: 2, Status.done: 1}
    assert colorize(tiny_model, *(box.parent for box in boxes), out=out).counts == {Status.skipped: 3}
    for number, box in enumerate(boxes):
        assert is_result_of(out / f"box{number}" / "001.png", box)


@pytest.mark.parametrize("turned", [False, True])
def test_neighbours_that_would_become_one_file_both_come_out(tiny_model: Path, tmp_path: Path, turned: bool):
    names = ("a.jpg", "a.tif", "b.jpg")
    photos = [grey_photo(tmp_path / "in" / name, seed=seed) for seed, name in enumerate(names)]
    out = tmp_path / "out"
    report = colorize(tiny_model, *(photos[::-1] if turned else photos), out=out, format=OutputFormat.png)
    assert report.counts == {Status.done: 3}
    for source, name in zip(photos, ("a.jpg.png", "a.tif.png", "b.png"), strict=True):
        assert is_result_of(out / name, source)


def note_of(path: Path) -> Provenance:
    note = read_provenance(path)
    assert note is not None
    return note


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "jp2", "bmp", "ppm"])
@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_a_result_names_its_source_and_its_own_size(tiny_model: Path, tmp_path: Path, suffix: str, stream_from: int):
    photo = grey_photo(tmp_path / "in" / "deep" / f"p\u00e9.{suffix}", (640, 480))
    out = tmp_path / "out"
    assert colorize(tiny_model, tmp_path / "in", out=out, stream_from=stream_from).counts == {Status.done: 1}
    result = out / "deep" / photo.name
    note = note_of(result)
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert note.source == SourceNote(f"deep/{photo.name}", photo.stat().st_size, digest)
    assert note.size == result.stat().st_size
    found = read_result(result)
    assert found is not None and found.whole
    decode(result)  # checksums included
    assert colorize(tiny_model, tmp_path / "in", out=out).counts == {Status.skipped: 1}


@pytest.mark.parametrize("times", ["other times", "equal times"])
def test_a_source_that_was_replaced_is_done_again(tiny_model: Path, tmp_path: Path, times: str):
    photo, out = grey_photo(tmp_path / "p.png", seed=1), tmp_path / "out"
    colorize(tiny_model, photo, out=out)
    status = photo.stat()
    grey_photo(photo, seed=2)
    if times == "equal times":
        os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert colorize(tiny_model, photo, out=out).counts == {Status.done: 1}
    assert is_result_of(out / "p.png", photo)
    os.utime(photo, ns=(1, 1))  # the same bytes at another time
    assert colorize(tiny_model, photo, out=out).counts == {Status.skipped: 1}


def test_a_source_of_the_same_size_is_told_by_its_bytes(tiny_model: Path, tmp_path: Path):
    photos = [tmp_path / name for name in ("p.ppm", "other.ppm")]
    for seed, photo in enumerate(photos):
        grey_photo(photo, seed=seed)
    out = tmp_path / "out"
    colorize(tiny_model, photos[0], out=out)
    photos[1].replace(photos[0])
    os.utime(photos[0], ns=(5, 5))
    assert colorize(tiny_model, photos[0], out=out).counts == {Status.done: 1}
    assert is_result_of(out / "p.ppm", photos[0])


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "jp2", "bmp"])
@pytest.mark.parametrize("kept", [0, 0.2, 0.5, 0.99, "all but one"])
def test_a_cut_result_is_mended_or_named(tiny_model: Path, tmp_path: Path, suffix: str, kept: float | str):
    photo, out = grey_photo(tmp_path / f"p.{suffix}", (640, 480)), tmp_path / "out"
    colorize(tiny_model, photo, out=out)
    result = out / photo.name
    data = result.read_bytes()
    result.write_bytes(data[: len(data) - 1 if isinstance(kept, str) else int(len(data) * kept)])
    report = colorize(tiny_model, photo, out=out)
    if report.counts == {Status.done: 1}:
        assert result.read_bytes() == data
    else:  # its note is gone, so that nobody knows whose it is
        assert report.counts == {Status.failed: 1} and report.exit_status != 0
        assert "is in the place of its result" in str(report.failures[0].reason)
        assert colorize(tiny_model, photo, out=out, overwrite=True).counts == {Status.done: 1}
        assert result.read_bytes() == data


def test_a_result_with_a_piece_missing_from_its_middle_is_mended(tiny_model: Path, tmp_path: Path):
    photo, out = grey_photo(tmp_path / "p.png", (640, 480)), tmp_path / "out"
    colorize(tiny_model, photo, out=out)
    data = (out / "p.png").read_bytes()
    (out / "p.png").write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 700 :])
    assert colorize(tiny_model, photo, out=out).counts == {Status.done: 1}
    assert (out / "p.png").read_bytes() == data


def test_a_folder_in_a_results_place_is_named(tiny_model: Path, tmp_path: Path):
    photo, out = grey_photo(tmp_path / "p.png"), tmp_path / "out"
    (out / "p.png").mkdir(parents=True)
    report = colorize(tiny_model, photo, out=out)
    assert report.counts == {Status.failed: 1} and report.exit_status != 0
    assert "a folder is in the place of its result" in str(report.failures[0].reason)


def test_what_others_wrote_into_a_result_is_kept(tiny_model: Path, tmp_path: Path):
    photo, out = grey_photo(tmp_path / "p.jpg"), tmp_path / "out"
    colorize(tiny_model, photo, out=out)
    data = (out / "p.jpg").read_bytes()
    edited = data[:2] + b"\xff\xfe\x00\x08title!" + data[2:]
    (out / "p.jpg").write_bytes(edited)
    report = colorize(tiny_model, photo, out=out)
    assert report.counts == {Status.skipped: 1}
    assert (out / "p.jpg").read_bytes() == edited


def test_pairs_are_made_on_a_second_run_and_mended(tiny_model: Path, tmp_path: Path):
    photo, out = grey_photo(tmp_path / "p.png"), tmp_path / "out"
    pair = out / "p.compare.jpg"
    colorize(tiny_model, photo, out=out)
    before = (out / "p.png").read_bytes()
    assert colorize(tiny_model, photo, out=out, compare=True).counts == {Status.done: 1}
    data = pair.read_bytes()
    assert (out / "p.png").read_bytes() == before
    assert colorize(tiny_model, photo, out=out, compare=True).counts == {Status.skipped: 1}
    pair.write_bytes(data[:3000])
    assert colorize(tiny_model, photo, out=out, compare=True).counts == {Status.done: 1}
    assert pair.read_bytes() == data
    grey_photo(photo, seed=3)
    assert colorize(tiny_model, photo, out=out, compare=True).counts == {Status.done: 1}
    assert pair.read_bytes() != data


def test_a_result_of_another_photo_is_never_taken_nor_lost(tiny_model: Path, tmp_path: Path):
    one, other = grey_photo(tmp_path / "one" / "a.png", seed=1), grey_photo(tmp_path / "two" / "b.png", seed=2)
    out = tmp_path / "out"
    colorize(tiny_model, one, out=out)
    (out / "a.png").rename(out / "b.png")
    before = (out / "b.png").read_bytes()
    report = colorize(tiny_model, other, out=out)
    assert report.counts == {Status.failed: 1} and (out / "b.png").read_bytes() == before
    assert "the result of another photo, a.png, is in the place of its result" in str(report.failures[0].reason)
    colorize(tiny_model, other, out=out, overwrite=True)
    assert is_result_of(out / "b.png", other)


def test_a_neighbor_that_comes_takes_its_own_name(tiny_model: Path, tmp_path: Path):
    grey_photo(tmp_path / "in" / "a.gif", seed=1)
    out = tmp_path / "out"
    colorize(tiny_model, tmp_path / "in", out=out)
    assert is_result_of(out / "a.png", tmp_path / "in" / "a.gif")
    grey_photo(tmp_path / "in" / "a.png", seed=2)
    assert colorize(tiny_model, tmp_path / "in", out=out).counts == {Status.done: 2}
    assert is_result_of(out / "a.png", tmp_path / "in" / "a.png")
    assert is_result_of(out / "a.gif.png", tmp_path / "in" / "a.gif")
    assert colorize(tiny_model, tmp_path / "in", out=out).counts == {Status.skipped: 2}


def colored_photo(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 30, 3), np.uint8)).save(path)
    return path


def test_copies_are_skipped_by_what_they_are(tiny_model: Path, tmp_path: Path):
    photo, out = colored_photo(tmp_path / "p.bmp", 1), tmp_path / "out"
    assert colorize(tiny_model, photo, out=out).counts == {Status.copied: 1}
    assert colorize(tiny_model, photo, out=out).counts == {Status.skipped: 1}
    os.utime(photo, ns=(7, 7))
    assert colorize(tiny_model, photo, out=out).counts == {Status.skipped: 1}
    colored_photo(photo, 2)  # of the same size
    assert colorize(tiny_model, photo, out=out).counts == {Status.copied: 1}, "the report tells of the copy before"
    assert (out / "p.bmp").read_bytes() == photo.read_bytes()
    grey_photo(photo, seed=3)
    assert colorize(tiny_model, photo, out=out).counts == {Status.done: 1}
    colored_photo(photo, 4)
    assert colorize(tiny_model, photo, out=out).counts == {Status.copied: 1}
    assert colorize(tiny_model, photo, out=out, on_color=OnColor.recolor).counts == {Status.other_settings: 1}
    assert colorize(tiny_model, photo, out=out, on_color=OnColor.recolor, overwrite=True).counts == {Status.done: 1}
    # made with nothing kept: the default, which keeps color, would give another result
    assert colorize(tiny_model, photo, out=out).counts == {Status.other_settings: 1}
    assert colorize(tiny_model, photo, out=out, on_color=OnColor.recolor).counts == {Status.skipped: 1}


def test_a_copy_that_no_report_tells_of_is_not_overwritten(tiny_model: Path, tmp_path: Path):
    photo, out = colored_photo(tmp_path / "p.png", 1), tmp_path / "out"
    colorize(tiny_model, photo, out=out)
    (out / "colorize-report.json").unlink()
    before = (out / "p.png").read_bytes()
    colored_photo(photo, 2)
    report = colorize(tiny_model, photo, out=out)
    assert report.counts == {Status.failed: 1} and (out / "p.png").read_bytes() == before
    assert "a file that colorize did not make" in str(report.failures[0].reason)


def test_results_beside_their_sources_are_never_sources(tiny_model: Path, tmp_path: Path):
    for seed, name in enumerate(("a.png", "b.jpg", "c.tif")):
        grey_photo(tmp_path / name, seed=seed)
    assert colorize(tiny_model, tmp_path, out=tmp_path, suffix="_color").counts == {Status.done: 3}
    names = sorted(path.name for path in tmp_path.iterdir())
    report = colorize(tiny_model, tmp_path, out=tmp_path, suffix="_color")
    assert report.counts == {Status.skipped: 3} and report.passed_over["made by colorize"] == 4  # the report, too
    assert colorize(tiny_model, tmp_path, out=tmp_path, suffix="_2").counts == {Status.done: 3}
    with Image.open(tmp_path / "a_color.png") as image:
        stripped = Image.fromarray(np.asarray(image))
    stripped.save(tmp_path / "a_color.png")  # its note is gone
    report = colorize(tiny_model, tmp_path, out=tmp_path, suffix="_color")
    assert report.counts == {Status.skipped: 2, Status.failed: 1}
    assert not (tmp_path / "a_color_color.png").exists()
    assert len(sorted(path.name for path in tmp_path.iterdir())) == len(names) + 3


def test_pairs_are_known_by_their_note_and_not_by_their_name(tiny_model: Path, tmp_path: Path):
    folder, out = tmp_path / "in", tmp_path / "out"
    grey_photo(folder / "q.compare.jpg", seed=1), grey_photo(folder / "r.variants.jpg", seed=2)
    report = colorize(tiny_model, folder, out=tmp_path / "named")
    assert report.counts == {Status.done: 2} and not report.passed_over
    colorize(tiny_model, grey_photo(tmp_path / "p.jpg"), out=out, compare=True)
    again = colorize(tiny_model, out, out=tmp_path / "again", dry_run=True)
    assert again.counts == {Status.planned: 1}
    assert again.passed_over["made by colorize"] == 2  # the pair and the report
