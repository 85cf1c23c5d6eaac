"""Metadata of HEIC, AVIF and JPEG XL cost no more than their file; what no result has a place for is told.

A location box declares 65,535 pieces of an item in eight bytes; a compressed box may unpack to a gigabyte.
"""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode, probe
from colorize_cli.formats.heif import heif_boxes
from colorize_cli.formats.jxl import jxl_file
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.audit.containers import inventory
from colorize_cli.metadata.audit.file_blocks import AuditError
from colorize_cli.notes import Loss, losses
from tests.metadata import blocks as b
from tests.metadata.test_audit import TITLED, colored

GREY = b.picture((96, 64))
RGB = np.repeat(GREY[..., None], 3, 2)
EXIF = b.exif(b.text(271, "Zorki"))


def avif(change: Callable[[bytes, bytes], bytes]) -> bytes:
    """An AVIF with EXIF and XMP, of which each box in `meta` is changed, given its kind and content."""
    data = b.saved(RGB, "AVIF", quality=90, exif=EXIF, xmp=TITLED)
    at = data.index(b"meta") - 4
    size = struct.unpack_from(">I", data, at)[0]
    inside, where = b"", at + 12
    while where < at + size:
        length, kind = struct.unpack_from(">I4s", data, where)
        inside += b.box(kind, change(kind, data[where + 8 : where + length]))
        where += length
    # The old box becomes padding, so that what it points at stays where it is.
    return data[: at + 4] + b"free" + data[at + 8 :] + b.box(b"meta", bytes(4) + inside)


def locations(*items: bytes) -> Callable[[bytes, bytes], bytes]:
    """Another location box: its items are given as they stand, their places and lengths taking no bytes."""
    body = bytes((1, 0, 0, 0, 0, 0)) + struct.pack(">H", len(items)) + b"".join(items)
    return lambda kind, content: body if kind == b"iloc" else content


@pytest.mark.parametrize("suffix", [".avif", ".heic"])
def test_pieces_without_number_are_refused_before_they_are_counted(tmp_path: Path, suffix: str) -> None:
    data = avif(locations(*[struct.pack(">HHHH", 9, 0, 0, 65535)] * 65535))
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
        data = data.replace(b"ftypavif", b"ftypheic", 1).replace(b"avif", b"heic")
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="more pieces than any picture needs"):
        decode(path)
    with pytest.raises(DecodeError, match="more pieces"):
        probe(path)
    with pytest.raises(AuditError, match="more pieces"):
        inventory(path)
    assert heif_boxes.around(data) == heif_boxes.HeifAround()


def test_an_item_made_of_the_same_bytes_again_and_again_is_not_unfolded(tmp_path: Path) -> None:
    def folded(kind: bytes, content: bytes) -> bytes:
        if kind != b"iloc":
            return content
        pieces = struct.pack(">H", 20_000) + struct.pack(">II", 0, 900) * 20_000
        items = b"".join(struct.pack(">HHH", number, 0, 0) + pieces for number in (1, 2))
        return bytes((1, 0, 0, 0, 0x44, 0)) + struct.pack(">H", 2) + items

    data = avif(folded)
    path = tmp_path / "photo.avif"
    path.write_bytes(data)
    assert heif_boxes.around(data).xmp is None
    with pytest.raises(AuditError, match="larger than the file"):
        inventory(path)


def jxl(*boxes: bytes) -> bytes:
    coded = bytes(imagecodecs.jpegxl_encode(RGB, lossless=True, usecontainer=False))
    return jxl_file.SIGNATURE + jxl_file._FTYP + b"".join(boxes) + b.box(b"jxlc", coded)


def packed(kind: bytes, content: bytes) -> bytes:
    return b.box(b"brob", kind + bytes(imagecodecs.brotli_encode(content)))


def test_compressed_metadata_are_carried_and_compared(tmp_path: Path) -> None:
    source = jxl(packed(b"Exif", bytes(4) + EXIF), packed(b"xml ", TITLED))
    before, after, notes = colored(source, tmp_path)
    assert audit(before, after, notes) == []
    _, bare, _ = colored(jxl(), tmp_path, "bare")
    found = audit(before, bare)
    assert "IFD0 Make (271) is missing" in found and "XMP dc:title[x-default] is missing" in found


def test_boxes_without_a_place_in_the_result_are_told(tmp_path: Path) -> None:
    source = jxl(b.box(b"jumb", b"a signature"), packed(b"jumb", b"another"), b.box(b"jhgm", b"\0gain"))
    before, after, notes = colored(source, tmp_path)
    assert Loss.gain_map in losses(notes) and Loss.metadata in losses(notes)
    assert any("JPEG XL boxes (jumb) were left out" in note for note in notes)
    assert audit(before, after, notes) == []
    assert "JXL box jumb is missing" in audit(before, after)


def test_items_without_a_place_in_the_result_are_told(tmp_path: Path) -> None:
    def more(kind: bytes, content: bytes) -> bytes:
        if kind != b"iinf":
            return content
        extra = [
            b.box(b"infe", bytes((2, 0, 0, 0)) + struct.pack(">HH", number, 0) + name)
            for number, name in ((91, b"mime\0application/json\0"), (92, b"tmap\0"), (93, b"av01\0"))
        ]
        count = struct.unpack_from(">H", content, 4)[0]
        return content[:4] + struct.pack(">H", count + 3) + content[6:] + b"".join(extra)

    own = heif_boxes.around(avif(more))
    assert own.exif and own.xmp
    assert Loss.gain_map in losses(own.notes)
    assert any("HEIF items (mime application/json) were left out" in note for note in own.notes)
    assert Loss.pictures in losses(own.beside), "a third picture"
    plain = heif_boxes.around(avif(lambda _, content: content))
    assert plain.exif and plain.xmp and not plain.notes and not plain.beside


def test_a_transparent_avif_has_nothing_beside_it(tmp_path: Path) -> None:
    out = io.BytesIO()
    from PIL import Image

    Image.fromarray(np.dstack([RGB, GREY])).save(out, "AVIF", quality=90)
    assert heif_boxes.around(out.getvalue()).beside == ()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [b"Exif", b"xml ", b"jumb"])
def test_a_box_that_unpacks_without_end_is_left_out_and_told(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "photo.jxl"
    bomb = bytes(imagecodecs.brotli_encode(bytes(1 << 29)))  # half a gigabyte in some hundred bytes
    path.write_bytes(jxl(*[b.box(b"brob", kind + bomb)] * 500))
    code = (
        "import sys; from pathlib import Path; from colorize_cli.formats.decode import decode;"
        "print(*decode(Path(sys.argv[1])).notes, sep='\\n')"
    )
    most = 1500 << 20
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
        env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
    )
    assert "left out" in done.stdout and len(done.stdout.splitlines()) < 1001
