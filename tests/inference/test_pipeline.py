"""The main pipeline on small folders: what is written, what is left, what is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage.color import rgb2lab

from colorize_cli.errors import NothingToDoError, UsageError
from colorize_cli.formats.decode import decode
from colorize_cli.inference.option_values import OnColor, OutputFormat
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from tests.formats.test_lut_profiles import table_profile
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    grey_photo(folder / "a.png", seed=1)
    grey_photo(folder / "deep" / "b.tif", (64, 96), seed=2)
    grey_photo(folder / "c.jpg", (200, 40), seed=3)
    return folder


def colorize(tiny_model: Path, photos: Path, out: Path, **options: object) -> RunReport:
    return colorize_photos(run_options((str(photos),), out, model=str(tiny_model), device="cpu", **options))  # type: ignore[arg-type]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_folder_is_mirrored_in_color_at_the_same_lightness(tiny_model: Path, photos: Path, tmp_path: Path):
    report = colorize(tiny_model, photos, tmp_path / "out")
    assert report.counts == {Status.done: 3} and report.exit_status == 0
    for name in ("a.png", "deep/b.tif"):
        before, after = pixels(photos / name), pixels(tmp_path / "out" / name)
        assert after.shape == (*before.shape, 3)
        lab = rgb2lab(after)
        assert np.abs(lab[..., 0] - rgb2lab(np.stack([before] * 3, -1))[..., 0]).max() <= 0.5
        assert np.hypot(lab[..., 1], lab[..., 2]).mean() > 2


def test_the_same_command_again_changes_nothing(tiny_model: Path, photos: Path, tmp_path: Path):
    out = tmp_path / "out"
    colorize(tiny_model, photos, out)
    first = {file: file.read_bytes() for file in out.rglob("*.*") if file.suffix != ".json"}
    report = colorize(tiny_model, photos, out)
    assert report.counts == {Status.skipped: 3} and report.exit_status == 0
    (out / "a.png").unlink()
    assert colorize(tiny_model, photos, out).counts == {Status.skipped: 2, Status.done: 1}
    assert {file: file.read_bytes() for file in first} == first


def test_bytes_do_not_depend_on_the_neighbours(tiny_model: Path, tmp_path: Path):
    for i in range(5):
        grey_photo(tmp_path / "in" / f"{i}.png", seed=i)
    colorize(tiny_model, tmp_path / "in", tmp_path / "all", batch=4)
    colorize(tiny_model, tmp_path / "in" / "4.png", tmp_path / "one", batch=4)
    assert (tmp_path / "all" / "4.png").read_bytes() == (tmp_path / "one" / "4.png").read_bytes()


def test_other_settings_are_counted_and_left_unless_overwritten(tiny_model: Path, photos: Path, tmp_path: Path):
    out = tmp_path / "out"
    colorize(tiny_model, photos, out)
    before = (out / "a.png").read_bytes()
    assert colorize(tiny_model, photos, out, vividness=0.0).counts == {Status.other_settings: 3}
    assert (out / "a.png").read_bytes() == before
    assert colorize(tiny_model, photos, out, vividness=0.0, overwrite=True).counts == {Status.done: 3}
    assert (out / "a.png").read_bytes() != before


def test_a_file_that_nobody_knows_is_never_overwritten(tiny_model: Path, photos: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"mine")
    report = colorize(tiny_model, photos, tmp_path / "out")
    assert report.counts == {Status.done: 2, Status.failed: 1} and report.exit_status == 1
    assert "a file that colorize did not make is in the place of its result" in str(report.failures[0].reason)
    assert (tmp_path / "out" / "a.png").read_bytes() == b"mine"


def color_photo(path: Path) -> Path:
    rng = np.random.default_rng(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)).resize((80, 80)).save(path)
    return path


def test_color_photos_are_copied_skipped_or_done_anew(tiny_model: Path, tmp_path: Path):
    photo = color_photo(tmp_path / "in" / "x.png")
    copied = colorize(tiny_model, photo, tmp_path / "copy")
    assert copied.counts == {Status.copied: 1}
    assert (tmp_path / "copy" / "x.png").read_bytes() == photo.read_bytes()
    assert colorize(tiny_model, photo, tmp_path / "copy").counts == {Status.skipped: 1}
    assert colorize(tiny_model, photo, tmp_path / "skip", on_color=OnColor.skip).counts == {Status.left_color: 1}
    assert not (tmp_path / "skip" / "x.png").exists()
    assert colorize(tiny_model, photo, tmp_path / "anew", on_color=OnColor.recolor).counts == {Status.done: 1}


def test_sepia_counts_as_black_and_white(tiny_model: Path, tmp_path: Path):
    grey = pixels(grey_photo(tmp_path / "g.png")).astype(float)
    sepia = np.stack([grey * 0.95 + 12, grey * 0.85 + 4, grey * 0.65], -1).clip(0, 255).astype(np.uint8)
    Image.fromarray(sepia).save(tmp_path / "sepia.png")
    assert colorize(tiny_model, tmp_path / "sepia.png", tmp_path / "out").counts == {Status.done: 1}


def test_a_dry_run_writes_nothing(tiny_model: Path, photos: Path, tmp_path: Path):
    report = colorize(tiny_model, photos, tmp_path / "out", dry_run=True)
    assert report.counts == {Status.planned: 3} and not (tmp_path / "out").exists()


def test_one_photo_may_name_its_result(tiny_model: Path, photos: Path, tmp_path: Path):
    assert colorize(tiny_model, photos / "c.jpg", tmp_path / "new" / "x.png").counts == {Status.done: 1}
    with Image.open(tmp_path / "new" / "x.png") as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (200, 40))
    with pytest.raises(UsageError, match="is one file, but there are 3 photos"):
        colorize(tiny_model, photos, tmp_path / "x.png")


def test_a_format_changes_the_suffix(tiny_model: Path, photos: Path, tmp_path: Path):
    colorize(tiny_model, photos, tmp_path / "out", format=OutputFormat.webp)
    assert sorted(file.suffix for file in (tmp_path / "out").rglob("*.webp")) == [".webp"] * 3


def test_a_pair_shows_before_and_after(tiny_model: Path, photos: Path, tmp_path: Path):
    colorize(tiny_model, photos / "a.png", tmp_path / "out", compare=True)
    pair = pixels(tmp_path / "out" / "a.compare.jpg")
    assert pair.shape == (64, 192, 3)
    assert np.ptp(pair[:, :90].astype(int), axis=2).max() <= 2 < np.ptp(pair[:, 100:].astype(int), axis=2).mean()


def test_neighbours_of_one_stem_have_pairs_of_their_own(tiny_model: Path, tmp_path: Path):
    for seed, name in enumerate(("a.png", "a.tif")):
        grey_photo(tmp_path / "in" / name, (64 + 32 * seed, 48), seed=seed)
    report = colorize(tiny_model, tmp_path / "in", tmp_path / "out", compare=True, variants=2)
    assert report.counts == {Status.done: 2}
    assert pixels(tmp_path / "out" / "a.compare.jpg").shape == (48, 128, 3)
    assert pixels(tmp_path / "out" / "a.tif.compare.jpg").shape == (48, 192, 3)
    assert (tmp_path / "out" / "a.variants.jpg").exists() and (tmp_path / "out" / "a.tif.variants.jpg").exists()


@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_an_archive_of_mixed_pages_is_verified(tiny_model: Path, tmp_path: Path, stream_from: int):
    y, x = np.mgrid[0:96, 0:128]
    grey = np.rint(127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7)).astype(np.uint8)
    color = np.dstack((2 * x, 255 - 2 * x, 2 * y)).astype(np.uint8)
    path = tmp_path / "in" / "album.tif"
    path.parent.mkdir()
    with tifffile.TiffWriter(path) as writer:
        writer.write(grey.astype(np.uint16) * 257, compression="zlib", subifds=1, tile=(64, 64), metadata=None)
        writer.write(grey[::2, ::2], subfiletype=1, tile=(32, 32), metadata=None)
        writer.write(grey, compression="jpeg", metadata=None)
        writer.write(color, photometric="rgb", compression="jpeg", metadata=None)
        writer.write(color, photometric="rgb", compression="lzw", iccprofile=table_profile((1, 2, 0)), metadata=None)
        writer.write(grey > 127, photometric="minisblack", metadata=None)
        writer.write(color, photometric="rgb", compression="zlib", tile=(32, 32), subifds=1, metadata=None)
        writer.write(np.full((48, 64, 3), 7, np.uint8), photometric="rgb", compression="lzw", metadata=None)
    report = colorize(tiny_model, path.parent, tmp_path / "out", verify=True, stream_from=stream_from)
    assert report.counts == {Status.done: 1}, report.failures
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(tmp_path / "out" / "album.tif") as after:
        assert [page.shape for page in after.pages] == [(96, 128, 3)] * 6
        assert after.pages[0].pages[0].shape == (48, 64, 3)
        for number in (2, 3, 5):
            parts = [
                [data for data, _ in file.filehandle.read_segments(page.dataoffsets, page.databytecounts)]
                for file, page in ((before, before.pages[number]), (after, after.pages[number]))
            ]
            assert parts[0] == parts[1]  # copied as it is coded
        assert (after.pages[5].pages[0].asarray() == 7).all()
        for number in (0, 1):  # black and white alone hold no color
            assert np.ptp(after.pages[number].asarray().astype(int), axis=2).max() > 0
        seen = after.pages[0].asarray().astype(np.float64).mean((0, 1))
        level = 257 * after.pages[0].pages[0].asarray().astype(np.float64).mean((0, 1))
        np.testing.assert_allclose(level, seen, rtol=0.02)  # the level has the page's colors


def test_bad_photos_are_named_and_the_others_done(tiny_model: Path, photos: Path, tmp_path: Path):
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("no picture")
    (photos / "cut.png").write_bytes((photos / "a.png").read_bytes()[:-300])
    (photos / "Thumbs.db").write_bytes(b"junk")
    report = colorize(tiny_model, photos, tmp_path / "out")
    assert report.counts == {Status.done: 3, Status.failed: 3} and report.exit_status == 1
    assert {outcome.source.name for outcome in report.failures} == {"empty.jpg", "text.jpg", "cut.png"}
    assert all(outcome.reason and "\n" not in outcome.reason for outcome in report.failures)
    written = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert written["counts"] == {"done": 3, "failed": 3} and len(written["photos"]) == 6
    assert written["passed_over"] == {"system file": 1}


def test_nothing_to_do_is_said(tiny_model: Path, tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("words")
    with pytest.raises(NothingToDoError, match=r"no photos in .*1 other file"):
        colorize(tiny_model, tmp_path / "in", tmp_path / "out")


def test_a_grey_jpeg_saved_as_rgb_is_colored_as_the_grey_one_is(tiny_model: Path, tmp_path: Path) -> None:
    grey = grey_photo(tmp_path / "photos" / "grey.png", (97, 65))
    with Image.open(grey) as picture:
        plane = picture.convert("L")
    grey.unlink()
    plane.save(grey.with_suffix(".jpg"), quality=92)
    with Image.open(grey.with_suffix(".jpg")) as picture:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        picture.convert("RGB").save(grey.with_name("rgb.jpg"), quality=92, subsampling="4:2:0", icc_profile=profile)
    job = run_options((str(grey.parent),), out=tmp_path / "out", model=str(tiny_model), device="cpu", verify=True)
    report = colorize_photos(job)
    assert report.exit_status == 0, [failure.reason for failure in report.failures]
    one, other = (decode(tmp_path / "out" / name) for name in ("grey.jpg", "rgb.jpg"))
    assert b"ICC_PROFILE" in (tmp_path / "out" / "rgb.jpg").read_bytes()
    assert np.abs(one.pages[0].pixels.astype(int) - other.pages[0].pixels).mean() < 1.5
