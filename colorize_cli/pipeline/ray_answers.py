"""What the processes of a run by Ray tell each other, pickled: this process, the one that asks Ray, Ray's workers.

this process -> `Order`, `Part`s, None, then `STOP` perhaps -> the one that asks Ray -> `Part`s -> the workers
the workers -> `Answer`s -> the one that asks Ray -> `Shares`, `Answer`s, `ALIVE` now and then, `Fault` or `END` -> here
"""

from __future__ import annotations

from dataclasses import dataclass, field

from colorize_cli.errors import ColorizeError
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.work import Aside

STOP, ALIVE, END = "stop", "alive", "end"


@dataclass(frozen=True)
class Order:
    """What is wanted of Ray.

    Attributes:
        address: of a cluster; None starts Ray on this machine.
        workers: how many actors; 0 is automatic.
        cpus: cores of this machine, where Ray starts here.
        gpus: whether workers take GPUs, where there are any.
        job: a pickled `Job` for the workers.
        environment: variables of the workers' processes.
    """

    address: str | None
    workers: int
    cpus: int
    gpus: bool
    job: bytes
    environment: dict[str, str]


@dataclass(frozen=True)
class Shares:
    """Ray runs: how many actors there will be."""

    workers: int


@dataclass(frozen=True)
class Fault:
    """Ray does not run, or no longer.

    Attributes:
        reason: in one line.
        began: whether it ran.
    """

    reason: str
    began: bool


@dataclass
class Answer:
    """What became of a part of the batch.

    Attributes:
        outcomes: of its photos, with their places in the batch; `output` of one in a store is relative.
        settings: of the run, as its report tells them.
        notices: what concerns the whole batch.
        aside: see `Work`, by places in the batch.
        error: what keeps the worker from all work.
        stopped: the worker, where it was stopped.
    """

    outcomes: list[tuple[int, Outcome]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    aside: Aside = field(default_factory=Aside)
    error: ColorizeError | None = None
    stopped: str = ""
