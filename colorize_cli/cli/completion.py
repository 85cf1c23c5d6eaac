"""What the shell offers when Tab is pressed: names of models, recipes, metrics and data sets, and the main command's.

In:  the word that was begun; the line as the shell gives it
Out: the words that it may become; the line as the parser will read it

Nothing here loads torch, for Tab is pressed in a hurry.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from importlib import resources

from colorize_cli.inference.option_values import OutputFormat

DATA_SETS = ("samples", "celeba", "places365", "coco", "imagenet", "kaggle-colorization")


def complete_models(incomplete: str) -> list[str]:
    """Names of the catalogue; after a `+`, of those that it may be averaged with."""
    from colorize_cli.models.catalog import catalogue

    before, plus, begun = incomplete.rpartition("+")
    return [f"{before}{plus}{spec.name}" for spec in catalogue() if spec.name.startswith(begun)]


def complete_recipes(incomplete: str) -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("colorize_cli") / "training" / "recipes"
    names = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
    return _beginning(names, incomplete)


def complete_metrics(incomplete: str) -> list[str]:
    """Names of the metrics."""
    from colorize_cli.evaluation.columns import MetricName

    return _beginning((metric.value for metric in MetricName), incomplete)


def complete_data(incomplete: str) -> list[str]:
    """Names of the data sets."""
    return _beginning(DATA_SETS, incomplete)


def complete_devices(incomplete: str) -> list[str]:
    """What `--device` takes."""
    return _beginning(("auto", "cpu", "cuda", "cuda:0", "mps"), incomplete)


def complete_formats(incomplete: str) -> list[str]:
    """What `--format` takes."""
    return _beginning(OutputFormat, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def rewrite_line(rewrite: Callable[[Sequence[str]], list[str]]) -> None:
    """Let Tab work on the line as it will be read: with the default command in it, and lists in full.

    Args:
        rewrite: gives the words after the program's name as the parser knows them.
    """
    if "_COLORIZE_COMPLETE" not in os.environ:
        return
    if (line := os.environ.get("COMP_WORDS")) is not None:  # bash: a word a line, and the number of the one begun
        number = int(os.environ.get("COMP_CWORD", "0"))
        program, *words = line.split("\n")
        typed = _rewritten([*words, ""][:number], rewrite)
        os.environ["COMP_WORDS"] = "\n".join((program, *typed))
        os.environ["COMP_CWORD"] = str(len(typed))
    elif (line := os.environ.get("_TYPER_COMPLETE_ARGS")) is not None:
        try:
            program, *words = shlex.split(line)
        except ValueError:  # a quotation is still open, or there is nothing
            return
        begun = words if words and not line[-1].isspace() else [*words, ""]
        typed = _rewritten(begun, rewrite)
        os.environ["_TYPER_COMPLETE_ARGS"] = (
            shlex.join((program, *typed[:-1])) + " " + shlex.join(filter(None, typed[-1:]))
        )


def _rewritten(words: Sequence[str], rewrite: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """The words as the parser knows them; a first one that is only begun may become a command's name."""
    return list(words) if len(words) < 2 and not "".join(words).startswith("-") else rewrite(words)
