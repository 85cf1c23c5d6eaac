"""What ends a command: Ctrl-C, SIGTERM, and SIGHUP where a terminal closes.

In:  signals
Out: before the work: the process ends at once, with one line and status 130; during it: a `KeyboardInterrupt`, so that
     what is being written is finished and the report is written

This file loads nothing, so that it can stand before all imports: an exception raised while a library loads is often
swallowed there, or printed as a traceback.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_INTERRUPTED = 130
_SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it

_status = _INTERRUPTED
_ours = False
_came = False  # a signal has raised `KeyboardInterrupt`
_AGAIN = 0.05  # seconds after which an interrupt that was swallowed is raised again


def end_at_signals() -> None:
    """From now on the first signal ends the process at once: there is nothing yet to be finished."""
    global _ours
    _ours = True
    _install(_end)
    # Python gives signals back to the system before it frees what there is, and then they would end the process
    atexit.register(_install, signal.SIG_IGN)


def interrupt_at_signals() -> None:
    """From now on a signal raises `KeyboardInterrupt`; where this process is not ours alone, nothing changes."""
    if _ours:
        _install(_interrupt)
        sys.unraisablehook = _hear


def keep_status(status: int) -> None:
    """The work is done: a signal that comes while the process ends changes its status no more."""
    global _status
    _status = status
    if _ours:
        _install(_end)


def heeded() -> tuple[signal.Signals, ...]:
    """The signals that the caller of this process has not told it to ignore (as `nohup` does)."""
    return tuple(number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN)


def _install(handler: object) -> None:
    for number in heeded():
        signal.signal(number, handler)  # type: ignore[arg-type]


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt


def _hear(said: sys.UnraisableHookArgs) -> None:
    """What is raised while an object is deleted is lost: an interrupt comes again; half-made objects say nothing."""
    if said.exc_type is KeyboardInterrupt:
        from threading import Timer

        again = Timer(_AGAIN, signal.raise_signal, (signal.SIGINT,))
        again.daemon = True
        again.start()
    elif not _came:
        sys.__unraisablehook__(said)


def _end(number: int, frame: FrameType | None) -> None:
    if _status == _INTERRUPTED:
        with contextlib.suppress(OSError):
            os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"Interrupted.\n")
    os._exit(_status)
