"""Reports of many photos are JSON Lines, streamed; a killed run leaves what it did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colorize_cli.pipeline import report_rows, run, run_options
from colorize_cli.pipeline.merging import merge_reports
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos
from tests.runs import run_options as options_of


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 3 photos are many."""
    for module in (run, run_options):
        monkeypatch.setattr(module, "MANY", 3)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_report_of_many_photos_is_json_lines(tiny_model: Path, tmp_path: Path, few: None):
    for number in range(4):
        grey_photo(tmp_path / "in" / f"{number}.png", seed=number)
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    notices = list[str]()
    options = options_of((str(tmp_path / "in"),), out=tmp_path / "out", model=str(tiny_model), device="cpu")
    report = colorize_photos(options, on_notice=notices.append)
    path = tmp_path / "out" / "colorize-report.jsonl"
    assert report.path == path and not list(path.parent.glob("*.json")) and not list(path.parent.glob("*unfinished*"))
    head, *rows, end = lines_of(path)
    assert head["report"] == "colorize-cli" and head["discovered"] == 5 and "model" in head["settings"]
    assert sorted(Path(str(row["source"])).name for row in rows) == ["0.png", "1.png", "2.png", "3.png", "bad.png"]
    assert end["summary"]["counts"] == {"done": 4, "failed": 1} and end["summary"]["failures"]
    again = colorize_photos(options)
    assert again.counts == {Status.skipped: 4, Status.failed: 1}


def test_a_report_with_a_name_of_its_own_is_json_lines_too_and_it_is_said(tiny_model: Path, tmp_path: Path, few: None):
    for number in range(4):
        grey_photo(tmp_path / "in" / f"{number}.png", seed=number)
    notices = list[str]()
    options = options_of(
        (str(tmp_path / "in"),), out=tmp_path / "out", model=str(tiny_model), device="cpu", report=tmp_path / "r.json"
    )
    colorize_photos(options, on_notice=notices.append)
    assert len(lines_of(tmp_path / "r.json")) == 6
    assert any("JSON Lines" in notice for notice in notices)


def test_few_photos_make_one_json_document(tiny_model: Path, tmp_path: Path, few: None):
    grey_photo(tmp_path / "in" / "a.png")
    colorize_photos(options_of((str(tmp_path / "in"),), out=tmp_path / "out", model=str(tiny_model), device="cpu"))
    report = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert report["discovered"] == 1 and len(report["photos"]) == 1


def test_rows_are_on_the_disk_as_they_come(tmp_path: Path):
    report, path = RunReport(), tmp_path / "r.jsonl"
    report.expected = 20_000
    report.stream(path)
    for number in range(3):
        report.add(Outcome(Path(f"{number}.jpg"), Status.done), number)
    (found,) = report_rows.unfinished_beside(path)
    assert len(lines_of(found)) == 3  # the head and all but the last row, which may come again
    report.write(path)
    assert not found.exists() and len(lines_of(path)) == 5


def test_a_report_that_cannot_get_its_name_stays_where_it_is_said_to_be(tmp_path: Path):
    report, path = RunReport(), tmp_path / "r.jsonl"
    report.stream(path)
    report.add(Outcome(Path("a.jpg"), Status.done), 0)
    path.mkdir()
    (path / "x").touch()
    with pytest.raises(Exception, match="cannot write the report"):
        report.write(path)
    report.close()
    assert report.unfinished is not None and len(lines_of(report.unfinished)) == 3


SLOW_RUN = """
import sys, time
from colorize_cli.pipeline import run, run_options
from colorize_cli.pipeline.processor import PhotoProcessor
run.MANY = run_options.MANY = 3
prepare = PhotoProcessor.prepare
def slow(self, index, source):
    time.sleep(0.3)
    return prepare(self, index, source)
PhotoProcessor.prepare = slow
from colorize_cli.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process as POSIX does")
@pytest.mark.slow
def test_a_killed_run_leaves_what_it_did_and_the_next_one_says_where(tiny_model: Path, tmp_path: Path):
    for number in range(30):
        grey_photo(tmp_path / "in" / f"{number}.png", seed=number)
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--model", str(tiny_model), "--device", "cpu"]
    command = [sys.executable, "-c", SLOW_RUN, *arguments, "-j", "1"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    path = tmp_path / "out" / "colorize-report.jsonl"
    until = time.monotonic() + 90
    while time.monotonic() < until and not (
        (found := report_rows.unfinished_beside(path)) and len(found[0].read_text().splitlines()) > 4
    ):
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    (left,) = report_rows.left_unfinished(path)
    kept = left.read_text()
    second = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0 and left.name in second.stderr.replace("\n", "")
    assert left.read_text() == kept and len(lines_of(path)) == 32
    merge_reports([left, path], tmp_path / "all.json")
    joined = json.loads((tmp_path / "all.json").read_text())
    assert sum(joined["counts"].values()) == 30 and joined["counts"]["done"] >= 29
