"""A batch on many machines by Ray Data: it schedules, restarts lost workers and moves what has to be moved.

In:  a run; the address of a cluster, or how many workers to start here
Out: the same outcomes, results and report as by the local engine
"""

from __future__ import annotations

import pickle
import socket
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from colorize_cli.errors import MissingPackageError, NothingToDoError, UsageError, one_line, quoted
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.machine import cores
from colorize_cli.files.source_list import Source
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.flow import Ended
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.parts import MOST_IN_PART, Part, parts_of
from colorize_cli.pipeline.ray_answers import END, Answer, Order, Shares
from colorize_cli.pipeline.ray_process import LostError, RayProcess
from colorize_cli.pipeline.ray_worker import Job, absolute
from colorize_cli.pipeline.run import BatchRun
from colorize_cli.pipeline.run_options import RunOptions
from colorize_cli.pipeline.work import Aside, LocalWork, Work

_ANSWERS = 10  # seconds in which a cluster answers
_FINISH = 25.0  # seconds for what is being written when a run is stopped: job queues wait 30
_LOST = "the workers that did it were lost, several times"
_QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
# as `cli.memory` sets them for a process of its own: workers start with them in place
_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20), "MALLOC_ARENA_MAX": "1"}
_GIVEN_BACK = {name: "1" if name.endswith("MAX") else str(1 << 20) for name in _KEPT}


class RayRun(BatchRun):
    """A run whose photos are done by Ray's actors.

    Args:
        run: what is to be done.
        colorizer: the model, which each actor loads.
        address: of a cluster, such as `ray://head:10001` or `auto`; None starts Ray on this machine.
        workers: how many actors; 0 is one for each GPU, or for each few cores.

    Raises:
        UsageError: the run asks for what needs all photos in one process, or for what is impossible.
        MissingPackageError: Ray is not installed.
        NothingToDoError: nothing answers at the address.
    """

    def __init__(self, run: BatchRun, colorizer: Colorizer, address: str | None = None, workers: int = 0) -> None:
        _refuse_what_it_cannot(run.options)
        if find_spec("ray") is None:
            raise MissingPackageError("--engine ray needs Ray", package="'ray[data]'")
        _check_that_it_answers(address)
        super().__init__(run.options, run.load, run.on_progress, run.on_notice, run.on_download)
        self.colorizer, self.address, self.workers = colorizer, address, workers

    def _work(self, sources: Sequence[Source], destinations: Destinations, places: Sequence[int]) -> Work:
        if self.options.batch.dry_run or not places:  # nothing to be shared
            return LocalWork(self, sources, destinations, places)
        return RayWork(self, sources, destinations, places)


