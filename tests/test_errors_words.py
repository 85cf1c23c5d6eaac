"""Words of messages: names that can be read back, values as JSON, numbers that agree."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

import colorize_cli
from colorize_cli.errors import (
    DecodeError,
    counted,
    in_words,
    json_text,
    one_line,
    printable,
    quoted,
    shown,
    unprintable,
)

NAMES = [
    b"plain.png", b"gr\xc3\xb6\xc3\x9fe.png", b"bytes\xff\xfe\x80.png", b"line\nend\r\t.png",
    b"\x1b[31mred\x1b[0m\x07.png",
    b"back\\slash\\n\\xff.png", "u+0085\x85 u+009b\x9b1m.png".encode(), "bidi\u202egnp.exe.png".encode(),
    "家族\u3000写真.png".encode(), "👨\u200d👩\u200d👧.png".encode(), b"\x7f\x01\x00"[:2], "line\u2028sep.png".encode(),
    "astral\U000e0041.png".encode(), b"\xed\xb3\xbf.png", b"half\xe2\x82.png",
]  # fmt: skip


@pytest.mark.skipif(os.sep == "\\", reason="names are bytes on POSIX alone")
@pytest.mark.parametrize("name", NAMES)
def test_a_printed_name_is_one_line_and_can_be_undone(name: bytes) -> None:
    path = os.fsdecode(name)
    text = printable(path)
    assert os.fsencode(unprintable(text)) == name
    assert text.encode("utf-8").decode("utf-8").isprintable() or any(c in text for c in "\u3000\u200d")
    assert len(text.splitlines()) == 1 and "\x1b" not in text and "\x9b" not in text
    assert printable(Path(path)) == text


def test_names_that_show_stay_as_they_are() -> None:
    for name in (
        "grandma & me (1).jpg",
        "größe.png",
        "家族\u3000写真.png",
        "👨\u200d👩\u200d👧.png",
        "a[1].png",
        "50%.png",
    ):
        assert printable(name) == name


def test_texts_keep_their_lines_and_lose_their_escapes() -> None:
    assert shown("one\ntwo\x1b]0;title\x07 \\d \u202e") == "one\ntwo\\x1b]0;title\\x07 \\d \\u202e"


def test_values_are_shown_as_somebody_would_write_them() -> None:
    assert quoted({"a": 1, "b": None}) == '{"a": 1, "b": null}'
    assert quoted(Path("x/y.png")) == "'x/y.png'"
    assert quoted("it's\n") == "'it's\\n'"
    assert quoted(True) == "true" and len(quoted(list(range(1000)))) == 60


def test_reason_and_hint_are_two_sentences() -> None:
    assert one_line(DecodeError("the file is cut", hint="Use --salvage.")) == "the file is cut. Use --salvage."
    assert one_line(DecodeError("Is it one?", hint="Look.")) == "Is it one? Look."
    error = FileNotFoundError(2, "No such file or directory", Path("a\x1b.png"))
    assert "PosixPath" in str(error) and one_line(error) == "a\\x1b.png: No such file or directory"


def test_numbers_agree() -> None:
    assert [counted(n, "photo") for n in (0, 1, 2, 1200)] == ["0 photos", "1 photo", "2 photos", "1,200 photos"]
    assert counted(2, "copy", "copies") == "2 copies"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TypeError("'<' not supported between instances of 'tuple' and 'int'"), "its structure makes no sense"),
        (KeyError(256), "its structure makes no sense"),
        (IndexError("list index out of range"), "its structure makes no sense"),
        (OSError("cannot identify image file <_io.BytesIO object at 0x7f3a>"), "no picture was recognized in it"),
        (ValueError("bad <Thing object at 0x12> here\n now"), "bad here now"),
        (FileNotFoundError(2, "No such file", Path("x")), "x: No such file"),
        (ValueError(), "ValueError"),
    ],
)
def test_errors_of_libraries_are_told_in_words(error: Exception, words: str) -> None:
    assert in_words(error) == words


def test_hints_name_packages_that_are_what_they_say() -> None:
    package = Path(colorize_cli.__file__).parent
    texts = {file: file.read_text(encoding="utf-8") for file in package.rglob("*.py")}
    assert not [file for file, text in texts.items() if re.search(r"colorize.cli\[[a-z{]", text)]


def test_json_shows_as_it_is_and_means_what_it_meant() -> None:
    data = {
        "a": "größe 家族\u3000👨\u200d👩",
        "b": "\x1b[2J\x9b1m\u202e\u2028\x7f\udcff\U000e0041\n\\",
        "c": [1.5, None],
    }
    text = json_text(data, 1)
    assert json.loads(text) == data and "größe 家族" in text
    assert not {"\x1b", "\x9b", "\u202e", "\u2028", "\x7f", "\udcff", "\U000e0041"} & set(text)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("libdeflate_zlib_decompress returned LIBDEFLATE_INSUFFICIENT_SPACE", "its code makes no sense"),
        ("avifDecoderParse returned 'Invalid Exif payload'", "Invalid Exif payload"),
        ("its end is missing", "its end is missing"),
    ],
)
def test_no_names_of_functions(said: str, words: str) -> None:
    assert in_words(RuntimeError(said)) == words
