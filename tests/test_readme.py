"""README: its order, its commands, its Python and its links are true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from colorize_cli.cli.app import app, as_parsed
from colorize_cli.training.recipes import recipe_names
from tests.conftest import ROOT
from tests.inference.conftest import grey_photo

TEXT = (ROOT / "README.md").read_text()
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PYTHON = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def options_of(command: Any) -> set[str]:
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)}


def called() -> list[str]:
    """Every command line that README shows, in blocks and in the text."""
    lines = [line for block in BLOCKS for line in block.splitlines()]
    lines += re.findall(r"^    (colorize .*)$", TEXT, re.MULTILINE)
    text = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    lines += [" ".join(words.split()) for words in re.findall(r"`(colorize [^`]+)`", text)]
    return [part for line in lines for part in re.findall(r"(?:^|[|&] )(colorize [^#|&>]+)", line)]


def test_sections_stand_in_the_order_that_a_reader_decides_by() -> None:
    found = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    expected = ["Install", "Quickstart", "Examples", "Options", "Python", "Models", "FAQ and troubleshooting"]
    expected += ["Training", "Evaluation", "Contributing", "License"]
    assert found[: len(expected)] == expected
    assert all(title.startswith("Appendix: ") for title in found[len(expected) :])
    assert TEXT.index("![") < TEXT.index("## Install") and "colour" not in TEXT


@pytest.mark.parametrize("mark", ["install", "test"])
def test_the_two_commands_stand_where_ci_finds_them(mark: str) -> None:
    found = re.findall(rf"^<!-- {mark} -->\n```sh\n(.*\n)```\n<!-- end -->$", TEXT, re.MULTILINE)
    assert found == [
        "pip install . && colorize demo\n" if mark == "install" else "pip install '.[dev]' && pytest -n 2\n"
    ]


def test_every_command_line_is_one_that_the_program_takes() -> None:
    lines = called()
    assert len(lines) >= 30
    for line in lines:
        words = as_parsed(shlex.split(line)[1:])
        if words[0].startswith("-"):
            assert words[0] in ("--help", "--install-completion"), line
            continue
        command = COMMANDS[words[0]]
        if hasattr(command, "commands"):
            command, words = command.commands[words[1]], words[1:]
        wrong = [word for word in words[1:] if re.match(r"--?[a-z]", word) and word not in options_of(command)]
        assert not wrong, line


def test_the_table_of_options_is_that_of_the_help() -> None:
    table = TEXT[TEXT.index("## Options") : TEXT.index("## Python")]
    rows = dict(re.findall(r"^\| ([A-Z][a-z ]+) \| (`--.*`) \|$", table, re.MULTILINE))
    grouped: dict[str, list[str]] = {}
    for param in COMMANDS["colorize"].params:
        if param.param_type_name == "option":
            grouped.setdefault(param.rich_help_panel, []).append(param.opts[0])
    assert {group: re.findall(r"--[a-z-]+", row) for group, row in rows.items()} == grouped


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(PYTHON) == 2
    grey_photo(tmp_path / "grandma.jpg")
    grey_photo(tmp_path / "photos" / "a.png", seed=2)
    monkeypatch.chdir(tmp_path)
    for block in PYTHON:
        exec(compile(block, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "done" and "photos/a.png done" in said, said
    assert re.search(r"7\d{6} (cpu|cuda|mps)", said) and re.search(r"\{'[a-z_]+': [0-9.e-]+", said), said
    assert (tmp_path / "grandma-color.png").is_file() and (tmp_path / "colored" / "a.png").is_file()


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert target.startswith("https://") or (ROOT / target).is_file(), target


def test_every_recipe_is_in_its_table() -> None:
    table = TEXT[TEXT.index("## Appendix: reproducing the papers") :].replace("`-", "`colorful-")
    assert set(re.findall(r"`([a-z0-9-]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))) == set(
        recipe_names()
    )


def test_every_model_of_the_catalogue_is_in_its_table() -> None:
    from colorize_cli.models.catalog import catalogue

    table = TEXT[TEXT.index("## Models") : TEXT.index("## FAQ")]
    named = set(re.findall(r"`([a-z0-9-]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    assert named == {spec.name for spec in catalogue() if spec.weights is not None}  # the others are to be trained
