"""A file arrives whole and unchanged, whatever the line does; or is refused."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.errors import DownloadError
from colorize_cli.models import transfer
from colorize_cli.models.asking import Address
from colorize_cli.models.transfer import download, part_of
from tests.models.loopback import Loopback, answer, cut, lie, stall, trickle

DATA = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def address(server: Loopback) -> Address:
    server.files["/weights.pth"] = DATA
    return Address(f"{server.url}/weights.pth")


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def left_beside(to: Path) -> set[str]:
    return {path.name for path in to.parent.iterdir()} - {to.name}


def test_a_file_arrives_with_progress_and_leaves_nothing_beside_it(address: Address, to: Path) -> None:
    told: list[tuple[int, int]] = []
    assert download([address], to, SHA256, lambda done, total: told.append((done, total))) == (SHA256, address.url)
    assert to.read_bytes() == DATA
    assert told[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert left_beside(to) == set()


def test_the_published_prefix_of_a_hash_is_enough(address: Address, to: Path) -> None:
    assert download([address], to, SHA256[:8].upper())[0] == SHA256


def test_after_a_cut_only_the_rest_is_asked_for(server: Loopback, address: Address, to: Path) -> None:
    server.faults = [cut(0.4), cut(0.7)]
    download([address], to, SHA256)
    assert to.read_bytes() == DATA
    assert [seen.range for seen in server.seen] == [None, f"bytes={int(0.4 * 3e6)}-", f"bytes={int(0.7 * 3e6)}-"]


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(server: Loopback, address: Address, to: Path) -> None:
    server.faults = [cut(0.2), answer(503), answer(503), answer(503)]
    with pytest.raises(DownloadError, match="503"):
        download([address], to, SHA256)
    assert part_of(to).stat().st_size == 600_000
    assert not to.exists()
    download([address], to, SHA256)
    assert server.seen[-1].range == "bytes=600000-"
    assert to.read_bytes() == DATA


def test_a_part_of_another_version_is_not_gone_on_from(server: Loopback, address: Address, to: Path) -> None:
    server.files["/weights.pth"] = b"old" * 900_000
    server.faults = [cut(0.5), answer(500), answer(500), answer(500)]
    with pytest.raises(DownloadError):
        download([address], to, SHA256)
    server.files["/weights.pth"] = DATA
    download([address], to, SHA256)
    assert to.read_bytes() == DATA
    assert left_beside(to) == set()  # nothing had to be refused


def test_a_silent_line_is_given_up_and_taken_up_again(server: Loopback, address: Address, to: Path) -> None:
    server.faults = [stall(0.5, seconds=60.0)]
    started = time.monotonic()
    download([address], to, SHA256)
    assert to.read_bytes() == DATA
    assert time.monotonic() - started < 50, "it did not wait for the silent line"


def test_a_trickle_counts_as_a_dead_line(server: Loopback, address: Address, to: Path) -> None:
    server.faults = [trickle]
    download([address], to, SHA256)
    assert to.read_bytes() == DATA
    assert len(server.seen) == 2


def test_a_busy_server_is_asked_again_when_it_says(
    server: Loopback, address: Address, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(transfer.time, "sleep", pauses.append)
    server.faults = [answer(429, Retry_After="7"), answer(503)]
    download([address], to, SHA256, patience=transfer.Patience(tries=4, pause=1.0))
    assert pauses[0] == 7
    assert 1.5 < pauses[1] < 2.5  # the second pause is twice the first's length, give or take a fifth


def test_a_corrupt_file_is_kept_aside_and_pulled_again(server: Loopback, address: Address, to: Path) -> None:
    server.faults = [lie(lambda data: data[:-1] + b"!")]
    download([address], to, SHA256)
    assert to.read_bytes() == DATA
    assert left_beside(to) == {"weights.pth.refused"}


def test_a_file_that_stays_corrupt_is_never_put_in_place(server: Loopback, address: Address, to: Path) -> None:
    server.always = lie(lambda data: b"<html>Please log in to the hotel's network</html>")
    with pytest.raises(DownloadError, match="corrupt"):
        download([address], to, SHA256)
    assert not to.exists()
    assert left_beside(to) == {"weights.pth.refused"}


def test_a_file_cut_short_by_a_server_that_hides_it_is_refused(server: Loopback, address: Address, to: Path) -> None:
    server.always = lie(lambda data: data[:-1000])
    with pytest.raises(DownloadError, match="corrupt"):
        download([address], to, SHA256)
    assert not to.exists()


def test_the_next_mirror_is_asked_when_one_has_nothing(server: Loopback, address: Address, to: Path) -> None:
    gone = Address(f"{server.url}/gone.pth")
    assert download([gone, address], to, SHA256) == (SHA256, address.url)


def test_what_one_mirror_began_another_completes(server: Loopback, address: Address, to: Path) -> None:
    server.files["/other.pth"] = DATA
    server.faults = [cut(0.3), answer(500), answer(500), answer(500)]
    download([address, Address(f"{server.url}/other.pth")], to, SHA256)
    assert to.read_bytes() == DATA
    assert server.seen[-1].range == "bytes=900000-"


def test_nobody_answers(to: Path) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9.*3 tries") as caught:
        download([Address("http://127.0.0.1:9/weights.pth")], to, SHA256)
    assert "again" in str(caught.value)


def test_a_token_is_handed_to_no_other_host(server: Loopback, to: Path) -> None:
    server.repos["me/mine"] = {"weights.pth": DATA}
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    asked_at, server.url = server.url, elsewhere  # the Hub redirects to its file server
    download([Address(f"{asked_at}/me/mine/resolve/main/weights.pth", {"Authorization": "Bearer s"})], to, SHA256)
    assert server.seen[-1].path.startswith("/cdn/")
    assert server.seen[-1].authorization is None


def test_a_full_disk_is_called_one(address: Address, to: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    part_of(to).symlink_to(full)
    with pytest.raises(DownloadError, match="the disk is full"):
        download([address], to, SHA256)
