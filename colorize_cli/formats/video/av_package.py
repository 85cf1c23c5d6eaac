"""PyAV, loaded when the first film is opened, and its errors in words.

In:  nothing
Out: the module; an error that says how it is installed where it is not
"""

from __future__ import annotations

from types import ModuleType

from colorize_cli.errors import MissingPackageError, in_words


def load_av() -> ModuleType:
    """The module `av`.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import av
        import av.filter
    except ImportError:
        hint = "films need it; of a copy of this repository: pip install '.[video]'"
        raise MissingPackageError(f"PyAV is not installed: {hint}", package="av") from None
    return av


def film_error(error: BaseException) -> str:
    """What FFmpeg says went wrong, in a few words."""
    text = getattr(error, "strerror", None) or in_words(error)
    return "its data make no sense" if "Invalid data" in text else str(text)[:1].lower() + str(text)[1:]
