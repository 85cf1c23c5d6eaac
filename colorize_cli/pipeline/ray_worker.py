"""What each of Ray's actors does: it holds a model, and does the parts of the batch that it is given.

In:  parts of a batch
Out: the outcome of each of their photos
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colorize_cli.errors import ColorizeError, one_line
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.parts import Part
from colorize_cli.pipeline.run_options import RunOptions
from colorize_cli.pipeline.staging import Staging


@dataclass(frozen=True)
class Job:
    """What all workers are told.

    Attributes:
        colorizer: the model and how it colors.
        options: what was asked for; `out` is an absolute path.
        urls: of the photos; empty where they lie on disks that all machines see.
        out_url: of the folder for the results; empty likewise.
        storage: options of the stores.
        started: when the run began, seconds since 1970.
    """

    colorizer: Colorizer
    options: RunOptions
    urls: tuple[str, ...]
    out_url: str
    storage: dict[str, Any]
    started: float


class PhotoWorker:
    """One actor.

    Args:
        job: a pickled `Job`.
    """

    def __init__(self, job: bytes) -> None:
        self.job: Job = pickle.loads(job)
        self.error: ColorizeError | None = None
        self.settings = dict[str, str]()
        self.staging: Staging | None = None
        try:
            if self.job.urls or self.job.out_url:
                self.staging = Staging(self.job.urls, self.job.out_url or self.job.options.batch.out, self.job.storage)
            if not self.job.options.restore.only:
                self.job.colorizer.load()
        except ColorizeError as error:
            self.error = error

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[Any]]:
        """Do some parts; gives a row for each photo, or one with the error that stops the run."""
        places, said = list[int](), list[bytes]()
        for row in rows["part"]:
            if self.error is not None:
                return {"place": [-1], "outcome": [pickle.dumps(self.error)]}
            part: Part = pickle.loads(row)
            try:
                for place, outcome in self._do(part):
                    places.append(place)
                    said.append(pickle.dumps(outcome))
            except ColorizeError as error:
                return {"place": [-1], "outcome": [pickle.dumps(error)]}
        settings = pickle.dumps(self.settings)
        return {"place": [*places, -2], "outcome": [*said, settings]}

    def _do(self, part: Part) -> Iterator[tuple[int, Outcome]]:
        options, staging = self.job.options, self.staging
        sources = part.sources
        out = options.batch.out
        if staging is not None:
            sources = tuple(staging.stand_in(source) for source in sources)
            out = staging.out
        place_of = {source.path: place for source, place in zip(sources, part.places, strict=False)}
        batch = replace(options.batch, part=replace(part, sources=sources), staging=staging, out=out)
        run = self.job.colorizer.run(
            batch,
            guidance=options.guidance,
            read=options.read,
            write=options.write,
            restore=options.restore,
            film=options.film,
        )
        for outcome in run:
            yield place_of[outcome.source], self._told(outcome)
        self.settings = dict(run.report.settings)

    def _told(self, outcome: Outcome) -> Outcome:
        """An outcome in the words of the whole run."""
        if outcome.status is Status.skipped and _is_restarted() and self._is_of_this_run(outcome):
            outcome = replace(outcome, status=Status.done, notes=(*outcome.notes, "its worker was lost afterwards"))
        if self.staging is None:
            return outcome
        reason = None if outcome.reason is None else self.staging.shown(outcome.reason)
        output = outcome.output
        if output is not None and self.staging.sink is not None:
            output = output.relative_to(self.staging.out)
        return replace(outcome, reason=reason, output=output)

    def _is_of_this_run(self, outcome: Outcome) -> bool:
        """Whether a result that stands was made since the run began."""
        out = outcome.output
        if out is None:
            return False
        try:
            if self.staging is not None and self.staging.sink is not None:
                facts = self.staging.sink.facts(out.relative_to(self.staging.out).as_posix())
                return facts is not None and facts.mtime_ns >= self.job.started * 1e9
            return out.stat().st_ctime >= self.job.started
        except OSError as error:
            raise ColorizeError(one_line(error)) from None


def _is_restarted() -> bool:
    """Whether this actor takes the place of one that was lost."""
    import ray

    return bool(ray.get_runtime_context().was_current_actor_reconstructed)


def absolute(path: Path) -> Path:
    """A path as other processes find it."""
    return Path(os.path.abspath(path))
