"""`--strip` through the pipeline, on photos that have color: what is copied, skipped, coded anew."""

from __future__ import annotations

from pathlib import Path

from colorize_cli.metadata import exif
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.run import Progress
from tests.formats.test_strip_file import COLOR, FILES, PLACED
from tests.metadata import blocks as b
from tests.runs import colorize_photos, run_options


def run(tiny_model: Path, folder: Path, out: Path, **options: object) -> list[Outcome]:
    found = list[Outcome]()

    def on_progress(step: Progress) -> None:
        found.extend([step.outcome] if step.outcome else [])

    job = run_options((str(folder),), out, model=str(tiny_model), device="cpu", **options)  # type: ignore[arg-type]
    colorize_photos(job, on_progress)
    return sorted(found, key=lambda outcome: outcome.source.name)


def test_a_second_run_leaves_stripped_copies_and_says_where_one_was_not_stripped(tiny_model: Path, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(FILES["a.jpg"])
    (folder / "b.png").write_bytes(b.png(COLOR))
    first = run(tiny_model, folder, tmp_path / "out", strip="gps")
    assert [outcome.status for outcome in first] == [Status.copied] * 2
    assert b"GPSLatitude" not in (tmp_path / "out" / "a.jpg").read_bytes()
    assert (tmp_path / "out" / "b.png").read_bytes() == (folder / "b.png").read_bytes()
    again = run(tiny_model, folder, tmp_path / "out", strip="gps")
    assert [outcome.status for outcome in again] == [Status.skipped] * 2
    run(tiny_model, folder, tmp_path / "plain")
    late = run(tiny_model, folder, tmp_path / "plain", strip="gps")
    assert [outcome.status for outcome in late] == [Status.other_settings, Status.skipped]


def test_a_format_that_cannot_be_edited_is_coded_anew_and_this_is_told(tiny_model: Path, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    packet = b"".join(b"# " + line + b"\n" for line in PLACED.splitlines())
    (folder / "a.ppm").write_bytes(b"P6\n" + packet + b"64 48\n255\n" + COLOR.tobytes())
    [outcome] = run(tiny_model, folder, tmp_path / "out", strip="gps")
    assert outcome.status is Status.copied and any("coded anew" in note for note in outcome.notes)
    assert b"Lyon" not in (tmp_path / "out" / "a.ppm").read_bytes()


def test_a_copy_that_still_tells_the_place_is_found_out(tiny_model: Path, tmp_path: Path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(FILES["a.jpg"])
    [outcome] = run(tiny_model, folder, tmp_path / "out", strip="gps", verify=True)
    assert outcome.status is Status.copied
    monkeypatch.setattr(exif, "without_gps", lambda block: block)
    [outcome] = run(tiny_model, folder, tmp_path / "faulty", strip="gps", verify=True)
    assert outcome.status is Status.failed and "GPS tag (1) is still there" in (outcome.reason or "")
    assert not (tmp_path / "faulty" / "a.jpg").exists()
