"""The process that asks Ray, as the one that leads the run has it.

In:  an `Order`, parts of a batch
Out: what that process says; `LostError` where it, or the cluster, is no more
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from queue import Empty, Queue
from threading import Thread
from typing import Any

from colorize_cli.pipeline.ray_answers import ALIVE, STOP, Fault, Order

_SILENCE = 60.0  # seconds without a sign of life, after which Ray is lost
_START = 600.0  # seconds in which Ray starts: a cluster may have to get its machines first
_END = 20.0  # seconds in which it ends
_HELD = 64  # messages that are not taken yet
_CODE = "from colorize_cli.pipeline.ray_driver import main; main()"


class LostError(Exception):
    """Ray is not there, or no more.

    Args:
        reason: in one line.
        began: whether it ran.
    """

    def __init__(self, reason: str, began: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.began = reason, began


class RayProcess:
    """The process; it has a session of its own, so that Ctrl-C in a terminal does not reach it.

    Args:
        order: what is wanted of Ray.
    """

    def __init__(self, order: Order) -> None:
        words = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal", **os.environ}
        words["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=words,
            start_new_session=True,
        )
        self._told: Queue[Any] = Queue(_HELD)
        self._open = True
        self._listener = Thread(target=self._listen, name="ray", daemon=True)
        self._listener.start()
        self._say(order)

    def give(self, parts: Iterable[object]) -> None:
        """Give it the parts of the batch."""
        for part in parts:
            self._say(part)
        self._say(None)

    def stop(self) -> None:
        """Let its workers finish what they are at."""
        self._say(STOP)

    def hear(self, silence: float | None = None, until: float = math.inf) -> Any:
        """The next thing that it says.

        Args:
            silence: seconds in which at least a sign of life comes; None is a minute.
            until: by when it comes, as `time.monotonic` tells it.

        Raises:
            LostError: it says that Ray is lost, or nothing, or is no more.
        """
        silence = _SILENCE if silence is None else silence
        since = time.monotonic()
        while True:
            try:
                told = self._told.get(timeout=max(0.0, min(since + silence, until) - time.monotonic()))
            except Empty:
                raise LostError(f"it gives no sign of life, for {silence:.0f} seconds") from None
            if isinstance(told, Fault):
                raise LostError(told.reason, told.began)
            if told is None:
                raise LostError(self._end())
            if told != ALIVE:
                return told
            since = time.monotonic()

    def hear_start(self) -> Any:
        """The first thing that it says; see `hear`."""
        return self.hear(_START)

    def close(self, at_once: bool = False) -> None:
        """End it, and what it started."""
        if not self._open:
            return
        self._open = False
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(0 if at_once else _END)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        while self._listener.is_alive():
            with contextlib.suppress(Empty):  # it may wait until there is room for what it heard
                self._told.get(timeout=0.05)

    def _say(self, told: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is no more: `hear` says so
            pickle.dump(told, self._process.stdin)
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as words, contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._told.put(pickle.load(words))
        self._told.put(None)

    def _end(self) -> str:
        try:
            status = self._process.wait(_END)
        except subprocess.TimeoutExpired:
            return "its process says nothing any more"
        return f"its process ended by {signal.Signals(-status).name}" if status < 0 else "its process ended"
