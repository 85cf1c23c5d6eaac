"""What a person reads who types something else than the program expects."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from colorize_cli.cli import console
from colorize_cli.cli.app import main
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (24, 24), 90).save("a.png")
    return Path("a.png")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--vividnes", "1"], 2, "no such option: --vividnes. Did you mean --vividness? See: colorize --help"),
        (["--fp16"], 2, "no such option: --fp16. Use --precision fp16"),
        (["--tile_size", "400"], 2, "no such option: --tile_size. Use --tile"),
        (["--xyzzy"], 2, "no such option: --xyzzy. See: colorize --help"),
        (["--vividness", "50%"], 2, "--vividness: '50%' is no number. See: colorize --help"),
        (["--vividness", "2"], 2, "--vividness: 2 is more than 1. See: colorize --help"),
        (["--saturation=-1"], 2, "--saturation: -1 is less than 0. See: colorize --help"),
        (["--quality", "x"], 2, "--quality: 'x' is no whole number. See: colorize --help"),
        (["--format", "gif"], 2, "--format: 'gif' is not one of keep, jpg, png, tif, webp, jxl. See: colorize --help"),
        (["--model", "deoldify"], 3, 'Did you mean "deoldify-artistic", "deoldify-stable" or "deoldify-video"?'),
        (["out/"], 3, "no such file or folder: 'out/'. If results are to go there: --out out/"),
        (["out/", "--out", "x"], 3, "no such file or folder: 'out/'. Is it spelt right?"),
    ],
)
def test_a_slip_after_a_photo(
    photo: Path, arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(photo), *arguments]) == status
    words = " ".join(capsys.readouterr().err.split())
    assert says in words and "colorize colorize" not in words and words.count("error") == 1
    assert not Path("colored").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["modls", "list"], "no such command, file or folder: 'modls'. Did you mean: colorize models?"),
        (["evaluate"], "Did you mean: colorize eval?"),
        (["help"], "Did you mean: colorize --help?"),
        (["help", "train"], "Did you mean: colorize train --help?"),
        (["version"], "Did you mean: colorize --version?"),
        (["-"], "no photo is read from stdin. A list of their names is: --files-from -"),
        (["file:///tmp/a.png"], "Type the path alone"),
        (["http://example.com/a.jpg"], "http:// is no object store"),
        (["ftp://example.com/a.jpg"], "ftp:// is no object store"),
        (["foo://example.com/a.jpg"], "no such kind of store: foo://"),
        (["--input", "photos"], "no such option: --input. Photos are named without an option: colorize photos/"),
    ],
)
def test_a_slip_in_the_first_word(
    photo: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) in (2, 3)
    words = " ".join(capsys.readouterr().err.split())
    assert says in words and "Traceback" not in words and "fsspec" not in words


def test_a_photo_or_folder_that_is_there_is_no_slip(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo.rename("help")
    assert main(["help", "--dry-run"]) == 0
    assert "help -> " in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "suffix"), [("jpeg", "jpg"), ("JPG", "jpg"), (".tiff", "tif"), ("Png", "png")])
def test_formats_may_be_written_as_their_files_are(
    photo: Path, typed: str, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(photo), "--dry-run", "--format", typed]) == 0
    assert f"colored/a.{suffix}" in capsys.readouterr().out


def test_a_value_from_the_environment_is_named_by_its_variable(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLORIZE_VIVIDNESS", "3")
    assert main([str(photo)]) == 2
    assert "COLORIZE_VIVIDNESS: 3 is more than 1." in capsys.readouterr().err


def test_a_run_with_nothing_new_says_why_and_where_results_are(capsys: pytest.CaptureFixture[str]) -> None:
    report = RunReport()
    for name, status in (("a", Status.skipped), ("b", Status.other_settings), ("c", Status.other_settings)):
        report.add(Outcome(Path(name), status))
    report.seconds = 2.0
    console.show(report, "colored", False, False)
    report.close()
    words = capsys.readouterr().err
    assert "1 skipped (done before), 2 exist with different settings; 0:00:02\n" in words
    assert "Results: colored" in words and "photos/s" not in words


@pytest.mark.parametrize(("done", "words"), [(40, "20.0 photos/s"), (2, "1.0 photos/s"), (1, "2.0 s/photo")])
def test_slow_work_is_told_in_seconds_a_photo(done: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = RunReport()
    for number in range(done):
        report.add(Outcome(Path(str(number)), Status.done))
    report.seconds = 2.0
    console.show(report, "colored", False, False)
    report.close()
    assert f"0:00:02, {words}\n" in capsys.readouterr().err


def test_names_that_some_systems_cannot_hold_are_told(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ('a "b".png', "c:d.png"):
        (photo.parent / name).write_bytes(photo.read_bytes())
    assert main([str(photo.parent), "--out", "out", "--dry-run"]) == 0
    words = " ".join(capsys.readouterr().err.split())
    assert 'that some systems cannot hold: a "b".png becomes a %22b%22.png (and 1 more).' in words


def test_the_whole_disk_is_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/", "--dry-run"]) == 2
    assert "/ is the whole disk. Name the folders with photos" in " ".join(capsys.readouterr().err.split())


def test_the_home_folder_is_refused_and_what_lies_in_it_is_not(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = photo.resolve().parent / "people" / "ada"
    (home / "pictures").mkdir(parents=True)
    photo.rename(home / "pictures" / "a.png")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))

    def said(*words: str, status: int) -> str:
        assert main([*words, "--out", "out", "--dry-run"]) == status
        return "".join(capsys.readouterr().err.split())

    advice = f"Name the folders with photos, or {home / '*'} for all; or add --no-recursive.".replace(" ", "")
    assert f"{home}isyourhomefolder.{advice}" in said(str(home), status=2)
    assert "holdsyourhomefolder." in said(str(home.parent), status=2)
    assert "1" in said(str(home / "*"), status=0)
    said(str(home), "--no-recursive", status=3)  # no photo lies in it
    said(str(home / "pictures"), status=0)


def test_a_plan_for_another_program_is_nothing_but_json(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(photo), "--out", "out", "--dry-run", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["discovered"] == 1
    assert " ".join(shown.err.split()).count("a.png -> out/a.png") == 1


@pytest.mark.slow
def test_on_a_terminal_the_summary_is_the_last_that_is_shown(photo: Path) -> None:
    pty = pytest.importorskip("pty", reason="needs a terminal")
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "colorize_cli", str(photo), "--out", "out"],
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # so Linux says that the other end is closed
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert run.wait() == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "\n").split("\n")
    bar = max(number for number, line in enumerate(lines) if line.startswith("Colorizing"))
    report = lines.index("Report: out/colorize-report.json")
    assert bar < report, lines


@pytest.mark.parametrize("command", ["serve", "watch"])
def test_the_extra_that_a_command_needs_stands_in_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"pip install '.[{command}]'" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", ["colorize", "watch"])
@pytest.mark.parametrize("suffix", ["/x", "../../x", "_color/"])
def test_a_suffix_that_names_a_folder_is_refused(
    photo: Path, capsys: pytest.CaptureFixture[str], command: str, suffix: str
) -> None:
    before = sorted(photo.parent.iterdir())
    words = ["watch", str(photo.parent)] if command == "watch" else [str(photo)]
    assert main([*words, "--out", str(photo.parent / "out"), "--suffix", suffix]) == 2
    assert "is no part of a name" in capsys.readouterr().err
    assert sorted(photo.parent.iterdir()) == before
