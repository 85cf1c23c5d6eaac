"""Lists of names, as `--files-from` takes them.

In:  the bytes of a list
Out: the names in it
"""

from __future__ import annotations

import codecs
import re

from colorize_cli.errors import UsageError
from colorize_cli.files.source_list import TextList

MAX_BYTES = 1 << 30  # of a list: some ten million names
_MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_END = re.compile("\r\n|\n|\r")  # and no other: names may hold form feeds, U+0085 and U+2028


def read_list(data: bytes) -> TextList:
    """The names in a list: one a line, or NUL-separated as `find -print0` writes it.

    A byte order mark says how it is coded (UTF-8, UTF-16, UTF-32); without one it is UTF-8, or UTF-16 where every
    other byte tells so, and bytes that are none are taken as they are, since names may hold any bytes.

    Raises:
        UsageError: it is not what its mark says.
    """
    unmarked = (b"", _without_mark(data))
    mark, coding = next(((mark, coding) for mark, coding in _MARKS if data.startswith(mark)), unmarked)
    try:
        text = data[len(mark) :].decode(coding, "surrogateescape" if coding == "utf-8" else "strict")
    except UnicodeDecodeError:
        raise UsageError(
            f"the list starts like {coding[:-3].upper()} and is none", hint="Save it as UTF-8, a name a line."
        ) from None
    names = TextList()
    start, end = 0, re.compile("\0") if "\0" in text else _LINE_END
    for match in end.finditer(text):
        if (name := text[start : match.start()]).strip():
            names.append(name)
        start = match.end()
    if (name := text[start:]).strip():
        names.append(name)
    return names


def _without_mark(data: bytes) -> str:
    """The coding of a list without a byte order mark.

    In UTF-16 the NULs stand nearly all in one half of each unit: taken for separators, they would leave names of one
    character, `/` among them.
    """
    for coding, high in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = data[high::2].count(0)
        if len(data) % 2 or not zeros or zeros < data[1 - high :: 2].count(0):
            continue
        try:
            text = data.decode(coding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and (_LINE_END.search(text) or (zeros * 8 > len(data) * 3 and "." in text)):
            return coding
    return "utf-8"
