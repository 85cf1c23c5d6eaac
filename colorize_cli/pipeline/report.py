r"""What a batch did, photo by photo: counted as it goes, written as JSON that grows with the batch, not the memory.

In:  one `Outcome` per photo, in any order
Out: `RunReport`: counts, failures, exit status; and a JSON file, whole or not at all

The file is UTF-8. Names in it (`source`, `output`) are as `errors.printable` shows them: control characters, bytes that
are no UTF-8 and the backslash are escaped (`\n`, `\xff`, `\\`); `errors.unprintable` gives the path again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from colorize_cli.errors import EncodeError, ExitStatus, counted, printable, unprintable
from colorize_cli.files.atomic import reason_of
from colorize_cli.files.shards import Shard
from colorize_cli.notes import Loss, losses
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report_rows import ReportRows

KEPT_FAILURES = 1000  # how many failures stay in memory; the report file has them all

_NO_ROWS = "The report's rows could not be kept: the temporary folder is full."


def entry_of(outcome: Outcome, shown: Callable[[Path], str] = printable) -> dict[str, Any]:
    """A photo's row; paths as `shown` gives them."""
    row: dict[str, Any] = {"source": shown(outcome.source), "status": outcome.status.value}
    if outcome.output is not None:
        row["output"] = shown(outcome.output)
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
        shard: the part of the batch that this is the report of, where it is one.
        in_shards: how many photos each part has.
        shown: a path as the user knows it: of what stands for an object in a store, its URL.
        lies: where the report was sent, if it was.
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
    shard: Shard | None = None
    in_shards: Sequence[int] = ()
    shown: Callable[[Path], str] = printable
    lies: str = ""
    _rows: ReportRows = field(default_factory=ReportRows)

    def _told(self, outcome: Outcome) -> Outcome:
        """An outcome whose reason names files as the user knows them."""
        if self.shown is printable or not outcome.reason:
            return outcome
        return replace(outcome, reason=unprintable(self.shown(Path(outcome.reason))))

    def add(self, outcome: Outcome, place: int | None = None) -> None:
        """Count one photo and note its row."""
        self.counts[outcome.status] += 1
        self.losses.update(losses(outcome.notes))
        if outcome.status is Status.failed and len(self.failures) < KEPT_FAILURES:
            self.failures.append(self._told(outcome))
        if outcome.doubt and len(self.doubtful) < KEPT_FAILURES:
            self.doubtful.append(outcome)
        try:
            self._rows.add(self.total if place is None else place, entry_of(self._told(outcome), self.shown))
        except OSError:  # the temporary disk is full: counts and failures still hold
            if _NO_ROWS not in self.notices:
                self.notices.append(_NO_ROWS)

    def stream(self, path: Path) -> None:
        """Let the rows go into the report as they come: it is JSON Lines then, with the summary as its last line.

        Raises:
            EncodeError: it cannot be written.
        """
        try:
            self._rows.stream(path, self._known())
        except OSError as error:
            raise _unwritable(path, error) from error

    @property
    def unfinished(self) -> Path | None:
        """Where the rows are of a report that was streamed and could not be finished."""
        return self._rows.unfinished

    def close(self) -> None:
        """Drop the rows; counts and failures stay."""
        self._rows.close()

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
        if self.shard is not None and self.expected == 0:  # other shards have all photos
            return ExitStatus.done
        if self.counts[Status.failed] == self.total:  # or there are no photos
            return ExitStatus.nothing_done
        return ExitStatus.some_failed if self.counts[Status.failed] or self.unwritten else ExitStatus.done

    @property
    def sums(self) -> str:
        """How many outcomes there are, of how many photos."""
        return f"{counted(self.total, 'outcome')} of {counted(self.expected or 0, 'photo')}"

    def _known(self) -> dict[str, Any]:
        """What is known before the first photo ends."""
        shard = {} if self.shard is None else {"shard": {"number": self.shard.number, "photos": list(self.in_shards)}}
        found = self.total if self.expected is None else self.expected
        return {"settings": dict(self.settings), "discovered": found, **shard}

    def summary(self) -> dict[str, Any]:
        """The batch as plain data, without its rows."""
        return {
            **self._known(),
            "counts": {status.value: self.counts[status] for status in Status if self.counts[status]},
            "passed_over": dict(sorted(self.passed_over.items())),
            "losses": {loss.key: self.losses[loss] for loss in Loss if self.losses[loss]},
            "failures": [entry_of(outcome, self.shown) for outcome in self.failures],
            **({"doubtful": [entry_of(outcome, self.shown) for outcome in self.doubtful]} if self.doubtful else {}),
            "notices": list(self.notices),
            **({} if self.adds_up else {"faults": [self.sums, *self.faults]}),
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
        }

    def write(self, path: Path) -> None:
        """Write the report: as JSON, the summary, and under `photos` a row each; of many photos see `stream`.

        Raises:
            EncodeError: the file cannot be written.
        """
        try:
            self._rows.write(path, self.summary())
        except OSError as error:
            raise _unwritable(path, error) from error
        self.path = path


def _unwritable(path: Path, error: OSError) -> EncodeError:
    return EncodeError(f"cannot write the report {printable(path)}: {reason_of(error)}", path=path)
