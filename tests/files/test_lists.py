"""Lists of names: split at line ends alone, in the codings that editors write."""

from __future__ import annotations

import pytest

from colorize_cli.errors import UsageError
from colorize_cli.files.lists import read_list

ODD = ["a\u2028b.png", "c\u2029d.png", "e\x85f.png", "g\x0ch.png", "i\x0bj.png", "k\x1cl.png", "größe 1.png"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-bom", "utf-32"])
def test_names_end_where_lines_end(end: str, coding: str) -> None:
    text = end.join(["", *ODD, " ", ""])
    data = b"\xfe\xff" + text.encode("utf-16-be") if coding == "utf-16-be-bom" else text.encode(coding)
    assert read_list(data) == ODD


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_nul_separated_names_hold_line_ends(coding: str) -> None:
    assert read_list("a\nb.jpg\0c\r.jpg\0".encode(coding)) == ["a\nb.jpg", "c\r.jpg"]


def test_names_of_any_bytes_stay() -> None:
    assert [name.encode("utf-8", "surrogateescape") for name in read_list(b"a\xff.png\nb\xfe\xff")] == [
        b"a\xff.png",
        b"b\xfe\xff",
    ]


@pytest.mark.parametrize("data", [b"\xff\xfea", b"\xff\xfe\x00\xdc\n\x00", b"\xff\xfe\x00\x00abc"])
def test_a_list_that_belies_its_mark_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="the list starts like UTF-(16|32) and is none"):
        read_list(data)


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["p/a.jpg\r\np/照片.jpg\r\n", "照片一二三四\n", "/a/b.jpg"])
def test_utf_16_without_a_mark_is_no_list_of_single_letters(text: str, coding: str) -> None:
    assert read_list(text.encode(coding)) == text.split()


@pytest.mark.parametrize("names", [["./a", "./b", "c"], ["a.jpg", "b.png"], ["abc", "defgh", "i.j"], ["x"]])
def test_nul_separated_names_of_odd_lengths_are_names(names: list[str]) -> None:
    assert read_list("".join(f"{name}\0" for name in names).encode()) == names
