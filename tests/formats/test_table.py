"""One object for each format: names, suffixes and first bytes belong to one of them, and other lists agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from colorize_cli.files.sidecars import RAW_SUFFIXES
from colorize_cli.formats.declared import Holds
from colorize_cli.formats.encode import suffix_for
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.table import FORMATS, PHOTO_NAMES, by_suffix, sniff

WRITTEN = [format for format in FORMATS.values() if format.written_as is None]


def test_every_name_has_one_object() -> None:
    assert set(FORMATS) == set(PhotoFormat)
    assert all(format.name is name for name, format in FORMATS.items())


def test_every_suffix_belongs_to_one_format() -> None:
    every = [suffix for format in FORMATS.values() for suffix in format.suffixes]
    assert len(every) == len(set(every)) and all(suffix == suffix.lower() and suffix[0] == "." for suffix in every)
    for format in FORMATS.values():
        for suffix in format.suffixes:
            assert by_suffix(suffix) is format and by_suffix(suffix.upper()) is format
    assert by_suffix(".txt") is None and by_suffix("") is None


def test_folders_are_searched_for_all_that_is_read() -> None:
    raw = set(FORMATS[PhotoFormat.raw].suffixes)
    assert {suffix for format in FORMATS.values() for suffix in format.suffixes} - raw == PHOTO_NAMES.suffixes
    assert raw <= RAW_SUFFIXES


@pytest.mark.parametrize("format", FORMATS.values(), ids=lambda format: format.name)
def test_its_first_bytes_are_told_from_all_others(format) -> None:
    for start in format.starts:
        head = start.ljust(64, b"\1")
        assert sniff(head) is format
        assert sniff(start[:-1] + bytes((start[-1] ^ 0x55,)) + bytes(64)) is not format


@pytest.mark.parametrize("format", WRITTEN, ids=lambda format: format.name)
def test_a_result_is_named_after_its_source_or_by_its_first_suffix(format) -> None:
    for suffix in format.suffixes:
        named = suffix_for(Path(f"a{suffix}"), format.name, 2)
        assert named == (format.suffixes[0] if suffix in format.read_suffixes else suffix)
        assert suffix_for(Path(f"A{suffix.upper()}"), format.name, 2) == named.upper()
    assert suffix_for(Path("a.unknown"), format.name) == format.suffixes[0]


def test_what_is_not_written_becomes_a_format_that_is() -> None:
    for format in FORMATS.values():
        if format.written_as is not None:
            other, why = format.written_as
            assert FORMATS[other].written_as is None and why


def test_alpha_and_16_bits_have_a_format_to_go_to() -> None:
    assert FORMATS[PhotoFormat.png].has_alpha and FORMATS[PhotoFormat.png].has_16_bits
    assert FORMATS[PhotoFormat.png].lossless and Holds.icc in FORMATS[PhotoFormat.png].holds
    assert FORMATS[PhotoFormat.tiff].several(PhotoFormat.psd, deep=True), "pages that others do not hold"
