"""What is marked in a picture lies on the same things once it has other sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.audit.properties import properties
from colorize_cli.metadata.reframed import Reframed
from tests.metadata import blocks as b
from tests.metadata.test_audit import GREY, colored

IPTC = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
ACDSEE = 'xmlns:acdsee-rs="http://ns.acdsee.com/regions/" '
RESOURCE = 'rdf:parseType="Resource"'
CROPPED = Reframed((400, 300), (320, 200), lambda x, y: (x - 40, y - 50))
ENLARGED = Reframed((400, 300), (800, 600), lambda x, y: (2 * x, 2 * y), 2.0)


def area(unit: str, values: str) -> str:
    """A face of MWG's, its sides those of 400 x 300 pixels."""
    return b.region(0.5, 0.5, 0.1, 0.2, (400, 300)).replace(
        'stArea:x="0.5" stArea:y="0.5" stArea:w="0.1" stArea:h="0.2" stArea:unit="normalized"',
        f'{values} stArea:unit="{unit}"',
    )


def boundary(unit: str, **values: str) -> str:
    inside = "".join(f"<Iptc4xmpExt:{key}>{value}</Iptc4xmpExt:{key}>" for key, value in values.items())
    return (
        f"<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li {RESOURCE}><Iptc4xmpExt:RegionBoundary {RESOURCE}>"
        f"<Iptc4xmpExt:rbUnit>{unit}</Iptc4xmpExt:rbUnit>{inside}"
        "</Iptc4xmpExt:RegionBoundary></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>"
    )


def corners(*places: tuple[float, float]) -> str:
    found = (f"<Iptc4xmpExt:rbX>{x}</Iptc4xmpExt:rbX><Iptc4xmpExt:rbY>{y}</Iptc4xmpExt:rbY>" for x, y in places)
    return "<rdf:Seq>" + "".join(f"<rdf:li {RESOURCE}>{place}</rdf:li>" for place in found) + "</rdf:Seq>"


def subject(name: str, *values: int) -> str:
    return f"<exif:{name}><rdf:Seq>{''.join(f'<rdf:li>{v}</rdf:li>' for v in values)}</rdf:Seq></exif:{name}>"


FOUR = 'stArea:x="200" stArea:y="150" stArea:w="40" stArea:h="30"'
POINT = 'stArea:x="0.5" stArea:y="0.5"'
CASES = {
    "mwg in pixels": (area("pixel", FOUR), (160, 100, 40, 30), (400, 300, 80, 60)),
    "mwg's point": (area("normalized", POINT), (0.5, 0.5), (0.5, 0.5)),
    "mwg's circle": (area("normalized", f'{POINT} stArea:d="0.1"'), (0.5, 0.5, 0.15), (0.5, 0.5, 0.1)),
    "mwg's circle in pixels": (
        area("pixel", 'stArea:x="200" stArea:y="150" stArea:d="40"'),
        (160, 100, 40),
        (400, 300, 80),
    ),
    "acdsee": (
        area("pixel", FOUR).replace("mwg-rs:Area", "acdsee-rs:DLYArea").replace("mwg-rs:", "acdsee-rs:"),
        (160, 100, 40, 30),
        (400, 300, 80, 60),
    ),
    "iptc in pixels": (
        boundary("pixel", rbX="200", rbY="120", rbW="80", rbH="60"),
        (160, 70, 80, 60),
        (400, 240, 160, 120),
    ),
    "iptc": (
        boundary("relative", rbX="0.5", rbY="0.4", rbW="0.2", rbH="0.2"),
        (0.5, 0.35, 0.25, 0.3),
        (0.5, 0.4, 0.2, 0.2),
    ),
    "iptc's circle": (boundary("relative", rbX="0.5", rbY="0.5", rbRx="0.1"), (0.5, 0.5, 0.125), (0.5, 0.5, 0.1)),
    "iptc's polygon": (
        boundary("pixel", rbVertices=corners((100, 100), (200, 150))),
        (60, 50, 160, 100),
        (200, 200, 400, 300),
    ),
    "a subject": (subject("SubjectArea", 200, 150, 40, 30), (160, 100, 40, 30), (400, 300, 80, 60)),
    "a subject's place": (subject("SubjectLocation", 60, 70), (20, 20), (120, 140)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_marked_lies_where_it_did(name: str) -> None:
    inside, cropped, enlarged = CASES[name]
    for reframed, wanted in ((CROPPED, cropped), (ENLARGED, enlarged)):
        found = properties(reframed.xmp(b.xmp(inside, IPTC + ACDSEE)))
        numbers = [
            float(value)
            for key, value in found.items()
            if any(word in key for word in ("stArea:", "rb", "exif:Subject")) and "nit" not in key
        ]
        assert numbers == pytest.approx(wanted, abs=1e-6)
        sides = [int(value) for key, value in found.items() if "stDim:" in key and "unit" not in key]
        assert not sides or tuple(sides) == reframed.now


@pytest.mark.parametrize("values", [FOUR, 'stArea:x="200" stArea:y="150"'])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_regions_in_pixels_turn_and_raise_no_alarm(tmp_path: Path, values: str, orientation: int) -> None:
    packet = b.xmp(area("pixel", values.replace("200", "100")), f'tiff:Orientation="{orientation}"')
    source, result, notes = colored(b.jpeg(GREY, b.app_xmp(packet)), tmp_path)
    assert audit(source, result, notes) == []
    x = {3: b"300", 6: b"150", 8: b"150"}[orientation]
    data = result.read_bytes()
    assert b'stArea:x="%s"' % x in data
    result.write_bytes(data.replace(b'stArea:x="%s"' % x, b'stArea:x="100"'))
    assert any("does not lie where it did" in fault for fault in audit(source, result, notes))
