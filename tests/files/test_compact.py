"""Lists of millions of photos at a few bytes each: what goes in comes out."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from colorize_cli.files.compact_index import CompactIndex, TextIndex
from colorize_cli.files.natural import in_natural_order, name_of, natural_key
from colorize_cli.files.source_list import Source, SourceList, TextList


def test_numbers_come_back_in_the_order_in_which_they_came():
    index, expected = CompactIndex(), dict[int, list[int]]()
    draw = random.Random(1)
    for number in range(5000):
        hashed = draw.choice([draw.randrange(700), draw.getrandbits(64), -draw.getrandbits(40)])
        index.add(hashed, number)
        expected.setdefault(hashed & (1 << 64) - 1, []).append(number)
    assert len(index) == 5000
    assert all(list(index.find(hashed)) == numbers for hashed, numbers in expected.items())
    assert list(index.find(123456789)) == []


def test_texts_are_found_though_they_are_not_kept():
    names = [f"photo {i}.jpg" for i in range(3000)]
    index = TextIndex(lambda number, text: names[number] == text)
    for number, name in enumerate(names):
        index.add(name, number)
    assert list(index.find("photo 17.jpg")) == [17]
    assert "photo 2999.jpg" in index and "photo 3000.jpg" not in index


def test_any_name_comes_back():
    names = ["", "a", "\udcff.jpg", "\ud800", "😀\n.png", "x" * 1000]
    texts = TextList()
    for name in names:
        texts.append(name)
    assert list(texts) == names and texts[-1] == "x" * 1000 and texts[1:3] == names[1:3]


def test_sources_come_back_as_they_were():
    sources = [
        Source(Path("/a/b/c.jpg"), Path("b/c.jpg"), Path("c.jpg")),
        Source(Path("/a/b/d.jpg"), Path("b/d.jpg"), Path("b/d.jpg")),
        Source(Path("e.jpg"), Path("e.jpg")),
        Source(Path("/x/f.jpg"), Path("f.jpg"), Path("f.jpg"), "no such file or folder"),
        Source(Path("/x/g"), Path("y/g/unreadable folder"), Path("g/unreadable folder"), "it cannot be read"),
        Source(Path("/x/h.jpg"), Path("other.jpg"), Path("z.jpg")),
    ]
    found = SourceList()
    for source in sources:
        found.append(source)
    assert found == sources and found[-1] == sources[-1]
    found.replace(1, sources[5])
    assert found[1] == sources[5] and found[0] == sources[0]


def test_a_source_takes_a_few_bytes():
    found = SourceList()
    for i in range(20_000):
        found.append(Source(Path(f"/archive/box{i // 500}/scan {i}.jpg"), Path(f"box{i // 500}/scan {i}.jpg")))
    held = len(found._names._bytes) + len(found._folders._bytes) + sys.getsizeof(found._names._ends)
    held += sys.getsizeof(found._folder_of)
    assert not found._odd and held < 40 * len(found)


def test_names_are_sorted_as_people_count():
    names = ["s10.jpg", "s2.jpg", "s02.jpg", "s1b.jpg", "s1a.jpg", "b.jpg", "a٣.jpg", "a2.jpg", "a10.jpg"]
    expected = ["a2.jpg", "a٣.jpg", "a10.jpg", "b.jpg", "s1a.jpg", "s1b.jpg", "s2.jpg", "s02.jpg", "s10.jpg"]
    assert list(in_natural_order(names)) == expected
    draw = random.Random(2)
    for _ in range(2000):
        name = "".join(draw.choice("a0٣19.b") for _ in range(draw.randrange(12)))
        assert name_of(natural_key(name)) == name
