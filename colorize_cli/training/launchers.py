"""The processes that a launcher (torchrun, accelerate launch, MPI) started for a run, or should have started.

In:  the variables that launchers set; the command line of `accelerate launch`
Out: how many processes there are to be; these joined over gloo, or what is wrong in one clear line
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import timedelta

import psutil
import torch
from torch.distributed import DistError, PrefixStore, TCPStore  # type: ignore[attr-defined]

from colorize_cli.errors import UsageError, in_words, quoted

_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE")  # torchrun and accelerate, then MPI's two kinds
_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK")
_BY_ACCELERATE = "ACCELERATE_DYNAMO_BACKEND"  # set by `accelerate launch`, whatever it launches
_JOINING = timedelta(minutes=3)  # for all processes to be there
_PATIENCE = timedelta(minutes=30)  # for a process that surveys the photos while the others wait
_LOOK = 0.1  # seconds between looks whether all have come
_TORCHRUN = "torchrun --nproc-per-node {} -m colorize_cli train …"


def launched() -> int:
    """How many processes a launcher (torchrun, accelerate, MPI) started, this one among them.

    Raises:
        UsageError: its variables make no sense.
    """
    for name in _SIZES:
        text = os.environ.get(name, "")
        if text:
            if not text.isdigit() or int(text) < 1:
                raise UsageError(f"{name}={quoted(text)} is no number of processes", hint=f"Unset {name}.")
            return int(text)
    return 1


def join_over_gloo(count: int) -> None:
    """Make one group of the processes that a launcher started on CPUs.

    Raises:
        UsageError: they cannot be joined, or not all of them come.
    """
    for names, value in ((_SIZES, str(count)), (_RANKS, _first(_RANKS))):
        if value:
            os.environ.setdefault(names[0], value)
    try:
        store = _meeting_place(count)
        torch.distributed.init_process_group(
            "gloo", store=store, rank=int(os.environ["RANK"]), world_size=count, timeout=_PATIENCE
        )
    except (KeyError, ValueError, RuntimeError, TimeoutError) as error:
        unset = [name for name in ("MASTER_ADDR", "MASTER_PORT", "RANK") if name not in os.environ]
        why = f"{' and '.join(unset)} not set" if unset else in_words(error)
        raise UsageError(
            f"a launcher speaks of {count} processes, which cannot be joined: {why}",
            hint="Start it with torchrun or accelerate launch; or unset WORLD_SIZE to train with one process.",
        ) from error


def _meeting_place(count: int) -> PrefixStore:
    """Where processes tell each other of themselves, once all are there; waits in short pieces, so that Ctrl-C ends it.

    Raises:
        KeyError, ValueError: a variable is missing, or is no number.
        TimeoutError, RuntimeError: one does not come, or the place is taken.
    """
    host, port, rank = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), int(os.environ["RANK"])
    master = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"  # torchrun has made the place
    until = time.monotonic() + _JOINING.total_seconds()
    store = None
    while store is None:
        try:
            store = TCPStore(host, port, count, master, timedelta(seconds=5), wait_for_workers=False, multi_tenant=True)
        except DistError:
            if master or time.monotonic() > until:
                raise
    store.set_timeout(_PATIENCE)
    attempt = PrefixStore(f"colorize/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    attempt.set(f"joined/{rank}", "1")
    wanted = [f"joined/{number}" for number in range(count)]
    while not attempt.check(wanted):
        if time.monotonic() > until:
            came = sum(attempt.check([name]) for name in wanted)
            raise TimeoutError(f"{came} of them came within {_JOINING.total_seconds():.0f} seconds")
        time.sleep(_LOOK)
    return attempt


def _first(names: Sequence[str]) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def missing_processes() -> int | None:
    """How many processes `accelerate launch` was asked for, where it started this one alone.

    On CPUs it starts one, whatever `--num_processes` says; of more that were asked for, only `MASTER_ADDR` tells, and
    its own command line how many.

    Returns:
        None where none is missing; 0 where there should be several and it cannot be found out how many.
    """
    if _BY_ACCELERATE not in os.environ or "MASTER_ADDR" not in os.environ or _first(_SIZES):
        return None
    count = _asked_of_accelerate()
    return None if count == 1 else count


def check_launcher() -> None:
    """See to it that a launcher's processes came about.

    Raises:
        UsageError: `accelerate launch` was asked for several, and this one is alone.
    """
    count = missing_processes()
    if count is not None:
        asked = f"{count} processes" if count else "several processes"
        raise UsageError(
            f"accelerate launch was asked for {asked} and started one, as it does without several GPUs",
            hint=f"Start them with: {_TORCHRUN.format(count or 'N')}; or give --num_processes 1.",
        )


def torchrun_command(count: int, arguments: Sequence[str]) -> list[str]:
    """What starts `colorize train` in `count` processes of this machine, behind the name of Python's executable.

    Args:
        count: processes.
        arguments: the command line, without the program's name.
    """
    here = ["--master-addr", "127.0.0.1", "--local-addr", "127.0.0.1"]
    free_port = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(count), *here, *free_port]
    return [*launcher, "-m", "colorize_cli", *arguments]


def _asked_of_accelerate() -> int:
    """`--num_processes` of the `accelerate launch` that this process comes from; 0 where that is not to be found."""
    from accelerate.commands.config.config_args import default_config_file, load_config_from_file
    from accelerate.commands.launch import launch_command_parser

    try:
        arguments = next(filter(None, (_behind_launch(one.cmdline()) for one in psutil.Process().parents())), None)
        if arguments is None:
            return 0
        known = launch_command_parser().parse_args(arguments)
        saved = known.config_file or (default_config_file if os.path.isfile(default_config_file) else None)
        settings = load_config_from_file(saved) if saved and not known.cpu else None
        count = known.num_processes or getattr(settings, "num_processes", None)
        machines = known.num_machines or getattr(settings, "num_machines", None) or 1
    except (psutil.Error, OSError, ValueError, SystemExit):
        return 0
    return int(count) if count and machines == 1 else 0


def _behind_launch(command: Sequence[str]) -> list[str] | None:
    """The arguments of an `accelerate launch`; None where a command is none."""
    for number, word in enumerate(command[:4]):
        name = os.path.basename(word).removesuffix(".exe").removesuffix(".py")
        if name in ("accelerate-launch", "accelerate.commands.launch"):
            return list(command[number + 1 :])
        if name in ("accelerate", "accelerate_cli", "accelerate.commands.accelerate_cli"):
            rest = list(command[number + 1 :])
            return rest[1:] if rest[:1] == ["launch"] else None
    return None
