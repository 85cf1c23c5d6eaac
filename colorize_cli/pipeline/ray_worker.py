"""What each of Ray's actors does: it holds a model, and does the parts of the batch that it is given.

In:  parts of a batch
Out: the outcome of each of their photos
"""

from __future__ import annotations

import os
import pickle
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from colorize_cli.errors import ColorizeError, one_line
from colorize_cli.files.machine import cores, half_of_memory, resident_memory
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.parts import MOST_IN_PART, Part
from colorize_cli.pipeline.ray_answers import Answer
from colorize_cli.pipeline.run import Progress
from colorize_cli.pipeline.run_options import RunOptions
from colorize_cli.pipeline.staging import Staging
from colorize_cli.pipeline.workers import usual_jobs

_ASK_EVERY, _PATIENCE = 0.5, 5.0  # seconds between questions whether to stop; in which that is answered


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


class StopSign:
    """An actor that all workers look at: whether they are to finish what they are at, and do no more."""

    def __init__(self) -> None:
        self._given = False

    def give(self) -> None:
        """Stop them."""
        self._given = True

    def given(self) -> bool:
        """Whether they are to stop."""
        return self._given


class PhotoWorker:
    """One actor.

    Args:
        job: a pickled `Job`.
        sign: the handle of a `StopSign`; None where nobody stops it, and the machine is its own.
    """

    def __init__(self, job: bytes, sign: Any) -> None:
        whole: Job = pickle.loads(job)
        share = 1.0 if sign is None else _share_of_machine(import_module("ray"))
        self.job = replace(whole, options=shared(whole.options, share))
        self.error: ColorizeError | None = None
        self.staging: Staging | None = None
        self._sign, self._asked, self._stops = sign, 0.0, False
        try:
            if self.job.urls or self.job.out_url:
                self.staging = Staging(self.job.urls, self.job.out_url or self.job.options.batch.out, self.job.storage)
            if not self.job.options.restore.only:
                self.job.colorizer.load(MOST_IN_PART)
        except ColorizeError as error:
            self.error = error

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[bytes]]:
        """Do some parts; gives an answer to each."""
        answers = list[bytes]()
        for row in rows["part"]:
            answer = Answer(error=self.error)
            try:
                if self.error is None and not self._is_stopped():
                    self._do(pickle.loads(row), answer)
            except ColorizeError as error:
                answer.error = error
            except Exception as error:  # another try by Ray would end in the same way
                answer.error = ColorizeError(f"a fault in colorize-cli: {type(error).__name__}: {one_line(error)}")
            answer.stopped = " ".join((os.uname().nodename, str(os.getpid()))) if self._stops else ""
            answers.append(pickle.dumps(answer))
        return {"answer": answers}

    def _do(self, part: Part, answer: Answer) -> None:
        options, staging = self.job.options, self.staging
        sources = part.sources
        out = options.batch.out
        if staging is not None:
            sources = tuple(staging.stand_in(source) for source in sources)
            out = staging.out
        place_of = {source.path: place for source, place in zip(sources, part.places, strict=False)}
        batch = replace(options.batch, part=replace(part, sources=sources), staging=staging, out=out)

        def note(step: Progress) -> None:  # told also of what is finished after the run was stopped
            outcome = step.outcome
            if outcome is not None and outcome.status is not Status.interrupted:
                answer.outcomes.append((place_of[outcome.source], self._told(outcome)))

        run = self.job.colorizer.run(
            batch,
            guidance=options.guidance,
            read=options.read,
            write=options.write,
            restore=options.restore,
            film=options.film,
            on_progress=note,
        )
        with closing(iter(run)) as outcomes:
            for _ in outcomes:
                if self._is_stopped():
                    break
        answer.settings, answer.notices = dict(run.report.settings), list(run.report.notices)
        answer.aside.by_others = {part.places[place] for place in run.aside.by_others}
        answer.aside.edited = {part.places[place]: self._relative(out) for place, out in run.aside.edited.items()}

    def _is_stopped(self) -> bool:
        """Whether this worker is to do no more."""
        if not self._stops and time.monotonic() - self._asked > _ASK_EVERY:
            import ray

            with suppress(ray.exceptions.RayError):  # whoever could stop it is gone, or busy
                self._stops = ray.get(self._sign.given.remote(), timeout=_PATIENCE)
            self._asked = time.monotonic()
        return self._stops

    def _told(self, outcome: Outcome) -> Outcome:
        """An outcome in the words of the whole run."""
        if outcome.status is Status.skipped and _is_restarted() and self._is_of_this_run(outcome):
            outcome = replace(outcome, status=Status.done, notes=(*outcome.notes, "its worker was lost afterwards"))
        if self.staging is None:
            return outcome
        reason = None if outcome.reason is None else self.staging.shown(outcome.reason)
        return replace(outcome, reason=reason, output=outcome.output and self._relative(outcome.output))

    def _relative(self, output: Path) -> Path:
        """The path of a result; of one in a store below its folder there."""
        if self.staging is None or self.staging.sink is None:
            return output
        return output.relative_to(self.staging.out)

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


def shared(options: RunOptions, share: float) -> RunOptions:
    """What a worker may take of its machine, where the user has not said it: as many threads, and as much memory.

    Args:
        options: what was asked for.
        share: of the machine that Ray has given it, above 0, at most 1.
    """
    if share == 1:
        return options
    batch, read = options.batch, options.read
    jobs = batch.jobs or usual_jobs(cores() * share)
    memory = read.max_memory or resident_memory() + int(half_of_memory() * share)
    return replace(options, batch=replace(batch, jobs=jobs), read=replace(read, max_memory=memory))


def _share_of_machine(ray: Any) -> float:
    """How much of its machine's cores, or of its GPUs, Ray has given this actor."""
    context = ray.get_runtime_context()
    given = context.get_assigned_resources()
    whole: dict[str, float] = next(
        (node["Resources"] for node in ray.nodes() if node["NodeID"] == context.get_node_id()), {}
    )
    shares = [given[kind] / whole[kind] for kind in ("CPU", "GPU") if given.get(kind) and whole.get(kind)]
    return float(min(1.0, max(shares, default=1.0)))


def _is_restarted() -> bool:
    """Whether this actor takes the place of one that was lost."""
    import ray

    return bool(ray.get_runtime_context().was_current_actor_reconstructed)


def absolute(path: Path) -> Path:
    """A path as other processes find it."""
    return Path(os.path.abspath(path))
