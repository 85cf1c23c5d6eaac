"""A console on which names and messages show as they are: nothing in them moves the cursor or colors the screen.

In:  text, tables, bars
Out: the same on a terminal; control characters of the text itself as escapes; libraries' warnings with their name
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from colorize_cli.errors import shown


class Screen(Console):
    """Rich's console; what it writes itself, colors and bars, goes through, what stands in texts does not."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See `Console`."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else shown(text), style, control)


def screen(to_stderr: bool = False, width: int | None = None) -> Screen:
    """A console for one of the two streams."""
    return Screen(stderr=to_stderr, highlight=False, soft_wrap=width is None, emoji=False, width=width)


def name_libraries(console: Console) -> None:
    """From now on warnings and log messages of libraries are one line each, said once, with the library's name."""
    said = set[str]()

    def say(library: str, message: str) -> None:
        line = f"note from {library}: {' '.join(message.split())}"
        if line not in said:
            said.add(line)
            console.print(line, markup=False)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.name.partition(".")[0], record.getMessage())

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        say(_library(filename), str(message))

    warnings.showwarning = show
    logging.lastResort = Handler(logging.WARNING)


def _library(filename: str) -> str:
    """The package that a file belongs to."""
    parts = Path(filename).with_suffix("").parts
    for folder in ("site-packages", "dist-packages"):
        if folder in parts[:-1]:
            return parts[parts.index(folder) + 1]
    return "colorize_cli" if "colorize_cli" in parts else "Python" if len(parts) > 1 else filename
