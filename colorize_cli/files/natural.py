r"""The order of names in which people count: `scan2` before `scan10`.

In:  names
Out: texts that sort that way, from which each name comes back: a list of a million names is sorted in its place

A number is written as \0, its length and its digits; leading zeros, which do not count, and digits of other scripts
are told behind the end, where they decide between names that are equal otherwise. No name has a \0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_DIGITS = re.compile(r"(\d+)")
_NUMBER = re.compile("\0(.)", re.DOTALL)


def in_natural_order(names: Iterable[str]) -> Iterator[str]:
    """Names, sorted; the list that is held gets shorter as they are taken."""
    keys = [natural_key(name) for name in names]
    keys.sort(reverse=True)
    while keys:
        yield name_of(keys.pop())


def natural_key(name: str) -> str:
    """A text whose place among others is the name's."""
    parts = _DIGITS.split(name)
    if len(parts) == 1:
        return name
    zeros, exact = list[int](), True
    for i in range(1, len(parts), 2):
        digits = parts[i].lstrip("0") or "0"
        zeros.append(len(parts[i]) - len(digits))
        if not parts[i].isascii():
            digits, exact = str(int(parts[i])), False
        parts[i] = f"\0{chr(1 + len(digits))}{digits}"
    key = "".join(parts)
    if not exact:
        return f"{key}\0\1{name}"
    return f"{key}\0\0{''.join(chr(2 + count) for count in zeros)}" if any(zeros) else key


def name_of(key: str) -> str:
    """The name that `natural_key` was made of."""
    if "\0" not in key:
        return key
    if "\0\1" in key:
        return key.partition("\0\1")[2]
    body, _, told = key.partition("\0\0")
    zeros = iter(told)
    return _NUMBER.sub(lambda _: "0" * (ord(next(zeros)) - 2), body) if told else _NUMBER.sub("", body)
