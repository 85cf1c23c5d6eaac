"""The errors of every room, on one page.

Each says in one line what is wrong and what to do next; the class decides the command's exit status.

    ColorizeError
    ├── UsageError               2  the command line cannot be obeyed as typed
    ├── NothingToDoError         3  no photos, no such model, no weights, no data
    │   ├── ModelNotFoundError
    │   ├── WeightsError         3  missing, altered or unreadable weights
    │   │   └── DownloadError
    │   └── DataError            3  a data set that is missing, empty or useless
    ├── PhotoError               1  one photo cannot be done; the others go on
    │   ├── DecodeError             its file cannot be read as a picture
    │   ├── EncodeError             its result cannot be written
    │   ├── TooLargeError           it exceeds a limit that the user can raise
    │   └── HintError               its side-car of colour hints, or its reference, cannot be used
    ├── OutOfMemoryError         1  a device has too little memory even for one photo
    ├── TrainingError            1  training cannot go on
    ├── RegistryError            1  a catalogue entry that cannot be (a bug in the catalogue)
    └── ShapeError               1  tensors that do not fit each other (a bug in the caller)
"""

from __future__ import annotations

import os
from enum import IntEnum
from pathlib import Path


class ExitStatus(IntEnum):
    """What the process tells its caller."""

    done = 0
    some_failed = 1
    usage = 2
    nothing_done = 3
    interrupted = 130


def printable(path: Path | str) -> str:
    """A path as one line of text: control characters and undecodable bytes are shown as escapes."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(error: BaseException) -> str:
    """An error's message as one line: what is wrong and, where that is known, what to do, each a sentence."""
    if isinstance(error, ColorizeError) and error.hint:
        return f"{sentence(_joined(error.message))} {_joined(error.hint)}"
    return _joined(str(error)) or type(error).__name__


def sentence(text: str) -> str:
    """A text with the full stop that it may lack."""
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def _joined(text: str) -> str:
    return " ".join(text.split())


def counted(count: int, thing: str, things: str = "") -> str:
    """A number and what it counts: "1 photo", "2 photos", "1,200 photos"."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


class ColorizeError(Exception):
    """What is wrong, and what to do: one or two lines, no traceback needed."""

    exit_status: ExitStatus = ExitStatus.some_failed

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(ColorizeError):
    """The command line cannot be obeyed as typed."""

    exit_status = ExitStatus.usage


class NothingToDoError(ColorizeError):
    """There is nothing that the command could work on."""

    exit_status = ExitStatus.nothing_done


class ModelNotFoundError(NothingToDoError):
    """No model of that name, and no file of that path."""


class WeightsError(NothingToDoError):
    """Weights are missing, altered, unreadable or of another network."""


class DownloadError(WeightsError):
    """Weights or data could not be fetched."""


class DataError(NothingToDoError):
    """A data set is missing, empty or useless."""


class PhotoError(ColorizeError):
    """One photo cannot be done; the others go on."""

    def __init__(self, message: str, *, path: Path | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class DecodeError(PhotoError):
    """A file cannot be read as a picture."""


class EncodeError(PhotoError):
    """A result cannot be written."""


class TooLargeError(PhotoError):
    """A photo exceeds a limit that the user can raise."""


class HintError(PhotoError):
    """A photo's side-car of colour hints, or its reference, cannot be used."""


class OutOfMemoryError(ColorizeError):
    """A device has too little memory even for one photo."""


class TrainingError(ColorizeError):
    """Training cannot go on."""


class ShapeError(ColorizeError):
    """Tensors do not fit each other: a bug in the caller."""


class RegistryError(ColorizeError):
    """A catalogue entry that cannot be: a bug in the catalogue."""
