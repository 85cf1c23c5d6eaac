from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from colorize_cli.cli.app import main, with_default_command, with_joined_lists
from colorize_cli.cli.threads import wait_asleep


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["photos/", "--out", "x"], ["colorize", "photos/", "--out", "x"]),
        (["--out", "x", "photos/"], ["colorize", "--out", "x", "photos/"]),
        (["train", "--data", "d"], ["train", "--data", "d"]),
        (["./train"], ["colorize", "./train"]),
        (["--version"], ["--version"]),
        ([], []),
    ],
)
def test_a_first_word_that_is_no_command_is_an_input(typed: list[str], meant: list[str]):
    assert with_default_command(typed) == meant


def test_metrics_may_follow_one_option():
    typed = ["eval", "--metrics", "psnr", "ssim", "--limit", "3"]
    assert with_joined_lists(typed) == ["eval", "--metrics", "psnr", "--metrics", "ssim", "--limit", "3"]
    assert with_joined_lists(["photos", "--metrics", "a", "b"]) == ["photos", "--metrics", "a", "b"]


def test_help_and_version_load_no_torch_and_are_quick():
    code = (
        "import sys; from colorize_cli.cli.app import main\n"
        "statuses = [main([flag]) for flag in ('--help', '--version')] + [main(['colorize', '--help'])]\n"
        "assert statuses == [0, 0, 0], statuses\n"
        "assert not {'torch', 'cv2', 'PIL', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert time.monotonic() - started < 20  # a hang, not a benchmark


def test_the_naming_rule_stands_in_help(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "old suffix or a hash of its own path" in said and "a~1f2e3d4c.png" in said


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["nowhere.jpg"], 3, "no such file or folder: 'nowhere.jpg'"),
        (["colorize"], 2, "no photos given"),
        (["x.jpg", "--vividness", "3"], 2, "--vividness"),
        (["x.jpg", "--bogus"], 2, "--bogus"),
        (["--files-from", "nowhere.txt"], 2, "cannot read the list nowhere.txt"),
    ],
)
def test_wrong_usage_is_one_clear_line(
    arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == status
    assert says in capsys.readouterr().err


def test_a_dry_run_prints_its_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Image.new("L", (40, 40), 90).save(tmp_path / "a.png")
    assert main([str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert f"-> {tmp_path / 'out' / 'a.png'}" in capsys.readouterr().out


@pytest.mark.parametrize("chosen", [{}, {"OMP_WAIT_POLICY": "ACTIVE"}])
def test_threads_of_the_network_sleep_while_they_wait_unless_the_user_says_otherwise(chosen, monkeypatch):
    environment = dict(chosen)
    monkeypatch.setattr("os.environ", environment)
    wait_asleep()
    assert environment["OMP_WAIT_POLICY"] == (chosen or {"OMP_WAIT_POLICY": "PASSIVE"})["OMP_WAIT_POLICY"]


@pytest.mark.parametrize("typed", [[], ["models"]])
def test_where_nothing_is_typed_the_help_says_it_all(typed: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(typed) == 2
    said = capsys.readouterr()
    assert said.err == "" and "Usage" in said.out


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["eval", "--help"], ["models", "list", "--help"]])
def test_flags_show_no_type(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "bool" not in said and "BOOLEAN" not in said and "--help" in said


@pytest.mark.parametrize("command", [[], ["models"], ["data"]])
def test_nothing_typed_shows_help_and_no_error(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(command)
    said = capsys.readouterr()
    assert "Commands" in said.out + said.err and "error:" not in said.err
