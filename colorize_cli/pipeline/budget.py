"""Memory for all photos that are between their first and their last byte, held below one limit.

In:  what each photo takes, known from its header before it is read
Out: leave to go on, once there is room
"""

from __future__ import annotations

from threading import Condition

from colorize_cli.files.machine import half_of_memory, resident_memory
from colorize_cli.inference.large_files import Stopped

_AT_WORK = 128 << 20  # bytes that libraries take once they work, and that the allocator keeps for the next photo


class Budget:
    """Hands out memory; used by many threads at once.

    A photo that is alone always gets what it asks for: whether it fits at all is decided by its plan.

    Args:
        max_memory: bytes that the process may take, all in all; 0 is half of what is available now, beside what the
            process has already.
    """

    def __init__(self, max_memory: int = 0) -> None:
        self.used = resident_memory() + _AT_WORK
        self.most = max_memory or self.used + half_of_memory()
        self._held = dict[int, int]()
        self._waiting = 0
        self._stopped = False
        self._changed = Condition()

    @property
    def room(self) -> int:
        """Bytes that photos may take, all together."""
        return max(0, self.most - self.used)

    @property
    def is_short(self) -> bool:
        """Whether a photo waits for others to give back what they hold."""
        return self._waiting > 0

    def take(self, place: int, need: int) -> None:
        """Wait until there is room for a photo.

        Args:
            place: the photo's place in the batch.
            need: bytes that it takes at its peak.

        Raises:
            Stopped: the batch is being ended.
        """
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._stopped or self._fits(place, need))
            self._waiting -= 1
            if self._stopped:
                raise Stopped
            self._held[place] = need

    def give_back(self, place: int) -> None:
        """A photo has ended, whatever became of it; nothing happens where it holds nothing."""
        with self._changed:
            if self._held.pop(place, None) is not None:
                self._changed.notify_all()

    def stop(self) -> None:
        """The batch is being ended: nobody waits any longer."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _fits(self, place: int, need: int) -> bool:
        others = sum(held for other, held in self._held.items() if other != place)
        return not others or others + need <= self.room
