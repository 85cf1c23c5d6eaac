from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from colorize_cli.data.dataset import Choice
from colorize_cli.data.fetching import HubSet, WebFile, bring_file, bring_hub_set
from colorize_cli.data.named import NAMED, Access, open_data
from colorize_cli.errors import DataError, DownloadError, UsageError
from colorize_cli.models.transfer import Patience
from tests.data.hub import DATASET, Hub, serving
from tests.data.pictures import colorful, encoded
from tests.models.loopback import COMMIT, cut, lie

QUICK = Patience(tries=2, stall=5, pause=0.01, longest=0.02)
ROWS = (("test", 2), ("train", 5), ("valid", 2))
SET = HubSet(DATASET, COMMIT, ROWS)


def parquet(first: int, count: int) -> bytes:
    images = [{"bytes": encoded(colorful(i)), "path": f"{i:06}.png"} for i in range(first, first + count)]
    file = io.BytesIO()
    pq.write_table(pa.table({"image": images, "celeb_id": list(range(count)), "Smiling": [True] * count}), file)
    return file.getvalue()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = {
        f"img_align+identity+attr/{part}-00000-of-00001.parquet": parquet(100 * i, count)
        for i, (part, count) in enumerate(ROWS)
    }
    with serving({**files, "README.md": b"no photos here"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def test_a_set_is_brought_and_offline_served_from_what_is_here(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = replace(NAMED["celeba"], hub=SET)
    monkeypatch.setitem(NAMED, "celeba", known)  # type: ignore[arg-type]
    told: list[str] = []
    access = Access(tmp_path / "root", accepted=True, on_bytes=lambda name, done, total: told.append(name))
    photos = open_data("celeba", 32, Choice(), access)
    assert len(photos) == 9 and sorted(photos.parts) == ["test"] * 2 + ["train"] * 5 + ["val"] * 2
    assert set(photos.labels) == {None}
    assert len(set(told)) == 3
    asked = len(hub.asked)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert len(open_data("celeba", 24, Choice(), Access(tmp_path / "root"))) == 9  # the terms are remembered too
    assert len(hub.asked) == asked


def test_an_interrupted_download_goes_on_where_it_broke_off(hub: Hub, tmp_path: Path) -> None:
    name = "test-00000-of-00001.parquet"
    size = len(hub.repos[DATASET][f"img_align+identity+attr/{name}"])
    hub.faults = [cut(0.25), cut(0.5)]
    with pytest.raises(DownloadError):  # both tries are cut
        bring_hub_set(SET, tmp_path, patience=QUICK)
    bring_hub_set(SET, tmp_path, patience=QUICK)
    ranges = [span for file, span in hub.ranges if file == name]
    assert ranges == [None, f"bytes={size // 4}-", f"bytes={size // 2}-"]
    for path, data in hub.repos[DATASET].items():
        assert not path.endswith(".parquet") or (tmp_path / path).read_bytes() == data


def test_a_wrong_checksum_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.always = lie(lambda data: data[:10] + bytes([data[10] ^ 255]) + data[11:])
    with pytest.raises(DownloadError, match="corrupt"):
        bring_hub_set(SET, tmp_path, patience=QUICK)
    assert not list(tmp_path.rglob("*.parquet"))
    hub.always = None
    bring_hub_set(SET, tmp_path, patience=QUICK)


def test_other_rows_than_promised_are_refused(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rows"):
        bring_hub_set(replace(SET, rows=(("train", 6),)), tmp_path, patience=QUICK)


def test_offline_without_a_copy_says_what_to_do(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DownloadError, match="network is off") as caught:
        bring_hub_set(SET, tmp_path)
    assert "--data-root" in str(caught.value) and hub.asked == []


def test_a_file_with_an_md5_is_checked_and_its_sha256_pinned(hub: Hub, tmp_path: Path) -> None:
    hub.files["/places365/val_256.tar"] = b"x" * 5000
    web = WebFile(f"{hub.url}/places365/val_256.tar", hashlib.md5(b"x" * 5000).hexdigest())
    assert bring_file(web, tmp_path, patience=QUICK).read_bytes() == b"x" * 5000
    asked = len(hub.asked)
    bring_file(web, tmp_path)
    assert len(hub.asked) == asked  # it is here
    hub.files["/places365/val_256.tar"] = b"y" * 5000
    (tmp_path / "val_256.tar").unlink()
    with pytest.raises(DownloadError, match="corrupt"):  # other bytes than the first time
        bring_file(web, tmp_path, patience=QUICK)


def test_a_file_with_another_md5_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["/val_256.tar"] = b"x" * 5000
    with pytest.raises(DownloadError, match="MD5"):
        bring_file(WebFile(f"{hub.url}/val_256.tar", "0" * 32), tmp_path, patience=QUICK)
    assert not (tmp_path / "val_256.tar").exists()


def test_a_file_with_another_sha256_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["/x.tar"] = b"x" * 5000
    web = WebFile(f"{hub.url}/x.tar", hashlib.md5(b"x" * 5000).hexdigest(), "f" * 64)
    with pytest.raises(DownloadError, match="SHA-256"):
        bring_file(web, tmp_path, patience=QUICK)
    right = replace(web, sha256=hashlib.sha256(b"x" * 5000).hexdigest())
    assert bring_file(right, tmp_path, patience=QUICK).exists()


def test_terms_come_before_any_download(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="non-commercial") as caught:
        open_data("celeba", 32, Choice(), Access(tmp_path))
    assert "--accept-license" in str(caught.value) and hub.asked == []
    with pytest.raises(UsageError):
        open_data("celeba", 32, Choice(), Access(tmp_path, ask=lambda question: False))


def test_no_drive_and_only_pinned_revisions() -> None:
    assert NAMED["celeba"].hub is not None and len(NAMED["celeba"].hub.revision) == 40
    assert not any("drive.google" in repr(known) for known in NAMED.values())
    for name in ("places365", "coco"):
        web = NAMED[name].web
        assert web is not None and len(web.md5) == 32 and len(web.sha256) == 64
    assert NAMED["places365"].web is not None and NAMED["places365"].web.md5 == "e27b17d8d44f4af9a78502beb927f808"
