"""Notes: a text, and the kind of loss it tells; the summary counts photos, not notes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

from colorize_cli.cli import console
from colorize_cli.notes import Loss, Note, losses
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport


def test_each_photo_counts_once_per_kind(tmp_path, capsys):
    report = RunReport()
    depth, frames = Note("16 bits became 8", Loss.depth), Note("only the first of 3 frames was taken", Loss.frames)
    report.add(Outcome(Path("a.gif"), Status.done, Path("o/a.gif"), notes=(frames, depth, Note("again", Loss.depth))))
    report.add(Outcome(Path("b.png"), Status.done, Path("o/b.png"), notes=("plain", depth)))
    report.add(Outcome(Path("c.png"), Status.done, Path("o/c.png"), notes=("plain",)))
    report.write(tmp_path / "report.json")
    console.show(report, "o", False, False)
    report.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.strip() for line in lines if "lost" in line] == [
        "1 photo lost animation frames",
        "2 photos lost bits of depth",
    ]
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["losses"] == {"frames": 1, "depth": 2}
    assert [row.get("losses") for row in said["photos"]] == [["frames", "depth"], ["depth"], None]
    assert said["photos"][1]["notes"] == ["plain", "16 bits became 8"]


def test_a_note_keeps_its_kind_through_pickle_and_other_words():
    note = pickle.loads(pickle.dumps(Note("layers were left out", Loss.layers)))
    assert (note, note.loss) == ("layers were left out", Loss.layers)
    assert note.with_text("page 2: layers were left out").loss is Loss.layers
    assert losses(("plain", note)) == (Loss.layers,)


def test_half_a_character_in_a_message_does_not_spoil_the_report(tmp_path):
    report = RunReport()
    report.add(Outcome(Path("a\udcff.png"), Status.failed, reason="cannot read a\udcff\ud800"))
    report.write(tmp_path / "report.json")
    report.close()
    said = json.loads((tmp_path / "report.json").read_bytes().decode("utf-8"))
    assert said["photos"][0]["source"] == "a\\xff.png" and said["photos"][0]["reason"] == "cannot read a\udcff\ud800"
