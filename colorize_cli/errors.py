"""The errors of every package, on one page.

Each says in one line what is wrong and what to do next; the class decides the command's exit status.

    ColorizeError
    ├── UsageError               2  the command line cannot be obeyed as typed
    ├── NothingToDoError         3  no photos, no such model, no weights, no data
    │   ├── ModelNotFoundError
    │   ├── MissingPackageError     a Python package is not installed
    │   ├── WeightsError         3  missing, corrupt or unreadable weights
    │   │   └── DownloadError
    │   └── DataError            3  a data set that is missing, empty or useless
    ├── PhotoError               1  one photo cannot be done; the others go on
    │   ├── DecodeError             its file cannot be read as a picture
    │   ├── EncodeError             its result cannot be written
    │   ├── TooLargeError           it exceeds a limit that the user can raise
    │   ├── TooSlowError            it takes longer than --photo-timeout allows
    │   ├── HintError               its side-car of color hints, or its reference, cannot be used
    │   └── PredictionError         the network's answer is no color
    ├── UnreadableFolderError    1  a folder of photos, hints or data cannot be read
    ├── OutOfMemoryError         1  a device has too little memory even for one photo
    ├── TrainingError            1  training cannot go on
    ├── RegistryError            1  a catalogue entry that cannot be (a bug in the catalogue)
    └── ShapeError               1  tensors that do not fit each other (a bug in the caller)
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH = "torch torchvision torchmetrics accelerate"  # what training, GPUs and the published networks need


class ExitStatus(IntEnum):
    """What the process tells its caller."""

    done = 0
    some_failed = 1
    usage = 2
    nothing_done = 3
    interrupted = 130


def printable(path: Path | str | bytes) -> str:
    r"""A path or other text as one line that a terminal shows as it is, and from which `unprintable` makes it again.

    Control characters and others that do not show are escaped as in Python's text: `\n`, `\x1b`, `\u202e`. Bytes that
    are no UTF-8 are `\x80` to `\xff`. Where the system does not write paths with it, a backslash is `\\`.
    """
    try:
        text = os.fsencode(path).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no path: half a character, from JSON say
        text = str(path)
    if text.isprintable() and "\\" not in text:  # nearly always
        return text
    return "".join(c if _shows(c) else _escaped(c) for c in text)


def unprintable(text: str) -> str:
    """The path that `printable` shows: for names from a report."""
    return _ESCAPE.sub(_meant, text)


_ESCAPE = re.compile(r"\\(?:\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_JOINERS = "\u200c\u200d"  # part of names in Persian and of many emoji


def _shows(character: str) -> bool:
    if character == "\\":
        return os.sep == "\\"
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    if 0xDC80 <= (code := ord(character)) <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0x80 <= code <= 0xFF else character.encode("unicode_escape").decode()


def _meant(match: re.Match[str]) -> str:
    kind, digits = match[0][1], match[0][2:]
    if kind == "x":
        code = int(digits, 16)
        return chr(code if code < 0x80 else code + 0xDC00)
    return chr(int(digits, 16)) if kind in "uU" else {"n": "\n", "r": "\r", "t": "\t"}.get(kind, kind)


def shown(text: str) -> str:
    """A text of several lines as a terminal may show it: what is no line end and does not show is escaped."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return "".join(c if c in "\n\\" or _shows(c) else _escaped(c) for c in text)


def json_text(data: object, indent: int | None = None) -> str:
    """Data as JSON in UTF-8 that a terminal may show: what does not show is escaped, as JSON does it."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    return _BEYOND_ASCII.sub(lambda match: match[0] if _shows(match[0]) else json.dumps(match[0])[1:-1], text)


_BEYOND_ASCII = re.compile(r"[^\n -~]")


def one_line(error: BaseException) -> str:
    """An error's message as one line: what is wrong and, where that is known, what to do, each a sentence."""
    if isinstance(error, ColorizeError) and error.hint:
        return f"{sentence(_joined(error.message))} {_joined(error.hint)}"
    if isinstance(error, OSError) and error.strerror:  # its own text shows paths as Python writes them
        name = error.filename
        return f"{printable(name)}: {error.strerror}" if isinstance(name, str | bytes | Path) else error.strerror
    return _joined(str(error)) or type(error).__name__


