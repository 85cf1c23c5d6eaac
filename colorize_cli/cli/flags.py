"""Help without `<bool>` behind flags, which take no value; Typer prints one since its version 0.20 or so."""

from __future__ import annotations

from typing import Any

from typer.core import TyperOption


def hide_types_of_flags() -> None:
    """From now on help prints no type behind a flag; nothing is done with a Typer that prints none."""
    original = getattr(TyperOption, "display_type_rich", None)
    if original is None or getattr(original, "of_flags_hidden", False):
        return

    def shown(option: Any, ctx: Any) -> Any:
        return None if getattr(option, "is_flag", False) else original(option, ctx=ctx)

    shown.of_flags_hidden = True  # type: ignore[attr-defined]
    setattr(TyperOption, "display_type_rich", shown)  # noqa: B010 - of a class that is not ours
