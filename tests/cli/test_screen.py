"""What stands in names and messages reaches no terminal as a command, and no spreadsheet as a formula."""

from __future__ import annotations

import csv
import io
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from rich.table import Table

from colorize_cli.cli import console
from colorize_cli.cli.screen import Screen, name_libraries
from colorize_cli.errors import ColorizeError
from colorize_cli.evaluation.report_files import cell
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport

EVIL = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202e\rgone"


def test_names_and_reasons_are_shown_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    report = RunReport()
    report.add(Outcome(Path(f"{EVIL}.png"), Status.failed, reason=f"library says {EVIL} :smile: [red]x[/red]"))
    console.show(report, f"out{EVIL}", False, False)
    console.notice(f"notice {EVIL}")
    console.error(ColorizeError(f"message {EVIL}", hint=f"hint {EVIL}"))
    report.close()
    said = capsys.readouterr().err
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(said)
    assert ":smile: [red]x[/red]" in said and said.count("\\x1b]0;owned") == 5


def test_tables_and_colors_of_our_own_stay() -> None:
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, width=80, color_system="standard", _environ={"TERM": "xterm"})
    table = Table("name")
    table.add_row(f"cell {EVIL}")
    screen.print(table)
    screen.print("[red]own[/red]")
    assert "\x1b[31mown\x1b[0m" in out.getvalue() and "\x1b]0;" not in out.getvalue()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.png", "a.png"),
        ('=HYPERLINK("http://x","y").png', '\'=HYPERLINK("http://x","y").png'),
        ("+1.png", "'+1.png"),
        ("-1.png", "'-1.png"),
        ("@SUM(1).png", "'@SUM(1).png"),
        ("＝1.png", "'＝1.png"),
        ("\t=1.png", "\\t=1.png"),
        ("\r\n=1.png", "\\r\\n=1.png"),
        ("b\x1b[2J\udcff.png", "b\\x1b[2J\\xff.png"),
    ],
)
def test_a_spreadsheet_gets_names_not_formulas(name: str, shown: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([cell(name), "1"])
    assert next(csv.reader(io.StringIO(out.getvalue())))[0] == shown


def test_warnings_and_log_lines_bear_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    out = io.StringIO()
    name_libraries(Screen(file=out, width=200))
    for _ in range(2):
        warnings.showwarning("old\n  thing\x1b[2J", UserWarning, "/x/site-packages/torch/nn/a.py", 3)
    handler = logging.lastResort
    assert handler is not None
    handler.handle(logging.LogRecord("PIL.TiffImagePlugin", logging.WARNING, "", 0, "odd %s", ("tag",), None))
    assert out.getvalue() == "note from torch: old thing\\x1b[2J\nnote from PIL: odd tag\n"


def test_a_wrong_option_is_shown_escaped() -> None:
    line = [sys.executable, "-m", "colorize_cli", "x.png", "--\x1b[31mred"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "\x1b" not in done.stderr and "\\x1b[31mred" in done.stderr