def in_words(error: BaseException) -> str:
    """A library's error as one line that means something to a person: no Python types, values or addresses."""
    if isinstance(error, _OF_PYTHON) or str(error).startswith(_OF_NUMBERS):
        return "its structure makes no sense"
    if isinstance(error, UnicodeError):
        return "it is no text in UTF-8"
    text = _OBJECT.sub("", one_line(error))
    if said := _RETURNED.fullmatch(text):  # the words of a library's function, or its constant
        text = said[1] or "its code makes no sense"
    text = "no picture was recognized in it" if text.startswith("cannot identify image file") else text
    text = "a number in it has too many digits" if text.startswith("Exceeds the limit (") else text
    return " ".join(text.split())[:160].strip() or "its structure makes no sense"


# What Python raises when a decoder meets values that its author did not think of.
_OF_PYTHON = (TypeError, AttributeError, LookupError, AssertionError, ArithmeticError, RecursionError, NameError)
_OF_NUMBERS = ("invalid literal for", "could not convert string to")
_RETURNED = re.compile(r"\w+ returned (?:'([^']+)'|[A-Z\d_-]+)|unable to call \w+")
_OBJECT = re.compile(r"<[^<>]* at 0x[0-9a-fA-F]+>")


def quoted(value: object) -> str:
    """A value that somebody typed or wrote, as one short line: text in quotes, everything else as JSON."""
    if isinstance(value, str | Path):
        text = printable(value)
        return f"'{text if len(text) <= 120 else text[:117] + '...'}'"
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 60 else f"{text[:57]}..."


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

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by what it holds: not all kinds are made by a message alone."""
        return _as_it_was, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


def _as_it_was(kind: type[ColorizeError], arguments: tuple[object, ...], held: dict[str, object]) -> ColorizeError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(held)
    return error


class UsageError(ColorizeError):
    """The command line cannot be obeyed as typed."""

    exit_status = ExitStatus.usage


class NothingToDoError(ColorizeError):
    """There is nothing that the command could work on."""

    exit_status = ExitStatus.nothing_done


class ModelNotFoundError(NothingToDoError):
    """No model of that name, and no file of that path."""


class WeightsError(NothingToDoError):
    """Weights are missing, corrupt, unreadable or of another network."""


class DownloadError(WeightsError):
    """Weights or data could not be fetched."""


class MissingPackageError(NothingToDoError):
    """A Python package is needed that is not installed.

    Args:
        message: what needs it.
        package: its name, or several, on PyPI. Not an extra of this program's: that name is another project's there.
    """

    def __init__(self, message: str, *, package: str) -> None:
        hint = f"Install it: pip install {package}"
        if package == TORCH:
            hint += f"; without an NVIDIA GPU add --extra-index-url {_CPU_INDEX}"
        super().__init__(message, hint=hint)
        self.package = package


def missing_package(error: ModuleNotFoundError, what: str) -> MissingPackageError | None:
    """An import that failed as an error of ours, where the package is one that a user may do without."""
    package = (error.name or "").partition(".")[0]
    if package not in TORCH.split():
        return None
    return MissingPackageError(f"{what} needs {package}, which is not installed", package=TORCH)


class DataError(NothingToDoError):
    """A data set is missing, empty or useless."""


class UnreadableFolderError(ColorizeError):
    """Folders cannot be read: what is in them would be missing without a word."""

    def __init__(self, folders: Sequence[tuple[Path, str]]) -> None:
        first, reason = folders[0]
        more = f" (and {len(folders) - 1} more)" if len(folders) > 1 else ""
        super().__init__(
            f"the folder {first} cannot be read: {reason}{more}",
            hint="Give yourself the right to read it, or move it elsewhere.",
        )


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


class TooSlowError(PhotoError):
    """A photo takes longer than the user allows."""


class HintError(PhotoError):
    """A photo's side-car of color hints, or its reference, cannot be used."""


class PredictionError(PhotoError):
    """The network answers with values that are no colors."""


class OutOfMemoryError(ColorizeError):
    """A device has too little memory even for one photo."""


class TrainingError(ColorizeError):
    """Training cannot go on."""


class ShapeError(ColorizeError):
    """Tensors do not fit each other: a bug in the caller."""


class RegistryError(ColorizeError):
    """A catalogue entry that cannot be: a bug in the catalogue."""
