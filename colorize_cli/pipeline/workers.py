"""Threads for one stage of the pipeline, which may be left behind when one of them hangs.

In:  functions and their arguments
Out: futures; a thread that is left to itself keeps neither the batch nor the end of the process, and writes no file

`concurrent.futures` waits for all its threads when the process ends, however long they hang.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from colorize_cli.files.permits import Permit, under

Result = TypeVar("Result")


def usual_jobs(cores: float) -> int:
    """Threads that read, and that write, on so many cores, where nobody said another number."""
    return max(2, min(16, int(cores)))


class Workers:
    """A number of threads.

    Args:
        count: how many.
        name: of the threads.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._threads, self._left_behind = list[Thread](), 0
        self._permits = dict[Future[Any], Permit]()  # of what has not ended

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        """Let a thread do something."""
        future: Future[Result] = Future()
        self._permits[future] = Permit()
        future.add_done_callback(lambda done: self._permits.pop(done, None))
        self._tasks.put((future, function, arguments))
        if len(self._threads) < self._count + self._left_behind:
            self._start()
        return future

    def leave_behind(self, future: Future[Any]) -> None:
        """The thread that is to end a future hangs: another takes its place, and that one writes no more."""
        if (permit := self._permits.get(future)) is not None:
            permit.revoke()
        self._left_behind += 1
        self._start()

    def drop(self) -> None:
        """Leave undone what has not begun."""
        with suppress(Empty):
            while True:
                task = self._tasks.get_nowait()
                if task is not None:
                    task[0].cancel()

    def shutdown(self) -> None:
        """End the threads, and wait for those that do not hang."""
        for _ in self._threads:
            self._tasks.put(None)
        while sum(thread.is_alive() for thread in self._threads) > self._left_behind:
            for thread in self._threads:
                thread.join(timeout=0.01 if self._left_behind else None)

    def _start(self) -> None:
        thread = Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, function, arguments = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with under(self._permits[future]):
                    result = function(*arguments)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            del task, future, function, arguments


class Timer:
    """How long each photo has been worked on, its waiting left out; used by many threads at once.

    Args:
        limit: seconds that a photo may take; None is for ever.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._spent, self._since = dict[int, float](), dict[int, float]()
        self._lock = Lock()

    def go(self, place: int) -> None:
        """Work on a photo begins, or goes on."""
        with self._lock:
            self._since[place] = time.monotonic()

    def stop(self, place: int) -> None:
        """Work on it ends, or it waits for something."""
        with self._lock:
            since = self._since.pop(place, None)
            if since is not None:
                self._spent[place] = self._spent.get(place, 0.0) + time.monotonic() - since

    def add(self, place: int, seconds: float) -> None:
        """Count time that it took together with others."""
        with self._lock:
            self._spent[place] = self._spent.get(place, 0.0) + seconds

    def forget(self, place: int) -> None:
        """A photo has its outcome: nobody asks any more."""
        with self._lock:
            self._spent.pop(place, None)
            self._since.pop(place, None)

    def is_over(self, place: int) -> bool:
        """Whether its time is up."""
        if self.limit is None:
            return False
        with self._lock:
            since = self._since.get(place)
            now = 0.0 if since is None else time.monotonic() - since
            return self._spent.get(place, 0.0) + now > self.limit
