"""What is no photo is told alike, whether it lies in a folder or in a store."""

from __future__ import annotations

import json
from pathlib import Path

from colorize_cli.cli.app import main
from tests.inference.conftest import grey_photo
from tests.pipeline.memory_store import new_bucket, upload


def test_the_same_is_passed_over(tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    grey_photo(source / "a.png")
    grey_photo(source / "a.hints.png")
    for name in ("Thumbs.db", "._a.png", "notes.txt", "colorize-report.json", "a.hints.json", "desktop.ini"):
        (source / name).write_bytes(b"none")
    bucket = new_bucket()
    upload(source, bucket)
    found = []
    for inputs in (source, bucket):
        report = tmp_path / "report.json"
        out = tmp_path / f"out{len(found)}"
        assert (
            main([str(inputs), "--out", str(out), "--report", str(report), "--model", str(tiny_model), "--quiet"]) == 0
        )
        found.append(json.loads(report.read_text()))
    kinds = {"hints": 2, "made by colorize": 1, "no photo (.txt)": 1, "system file": 3}
    assert [report["passed_over"] for report in found] == [kinds, kinds]
    assert [report["discovered"] for report in found] == [1, 1]
