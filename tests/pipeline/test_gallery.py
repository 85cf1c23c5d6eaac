"""`--gallery`: the page that shows a batch, as a file: what it holds, how names are escaped, what later runs keep."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from PIL import Image

from colorize_cli.pipeline.gallery import FOLDER, PAGE, Gallery
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport
from tests.inference.conftest import Run, grey_photo
from tests.runs import colorize_photos, run_options


def colorize(photos: Path, out: Path, model: Path, **options: object) -> RunReport:
    return colorize_photos(run_options((str(photos),), out, str(model), "cpu", gallery=True, **options))


def page_of(out: Path) -> str:
    return (out / PAGE).read_text(encoding="utf-8")


def data_of(out: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page_of(out), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def file_of(address: str, out: Path) -> Path:
    assert address.startswith("./")
    return out / os.fsdecode(unquote_to_bytes(address[2:]))


def color_photo(path: Path) -> Path:
    small = np.random.default_rng(3).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC).save(path)
    return path


def thumbnails_of(row: dict[str, Any], out: Path) -> list[np.ndarray]:
    found = []
    for address in row["thumbs"]:
        with Image.open(file_of(address, out)) as image:
            found.append(np.asarray(image.convert("RGB")).astype(int))
    return found


def test_every_photo_of_a_batch_is_on_the_page(tiny_model: Path, tmp_path: Path) -> None:
    grey_photo(tmp_path / "in" / "b" / "large.jpg", (1500, 900))
    grey_photo(tmp_path / "in" / "a.png")
    color_photo(tmp_path / "in" / "color.png")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(30))
    out = tmp_path / "out"
    report = colorize(tmp_path / "in", out, tiny_model)
    assert report.gallery == out / PAGE
    data = data_of(out)
    rows = {Path(row["name"]).name: row for row in data["photos"]}
    assert [row["order"] for row in data["photos"]] == sorted(row["order"] for row in data["photos"])
    states = {name: row["status"] for name, row in rows.items()}
    assert states == {"large.jpg": "done", "a.png": "done", "color.png": "copied", "broken.jpg": "failed"}
    assert rows["broken.jpg"]["reason"] and "thumbs" not in rows["broken.jpg"] and "result" not in rows["broken.jpg"]
    assert str(tiny_model) in data["about"]
    for name in ("large.jpg", "a.png", "color.png"):
        assert file_of(rows[name]["result"], out).is_file()
    before, after = thumbnails_of(rows["large.jpg"], out)
    assert before.shape == after.shape == (384, 640, 3)
    assert np.ptp(before, axis=2).max() < 6 < np.ptp(after, axis=2).max()
    before, after = thumbnails_of(rows["color.png"], out)
    assert np.array_equal(before, after) and np.ptp(after, axis=2).max() > 60


def test_a_streamed_image_is_on_the_page_too(tiny_model: Path, tmp_path: Path) -> None:
    grey_photo(tmp_path / "in" / "a.jpg", (900, 700))
    colorize(tmp_path / "in", tmp_path / "out", tiny_model, stream_from=1)
    (row,) = data_of(tmp_path / "out")["photos"]
    before, after = thumbnails_of(row, tmp_path / "out")
    assert np.ptp(before, axis=2).max() < 6 < np.ptp(after, axis=2).max()


def test_a_later_run_shows_what_is_done_and_makes_only_what_is_missing(tiny_model: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg", "c.tif"):
        grey_photo(tmp_path / "in" / name)
    color_photo(tmp_path / "in" / "d.png")
    out = tmp_path / "out"
    colorize(tmp_path / "in", out, tiny_model)
    first = {file: file.stat().st_mtime_ns for file in (out / FOLDER).iterdir()}
    assert len(first) == 8
    for row in data_of(out)["photos"][:2]:  # as if they came of a run without a gallery
        for address in row["thumbs"]:
            file_of(address, out).unlink()
    grey_photo(tmp_path / "in" / "e.png")
    time.sleep(0.02)
    report = colorize(tmp_path / "in", out, tiny_model)
    assert report.counts == {Status.skipped: 4, Status.done: 1}
    rows = data_of(out)["photos"]
    assert [len(row.get("thumbs", ())) for row in rows] == [2] * 5
    kept = [file for file, when in first.items() if file.stat().st_mtime_ns == when]
    assert len(kept) == 4
    before, after = thumbnails_of(rows[0], out)
    assert np.ptp(before, axis=2).max() < 6 < np.ptp(after, axis=2).max()


HOSTILE = [
    "</script><script>alert(1)</script>.png".replace("/", "\u2215"),
    "<!--.png",
    "a&amp;b\"c'd.png",
    "100%25 #1?x=y.png",
    "back\\slash.png",
    "new\nline.png",
    "\u202eevil.png",
    " space .png",
]


def test_names_are_escaped(tiny_model: Path, tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        grey_photo(tmp_path / "in" / f"{number}.png", seed=number).rename(tmp_path / "in" / name)
    os.rename(grey_photo(tmp_path / "in" / "x.png"), os.fsencode(tmp_path / "in") + b"/latin-\xe9.png")
    out = tmp_path / "out"
    report = colorize(tmp_path / "in", out, tiny_model)
    assert report.counts == {Status.done: len(HOSTILE) + 1}
    page = page_of(out)
    start = page.index('id="data">') + len('id="data">')
    assert not set("<>&") & set(page[start : page.index("</script>", start)])
    assert page.count("<script") == 2
    for row in data_of(out)["photos"]:
        assert re.fullmatch(r"\./[A-Za-z0-9_.~%/-]+", row["result"])
        assert file_of(row["result"], out).is_file()
        assert len(row["thumbs"]) == 2


def test_the_page_needs_nothing_but_its_folder(tiny_model: Path, tmp_path: Path) -> None:
    grey_photo(tmp_path / "in" / "a.png")
    colorize(tmp_path / "in", tmp_path / "out", tiny_model)
    page = page_of(tmp_path / "out")
    assert "default-src 'none'" in page and "connect-src" not in page
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page and 'lang="en"' in page
    moved = shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    (row,) = data_of(Path(moved))["photos"]
    assert all(file_of(address, Path(moved)).is_file() for address in (row["result"], *row["thumbs"]))


def test_thumbnails_are_never_taken_for_photos(tiny_model: Path, tmp_path: Path) -> None:
    grey_photo(tmp_path / "a.png")
    for expected in ({Status.done: 1}, {Status.skipped: 1}):
        report = colorize(tmp_path, tmp_path, tiny_model, suffix="_color")
        assert report.counts == expected
    assert (tmp_path / PAGE).is_file()


def test_one_photo_to_a_file_and_a_dry_run(run: Run, tmp_path: Path) -> None:
    photo = grey_photo(tmp_path / "a.png")
    planned = run(photo, "--out", tmp_path / "plan", "--gallery", "--dry-run")
    assert planned.returncode == 0 and not (tmp_path / "plan").exists(), planned.stderr
    done = run(photo, "--out", tmp_path / "done" / "b.png", "--gallery")
    assert done.returncode == 0 and f"Gallery: {tmp_path / 'done' / PAGE}" in done.stderr, done.stderr
    (row,) = data_of(tmp_path / "done")["photos"]
    assert row["result"] == "./b.png" and len(row["thumbs"]) == 2


def test_results_are_the_same_with_a_gallery(tiny_model: Path, tmp_path: Path) -> None:
    grey_photo(tmp_path / "in" / "a.jpg", (300, 200))
    colorize(tmp_path / "in", tmp_path / "with", tiny_model)
    colorize_photos(run_options((str(tmp_path / "in"),), tmp_path / "without", str(tiny_model), "cpu"))
    assert (tmp_path / "with" / "a.jpg").read_bytes() == (tmp_path / "without" / "a.jpg").read_bytes()
    assert not (tmp_path / "without" / PAGE).exists() and not (tmp_path / "without" / FOLDER).exists()


def test_a_page_of_many_photos_is_written_in_order(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    places = np.random.default_rng(0).permutation(5000).tolist()
    for place in places:
        gallery.add(place, Outcome(Path(f"in/{place:04}.jpg"), Status.failed, reason="damaged"))
    gallery.write({"model": "mini"})
    gallery.close()
    rows = data_of(tmp_path)["photos"]
    assert [row["order"] for row in rows] == list(range(5000))
    assert rows[7]["name"] == "in/0007.jpg" and (tmp_path / PAGE).stat().st_size < 1_500_000


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to read the page's script")
def test_the_script_of_the_page_is_one(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    gallery.write({})
    script = re.findall(r"<script>\n(.*?)</script>", page_of(tmp_path), re.DOTALL)
    assert len(script) == 1
    (tmp_path / "page.js").write_text(script[0])
    subprocess.run(["node", "--check", str(tmp_path / "page.js")], check=True, capture_output=True)
