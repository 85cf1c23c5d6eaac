"""What `colorize eval` shows on the terminal: tables on stdout, what went wrong on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from colorize_cli.cli import console
from colorize_cli.errors import counted, printable

if TYPE_CHECKING:
    from colorize_cli.evaluation.columns import Column
    from colorize_cli.evaluation.human import HumanResults
    from colorize_cli.evaluation.result import Evaluation
    from colorize_cli.evaluation.statistics import Figure

_SHOWN_PICTURES = 10
_GAP = 2  # columns of a terminal between two of the table


def _cell(figure: Figure | None, column: Column) -> str:
    if figure is None:
        return "–"
    text = f"{figure.value:.{column.digits}f}"
    if figure.low is None or figure.high is None:
        return text
    return f"{text}\n[dim]{figure.low:.{column.digits}f}–{figure.high:.{column.digits}f}[/dim]"


def _heading(column: Column) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(column.better.value, "")
    return f"{column.title}{f' {column.unit}' if column.unit else ''}{arrow}"


def _column_width(found: Evaluation, column: Column) -> int:
    """How wide a column is, with the gap beside it."""
    cells = [_cell(row.figures.get(column.name), column) for row in found.rows]
    lines = [line.replace("[dim]", "").replace("[/dim]", "") for cell in cells for line in cell.split("\n")]
    return max(len(_heading(column)), *(len(line) for line in lines)) + _GAP if lines else len(_heading(column))


def _name_width(found: Evaluation, width: int) -> int:
    """How wide the column of names is: a third of the screen, or their longest word where a figure fits beside it."""
    names = [row.name for row in found.rows]
    longest = max(map(len, names), default=0)
    word = max((len(part) for name in names for part in name.split()), default=0)
    left = width - max((_column_width(found, column) for column in found.columns), default=0)
    return min(longest, max(width // 3, min(word, left)))


def _blocks(found: Evaluation, width: int) -> list[list[Column]]:
    """The columns in as many tables as it takes that no number, no heading and no name is broken."""
    beside = width - _name_width(found, width)
    blocks: list[list[Column]] = [[]]
    left = beside
    for column in found.columns:
        takes = _column_width(found, column)
        if takes > left and blocks[-1]:
            blocks.append([])
            left = beside
        blocks[-1].append(column)
        left -= takes
    return blocks


def show_table(found: Evaluation) -> None:
    """The table on stdout; what went wrong on stderr."""
    settings = ", ".join(f"{key} {value}" for key, value in found.settings.items() if value != "none")
    console.stdout.print(f"{counted(len(found.names), 'photo')}; {settings}", markup=False)
    width = console.stdout.width
    names = _name_width(found, width)
    for part in _blocks(found, width):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", overflow="fold", min_width=names)
        for column in part:
            table.add_column(_heading(column), justify="right", no_wrap=True)
        for row in found.rows:
            table.add_row(escape(row.name), *(_cell(row.figures.get(column.name), column) for column in part))
        console.stdout.print(table)
    console.stdout.print("Means over photos, with 95 % bootstrap intervals.", *found.notes, sep="\n", markup=False)
    for line in found.remarks:
        console.stderr.print(line, markup=False)
    _failures(found.failed)


def _failures(failed: Sequence[tuple[str, str]]) -> None:
    for name, reason in failed:
        console.stderr.print(f"[red]failed[/red] {escape(printable(name))}: {escape(printable(reason))}")


def _percent(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "–"
    return f"{100 * figure.value:.1f} % [dim]{100 * figure.low:.1f}–{100 * figure.high:.1f}[/dim]"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, overflow="fold", justify="right" if i else "left")
    return table


def show_answers(found: HumanResults) -> None:
    """The real-or-fake test: a table of models, one of participants, and the pictures that fooled most."""
    models = _table("Model", "Taken for real", "Pairs")
    for model, (figure, count) in found.models.items():
        models.add_row(escape(printable(model)), _percent(figure), str(count))
    people = _table("Participant", "Fooled", "Checks passed", "Repeats alike")
    for who in found.participants:
        name = escape(printable(who.name)) + ("" if who.counted else " [red](not counted)[/red]")
        passed, stable = f"{who.checks_passed} of {who.checks}", f"{who.stable} of {who.repeats}"
        people.add_row(name, _percent(who.fooled), passed, stable)
    pictures = _table("Fooled most", "Model", "Taken for real", "Pairs")
    for picture, model, figure, count in found.pictures[:_SHOWN_PICTURES]:
        pictures.add_row(escape(printable(picture)), escape(printable(model)), _percent(figure), str(count))
    for table in (models, people, pictures):
        console.stdout.print(table)
    console.stdout.print(*found.notes, sep="\n", markup=False)
    _failures(found.failed)
