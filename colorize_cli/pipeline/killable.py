"""Read files in processes that can be ended: a decoder may hang where no thread of this process gets a turn.

In:  a function of this module's table, and its arguments
Out: its result; `TooSlowError` where its time is up, `DecodeError` where the process that ran it died

A process is forked for each file, from one that is forked at the begin and has a single thread: it has all libraries,
and no lock of another thread. Results come back pickled.

    forks = ForkServer(seconds=30)
    photo = forks.run("decode", path, limits, salvage)
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from colorize_cli.errors import DecodeError, TooSlowError
from colorize_cli.formats import probe
from colorize_cli.inference import prepared_photo

# Looked up when they are called, in the child.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "decode": lambda *said: vars(prepared_photo)["decode"](*said),
    "probe": lambda *said: probe.probe(*said),
}
_HEAD = 8


def is_possible() -> bool:
    """Whether this system has what it takes: processes that fork, and pass open files to one another."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds") and hasattr(socket, "SOCK_SEQPACKET")


class ForkServer:
    """Forks a process for each call; used by many threads at once.

    Args:
        seconds: that a call may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads: the child starts none and takes no lock of theirs
            self._pid = os.fork()
        if self._pid == 0:
            with contextlib.suppress(BaseException):
                self._line.close()
                _wait_for_calls(theirs)
            os._exit(0)
        theirs.close()

    def close(self) -> None:
        """End the process that forks the others."""
        self._line.close()
        with contextlib.suppress(OSError):
            os.waitpid(self._pid, 0)

    def run(self, name: str, path: Path, *rest: object) -> Any:
        """Call a function in a process of its own.

        Args:
            name: of the function.
            path: the file, which is its first argument.
            rest: the others.

        Raises:
            TooSlowError: its time is up; the process was ended.
            DecodeError: the process died of something else.
            Exception: what the function raised.
        """
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(self._line, [pickle.dumps((name, path, *rest))], [theirs.fileno()])
            end, pid = time.monotonic() + self.seconds, 0
            try:
                pid = int.from_bytes(_received(ours, _HEAD, end))
                size = int.from_bytes(_received(ours, _HEAD, end))
                is_result, found = pickle.loads(_received(ours, size, end))
            except TimeoutError:
                if pid:
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                raise TooSlowError(
                    f"it took longer than --photo-timeout {self.seconds:g} seconds",
                    path=path,
                    hint="Raise the limit, or leave the photo out.",
                ) from None
            except EOFError:
                raise DecodeError("its decoder ended the process that ran it", path=path) from None
        if is_result:
            return found
        raise found


def _received(line: socket.socket, size: int, end: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        line.settimeout(left)
        part = line.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _wait_for_calls(line: socket.socket) -> None:
    """Fork a child for each call, until the one who calls is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the batch decides what an interrupt ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to wait for the children
    while True:
        said, files, _, _ = socket.recv_fds(line, 1 << 16, 1)
        if not said:
            return
        if os.fork() == 0:
            line.close()
            with contextlib.suppress(BaseException):
                _answer(socket.socket(fileno=files[0]), said)
            os._exit(0)
        for file in files:
            os.close(file)


def _answer(line: socket.socket, said: bytes) -> None:
    line.sendall(os.getpid().to_bytes(_HEAD))
    name, *arguments = pickle.loads(said)
    try:
        found: tuple[bool, object] = (True, _FUNCTIONS[name](*arguments))
    except BaseException as error:
        found = (False, error.with_traceback(None))
    data = pickle.dumps(found, protocol=5)
    line.sendall(len(data).to_bytes(_HEAD))
    line.sendall(data)
