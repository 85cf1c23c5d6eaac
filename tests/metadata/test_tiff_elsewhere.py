"""What a TIFF says of its picture goes along into another format: resolution as it lies now, IPTC, ratings."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
import tifffile

from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.audit.compare import audit
from tests.metadata import blocks as b
from tests.metadata.test_audit import CAPTION, GREY, colored

ADDRESS = b.resource(1035, b"http://example.org/ada")
FORMATS = [PhotoFormat.jpeg, PhotoFormat.png, PhotoFormat.webp, PhotoFormat.jxl]


def scan(orientation: int = 6, resources: bytes = ADDRESS) -> bytes:
    """A TIFF with IPTC in a tag of its own, beside resources of Photoshop."""
    out = io.BytesIO()
    own = [(274, 3, 1, orientation, True), (33723, 7, len(CAPTION), CAPTION, True), (18246, 3, 1, 4, True)]
    own += [(34377, 7, len(resources), resources, True)]
    tifffile.imwrite(out, GREY, resolution=(300, 200), resolutionunit=2, metadata=None, extratags=own)
    return out.getvalue()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_scan_keeps_its_resolution_its_caption_and_its_rating(
    tmp_path: Path, format: PhotoFormat, orientation: int
) -> None:
    source, result, notes = colored(scan(orientation), tmp_path, format=format)
    assert audit(source, result, notes) == []
    back, wanted = decode(result), (300.0, 200.0) if orientation == 1 else (200.0, 300.0)
    given = exif.resolution(back.metadata.exif)
    assert given is not None and given.per_inch() == pytest.approx(wanted)
    assert back.pages[0].metadata.resolution is not None
    assert back.pages[0].metadata.resolution.per_inch() == pytest.approx(wanted, rel=1e-3)
    assert not any("TIFF tags" in note for note in notes)
    if format in (PhotoFormat.jpeg, PhotoFormat.png):
        assert irb.iptc_of(back.metadata.iptc) == CAPTION and ADDRESS in (back.metadata.iptc or b"")
    else:
        assert any("IPTC was left out" in note for note in notes)


def test_a_resolution_that_did_not_turn_is_found_out(tmp_path: Path) -> None:
    source, result, notes = colored(scan(), tmp_path, format=PhotoFormat.webp)
    data, turned = result.read_bytes(), struct.pack("<4I", 200, 1, 300, 1)
    assert turned in data and audit(source, result, notes) == []
    result.write_bytes(data.replace(turned, struct.pack("<4I", 300, 1, 200, 1)))
    assert "IFD0 XResolution (282) differs" in audit(source, result, notes)


@pytest.mark.parametrize("differs", [False, True])
def test_two_copies_of_iptc_that_differ_are_told_where_one_is_kept(tmp_path: Path, differs: bool) -> None:
    other = b.iim((120, b"A funeral")) if differs else CAPTION
    source, result, notes = colored(scan(1, b.resource(1028, other)), tmp_path, format=PhotoFormat.jpeg)
    assert audit(source, result, notes) == []
    assert irb.iptc_of(decode(result).metadata.iptc) == other
    assert any("IPTC in its TIFF tag was left out" in note for note in notes) == differs
    source, result, notes = colored(scan(1, b.resource(1028, other)), tmp_path)
    assert audit(source, result, notes) == [] and not notes
