"""Photoshop's image resources and IPTC-IIM, for the second reader.

In:  their bytes
Out: resources by number; datasets as (record, number, value)

Source: Adobe Photoshop File Formats Specification; IPTC-IIM 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator

IPTC = 1028
THUMBNAILS = (1033, 1036)
# of a document's layers and channels, and its profile, which the container has a place of its own for
OF_LAYERS = frozenset(
    {1006, 1007, 1022, 1024, 1026, 1039, 1045, 1053, 1065, 1067, 1069, 1072, 1075, 1077, 1078, 1080, 1088}
)
_SIGNATURES = (b"8BIM", b"8B64", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
NAMES = {
    (2, 5): "ObjectName", (2, 15): "Category", (2, 25): "Keywords", (2, 40): "SpecialInstructions",
    (2, 55): "DateCreated", (2, 60): "TimeCreated", (2, 80): "By-line", (2, 85): "By-lineTitle", (2, 90): "City",
    (2, 92): "Sub-location", (2, 95): "Province-State", (2, 100): "CountryCode", (2, 101): "CountryName",
    (2, 105): "Headline", (2, 110): "Credit", (2, 115): "Source", (2, 116): "CopyrightNotice",
    (2, 120): "Caption-Abstract", (2, 122): "Writer-Editor",
}  # fmt: skip
PLACES = frozenset({(2, 26), (2, 27), (2, 90), (2, 92), (2, 95), (2, 100), (2, 101)})


def resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The blocks up to the first that is damaged."""
    at = 0
    while at + 12 <= len(data) and data[at : at + 4] in _SIGNATURES:
        number = int.from_bytes(data[at + 4 : at + 6], "big")
        name = data[at + 6] + 1
        at += 6 + name + name % 2
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 4 + size > len(data):
            return
        yield number, data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The datasets of an IPTC block up to the first that is damaged."""
    at = 0
    while at + 5 <= len(data) and data[at] == 0x1C:
        record, number = data[at + 1], data[at + 2]
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        at += 5
        if size >= 0x8000:
            count = size - 0x8000
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            return
        yield record, number, data[at : at + size]
        at += size


def name_of(record: int, number: int) -> str:
    """A dataset as a person finds it: its name where it has a usual one, and its numbers."""
    known = NAMES.get((record, number))
    return f"{known} ({record}:{number})" if known else f"{record}:{number}"
