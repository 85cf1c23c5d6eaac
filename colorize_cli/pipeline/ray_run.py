"""A batch on many machines by Ray Data: it schedules, restarts lost workers and moves what has to be moved.

In:  a run; the address of a cluster, or how many workers to start here
Out: the same outcomes, results and report as by the local engine
"""

from __future__ import annotations

import logging
import pickle
import socket
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from colorize_cli.errors import MissingPackageError, NothingToDoError, UsageError, one_line, quoted
from colorize_cli.files.destinations import Destinations
from colorize_cli.files.machine import cores
from colorize_cli.files.source_list import Source
from colorize_cli.pipeline.colorizer import Colorizer
from colorize_cli.pipeline.ledger import Ledger
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.parts import Part, parts_of
from colorize_cli.pipeline.ray_worker import Job, PhotoWorker, absolute
from colorize_cli.pipeline.run import BatchRun, Progress, write_report
from colorize_cli.pipeline.run_options import RunOptions
from colorize_cli.pipeline.selection import choose

_MOST_IN_PART = 64  # photos that are done again, or looked at again, where a worker is lost
_RETRIES = 3  # of a part whose worker is lost
_MOST_CORES = 4  # of one worker: more of them share no model's memory, but do not wait for one network either
_ANSWERS = 10  # seconds in which a cluster answers
_STORE = 300 << 20  # bytes of Ray's own memory on this machine; only names and outcomes go through it
_LOST = "the workers that did it were lost, several times"