class RayWork:
    """Ray at work on one run.

    Args:
        run: what is to be done; its report is told of the settings.
        sources: the batch.
        destinations: the names of its results.
        places: of the photos that are to be done.

    Raises:
        NothingToDoError: Ray cannot be started, or reached.
        UsageError, NothingToDoError: see `BatchRun.finish`.
    """

    def __init__(
        self, run: RayRun, sources: Sequence[Source], destinations: Destinations, places: Sequence[int]
    ) -> None:
        self.run, self.sources = run, sources
        self.ended, self.lost, self.aside = deque[Ended](), _LOST, Aside()
        self._stopped, self._workers, self._over = set[str](), 1, False
        model = run.options.model
        order = Order(
            address=run.address,
            workers=run.workers,
            cpus=max(cores(), run.workers),
            gpus=model.device != "cpu",
            job=self._job(),
            environment={**_QUIET, **(_GIVEN_BACK if run.options.read.max_memory else _KEPT)},
        )
        self._ray = RayProcess(order)
        try:
            self._start(destinations, places)
        except BaseException as error:
            self._ray.close(at_once=True)
            if isinstance(error, LostError):
                raise _unreachable(run.address, error) from None
            raise

    def _start(self, destinations: Destinations, places: Sequence[int]) -> None:
        shares: Shares = self._ray.hear_start()
        self._workers = shares.workers
        # one worker needs no small parts to end with others: at the end of each it has nothing to decode ahead
        in_part = len(places) // (4 * self._workers) if self._workers > 1 else len(places)
        in_part = max(1, min(MOST_IN_PART, in_part))
        variants = self.run.options.guidance.variants
        first = Part((), (), frozenset())  # its answer comes as soon as a worker has its model
        self._ray.give(chain([first], parts_of(self.sources, destinations, places, in_part, variants)))
        answer = self._ray.hear_start()
        if isinstance(answer, Answer):
            if answer.error is not None:
                raise answer.error
            self._take(answer)
        else:
            self._over = True

    def outcomes(self) -> Generator[Ended, None, None]:
        """See `Work`."""
        try:
            while True:
                while self.ended:
                    yield self.ended[0]
                    self.ended.popleft()
                if self._over:
                    return
                self._hear()
        except LostError as error:
            self._over, self.lost = True, f"Ray was lost: {error.reason}"
            self.run.notice(f"{self.lost}. The same command does what is left.")
        finally:
            if not self._over:
                self._finish()

    def on_entry(self, place: int, outcome: Outcome) -> None:
        """See `Work`."""

    def close(self) -> None:
        """See `Work`."""
        self._ray.close(at_once=not self._over)

    def _hear(self) -> None:
        answer = self._ray.hear()
        if answer == END:
            self._over = True
        elif answer.error is not None:  # a worker that cannot do any; what others are at is finished
            self.lost = one_line(answer.error)
            self.run.notice(f"A worker cannot go on: {self.lost}")
            self._finish()
            self._over = True
        else:
            self._take(answer)

    def _finish(self) -> None:
        """Let the workers finish what they are at, and take their last answers."""
        self._ray.stop()
        until = time.monotonic() + _FINISH
        try:
            while len(self._stopped) < self._workers:
                answer = self._ray.hear(until=until)
                if answer == END:
                    self._over = True
                    return
                self._take(answer)
        except LostError:
            pass  # what they have not told stays without an outcome

    def _take(self, answer: Answer) -> None:
        """Take what a worker says of a part, in the words of this process."""
        if answer.stopped:
            self._stopped.add(answer.stopped)
        report = self.run.report
        report.settings = {**answer.settings, **report.settings}
        for text in answer.notices:
            if text not in report.notices:
                self.run.notice(text)
        for place, outcome in answer.outcomes:
            output = None if outcome.output is None else self._here(outcome.output)
            self.ended.append((place, replace(outcome, source=self.sources[place].path, output=output)))
        self.aside.by_others |= answer.aside.by_others
        self.aside.edited |= {place: self._here(out) for place, out in answer.aside.edited.items()}

    def _here(self, output: Path) -> Path:
        """The path of a result as this process has it."""
        staging = self.run.options.batch.staging
        return output if staging is None or staging.sink is None else staging.out / output

    def _job(self) -> bytes:
        """What the workers are told."""
        options = self.run.options
        batch, staging = options.batch, options.batch.staging
        told = replace(batch, photos=(), listed=(), out=absolute(batch.out), staging=None, shard=None, report=None)
        job = Job(
            colorizer=self.run.colorizer,
            options=replace(options, batch=told),
            urls=() if staging is None or staging.source is None else (staging.source.url,),
            out_url="" if staging is None or staging.sink is None else staging.sink.url,
            storage={} if staging is None else staging.options,
            started=time.time(),
        )
        return pickle.dumps(job)


def _refuse_what_it_cannot(options: RunOptions) -> None:
    options.check()
    for name, given in (("--consistent", options.guidance.consistent), ("--gallery", options.batch.gallery)):
        if given:
            raise UsageError(f"{name} looks at all photos together, which --engine ray cannot")
    if options.batch.single_output() is not None:
        raise UsageError("--engine ray is for many photos", hint="Give a folder by --out.")


def _check_that_it_answers(address: str | None) -> None:
    """Say within seconds what Ray would say after minutes, and in lines of its log."""
    if address is None or address == "auto":
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme not in ("", "ray"):
        raise UsageError(f"--address {quoted(address)} is none of a cluster", hint="Such as ray://head:10001, or auto.")
    try:
        socket.create_connection((host, port), _ANSWERS).close()
    except OSError as error:
        why = error.strerror or "no answer"
        raise NothingToDoError(f"no cluster of Ray's answers at {address}: {why}", hint="See --address.") from None


def _unreachable(address: str | None, error: LostError) -> NothingToDoError:
    where = f"the cluster at {address}" if address else "Ray"
    if error.began:
        return NothingToDoError(f"{where} was lost before the first photo: {error.reason}")
    hint = "If it wants a token, set RAY_AUTH_MODE=token." if address else "Is there memory, and space in /tmp?"
    return NothingToDoError(f"{where} cannot be reached: {error.reason}", hint=hint)
