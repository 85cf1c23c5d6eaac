"""What Typer's help does otherwise than we want it: `<bool>` behind flags, names that are cut on narrow terminals.

In:  nothing
Out: from then on help prints no type behind flags, which take no value, and folds what a column is too narrow for
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption


def hide_types_of_flags() -> None:
    """From now on help prints no type behind a flag; nothing is done with a Typer that prints none."""
    original = getattr(TyperOption, "display_type_rich", None)
    if original is None or getattr(original, "of_flags_hidden", False):
        return

    def shown(option: Any, ctx: Any) -> Any:
        return None if getattr(option, "is_flag", False) else original(option, ctx=ctx)

    shown.of_flags_hidden = True  # type: ignore[attr-defined]
    setattr(TyperOption, "display_type_rich", shown)  # noqa: B010 - of a class that is not ours


def fold_narrow_columns() -> None:
    """From now on help cuts nothing, however narrow the terminal is: what a column is too narrow for goes on below."""
    for kind in (TyperCommand, TyperGroup):
        original = kind.format_help
        if getattr(original, "folds", False):
            continue

        def folded(command: Any, ctx: Any, formatter: Any, original: Any = original) -> None:
            from typer import rich_utils  # with Rich it is loaded for help alone

            parts = vars(rich_utils)
            parts["Table"], parts["Columns"] = _folding(parts["Table"]), _in_line
            original(command, ctx, formatter)

        folded.folds = True  # type: ignore[attr-defined]
        setattr(kind, "format_help", folded)  # noqa: B010 - of a class that is not ours


def _folding(table: Any) -> Any:
    """A kind of table that folds words; Rich cuts those that are wider than a column."""
    if hasattr(table, "folds"):
        return table

    def add_row(self: Any, *cells: Any, **options: Any) -> None:
        table.add_row(self, *cells, **options)
        for column in self.columns:
            column.overflow = "fold"

    return type("FoldingTable", (table,), {"add_row": add_row, "folds": True})


def _in_line(parts: Sequence[Any], *_: Any, **__: Any) -> Any:
    """Texts behind one another, where Typer puts them into columns, which cut words."""
    from rich.columns import Columns
    from rich.text import Text

    if not all(isinstance(part, Text) for part in parts):
        return Columns(list(parts))
    whole = Text(" ").join(parts)
    whole.overflow = "fold"
    return whole
