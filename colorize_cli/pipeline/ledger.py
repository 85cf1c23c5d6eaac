"""Which sources have their outcome: in the end each has exactly one.

In:  the sources of a batch; outcomes with the place of their source, in any order
Out: the same outcomes in a `RunReport`, with one for each source that got none; a fault where they do not add up
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from colorize_cli.errors import printable
from colorize_cli.files.discover import Source
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.report import RunReport

_STATUSES = tuple(Status)
_OTHERS = 255  # of photos that other runs do
_LOST = "it got no outcome: a fault in colorize-cli, please report it; the same command again does it"


class Ledger:
    """The outcomes of a batch, by the places of their sources.

    Args:
        sources: the batch.
        report: what the outcomes are added to.
        on_entry: told of each outcome that counts, with its source's place.
        chosen: the places of those that are to be done; None is all.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        report: RunReport,
        on_entry: Callable[[int, Outcome], None] = lambda place, outcome: None,
        chosen: Sequence[int] | None = None,
    ) -> None:
        self.sources, self.report, self.on_entry = sources, report, on_entry
        self._known = bytearray(len(sources)) if chosen is None else bytearray([_OTHERS]) * len(sources)
        for place in chosen or ():
            self._known[place] = 0
        report.expected = len(sources) if chosen is None else len(chosen)

    def enter(self, place: int, outcome: Outcome) -> bool:
        """Take the outcome of a source, once; whether it was the first. A second one is a fault, and counts as such."""
        if not 0 <= place < len(self._known) or outcome.source != self.sources[place].path:
            self.report.faults.append(f"{printable(outcome.source)}: an outcome of another source, {outcome.status}")
            return False
        if self._known[place] == _OTHERS:
            self.report.faults.append(f"{printable(outcome.source)}: it was not to be done, {outcome.status}")
            return False
        if self._known[place]:
            self.report.faults.append(f"{printable(outcome.source)}: a second outcome, {outcome.status}")
            return False
        self.report.add(outcome, place)
        self._known[place] = 1 + _STATUSES.index(outcome.status)
        self.on_entry(place, outcome)
        return True

    def drain(self, ended: Sequence[tuple[int, Outcome]]) -> Iterator[Outcome]:
        """Take what an interrupted run has ended; an outcome that was taken before is not new."""
        for place, outcome in tuple(ended):
            if not self._known[place] and self.enter(place, outcome):
                yield outcome

    def close(self, interrupted: bool, lost: str = "") -> Iterator[Outcome]:
        """Give each source that has no outcome one: interrupted, or failed where nobody stopped the run.

        Args:
            interrupted: somebody stopped the run.
            lost: why they have none; where nobody knows, it is a fault of the program's.
        """
        at = self._known.find(0)
        while at >= 0:
            path = self.sources[at].path
            if interrupted:
                outcome = Outcome(path, Status.interrupted)
            else:
                if not lost:
                    self.report.faults.append(f"{printable(path)}: no outcome")
                outcome = Outcome(path, Status.failed, reason=lost or _LOST)
            self.enter(at, outcome)
            yield outcome
            at = self._known.find(0, at + 1)
        # an interrupt may have come between two lines of `add`
        counts = {status: self._known.count(1 + number) for number, status in enumerate(_STATUSES)}
        self.report.counts = Counter({status: count for status, count in counts.items() if count})
