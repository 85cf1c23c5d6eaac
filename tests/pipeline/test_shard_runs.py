"""A batch in shards: the same results as in one run, and reports that join to one."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from colorize_cli.cli.app import main
from colorize_cli.errors import UsageError, counted
from colorize_cli.files.shards import Shard
from colorize_cli.pipeline import merging
from colorize_cli.pipeline.copies import KnownCopies
from colorize_cli.pipeline.merging import merge_reports
from tests.inference.conftest import Run, grey_photo
from tests.runs import colorize_photos, run_options


def photos_in(folder: Path) -> Path:
    for number in range(9):
        grey_photo(folder / f"box{number % 2}" / f"{number}.png", seed=number)
    grey_photo(folder / "same.png", seed=20)
    grey_photo(folder / "same.jpg", seed=21)  # both become same.png: a name must not hang on the shard
    return folder


def results(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.png"))}


def test_shards_make_what_one_run_makes(tiny_model: Path, tmp_path: Path):
    source = photos_in(tmp_path / "in")
    options = {"model": str(tiny_model), "device": "cpu", "format": "png"}
    colorize_photos(run_options((str(source),), out=tmp_path / "whole", **options))
    reports = []
    for number in (1, 2, 3):
        part = run_options((str(source),), out=tmp_path / "parts", shard=Shard(number, 3), **options)
        report = colorize_photos(part)
        assert report.path == tmp_path / "parts" / f"colorize-report.{number}-of-3.json"
        reports.append(report.path)
    assert results(tmp_path / "parts") == results(tmp_path / "whole") and len(results(tmp_path / "whole")) == 11
    told = [json.loads(path.read_text()) for path in reports]
    assert sum(report["discovered"] for report in told) == 11
    assert all(report["shard"]["photos"] == [r["discovered"] for r in told] for report in told)

    merged = merge_reports(reports, tmp_path / "all.json", ())
    joined = json.loads((tmp_path / "all.json").read_text())
    assert joined["counts"] == {"done": 11} and joined["missing"] == [] and merged.exit_status == 0
    assert len({row["source"] for row in joined["photos"]}) == 11

    lacking = merge_reports(reports[:2], tmp_path / "two.json")
    assert lacking.exit_status == 1 and lacking.counts["missing"] == told[2]["discovered"]
    assert lacking.lacking == [f"shard 3/3: no report; {counted(told[2]['discovered'], 'photo')}"]


def test_photos_that_no_report_tells_of_are_named(tiny_model: Path, tmp_path: Path, run: Run):
    source = photos_in(tmp_path / "in")
    assert run(source, "--out", tmp_path / "out", "--shard", "1/2").returncode == 0
    report, out = tmp_path / "out" / "colorize-report.1-of-2.json", tmp_path / "all.json"
    assert main(["report", "merge", str(report), "--out", str(out), "--photos", str(source), "--quiet"]) == 1
    joined = json.loads(out.read_text())
    missing = {row["source"] for row in joined["photos"] if row["status"] == "missing"}
    done = {row["source"] for row in joined["photos"] if row["status"] == "done"}
    assert missing | done == {str(p) for p in source.rglob("*.*g")} and not missing & done
    assert joined["counts"] == {"done": len(done), "missing": len(missing)}


def test_what_is_no_shard_or_needs_the_whole_batch_is_refused(tmp_path: Path, run: Run):
    grey_photo(tmp_path / "in" / "a.png")
    for arguments in (["--shard", "5/4"], ["--shard", "1/2", "--gallery"], ["--shard", "1/2", "--consistent"]):
        done = run(tmp_path / "in", "--out", tmp_path / "out", *arguments)
        assert done.returncode == 2 and "--shard" in done.stderr and not (tmp_path / "out").exists()


def row(source: str, status: str, **more: object) -> dict[str, object]:
    return {"source": source, "status": status, **more}


def report_of(path: Path, *rows: dict[str, object], **more: object) -> Path:
    counts = {str(r["status"]): 0 for r in rows}
    for r in rows:
        counts[str(r["status"])] += 1
    path.write_text(json.dumps({"discovered": len(rows), "counts": counts, **more, "photos": list(rows)}))
    return path


def test_of_two_reports_of_one_photo_the_later_counts_unless_it_only_skipped(tmp_path: Path):
    first = report_of(
        tmp_path / "1.json", row("a", "done", losses=["alpha"]), row("b", "failed", reason="x"), row("c", "interrupted")
    )
    later = report_of(tmp_path / "2.json", row("a", "skipped"), row("b", "done"), row("c", "skipped"))
    merge_reports([first, later], tmp_path / "all.json")
    rows = {r["source"]: r for r in json.loads((tmp_path / "all.json").read_text())["photos"]}
    assert {name: r["status"] for name, r in rows.items()} == {"a": "done", "b": "done", "c": "skipped"}
    assert rows["a"]["losses"] == ["alpha"]


def test_many_rows_are_joined_as_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(merging, "MANY", 3)
    first = tmp_path / "1.jsonl"
    lines = [{"report": "colorize-cli", "discovered": 3}, row("a", "done"), row("b\\xff", "done")]
    first.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"source": "c", "st')  # killed at a row
    second = report_of(tmp_path / "2.json", row("d", "done"), row("e", "done"))
    merged = merge_reports([first, second], tmp_path / "all.json", ["a", "b\\xff", "c", "d", "e"])
    head, *rows, end = [json.loads(line) for line in (tmp_path / "all.json").read_text().splitlines()]
    assert [(r["source"], r["status"]) for r in rows] == [
        ("a", "done"), ("b\\xff", "done"), ("d", "done"), ("e", "done"), ("c", "missing"),
    ]  # fmt: skip
    assert head["discovered"] == 5 and end["summary"]["counts"] == {"done": 4, "missing": 1}
    assert merged.exit_status == 1 and any("killed" in line for line in merged.lacking)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.jsonl", "2.json", "all.json"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[1]", "no json", '{"photos": 3}', '{"photos": [], "discovered": 0, "shard": 4}', "\0" * 1000,
        '{"photos": [], "discovered": "x"}', '{"photos": [], "discovered": 1, "notices": 5}',
        '{"photos": [], "discovered": 1, "settings": [1]}',
        '{"photos": [], "discovered": 1, "passed_over": {"x": "y"}}',
        '{"photos": [], "discovered": 1, "seconds": 1e999}', '{"photos": [5], "discovered": 1}',
        '{"photos": [], "discovered": 1, "shard": {"number": 9, "photos": [1]}}',
        '{"photos": [], "discovered": 1, "shard": {"number": 1, "photos": [1e308]}}',
        '{"photos": [{"source": "a", "status": "done", "losses": 5}], "discovered": 1}',
        '{"photos": [{"source": "a", "status": ["\\u001b[31m"]}], "discovered": 1}',
        '{"report": 1, "discovered": 2}\n[1]\n', '{"report": 1, "discovered": 2}\n' + "[" * 200_000 + "\n",
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_one_line(tmp_path: Path, text: str):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match="x.json is no report of colorize"):
        merge_reports([tmp_path / "x.json"], tmp_path / "all.json")
    assert not (tmp_path / "all.json").exists()


def test_a_pipe_is_no_report_and_no_more_is_read_than_a_report_has(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(UsageError, match="it is a named pipe, not a file"):
        merge_reports([tmp_path / "pipe.json"], tmp_path / "all.json")
    for name, head in (("one.json", b""), ("lines.jsonl", b'{"report": 1, "discovered": 2}\n')):
        with (tmp_path / name).open("wb") as file:
            file.write(head)
            file.truncate(1 << 30)
        tracemalloc.start()
        with pytest.raises(UsageError, match="is no report of colorize"):
            merge_reports([tmp_path / name], tmp_path / "all.json")
        known = KnownCopies([tmp_path / name], tmp_path)
        assert not known.has(tmp_path / "a.jpg", 5)
        known.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200 << 20


def test_reports_of_different_batches_are_not_joined_and_no_report_is_overwritten(tmp_path: Path):
    one = report_of(tmp_path / "1.json", row("a", "done"), shard={"number": 1, "photos": [1, 4]})
    other = report_of(tmp_path / "2.json", row("b", "done"), shard={"number": 2, "photos": [1, 1]})
    with pytest.raises(UsageError, match="different batches"):
        merge_reports([one, other], tmp_path / "all.json")
    with pytest.raises(UsageError, match="is one of the reports"):
        merge_reports([one], one)
    assert json.loads(one.read_text())["counts"] == {"done": 1}
