r"""What a batch did, photo by photo: counted as it goes, written as JSON that grows with the batch, not the memory.

In:  one `Outcome` per photo, in any order
Out: `RunReport`: counts, failures, exit status; and a JSON file, whole or not at all

The file is UTF-8. Names in it (`source`, `output`) are as `errors.printable` shows them: control characters, bytes that
are no UTF-8 and the backslash are escaped (`\n`, `\xff`, `\\`); `errors.unprintable` gives the path again.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from colorize_cli.errors import EncodeError, ExitStatus, counted, json_text, printable
from colorize_cli.files.atomic import replacing
from colorize_cli.notes import Loss, losses
from colorize_cli.pipeline.outcome import Outcome, Status

KEPT_FAILURES = 1000  # how many failures stay in memory; the report file has them all

_ODD = "backslashreplace"  # half a character in a library's message becomes an escape that JSON knows
_NO_ROWS = "The report's rows could not be kept: the temporary folder is full."


def _entry(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"source": printable(outcome.source), "status": outcome.status.value}
    if outcome.output is not None:
        row["output"] = printable(outcome.output)
    if outcome.copy_bytes is not None:
        row["copy_bytes"] = outcome.copy_bytes
    if outcome.reason:
        row["reason"] = outcome.reason
    if outcome.notes:
        row["notes"] = list(outcome.notes)
        if lost := losses(outcome.notes):
            row["losses"] = [loss.key for loss in lost]
    if outcome.seconds:
        row["seconds"] = round(outcome.seconds, 3)
    if outcome.figures:
        row["figures"] = dict(outcome.figures)
    if outcome.doubt:
        row["doubt"] = outcome.doubt
    return row


@dataclass
class RunReport:
    """Counts of a batch, and the way to its exit status.

    Attributes:
        settings: what the batch was run with: model, sha256, device and so on, as text.
        counts: photos by status.
        passed_over: files that are no photos, by kind.
        losses: photos that lost something, by kind; the report's rows say which.
        failures: the first `KEPT_FAILURES` failed photos.
        doubtful: the first as many borderline cases: photos that may or may not be in color.
        notices: what the user should know of the whole batch (a fall-back to another device, say).
        interrupted: the user stopped the batch.
        expected: how many photos there are; None where nobody said.
        faults: outcomes that were missing or came twice: what is wrong with the run itself.
        path: where the report file lies, once written.
        gallery: where the page to look at lies, once written.
        unwritten: the report that was asked for could not be written.
    """

    settings: dict[str, str] = field(default_factory=dict)
    counts: Counter[Status] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    losses: Counter[Loss] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    doubtful: list[Outcome] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    interrupted: bool = False
    expected: int | None = None
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    path: Path | None = None
    gallery: Path | None = None
    unwritten: bool = False
    _rows: IO[str] | None = None

    def add(self, outcome: Outcome, place: int | None = None) -> None:
        """Count one photo and note its row; of rows of one place that follow each other one is written."""
        self.counts[outcome.status] += 1
        self.losses.update(losses(outcome.notes))
        if outcome.status is Status.failed and len(self.failures) < KEPT_FAILURES:
            self.failures.append(outcome)
        if outcome.doubt and len(self.doubtful) < KEPT_FAILURES:
            self.doubtful.append(outcome)
        if self._rows is None:
            self._rows = tempfile.SpooledTemporaryFile(4 << 20, "w+", encoding="utf-8", errors=_ODD)  # noqa: SIM115 - see close
        try:
            row = json_text(_entry(outcome))
            self._rows.write(f"{self.total if place is None else place}\t{row}\n")
        except OSError:  # the temporary disk is full: counts and failures still hold
            if _NO_ROWS not in self.notices:
                self.notices.append(_NO_ROWS)

    def close(self) -> None:
        """Drop the rows; counts and failures stay."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    @property
    def total(self) -> int:
        """Photos counted so far."""
        return sum(self.counts.values())

    @property
    def adds_up(self) -> bool:
        """Whether every photo has exactly one outcome."""
        return not self.faults and self.expected in (None, self.total)

    @property
    def exit_status(self) -> ExitStatus:
        """0 all done, 1 some failed or the outcomes do not add up, 3 nothing could be done, 130 interrupted."""
        if not self.adds_up:
            return ExitStatus.some_failed
        if self.interrupted:
            return ExitStatus.interrupted
        if self.counts[Status.failed] == self.total:  # or there are no photos
            return ExitStatus.nothing_done
        return ExitStatus.some_failed if self.counts[Status.failed] or self.unwritten else ExitStatus.done

    @property
    def sums(self) -> str:
        """How many outcomes there are, of how many photos."""
        return f"{counted(self.total, 'outcome')} of {counted(self.expected or 0, 'photo')}"

    def summary(self) -> dict[str, Any]:
        """The batch as plain data, without its rows."""
        return {
            "settings": dict(self.settings),
            "discovered": self.total if self.expected is None else self.expected,
            "counts": {status.value: self.counts[status] for status in Status if self.counts[status]},
            "passed_over": dict(sorted(self.passed_over.items())),
            "losses": {loss.key: self.losses[loss] for loss in Loss if self.losses[loss]},
            "failures": [_entry(outcome) for outcome in self.failures],
            **({"doubtful": [_entry(outcome) for outcome in self.doubtful]} if self.doubtful else {}),
            "notices": list(self.notices),
            **({} if self.adds_up else {"faults": [self.sums, *self.faults]}),
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
        }

    def write(self, path: Path) -> None:
        """Write the report as JSON: the summary, and under `photos` a row each, sorted as they were done.

        Raises:
            EncodeError: the file cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not path.is_file():  # a device or a pipe, whose place no file may take
                with path.open("w", encoding="utf-8", errors=_ODD) as file:
                    self._write_to(file)
            else:
                with replacing(path) as part, part.open("w", encoding="utf-8", errors=_ODD) as file:
                    self._write_to(file)
        except OSError as error:
            raise EncodeError(f"cannot write the report {printable(path)}: {error.strerror}", path=path) from error
        self.path = path

    def _write_to(self, file: IO[str]) -> None:
        file.write(json_text(self.summary(), indent=1)[:-2] + ',\n "photos": [')
        if self._rows is not None:
            self._rows.seek(0)
            last, mark = "", "\n  "
            for line in self._rows:
                place, _, row = line.rstrip("\n").partition("\t")
                if place != last:
                    file.write(mark + row)
                last, mark = place, ",\n  "
        file.write("\n ]\n}\n")
