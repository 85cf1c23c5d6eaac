"""Damaged files through the whole pipeline: each is done or failed with one line, and nothing is half done."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from colorize_cli.errors import ExitStatus
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import read_provenance
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.run import Progress
from tests.formats.test_fuzz import SEEDS, mutated, resealed
from tests.runs import colorize_photos, run_options


def fill(folder: Path, count: int, first: int) -> list[Path]:
    """Files of every format: one that is whole, and `count` that are damaged, of each."""
    folder.mkdir()
    for name, data in SEEDS.items():
        (folder / f"whole-{name}").write_bytes(data)
        for number in range(first, first + count):
            damaged = mutated(data, random.Random(f"road {name} {number}"))
            damaged = resealed(damaged) if name.endswith(".png") and number % 2 else damaged
            (folder / f"{number}-{name}").write_bytes(damaged)
    return sorted(folder.iterdir())


def endure(tiny_model: Path, folder: Path, out: Path, **options: object) -> list[Outcome]:
    """Colorize a folder; what is true whatever its files are is checked."""
    found = list[Outcome]()

    def on_progress(step: Progress) -> None:
        if step.outcome is not None:
            found.append(step.outcome)

    files = sorted(folder.iterdir())
    job = run_options((str(folder),), out, model=str(tiny_model), device="cpu", max_pixels=2_000_000, jobs=2, **options)  # type: ignore[arg-type]
    report = colorize_photos(job, on_progress)
    assert sorted(outcome.source for outcome in found) == files  # every file is spoken of, once
    assert report.total == len(files) and report.exit_status is ExitStatus.some_failed
    written = {out / "colorize-report.json"}
    for outcome in found:
        where = outcome.source.name
        if outcome.status is Status.failed:
            assert outcome.reason and "\n" not in outcome.reason and 5 < len(outcome.reason) < 250, where
            assert "unexpected" not in outcome.reason, f"{where}: {outcome.reason}"
            continue
        assert outcome.output is not None, where
        written.add(outcome.output)
        if outcome.status is Status.copied:  # it had color already
            same = outcome.output.read_bytes() == outcome.source.read_bytes()
            assert same or options.get("strip"), where
            continue
        assert outcome.status is Status.done, where
        before, after = decode(outcome.source, salvage=bool(options.get("salvage"))), decode(outcome.output)
        assert [page.size for page in after.pages] == [page.size for page in before.pages], where
        assert all(page.pixels.ndim == 3 for page in after.pages), where
        assert read_provenance(outcome.output) is not None, where
        assert all("\n" not in note for note in outcome.notes), where
    assert {path for path in out.rglob("*") if path.is_file()} == written  # no half file, none that nobody speaks of
    rows = json.loads((out / "colorize-report.json").read_text())["photos"]
    assert len(rows) == len(files)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"salvage": True, "strip": "gps"}], ids=["plain", "salvage"])
def test_damaged_files_of_every_format(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], options: dict[str, object]
) -> None:
    fill(tmp_path / "in", 2, 0)
    found = endure(tiny_model, tmp_path / "in", tmp_path / "out", **options)
    assert capfd.readouterr() == ("", "")
    failed = {outcome.source.name for outcome in found if outcome.status is Status.failed}
    assert failed and not any(name.startswith("whole-") for name in failed)


@pytest.mark.slow
def test_the_same_command_after_damage_does_only_what_is_missing(tiny_model: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    fill(folder, 1, 50)
    first = {outcome.source: outcome for outcome in endure(tiny_model, folder, out)}
    before = {path: path.read_bytes() for path in out.rglob("*") if path.suffix != ".json"}
    again = list[Outcome]()
    job = run_options((str(folder),), out, model=str(tiny_model), device="cpu", max_pixels=2_000_000)
    colorize_photos(job, lambda step: again.append(step.outcome) if step.outcome else None)
    for outcome in again:
        failed = first[outcome.source].status is Status.failed
        assert outcome.status is (Status.failed if failed else Status.skipped), outcome.source.name
    assert {path: path.read_bytes() for path in out.rglob("*") if path.suffix != ".json"} == before


@pytest.mark.slow
@pytest.mark.parametrize("first", [1000, 2000, 3000])
def test_hundreds_of_damages(tiny_model: Path, tmp_path: Path, first: int) -> None:
    fill(tmp_path / "in", 12, first)
    endure(tiny_model, tmp_path / "in", tmp_path / "out", verify=True)
