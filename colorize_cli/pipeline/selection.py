"""Which photos of a batch one run does: all, its shard, or certain ones. Names of results are those of the whole batch.

In:  the sources of a batch
Out: the places of those that are to be done
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from colorize_cli.errors import counted
from colorize_cli.files.names import key
from colorize_cli.files.shards import shard_of
from colorize_cli.files.source_list import Source
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.run_options import BatchOptions


def choose(
    sources: Sequence[Source], batch: BatchOptions, report: RunReport, on_notice: Callable[[str], None]
) -> Sequence[int] | None:
    """The places of the photos that a run does; None where it does all.

    Args:
        sources: the batch.
        batch: what was asked for.
        report: is told of which shard it is the report, and how many photos are in each.
        on_notice: told where there is nothing to do.
    """
    shard = batch.shard
    if batch.part is not None:
        return range(batch.part.count)
    if batch.only is not None:
        return _only(sources, batch.only)
    if shard is None:
        return None
    chosen, counts = array("I"), [0] * shard.of
    for place, source in enumerate(sources):
        number = shard_of(source.relative, shard.of)
        counts[number - 1] += 1
        if number == shard.number:
            chosen.append(place)
    report.shard, report.in_shards = shard, counts
    if not chosen:
        on_notice(f"None of {counted(len(sources), 'photo')} is in shard {shard}.")
    return chosen


def _only(sources: Sequence[Source], wanted: frozenset[Path]) -> Sequence[int]:
    """The places of certain photos, and of those that share their stems: a new one may change the others' names."""
    stems = {key(source.relative.with_suffix("")) for source in sources if source.path in wanted}
    return array("I", (i for i, source in enumerate(sources) if key(source.relative.with_suffix("")) in stems))
