"""What became of one photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Status(StrEnum):
    """What became of one photo."""

    done = "done"
    copied = "copied"
    skipped = "skipped"
    other_settings = "exists with different settings"
    left_color = "left, has color"
    failed = "failed"
    planned = "planned"
    interrupted = "interrupted"


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        source: the photo.
        status: see `Status`.
        output: the file that holds the result, where there is one.
        reason: why it failed or was left.
        notes: what was odd or changed, each a sentence; a `Note` with a `Loss` is counted in the summary.
        seconds: wall time from reading to written.
        figures: what `--verify` and others measured.
        copy_bytes: size of the output where it is a copy of the photo.
        doubt: why a person had better look at a borderline case, and what to type then; empty for others.
    """

    source: Path
    status: Status
    output: Path | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)
    copy_bytes: int | None = None
    doubt: str = ""
