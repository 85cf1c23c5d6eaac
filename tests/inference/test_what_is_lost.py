"""Losses reach the summary: counted by photo and kind, and only those that happened."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.inference.conftest import Run, grey_photo


def animation(path: Path, colored: bool) -> None:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 255, (24, 32, 3) if colored else (24, 32), np.uint8) for _ in range(3)]
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=80)


def rows(out: Path) -> dict[str, dict[str, object]]:
    report = json.loads((out / "colorize-report.json").read_text(encoding="utf-8"))
    return {Path(row["source"]).name: row for row in report["photos"]}


def test_losses_are_counted_in_the_summary_and_named_in_the_report(run: Run, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    grey_photo(photos / "plain.png")
    grey_photo(photos / "other.png", seed=2).rename(photos / "named.jpg")  # a PNG by its bytes
    Image.fromarray(np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 80).save(photos / "deep.png")
    with (photos / "tail.jpg").open("wb") as file:
        Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))).save(file, "JPEG")
        file.write(b"a film of 3 s" * 9)
    done = run(photos, "--out", out, "--format", "jpg")
    assert done.returncode == 0, done.stderr
    assert "1 photo lost bits of depth" in done.stderr
    assert "1 photo lost bytes that stood after the picture" in done.stderr
    assert "1 photo changed its format or suffix" in done.stderr
    found = rows(out)
    assert {name: row.get("losses") for name, row in found.items()} == {
        "plain.png": None,
        "named.jpg": ["format"],
        "deep.png": ["depth"],
        "tail.jpg": ["bytes after"],
    }


def test_no_loss_is_told_of_a_copy(run: Run, tmp_path: Path) -> None:
    photos, out = tmp_path / "in", tmp_path / "out"
    photos.mkdir()
    animation(photos / "moving.gif", colored=True)
    done = run(photos, "--out", out)
    assert done.returncode == 0, done.stderr
    assert (out / "moving.gif").read_bytes() == (photos / "moving.gif").read_bytes()
    assert "lost" not in done.stderr and "changed" not in done.stderr
    assert "notes" not in rows(out)["moving.gif"]
