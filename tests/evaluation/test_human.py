from __future__ import annotations

import json
from pathlib import Path

import pytest

from colorize_cli.cli.app import main
from colorize_cli.errors import DataError
from colorize_cli.evaluation.evaluate import EvalSettings, evaluate
from colorize_cli.evaluation.human import HumanTest, human_results, write_human_page


def _answers(path: Path, fooled: list[bool], checks: list[bool] = (False, False), **more) -> Path:
    """Answers of one participant: of each pair whether it fooled, of each check whether it did."""
    trials = [
        {"kind": "pair", "picture": f"{i}.png", "model": "mini" if i % 2 else "other", "real": "left",
         "chosen": "right" if one else "left"}
        for i, one in enumerate(fooled)
    ]  # fmt: skip
    for one in checks:
        trials.append({"kind": "check", "picture": "0.png", "model": None, "real": "left",
                       "chosen": "right" if one else "left"})  # fmt: skip
    path.write_text(json.dumps({"format": "colorize-cli-human/1", "test": "t", "participant": path.stem, "seconds": 1,
                                "trials": trials, **more}))  # fmt: skip
    return path


def test_fooling_rate_counts_pairs_by_model_picture_and_participant(tmp_path):
    one = _answers(tmp_path / "one.json", [True, False, True, False])
    two = _answers(tmp_path / "two.json", [True, True, False, False])
    found = human_results([one, two])
    assert found.models["other"][0].value == 0.75 and found.models["mini"][0].value == 0.25
    assert found.models["mini"][1] == 4 and found.models["mini"][0].low == pytest.approx(0.0456, abs=1e-3)
    assert [who.fooled.value for who in found.participants] == [0.5, 0.5]
    assert found.pictures[0][:2] == ("0.png", "other") and found.pictures[0][2].value == 1
    assert found.exit_status == 0


def test_who_does_not_look_is_not_counted(tmp_path):
    awake = _answers(tmp_path / "awake.json", [False] * 10)
    asleep = _answers(tmp_path / "asleep.json", [True] * 10, [True, True])
    found = human_results([awake, asleep])
    assert found.models["mini"][0].value == 0
    assert [who.counted for who in found.participants] == [True, False]
    assert "1 participant missed" in found.notes[1]


def test_repeats_measure_stability_and_do_not_count(tmp_path):
    path = _answers(tmp_path / "one.json", [True, False])
    data = json.loads(path.read_text())
    data["trials"].append({**data["trials"][0], "kind": "repeat", "real": "right", "chosen": "left"})
    data["trials"].append({**data["trials"][1], "kind": "repeat", "real": "right", "chosen": "left"})
    path.write_text(json.dumps(data))
    who = human_results([path]).participants[0]
    assert (who.stable, who.repeats) == (1, 2) and who.fooled.value == 0.5


def test_files_that_are_no_answers_are_named(tmp_path):
    good = _answers(tmp_path / "good.json", [True])
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "other.json").write_text('{"format": "something"}')
    found = human_results([good, tmp_path / "bad.json", tmp_path / "other.json", tmp_path / "absent.json"])
    assert len(found.failed) == 3 and found.exit_status == 1
    with pytest.raises(DataError, match="no answers"):
        human_results([tmp_path / "bad.json"])


def test_results_command(tmp_path, capsys):
    files = [str(_answers(tmp_path / f"{name}.json", [True, False])) for name in ("one", "two")]
    assert main(["eval", "--human-results", *files]) == 0
    assert "mini" in capsys.readouterr().out
    assert main(["eval", "--human-results", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"]["other"]["taken_for_real"] == 1


def test_a_scripted_participant_takes_the_test(chromium, photos, checkpoint, tmp_path, capsys):
    out = tmp_path / "test"
    arguments = ["--data", str(photos), "--model", str(checkpoint), "--out", str(out), "--seconds", "0.03"]
    assert main(["eval", "--human", "--pairs", "3", *arguments]) == 0
    assert "human.html" in capsys.readouterr().err
    chromium.open(out / "human.html", 390, 800, mobile=True)
    chromium.run("document.getElementById('participant').value = 'Ada <3'")
    total = int(chromium.run("document.getElementById('total').textContent"))
    assert total == 3 + 3 + 2
    chromium.run("document.getElementById('start').click()")
    for number in range(total):
        chromium.wait_for(f"!document.getElementById('ask').hidden && progress.textContent.startsWith('{number + 1} ')")
        assert chromium.run("document.getElementById('pair').hidden")
        if number % 2:  # by touch, and by the keyboard
            chromium.run("document.getElementById('choose-left').click()")
        else:
            chromium.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}))")
    chromium.wait_for("!document.getElementById('end').hidden")
    chromium.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    chromium.run("document.getElementById('save').click()")
    saved = tmp_path / "answers-Ada-3.json"
    text = chromium.run("document.getElementById('answers').value")
    for _ in range(50):
        if saved.exists() and saved.read_text() == text:
            break
        chromium.run("new Promise(done => setTimeout(done, 100))")
    answers = json.loads(saved.read_text())
    kinds = [trial["kind"] for trial in answers["trials"]]
    assert sorted(kinds) == ["check"] * 2 + ["pair"] * 3 + ["repeat"] * 3
    assert all(trial["fooled"] == (trial["real"] == "right") for trial in answers["trials"])
    assert all(trial["shown_ms"] >= 29 for trial in answers["trials"])
    seen = set()
    for trial in answers["trials"]:
        if trial["kind"] == "repeat":
            assert trial["picture"] in seen
        if trial["kind"] == "pair":
            seen.add(trial["picture"])
    found = human_results([saved])
    who = found.participants[0]
    assert who.checks == 2 and who.repeats == 3
    assert not who.counted or found.models["run/small"][1] == 3
    assert found.participants[0].name == "Ada <3"
    assert chromium.complaints() == []


def test_the_page_draws_photos_by_seed(photos, checkpoint):
    found = evaluate(EvalSettings(models=(str(checkpoint),), data=str(photos), metrics=("psnr",), gallery=True))
    pages = {seed: b"".join(write_human_page(found, HumanTest(pairs=1, seed=seed))) for seed in range(6)}
    assert len(set(pages.values())) > 1
    assert pages[0].count(b'type="text/plain"') == 2


def test_a_test_without_a_model_is_refused(photos):
    found = evaluate(EvalSettings(models=(), data=str(photos), metrics=("psnr",), gallery=True))
    with pytest.raises(DataError, match="needs a model"):
        list(write_human_page(found, HumanTest()))