class RayRun(BatchRun):
    """A run whose photos are done by Ray's actors.

    Args:
        run: what is to be done.
        colorizer: the model, which each actor loads.
        address: of a cluster, such as `ray://head:10001` or `auto`; None starts Ray on this machine.
        workers: how many actors; 0 is one for each GPU, or for each few cores.
        while_starting: a context in which Ray is started, or the cluster found.

    Raises:
        UsageError: the run asks for what needs all photos in one process, or for what is impossible.
        MissingPackageError: Ray is not installed.
        NothingToDoError: nothing answers at the address.
    """

    def __init__(
        self,
        run: BatchRun,
        colorizer: Colorizer,
        address: str | None = None,
        workers: int = 0,
        while_starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        _refuse_what_it_cannot(run.options)
        if find_spec("ray") is None:
            raise MissingPackageError("--engine ray needs Ray", package="'ray[data]'")
        _check_that_it_answers(address)
        super().__init__(run.options, run.load, run.on_progress, run.on_notice)
        self.colorizer, self.address, self.workers = colorizer, address, workers
        self.while_starting = while_starting

    def __iter__(self) -> Generator[Outcome, None, None]:
        """The outcome of each photo, as they come; see `BatchRun`."""
        options, report, started, began = self.options, self.report, time.monotonic(), time.time()
        batch = options.batch
        if batch.staging is not None:
            report.shown = batch.staging.shown
        found = self._discover()
        destinations = self._destinations(found)
        chosen = choose(found.sources, batch, report, self._notice)
        places: Sequence[int] = range(len(found.sources)) if chosen is None else chosen
        self.on_progress(Progress(len(places)))
        ledger = Ledger(found.sources, report, chosen=chosen)
        self._stream_report(len(places))
        try:
            with closing(self._outcomes(found.sources, destinations, places, began)) as outcomes:
                for place, outcome in outcomes:
                    outcome = self._as_here(found.sources[place], outcome)
                    if ledger.enter(place, outcome):
                        self.on_progress(Progress(len(places), outcome))
                        yield outcome
            for place in ledger.missing():
                outcome = Outcome(found.sources[place].path, Status.failed, reason=_LOST)
                ledger.enter(place, outcome)
                self.on_progress(Progress(len(places), outcome))
                yield outcome
        except (KeyboardInterrupt, GeneratorExit):
            report.interrupted = True
            raise
        finally:
            for outcome in ledger.close(report.interrupted):
                self.on_progress(Progress(len(places), outcome))
            report.seconds = time.monotonic() - started
            write_report(report, batch, self._notice)

    def _as_here(self, source: Source, outcome: Outcome) -> Outcome:
        """An outcome with the paths of this process."""
        staging, output = self.options.batch.staging, outcome.output
        if staging is not None and staging.sink is not None and output is not None:
            output = staging.out / output
        return replace(outcome, source=source.path, output=output)

    def _outcomes(
        self, sources: Sequence[Source], destinations: Destinations, places: Sequence[int], began: float
    ) -> Generator[tuple[int, Outcome], None, None]:
        with _connected(self.address, self.workers, self.while_starting) as ray:
            workers, needs = self._shares(ray)
            in_part = max(1, min(_MOST_IN_PART, len(places) // (4 * workers)))
            parts = parts_of(sources, destinations, places, in_part, self.options.guidance.variants)
            from_cluster = (self.address or "").startswith("ray://")
            answers = partial(_answers_there, ray) if from_cluster else _answers
            for row in chain.from_iterable(answers(_in_blocks(ray, parts), self._job(began), workers, needs)):
                place, said = row["place"], pickle.loads(row["outcome"])
                if place == -1:
                    raise said
                if place == -2:
                    self.report.settings = {**said, **self.report.settings}
                else:
                    yield place, said

    def _job(self, began: float) -> bytes:
        """What the workers are told."""
        batch, staging = self.options.batch, self.options.batch.staging
        told = replace(batch, photos=(), listed=(), out=absolute(batch.out), staging=None, shard=None, report=None)
        job = Job(
            colorizer=self.colorizer,
            options=replace(self.options, batch=told),
            urls=() if staging is None else tuple(staging.urls),
            out_url="" if staging is None or staging.sink is None else staging.sink.url,
            storage={} if staging is None else staging.options,
            started=began,
        )
        return pickle.dumps(job)

    def _shares(self, ray: Any) -> tuple[int, dict[str, Any]]:
        """How many actors, and what each gets of the cluster."""
        there = ray.cluster_resources()
        gpus, cpus = int(there.get("GPU", 0)), max(1, int(there.get("CPU", 1)))
        if gpus and self.options.model.device != "cpu":
            workers = self.workers or gpus
            return workers, {"num_gpus": gpus / workers if workers > gpus else 1}
        workers = self.workers or max(1, cpus // _MOST_CORES)
        return workers, {"num_cpus": max(1, cpus // workers)}


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


@contextmanager
def _connected(
    address: str | None, workers: int, while_starting: Callable[[], AbstractContextManager[None]]
) -> Iterator[Any]:
    """Ray, connected; what was started here ends with it."""
    with while_starting():
        import ray

    quiet = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
    here: dict[str, Any] = {"num_cpus": max(cores(), workers), "object_store_memory": _STORE}
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        with while_starting():
            ray.init(
                address=address or "local",
                include_dashboard=False,
                runtime_env={"env_vars": quiet},
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else here),
            )
    except Exception as error:
        where = f"the cluster at {address}" if address else "Ray"
        hint = "If it wants a token, set RAY_AUTH_MODE=token." if address else "Is there memory, and space in /tmp?"
        raise NothingToDoError(f"{where} cannot be reached: {one_line(error)[:200]}", hint=hint) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _in_blocks(ray: Any, parts: Iterator[Part]) -> list[Any]:
    """The parts in Ray's memory, so that this process holds none."""
    import pyarrow

    return [ray.put(pyarrow.table({"part": [pickle.dumps(part)]})) for part in parts]


def _answers(blocks: list[Any], job: bytes, workers: int, needs: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """What the workers say: the rows of a part after those of another."""
    from ray.data import ActorPoolStrategy, DataContext, from_arrow_refs

    if not blocks:
        return
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # a part whose workers are lost again and again fails, the others go on
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of naming the retries here, where Ray has no other place
        answers = from_arrow_refs(blocks).map_batches(
            PhotoWorker,
            fn_constructor_args=(job,),
            batch_size=1,
            batch_format="numpy",
            compute=ActorPoolStrategy(size=min(workers, len(blocks))),
            max_restarts=-1,
            max_task_retries=_RETRIES,
            **needs,
        )
    tables: Iterator[Any] = iter(answers.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0))
    for table in tables:
        yield table.to_pylist()


def _answers_there(
    ray: Any, blocks: list[Any], job: bytes, workers: int, needs: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """The same by way of an actor in the cluster: Ray Data does not run in a process that is only a client of one."""
    caller = ray.remote(num_cpus=0)(Caller).remote(blocks, job, workers, needs)
    while rows := ray.get(caller.more.remote()):
        yield rows


class Caller:
    """Runs Ray Data in the cluster, for a client.

    Args:
        blocks: references to the parts of the batch.
        job: a pickled `Job`.
        workers: how many actors.
        needs: what each gets of the cluster.
    """

    def __init__(self, blocks: list[Any], job: bytes, workers: int, needs: dict[str, Any]) -> None:
        self.answers = _answers(blocks, job, workers, needs)

    def more(self) -> list[dict[str, Any]]:
        """The rows of the next part that was done; none when all were."""
        return next((rows for rows in self.answers if rows), [])
