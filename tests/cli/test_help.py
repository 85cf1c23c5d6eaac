"""What `--help` shows, and what Tab offers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from colorize_cli.cli.app import app, main
from tests.fork_server import python

PANELS = {
    "colorize": {
        "Input and output", "Model", "Color", "Guidance", "Restoration", "Large images", "Performance", "Reporting",
    },
    "demo": {"Input and output", "Model", "Color", "Reporting"},
    "serve": {"Input and output", "Server", "Model", "Color", "Large images", "Performance", "Reporting"},
    "eval": {"Input and output", "Model", "Color", "Metrics", "Test with people", "Performance", "Reporting"},
    "train": {"Input and output", "Recipe", "Run", "Model", "Performance", "Reporting"},
}  # fmt: skip
ROOT = typer.main.get_command(app)
NOT_FIRST = re.compile(r"(See|Who|Where|How|Of|With|At|It|The|A|An|No|0|1|What) ")


def options_of(command: Any) -> list[Any]:
    """Those that the help shows: former names are read, and not shown."""
    return [param for param in command.params if param.param_type_name == "option" and not param.hidden]


def commands(command: Any = ROOT, name: str = "colorize") -> Iterator[tuple[str, Any]]:
    yield name, command
    for sub, found in getattr(command, "commands", {}).items():
        yield from commands(found, f"{name} {sub}")


@pytest.mark.parametrize("name", sorted(PANELS))
def test_every_option_stands_in_one_panel(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ROOT.commands[name]  # type: ignore[attr-defined]
    assert {option.rich_help_panel for option in options_of(command)} == PANELS[name]
    assert main([name, "--help"]) == 0
    shown = Counter(re.findall(r"^│ (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    for option in options_of(command):
        assert shown[option.opts[0]] == 1, option.opts


def test_the_main_command_s_options_are_in_the_first_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    shown = Counter(re.findall(r"^│ (--[a-z-]+)", out, re.MULTILINE))
    for option in options_of(ROOT.commands["colorize"]):  # type: ignore[attr-defined]
        assert shown[option.opts[0]] == 1, option.opts
    titles = [title for title in re.findall(r"^╭─ ([A-Z][a-z ]+) ─", out, re.MULTILINE) if title != "Options"]
    expected = ["Arguments", "Input and output", "Model", "Color", "Guidance", "Restoration", "Large images"]
    assert titles == [*expected, "Performance", "Reporting", "Commands"]
    assert "PHOTOS..." in out and all(f"│ {name}" in out for name in ("train", "eval", "models", "demo"))


def test_showing_the_help_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    first = capsys.readouterr().out
    main(["--help"])
    assert capsys.readouterr().out == first
    assert main(["train", "--bogus"]) == 2


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_help_texts_start_with_a_verb_or_a_noun_phrase(name: str, command: Any) -> None:
    for param in command.params:
        text = param.help or ""
        assert text[:1].isupper() and text.rstrip().endswith((".", ")")), (name, param.name, text)
        assert not NOT_FIRST.match(text), (name, param.name, text)
        assert "colour" not in text, (name, param.name, text)


def completed(line: str, shell: str = "bash") -> list[str]:
    """What Tab offers for a line, whose last word is the one begun."""
    environment = {**os.environ, "_COLORIZE_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        words = line.split(" ")
        environment |= {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    else:
        environment |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    code = "import sys; sys.argv = ['colorize']; from colorize_cli.__main__ import main; main()"
    done = subprocess.run([*python(), "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return [item.partition("\t")[0] for item in done.stdout.split("\n") if item]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("colorize tr", ["train"]),
        ("colorize photos/ --viv", ["--vividness"]),
        ("colorize --viv", ["--vividness"]),
        ("colorize photos/ --model sigg", ["siggraph17"]),
        ("colorize colorize photos/ --model sigg", ["siggraph17"]),
        ("colorize photos/ --model mini+sigg", ["mini+siggraph17"]),
        ("colorize photos/ -m ecc", ["eccv16"]),
        ("colorize photos/ --on-color rec", ["recolor"]),
        ("colorize photos/ --device cp", ["cpu"]),
        ("colorize eval --metrics ps", ["psnr"]),
        ("colorize eval --metrics psnr ss", ["ssim"]),
        ("colorize eval --model sigg", ["siggraph17"]),
        ("colorize train --recipe resunet-c", ["resunet-coco"]),
        ("colorize train --data cel", ["celeba"]),
        ("colorize models info sigg", ["siggraph17"]),
        ("colorize models pull eccv16 sigg", ["siggraph17"]),
    ],
)
def test_tab_completes(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


def test_tab_completes_in_other_shells() -> None:
    assert completed("colorize photos/ --model sigg", "fish") == ["siggraph17"]
    assert completed("colorize 'my photos/' --viv", "fish") == ["--vividness"]
    assert completed("colorize eval --metrics psnr ss", "fish") == ["ssim"]
    assert completed("colorize 'my pho", "fish") == []
    assert "photo" not in completed("colorize photos/ --out ", "fish")


def test_tab_loads_nothing_heavy() -> None:
    code = (
        "import sys; from colorize_cli.cli import completion as c\n"
        "assert 'mini' in c.complete_models('') and 'mini' in c.complete_recipes('') and c.complete_metrics('lp')\n"
        "print(sorted({'torch', 'cv2', 'numpy', 'PIL', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["models", "pull", "--help"]])
def test_help_cuts_nothing_on_a_narrow_terminal(arguments: list[str]):
    run = [sys.executable, "-m", "colorize_cli", *arguments]
    shown = subprocess.run(run, capture_output=True, text=True, env={**os.environ, "COLUMNS": "44"}, check=True).stdout
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown and max(map(len, shown.splitlines())) <= 44
