"""What is said of a command line that cannot be read, and what may have been meant by it.

In:  the parser's complaint, or the words that were typed
Out: an error that names the word and the next step
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from typing import Any

from colorize_cli.errors import NothingToDoError, UsageError, printable, quoted

COMMANDS = frozenset({"colorize", "demo", "watch", "serve", "train", "eval", "models", "data", "report"})

_INPUT = "Photos are named without an option: colorize photos/ --out colored/"
_OTHER_TOOLS = {
    **dict.fromkeys(("-i", "--input", "--inputs", "--input-dir", "--input-path", "--source", "--src"), _INPUT),
    **dict.fromkeys(("--output", "--outdir", "--out-dir", "--output-dir", "--output-path", "--results"), "Use --out"),
    **dict.fromkeys(("-r", "--recurse"), "Folders within folders are done anyway; --no-recursive leaves them"),
    **dict.fromkeys(("--fp16", "--half"), "Use --precision fp16"),
    "--fp32": "Use --precision fp32",
    **dict.fromkeys(("-g", "--gpu", "--gpu-id", "--cuda"), "Use --device cuda, or cuda:1 for the second GPU"),
    **dict.fromkeys(("--cpu", "--no-gpu"), "Use --device cpu"),
    **dict.fromkeys(("-t", "--tile-size"), "Use --tile"),
    "--tile-pad": "Use --overlap",
    **dict.fromkeys(("-s", "--scale", "--outscale"), "Use --upscale"),
    "--face-enhance": "Use --restore faces",
    **dict.fromkeys(("-f", "--ext", "--extension"), "Use --format"),
    **dict.fromkeys(("-n", "--model-name", "--model-path", "--weights", "--artistic"), "Use --model"),
    "--render-factor": "The network's own size is used; --detail 1 refines large images",
    **dict.fromkeys(("--force", "-y", "--yes"), "Use --overwrite"),
    **dict.fromkeys(("-j", "--threads", "--num-workers"), "Use --jobs"),
    **dict.fromkeys(("--verbose", "--debug"), "COLORIZE_DEBUG=1 in the environment shows tracebacks"),
    **dict.fromkeys(("-v", "-V"), "Use --version"),
}
"""What options of other programs are called here."""

_INSTEAD = {
    "help": "colorize --help",
    "version": "colorize --version",
    "list": "colorize models list",
    "pull": "colorize models pull",
    "download": "colorize models pull",
    "evaluate": "colorize eval",
}


def usage_error(problem: Exception) -> UsageError | None:
    """The parser's own complaint as an error of ours; Typer has Click's classes under changing names."""
    message = getattr(problem, "format_message", None)
    if message is None:
        return None
    context = getattr(problem, "ctx", None)
    path = getattr(context, "command_path", None) or "colorize"
    path = "colorize" if path == "colorize colorize" else path  # its help is that of the program
    hint = f"See: {path} --help"
    option = getattr(problem, "option_name", None)
    if option and "possibilities" in vars(problem):
        known = [name for param in context.command.params for name in param.opts] if context is not None else []
        near = _nearest(option, [*known, "--help"])
        other = _OTHER_TOOLS.get(option.replace("_", "-")) if path == "colorize" else None
        guess = f" Did you mean {near}?" if near and other is None else ""
        return UsageError(f"no such option: {option}.{guess}", hint=other or hint)
    faults = _faults(problem)
    if faults is not None:
        name = getattr(getattr(problem, "param", None), "opts", [""])[-1]
        return UsageError(f"{_told_where(problem, name)}: {faults}", hint=hint)
    return UsageError(str(message()), hint=hint)


def check_words(words: Sequence[str], has_out: bool) -> None:
    """Say what was probably meant by a word that is no file.

    Args:
        words: what was given as photos.
        has_out: whether `--out` was given.

    Raises:
        UsageError: a command, misspelled.
        NothingToDoError: stdin, a `file:` URL, or a folder for the results that is not there yet.
    """
    for word in words:
        if word == "-" and not os.path.lexists(word):
            raise NothingToDoError("no photo is read from stdin", hint="A list of their names is: --files-from -")
        if word.lower().startswith("file:/"):
            raise NothingToDoError(f"{quoted(word)} is a URL", hint="Type the path alone, without file://")
    if not words or os.path.lexists(os.path.expanduser(words[0])):
        last = words[-1] if len(words) > 1 else ""
        if last and not has_out and _is_new(last) and all(os.path.lexists(os.path.expanduser(w)) for w in words[:-1]):
            shown = printable(last)
            raise NothingToDoError(
                f"no such file or folder: {quoted(last)}", hint=f"If results are to go there: --out {shown}"
            )
        return
    first = words[0]
    if first.isidentifier():
        near = _nearest(first.lower(), COMMANDS)
        meant = _INSTEAD.get(first.lower()) or (f"colorize {near}" if near else None)
        if first == "help" and len(words) > 1 and words[1] in COMMANDS:
            meant = f"colorize {words[1]} --help"
        if meant:
            raise UsageError(
                f"no such command, file or folder: {quoted(first)}. Did you mean: {meant}?",
                hint="All commands: colorize --help",
            )


def _is_new(word: str) -> bool:
    return not os.path.lexists(os.path.expanduser(word)) and not set(word) & set("*?[") and "://" not in word


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75)
    return near[0] if near else ""


def _told_where(problem: Exception, name: str) -> str:
    """The option, or the variable of the environment that a value came from."""
    source = getattr(getattr(problem, "ctx", None), "get_parameter_source", lambda name: None)
    variable = getattr(getattr(problem, "param", None), "envvar", None)
    where = source(getattr(getattr(problem, "param", None), "name", ""))
    return str(variable) if variable and getattr(where, "name", "") == "ENVIRONMENT" else name


def _faults(problem: Exception) -> str | None:
    """What Pydantic, which Typer reads values with, says of the first value that it does not take."""
    errors = getattr(problem.__cause__ or problem.__context__, "errors", None)
    if errors is None:
        return None
    first: dict[str, Any] = errors()[0]
    value, kind, limits = first.get("input"), str(first.get("type", "")), first.get("ctx") or {}
    shown = quoted(value) if isinstance(value, str) else str(value)
    if kind.startswith("float"):
        return f"{shown} is no number"
    if kind.startswith("int"):
        return f"{shown} is no whole number"
    for name, words in (("le", "more than"), ("lt", "not below"), ("ge", "less than"), ("gt", "not above")):
        if name in limits:
            return f"{value} is {words} {limits[name]:g}"
    return str(first.get("msg", "")).removeprefix("Value error, ").rstrip(".")
