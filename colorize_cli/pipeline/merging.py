"""Join the reports of several runs into one, and say what none of them did.

In:  reports, JSON or JSON Lines; where given, the photos of the whole batch
Out: one report, of the same form; what is missing

Reports of different shards of one batch have no photo in common. Where two tell of one photo, the later one counts,
except that what it skipped or was interrupted at stays as the earlier one tells it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorize_cli.errors import EncodeError, ExitStatus, UsageError, counted, printable, quoted
from colorize_cli.files.small_files import NotPlain, kind_of
from colorize_cli.notes import Loss
from colorize_cli.pipeline.joined_rows import JoinedRows
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import KEPT_FAILURES
from colorize_cli.pipeline.report_place import check_report_place
from colorize_cli.pipeline.report_rows import MANY, ReportRows

MISSING = "missing"  # the status of a photo that no report tells of
_WEAK = frozenset({Status.skipped.value, Status.interrupted.value})
_UNDONE = (Status.failed.value, Status.interrupted.value, MISSING)
_STATUSES = frozenset({MISSING, *(status.value for status in Status)})
_MOST_WHOLE = 64 << 20  # characters of a report in one piece: it has MANY photos at most
_LONGEST = 16 << 20  # characters of a line of JSON Lines
_MOST_PHOTOS = 1 << 40
_MOST_SECONDS = 1e12

Row = dict[str, Any]


@dataclass(frozen=True)
class PartReport:
    """One report that was read.

    Attributes:
        path: its file.
        summary: all but its rows.
        ends: whether it has its end: a run that was killed leaves none.
    """

    path: Path
    summary: Row
    ends: bool

    @property
    def shard(self) -> tuple[int, tuple[int, ...]] | None:
        """Its number, and how many photos each shard has; None where it is of a whole batch."""
        told = self.summary.get("shard")
        return None if told is None else (told["number"], tuple(told["photos"]))

    @classmethod
    def read(cls, path: Path) -> PartReport:
        """Read a report's summary.

        Raises:
            UsageError: it cannot be read, or is none.
        """
        summary, ends = Row(), False
        try:
            for kind, data in _items(path):
                if kind == "summary":
                    summary, ends = {**summary, **data}, bool("counts" in data)
                else:
                    _check_row(data)
            _check_summary(summary)
        except OSError as error:
            raise UsageError(f"cannot read the report {printable(path)}: {error.strerror or error}") from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            hint = "Give files that --report wrote."
            raise UsageError(f"{printable(path)} is no report of colorize", hint=hint) from None
        return cls(path, summary, ends)

    def rows(self) -> Iterator[Row]:
        """Its rows."""
        return (data for kind, data in _items(self.path) if kind == "row")


def _items(path: Path) -> Iterator[tuple[str, Row]]:
    """The rows of a report, and what else it says; no more of it is read at once than a report has."""
    if not stat.S_ISREG(mode := os.stat(path).st_mode):
        raise NotPlain(f"it is {kind_of(mode)}, not a file")
    with path.open(encoding="utf-8") as file:
        first = file.readline(_LONGEST)
        if not first.startswith('{"report":'):
            if os.fstat(file.fileno()).st_size > _MOST_WHOLE:
                raise ValueError("too large")
            data = json.loads(first + file.read(_MOST_WHOLE))
            yield from (("row", row) for row in data.pop("photos"))
            yield "summary", data
            return
        yield "summary", json.loads(first)
        while line := file.readline(_LONGEST):
            if not line.endswith("\n"):
                if file.read(1):
                    raise ValueError("a line is too long")
                return  # the run was killed at this line
            data = json.loads(line)
            yield ("summary", data["summary"]) if "summary" in data else ("row", data)


def _check_row(row: Row) -> None:
    """Do nothing where a row is one that a run writes.

    Raises:
        ValueError: it is not.
    """
    losses = row.get("losses", [])
    if not (isinstance(row["source"], str) and row["status"] in _STATUSES and isinstance(losses, list)):
        raise ValueError("it tells of no photo")
    if not all(isinstance(loss, str) for loss in losses):
        raise ValueError("its losses have no names")


def _check_summary(summary: Row) -> None:
    """Do nothing where the fields that are joined are of their kinds.

    Raises:
        ValueError: one is not, or none is there.
    """
    shard, notices, seconds = summary.get("shard"), summary.get("notices", []), summary.get("seconds", 0)
    counts = [summary.get("discovered", 0), *summary.get("passed_over", {}).values()]
    if shard is not None:
        counts += shard["photos"]
    if not all(isinstance(count, int) and 0 <= count < _MOST_PHOTOS for count in counts):
        raise ValueError("a number of photos makes no sense")
    if shard is not None and not (isinstance(shard["number"], int) and 1 <= shard["number"] <= len(shard["photos"])):
        raise ValueError("there is no such shard")
    if "discovered" not in summary and "counts" not in summary or not isinstance(summary.get("settings", {}), dict):
        raise ValueError("it has neither counts nor settings")
    if not isinstance(notices, list) or not all(isinstance(notice, str) for notice in notices):
        raise ValueError("its notices are no texts")
    if not isinstance(seconds, int | float) or not abs(seconds) < _MOST_SECONDS:
        raise ValueError("its time makes no sense")


@dataclass
class Merged:
    """What several reports say together.

    Attributes:
        counts: photos by status; those that no report tells of are `missing`.
        lacking: a line for each thing that no run did.
        notices: what is odd about the reports.
        interrupted: one of the runs was, or has no end.
        path: where the joined report lies.
    """

    counts: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    lacking: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    failures: list[Row] = field(default_factory=list)
    settings: Row = field(default_factory=dict)
    passed_over: Row = field(default_factory=dict)
    interrupted: bool = False
    seconds: float = 0.0
    path: Path | None = None

    @property
    def exit_status(self) -> ExitStatus:
        """0 all photos done; 1 some failed, were interrupted, or no report tells of them."""
        undone = self.lacking or any(self.counts[status] for status in _UNDONE)
        return ExitStatus.some_failed if undone else ExitStatus.done

    def summary(self) -> Row:
        """As plain data, without rows."""
        return {
            "settings": self.settings,
            "discovered": sum(self.counts.values()),
            "counts": dict(self.counts),
            "passed_over": self.passed_over,
            "losses": {loss.key: self.losses[loss.key] for loss in Loss if self.losses[loss.key]},
            "failures": self.failures,
            "notices": self.notices,
            "missing": self.lacking,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
        }


def merge_reports(paths: Sequence[Path], out: Path, photos: Iterable[str] = ()) -> Merged:
    """Join reports.

    Args:
        paths: the reports.
        out: the file to write.
        photos: the sources of all photos, as reports tell them; those that no report tells of are named.

    Raises:
        UsageError: one of the files is no report, they are of different batches, or `out` is one of them.
        EncodeError: the file cannot be written.
    """
    if out.exists() and any(path.exists() and out.samefile(path) for path in paths):
        raise UsageError(f"--out {printable(out)} is one of the reports", hint="Give another file.")
    check_report_place(out, "--out")
    parts, merged, rows = [PartReport.read(path) for path in paths], Merged(), ReportRows()
    for path in {path for path in paths if sum(path == other for other in paths) > 1}:
        merged.notices.append(f"{printable(path)} was given twice.")
    _join(parts, merged)
    try:
        with JoinedRows() as known:
            _fill(known, parts)
            missing = known.add_missing(photos)
            _say_missing(parts, merged, missing)
            if len(known) > MANY:
                rows.stream(out, {"settings": merged.settings, "discovered": len(known)})
            for place, row in enumerate(_counting(known, parts)):
                _count(merged, row)
                rows.add(place, row)
            if not missing:
                merged.counts[MISSING] += _absent(parts, merged)
        merged.counts = +merged.counts
        rows.write(out, merged.summary())
    except OSError as error:
        raise EncodeError(f"cannot write the report {printable(out)}: {error.strerror}", path=out) from error
    except sqlite3.Error as error:
        raise EncodeError(
            f"cannot join the reports: {error}", hint="Is the temporary folder full? See TMPDIR."
        ) from None
    finally:
        rows.drop()
    merged.path = out
    return merged


def _counting(known: JoinedRows, parts: Sequence[PartReport]) -> Iterator[Row]:
    """The rows that count, and one for each photo of which none tells."""
    for number, part in enumerate(parts):
        for line, row in enumerate(part.rows()):
            if known.counts(row["source"], number, line):
                yield row
    for source in known.missing():
        yield {"source": source, "status": MISSING, "reason": "no report tells of it"}


def _count(merged: Merged, row: Row) -> None:
    status = row["status"]
    merged.counts[status] += 1
    merged.losses.update(row.get("losses", ()))
    if status == Status.failed.value and len(merged.failures) < KEPT_FAILURES:
        merged.failures.append(row)


def _fill(known: JoinedRows, parts: Sequence[PartReport]) -> None:
    """Note for each photo the row that counts."""
    for number, part in enumerate(parts):
        for line, row in enumerate(part.rows()):
            source, status = row["source"], row["status"]
            before = known.status(source)
            if before is None or status not in _WEAK or before in (Status.interrupted.value, MISSING):
                known.put(source, number, line, status)


def _join(parts: Sequence[PartReport], merged: Merged) -> None:
    """Settings, notices and times of all reports."""
    sizes = {part.shard[1] for part in parts if part.shard is not None}
    if len(sizes) > 1:
        hint = "Merge the reports of one batch, cut in one number of shards, over the same photos."
        raise UsageError("the reports are of shards of different batches", hint=hint)
    for part in parts:
        told = part.summary
        for name, value in told.get("settings", {}).items():
            if merged.settings.setdefault(name, value) != value and name not in ("device", "precision"):
                other = quoted(merged.settings[name])
                merged.notices.append(
                    f"{printable(part.path)}: {name} is {quoted(value)}, and {other} in another report."
                )
        for kind, count in told.get("passed_over", {}).items():  # every shard passes over the same files
            merged.passed_over[kind] = max(count, merged.passed_over.get(kind, 0))
        merged.notices += [notice for notice in told.get("notices", ()) if notice not in merged.notices]
        merged.interrupted |= bool(told.get("interrupted")) or not part.ends
        merged.seconds += told.get("seconds", 0)


def _absent(parts: Sequence[PartReport], merged: Merged) -> int:
    """How many photos no report tells of, by what the reports say of their batch."""
    shards = {part.shard[0]: part for part in parts if part.shard is not None}
    if not shards:
        told = sum(part.summary.get("discovered", 0) for part in parts if not part.ends)
        return max(0, told - sum(merged.counts.values())) if len(parts) == 1 else 0
    sizes = next(iter(shards.values())).shard
    assert sizes is not None
    return max(0, sum(sizes[1]) - sum(merged.counts.values()))


def _say_missing(parts: Sequence[PartReport], merged: Merged, missing: int) -> None:
    """A line for each thing that no run did."""
    sizes = next((part.shard[1] for part in parts if part.shard is not None), ())
    present = {part.shard[0] for part in parts if part.shard is not None}
    for number, photos in enumerate(sizes, 1):
        if number not in present:
            merged.lacking.append(f"shard {number}/{len(sizes)}: no report; {counted(photos, 'photo')}")
    for part in parts:
        if not part.ends:
            merged.lacking.append(f"{printable(part.path)}: the run was killed before its report was whole")
    if missing:
        merged.lacking.append(f"{counted(missing, 'photo')}: no report tells of them; the joined report names each")
