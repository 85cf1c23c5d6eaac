"""What the arguments of a network may be, read off its constructor's annotations and a table of ranges.

In:  a network's class, arguments by name
Out: nothing, or a `UsageError` that names the argument, its value, and what it may be
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from torch import nn

from colorize_cli.errors import UsageError, quoted

# least and most value by an argument's name; a whole number without an entry is at least 0, other numbers are finite
_AT_LEAST = {"width": 1, "widths": 1, "depth": 1, "colors": 2, "receptive": 16, "top": 1}
_SHARES = ("dropout", "drop_path")  # at least 0 and less than 1
_UNIT = ("vividness",)  # at least 0 and at most 1
_POSITIVE = ("temperature",)
_MOST = 1_000_000  # of a whole number: more is a slip, and too large for the allocator's arithmetic


def check_arguments(network: type[nn.Module], arguments: Mapping[str, Any], where: str) -> None:
    """See to it that arguments are what a network's constructor says.

    Args:
        network: the class.
        arguments: by name; names that it does not have are passed over.
        where: the arguments' place in a recipe, for the message, such as `generator_args`.

    Raises:
        UsageError: one is of another kind, or out of range.
    """
    hints = get_type_hints(network.__init__)
    for name, value in arguments.items():
        if name in hints:
            wrong = _wrong(hints[name], name, value)
            if wrong:
                raise UsageError(f"{where}.{name} must be {wrong}, not {quoted(value)}")


def _wrong(kind: Any, name: str, value: Any) -> str:
    """What a value must be and is not; "" where it is right."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        known = any(type(one) is type(value) and one == value for one in inner)
        return "" if known else f"one of {', '.join(map(str, inner))}"
    if kind is bool:
        return "" if isinstance(value, bool) else "true or false"
    if kind is int:
        least = _AT_LEAST.get(name, 0)
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MOST
        return "" if fits else f"a whole number of at least {least}"
    if kind is float:
        return _wrong_number(name, value)
    if origin is Sequence and inner:
        if not isinstance(value, (list, tuple)) or not value:
            return "a list of numbers"
        wrong = next(filter(None, (_wrong(inner[0], name, one) for one in value)), "")
        return wrong and f"a list, each {wrong}"
    return ""


def _wrong_number(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "a number"
    if name in _SHARES and not 0 <= value < 1:
        return "at least 0 and less than 1"
    if name in _UNIT and not 0 <= value <= 1:
        return "at least 0 and at most 1"
    return "more than 0" if name in _POSITIVE and value <= 0 else ""
