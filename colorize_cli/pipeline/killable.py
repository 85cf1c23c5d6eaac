"""Read files in processes that can be ended: a decoder may hang where no thread of this process gets a turn, or crash.

In:  a function of this module's table, and its arguments
Out: its result; `TooSlowError` where its time is up, `DecodeError` where the process that ran it died

A process is forked for each file, from one that is forked at the begin and has a single thread: it has all libraries,
and no lock of another thread. Results come back pickled, their pixels beside that, without a copy. What a library
writes to stderr there names no file, and is dropped.

    forks = ForkServer(seconds=30)
    photo = forks.run("decode", path, limits, salvage)
"""

from __future__ import annotations

import contextlib
import faulthandler
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
_LONGEST = 3600.0  # seconds
_CONVERT = "It may be damaged; convert it to TIFF or PNG first."
_HEAD = 8
_AT_ONCE = 1 << 20


def is_possible() -> bool:
    """Whether this system has what it takes: processes that fork, and pass open files to one another."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds") and hasattr(socket, "SOCK_SEQPACKET")


class ForkServer:
    """Forks a process for each call; used by many threads at once.

    Args:
        seconds: that a call may take; None is an hour: a decoder that crashes at times may hang at others.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads: the child starts none and takes no lock of theirs
            self._pid = os.fork()
        if self._pid == 0:
            with contextlib.suppress(BaseException):
                _keep_only(theirs)
                _wait_for_calls(theirs)
            os._exit(0)
        theirs.close()

    def close(self) -> None:
        """End the process that forks the others."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)  # closing tells it nothing where another process has this end, too
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
            end, pid = time.monotonic() + (_LONGEST if self.seconds is None else self.seconds), 0
            try:
                pid = int.from_bytes(_received(ours, _HEAD, end))
                sizes = pickle.loads(_part(ours, end))
                said, *parts = [_received(ours, size, end) for size in sizes]
                is_result, found = pickle.loads(said, buffers=parts)
            except TimeoutError:
                if pid:
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                if self.seconds is None:
                    raise DecodeError("its decoder gave no answer in an hour", path=path, hint=_CONVERT) from None
                raise TooSlowError(
                    f"it took longer than --photo-timeout {self.seconds:g} seconds",
                    path=path,
                    hint="Raise the limit, or leave the photo out.",
                ) from None
            except EOFError:
                raise DecodeError("its decoder crashed on it", path=path, hint=_CONVERT) from None
        if is_result:
            return found
        raise found


def _received(line: socket.socket, size: int, end: float) -> bytearray:
    data, done = bytearray(size), 0
    with memoryview(data) as place:
        while done < size:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            line.settimeout(left)
            count = line.recv_into(place[done : done + _AT_ONCE])
            if not count:
                raise EOFError
            done += count
    return data


def _part(line: socket.socket, end: float) -> bytearray:
    return _received(line, int.from_bytes(_received(line, _HEAD, end)), end)


def _keep_only(line: socket.socket) -> None:
    """Let go of what belongs to the process that forked this one: its files, their locks, its stderr."""
    import resource  # where there is no fork there is none

    faulthandler.disable()  # it has a copy of stderr
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for number in map(int, os.listdir("/dev/fd")):
        if number not in (0, 1, 2, line.fileno()):
            with contextlib.suppress(OSError):  # that of the listing itself
                os.close(number)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


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
    buffers = list[pickle.PickleBuffer]()
    said = pickle.dumps(found, protocol=5, buffer_callback=buffers.append)
    pixels = [buffer.raw() for buffer in buffers]
    sizes = pickle.dumps([len(said), *map(len, pixels)])
    line.sendall(len(sizes).to_bytes(_HEAD) + sizes + said)
    for part in pixels:
        line.sendall(part)
