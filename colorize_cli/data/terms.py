"""Terms of data sets that forbid redistribution or commerce: asked for once, remembered.

In:  a data set's terms; whether the user accepts, or a way to ask
Out: nothing, or an error that says how to accept
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from colorize_cli.errors import UsageError
from colorize_cli.files.atomic import write_text

Ask = Callable[[str], bool]


@dataclass(frozen=True)
class Terms:
    """What a data set's owners ask.

    Attributes:
        title: the data set's name in full.
        text: in a sentence or two.
        url: where they stand.
    """

    title: str
    text: str
    url: str

    def __str__(self) -> str:
        return f"{self.title}: {self.text} ({self.url})"


def record_file() -> Path:
    """Where it is remembered which terms the user accepted: `COLORIZE_CONFIG`, or the user's settings folder."""
    root = os.environ.get("COLORIZE_CONFIG") or os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(root) / "colorize-cli" / "accepted-terms.json"


def _remembered() -> dict[str, str]:
    try:
        found = json.loads(record_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def require(name: str, terms: Terms, accepted: bool, ask: Ask | None) -> None:
    """See to it that the user has accepted a data set's terms, now or before.

    Args:
        name: of the data set.
        terms: its terms; when they change, they are asked for again.
        accepted: the user said so on the command line.
        ask: shows a question and returns the answer; None where nobody is there to answer.

    Raises:
        UsageError: they are not accepted.
    """
    known = _remembered()
    if known.get(name) == str(terms):
        return
    if not accepted and (ask is None or not ask(f"{terms}\nDo you accept these terms?")):
        raise UsageError(f"{terms}", hint=f"To accept: --data {name} --accept-license")
    file = record_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps({**known, name: str(terms)}, indent=1) + "\n")
    except OSError:
        return  # it is asked for again the next time
