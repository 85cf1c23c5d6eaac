"""A process that asks Ray, for the one that leads the run: what ends the connection to a cluster ends this one alone.

In:  on stdin an `Order`, parts of a batch, None; then perhaps a word to stop
Out: on stdout `Shares`, the workers' `Answer`s, and between them a sign of life of the cluster; see `ray_answers`

Ray writes to both streams of its own, and its C++ part ends the process where it finds no cluster any more.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from threading import Lock, Thread
from typing import Any, BinaryIO

from colorize_cli.errors import one_line
from colorize_cli.pipeline.ray_answers import ALIVE, END, STOP, Fault, Order, Shares
from colorize_cli.pipeline.ray_worker import PhotoWorker, StopSign

_RETRIES = 3  # of a part whose worker is lost
_MOST_CORES = 4  # of one worker: more of them share no model's memory, but do not wait for one network either
_STARTS = 3  # times that Ray is started on this machine before that is given up
_STORE = 300 << 20  # bytes of Ray's own memory on this machine; only names and outcomes go through it
_LOOK_EVERY = 5.0  # seconds between looks at the cluster
_NONE_LEFT = 180.0  # seconds after which a cluster without a machine is lost: others may be on their way

Say = Callable[[object], None]


def main() -> None:
    """Do what the other process says."""
    out, lock = os.fdopen(os.dup(1), "wb"), Lock()
    os.dup2(2, 1)

    def say(told: object) -> None:
        with lock:
            try:
                pickle.dump(told, out)
                out.flush()
            except OSError:  # nobody listens any more
                os._exit(1)

    order: Order = pickle.load(sys.stdin.buffer)
    try:
        ray = _connected(order)
    except Exception as error:
        say(Fault(one_line(error)[:200], began=False))
        return
    try:
        _work(ray, order, sys.stdin.buffer, say)
    except Exception as error:
        say(Fault(_reason(error), began=True))
    else:
        say(END)
    ray.shutdown()


def _connected(order: Order) -> Any:
    """Ray, connected; what was started here ends with this process."""
    import ray

    here: dict[str, Any] = {"num_cpus": order.cpus, "object_store_memory": _STORE}
    logging.getLogger("ray").setLevel(logging.ERROR)
    for left in reversed(range(_STARTS)):
        try:
            ray.init(
                address=order.address or "local",
                include_dashboard=False,
                runtime_env={"env_vars": order.environment},
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if order.address else here),
            )
        except Exception:  # on a busy machine its parts do not find each other within the half minute that Ray gives
            if order.address or not left:
                raise
            ray.shutdown()
        else:
            break
    return ray


def _work(ray: Any, order: Order, orders: BinaryIO, say: Say) -> None:
    workers, needs = _shares(ray, order)
    say(Shares(workers))
    blocks = list(_blocks(ray, orders))
    sign = ray.remote(num_cpus=0)(StopSign).remote()
    Thread(target=_listen, args=(orders, sign), daemon=True).start()
    Thread(target=_look, args=(ray, say, order.address is None), daemon=True).start()
    from_cluster = (order.address or "").startswith("ray://")
    answers = partial(_answers_there, ray) if from_cluster else _answers
    for row in chain.from_iterable(answers(blocks, order.job, sign, workers, needs)):
        say(pickle.loads(row["answer"]))


def _shares(ray: Any, order: Order) -> tuple[int, dict[str, Any]]:
    """How many actors, and what each gets of the cluster."""
    there = ray.cluster_resources()
    gpus, cpus = int(there.get("GPU", 0)), max(1, int(there.get("CPU", 1)))
    if gpus and order.gpus:
        workers = order.workers or gpus
        return workers, {"num_gpus": gpus / workers if workers > gpus else 1}
    workers = order.workers or max(1, cpus // _MOST_CORES)
    return workers, {"num_cpus": max(1, cpus // workers)}


def _blocks(ray: Any, orders: BinaryIO) -> Iterator[Any]:
    """The parts in Ray's memory, so that no process holds them all."""
    import pyarrow

    while (part := pickle.load(orders)) is not None:
        yield ray.put(pyarrow.table({"part": [pickle.dumps(part)]}))


def _listen(orders: BinaryIO, sign: Any) -> None:
    """Pass on the word to stop; end where the process that leads is no more."""
    try:
        while pickle.load(orders) == STOP:
            sign.give.remote()
    except (EOFError, OSError):
        os._exit(1)


def _look(ray: Any, say: Say, is_here: bool) -> None:
    """Tell that the cluster answers, and has a machine; where it has none for long, that it is lost."""
    seen = time.monotonic()
    while True:
        try:
            nodes = ray.nodes()
        except Exception as error:
            say(Fault(_reason(error), began=True))
            return
        if any(node["Alive"] and {"CPU", "GPU"}.intersection(node["Resources"]) for node in nodes):
            seen = time.monotonic()
        elif is_here or time.monotonic() - seen > _NONE_LEFT:
            say(Fault("no machine of the cluster is left", began=True))
            return
        say(ALIVE)
        time.sleep(_LOOK_EVERY)


def _reason(error: Exception) -> str:
    """An error of Ray's as a line; its own texts have a page each."""
    words = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {words[0][:160]}" if words else type(error).__name__


def _answers(
    blocks: list[Any], job: bytes, sign: Any, workers: int, needs: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
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
            fn_constructor_args=(job, sign),
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
    ray: Any, blocks: list[Any], job: bytes, sign: Any, workers: int, needs: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """The same by way of an actor in the cluster: Ray Data does not run in a process that is only a client of one."""
    caller = ray.remote(num_cpus=0)(Caller).remote(blocks, job, sign, workers, needs)
    while rows := ray.get(caller.more.remote()):
        yield rows


class Caller:
    """Runs Ray Data in the cluster, for a client.

    Args:
        blocks: references to the parts of the batch.
        job: a pickled `Job`.
        sign: the handle of a `StopSign`.
        workers: how many actors.
        needs: what each gets of the cluster.
    """

    def __init__(self, blocks: list[Any], job: bytes, sign: Any, workers: int, needs: dict[str, Any]) -> None:
        self.answers = _answers(blocks, job, sign, workers, needs)

    def more(self) -> list[dict[str, Any]]:
        """The rows of the next part that was done; none when all were."""
        return next((rows for rows in self.answers if rows), [])


if __name__ == "__main__":
    main()
