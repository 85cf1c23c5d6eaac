"""Parts of a batch by a hash of the photos' paths."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from colorize_cli.errors import UsageError
from colorize_cli.files.shards import Shard, shard_of


def test_every_photo_is_in_exactly_one_shard():
    names = [Path(f"box{i % 7}/scan {i}.tif") for i in range(2000)]
    held = Counter(shard_of(name, 16) for name in names)
    assert sorted(held) == list(range(1, 17))
    assert max(held.values()) < 2 * min(held.values())
    for name in names[:50]:
        assert [Shard(n, 16).has(name) for n in range(1, 17)].count(True) == 1


def test_a_photo_keeps_its_shard_on_every_machine_and_in_every_version():
    assert [shard_of(Path(name), 16) for name in ("a.jpg", "b/c.tif", "Großmutter.png")] == [11, 10, 7]


def test_a_shard_is_read():
    assert Shard.parse(" 3/16 ") == Shard(3, 16)
    assert str(Shard.parse("1/1")) == "1/1"


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "a/b", "3/0", "-1/4", "1/4/2", "", "1.5/4"])
def test_what_is_no_shard_is_refused_in_one_line(text: str):
    with pytest.raises(UsageError, match="--shard .* is no part of a whole"):
        Shard.parse(text)
